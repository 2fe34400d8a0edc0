"""The command line: arguments and progress, nothing else. Each subcommand loads its own stage only when it runs."""

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Annotated

import typer

from rescore import cli_results
from rescore.cli_import import app as imports

app = typer.Typer(
    name="rescore",
    help="Which emergent abilities of language models are made by the metric? One subcommand a stage.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: loading rich would double the time to print it
    pretty_exceptions_enable=False,
)

app.add_typer(imports, name="import")

Out = Annotated[Path, typer.Option(help="Where to write.")]
Examples = Annotated[list[Path], typer.Argument(help="Tables of examples, one a task.", show_default=False)]
LadderFiles = Annotated[list[Path], typer.Option("--ladder", help="Table of models; may be given several times.")]


@app.command()
def fetch(
    tasks: Annotated[list[str], typer.Argument(help="Names of BIG-Bench tasks.", show_default=False)],
    out: Out = Path("data/downloads/bigbench"),
    hub: Annotated[str | None, typer.Option(help="Take the tasks from this dataset of the Hub, or folder.")] = None,
    revision: Annotated[str | None, typer.Option(help="The dataset's commit.")] = None,
) -> None:
    """Download BIG-Bench and unpack tasks of it."""
    from rescore.stages import data

    data.fetch(tasks, out, hub=hub, revision=revision)


@app.command()
def tasks(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="List only what holds all these words, in name, metrics or keywords.", show_default=False),
    ] = None,
    subtasks: Annotated[bool, typer.Option("--subtasks", help="One line a subtask instead of a task.")] = False,
    bigbench: Annotated[
        Path | None, typer.Option(help="List this folder of task folders instead of BIG-Bench.", show_default=False)
    ] = None,
    generate: Annotated[Path | None, typer.Option(help="Write Rescore's own tasks to this folder instead.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the generated questions.")] = 0,
) -> None:
    """List and search the tasks of BIG-Bench, or of a folder; or generate Rescore's own.

    One line a task, tab-separated where the output is no terminal.
    """
    if generate is not None:
        from rescore.train.own_tasks import write_tasks

        write_tasks(generate, seed=seed)
        return
    from rescore.stages import data

    data.tasks(bigbench, words or [], subtasks=subtasks)


@app.command()
def prompts(
    bigbench: Annotated[Path, typer.Option(help="Folder of BIG-Bench's task folders.", show_default=False)],
    task: Annotated[str, typer.Option(help="A task, or task:subtask.", show_default=False)],
    out: Out,
    shots: Annotated[int, typer.Option(min=0, help="Solved examples before each question.")] = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="As random_seed in BIG-bench.")] = 42,
    max_examples: Annotated[int | None, typer.Option(min=1, help="Questions of each subtask; all if absent.")] = None,
) -> None:
    """Write prompts, targets and choices of a task."""
    from rescore.stages import data

    data.prompts(bigbench, task, out, shots=shots, seed=seed, max_examples=max_examples)


@app.command()
def train(
    config: Annotated[Path, typer.Option(help="The recipe.")] = Path("config/ladders/nano-train.yaml"),
    out: Out = Path("data/ladders/nano"),
    bigbench: Annotated[Path, typer.Option(help="BIG-Bench's tasks, whose questions are excluded.")] = Path(
        "data/downloads/bigbench"
    ),
    size: Annotated[list[str] | None, typer.Option(help="Train this size only; may be given several times.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Sizes trained side by side, one thread each.")] = 1,
) -> None:
    """Train the shipped ladder anew.

    Models that are trained already with the same recipe are left alone, stopped ones go on. First bring the tasks whose
    questions the recipe excludes: rescore fetch arithmetic modified_arithmetic unnatural_in_context_learning
    """
    from rescore.train import train_ladder

    train_ladder(config, out, bigbench=bigbench, sizes=size, threads=threads)


@app.command()
def extract(
    examples: Examples,
    ladder: Annotated[Path, typer.Option(help="Table of models.", show_default=False)],
    model: Annotated[list[str], typer.Option(help="Which to run; may be given several times.", show_default=False)],
    out: Out = Path("results"),
    batch_tokens: Annotated[int, typer.Option(min=1, help="Tokens in one forward pass.")] = 16384,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Tokens after which an answer is cut.")] = 32,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; torch's choice if absent.")] = None,
) -> None:
    """Run models over tasks.

    Writes the log-probabilities of every answer token, and the greedy answers. What is done already is left alone. A
    model of the Hub is downloaded first, where it is not in the cache (HF_HOME). Ladder, examples
    and model folders are checked before anything runs. Where a model cannot be loaded or run after that, the others
    are run, and the error comes last.
    """
    from rescore.stages import models

    models.extract(
        examples, ladder, model, out, batch_tokens=batch_tokens, max_new_tokens=max_new_tokens, threads=threads
    )


@app.command()
def score(
    files: Annotated[list[Path], typer.Argument(help="Extractions and generations of one task.", show_default=False)],
    examples: Annotated[Path, typer.Option(help="The task's examples.", show_default=False)],
    out: Out,
    bigbench_out: Annotated[
        Path | None, typer.Option(help="Where to write the task's scores under BIG-bench's own metrics.")
    ] = None,
    grading_out: Annotated[
        Path | None, typer.Option(help="Where to write how often right answers were rejected, by model and subtask.")
    ] = None,
    positions_out: Annotated[
        Path | None, typer.Option(help="Where to write how often each token is right, and how errors go together.")
    ] = None,
) -> None:
    """Score one task's extractions under every metric."""
    from rescore.stages import models

    models.score(
        files,
        examples,
        out,
        bigbench_out=bigbench_out,
        grading_out=grading_out,
        positions_out=positions_out,
    )


@app.command()
def test(
    ladder: LadderFiles,
    out: Out,
    scores: Annotated[list[Path] | None, typer.Option(help="Tables of scores.", show_default=False)] = None,
    more_scores: Annotated[list[Path] | None, typer.Argument(help="More tables of scores.", show_default=False)] = None,
    aggregates: Annotated[
        list[Path] | None,
        typer.Option(help="Tables of means without their items; may be given several times.", show_default=False),
    ] = None,
    examples: Annotated[
        list[Path] | None,
        typer.Option(
            help="Tables of examples, which tell what guessing scores; may be given several times.",
            show_default=False,
        ),
    ] = None,
    grading: Annotated[
        list[Path] | None,
        typer.Option(help="Tables of the grader's errors; may be given several times.", show_default=False),
    ] = None,
    settings: Annotated[str, typer.Option(help="Settings of the tests, as a JSON object.")] = "{}",
    threads: Annotated[
        int | None, typer.Option("--threads", "-j", min=1, help="Processes; all cores if absent.")
    ] = None,
) -> None:
    """Answer the three questions of every cliff.

    Is there one, does the metric make it, did the skill itself break? Takes --scores, --aggregates or both. Writes
    curves, verdicts, cliffs, the headline and the diagnostics to OUT, each as parquet and CSV.
    """
    from rescore.stages import verdicts
    from rescore.tables.validation import json_object

    verdicts.test(
        [*(scores or []), *(more_scores or [])],
        ladder,
        out,
        json_object(settings, "--settings"),
        aggregates=aggregates or [],
        examples=examples or [],
        grading=grading or [],
        threads=threads,
    )


for command in (
    cli_results.report,
    cli_results.show,
    cli_results.compare,
    cli_results.power,
    cli_results.simulate,
):
    app.command()(command)


def _set_threads(environment: MutableMapping[str, str]) -> None:
    """Give libraries that are not loaded yet the threads that suit them.

    NumPy's matrices are small here: two threads took twice the time of one. polars looks at a variable of its own
    alone; Snakemake and others name the cores that a job may use under another.
    """
    environment["OPENBLAS_NUM_THREADS"] = "1"
    if "OMP_NUM_THREADS" in environment:
        environment.setdefault("POLARS_MAX_THREADS", environment["OMP_NUM_THREADS"])


def main() -> None:
    """Run the command line; input that is the user's to mend ends it with one line and status 2."""
    from rescore.tables.errors import InputError

    _set_threads(os.environ)
    try:
        app()
    except (InputError, OSError) as error:
        # one line that steers no terminal, whatever stands in a file's name or a task's text
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(error))
        print(f"rescore: {line}", file=sys.stderr)  # noqa: T201 - what a user sees
        raise SystemExit(2) from None
    except MemoryError:
        print("rescore: out of memory; give it more, or less at once", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
