"""The command line: registers the subcommands, sets thread counts, ends with one line on bad input. Nothing else."""

import os
import sys
from collections.abc import MutableMapping
from typing import Annotated

import typer

from rescore import __version__
from rescore.commands import import_
from rescore.commands.compare import compare
from rescore.commands.extract import extract
from rescore.commands.fetch import fetch
from rescore.commands.loss import loss
from rescore.commands.power import power
from rescore.commands.prompts import prompts
from rescore.commands.report import report
from rescore.commands.reproduce import reproduce
from rescore.commands.score import score
from rescore.commands.show import listing, show
from rescore.commands.simulate import simulate
from rescore.commands.tasks import tasks
from rescore.commands.test import test
from rescore.commands.train import train

app = typer.Typer(
    name="rescore",
    help="Which emergent abilities of language models are made by the metric? One subcommand per stage.",
    add_completion=False,
    rich_markup_mode=None,  # plain help: loading rich would double the time to print it
    pretty_exceptions_enable=False,
)
for command in (
    fetch,
    tasks,
    prompts,
    train,
    extract,
    loss,
    score,
    test,
    report,
    reproduce,
    show,
    compare,
    power,
    simulate,
):
    app.command(epilog=listing() if command is show else None)(command)
app.add_typer(import_.app, name="import")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"rescore {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None: ...


def _set_threads(environment: MutableMapping[str, str]) -> None:
    """Give libraries that are not loaded yet the threads that suit them.

    NumPy's matrices are small here: two threads took twice the time of one. polars reads a variable of its own only;
    Snakemake and others name the cores that a job may use in another.
    """
    environment["OPENBLAS_NUM_THREADS"] = "1"
    if "OMP_NUM_THREADS" in environment:
        environment.setdefault("POLARS_MAX_THREADS", environment["OMP_NUM_THREADS"])


def main() -> None:
    """Run the command line; an error caused by user input ends it with one line and status 2."""
    _set_threads(os.environ)
    from typer.exceptions import TyperException

    from rescore.tables.errors import InputError

    arguments = sys.argv[1:]
    if arguments in ([], ["import"]):
        arguments.append("--help")
    try:
        raise SystemExit(app(arguments, prog_name="rescore", standalone_mode=False))
    except TyperException as error:  # an unknown option, a missing argument
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "rescore"
        message = error.format_message().replace("Value error, ", "").rstrip()
        _end(f"{message if message.endswith(('.', '?')) else f'{message}.'} See '{path} --help'.")
    except (InputError, OSError) as error:
        _end(str(error))
    except ModuleNotFoundError as error:
        _end(f"{error.name} is not installed; pip install 'rescore[models]' brings what this command needs")
    except MemoryError:
        _end("out of memory; give it more, or less at once")


def _end(message: str) -> None:
    """End with one line that steers no terminal."""
    from rescore.tables.errors import printable

    print(f"rescore: {printable(message)}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2) from None
