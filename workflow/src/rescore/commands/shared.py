"""Arguments that several subcommands take, and how they say what they did."""

import sys
from pathlib import Path
from typing import Annotated

import typer

Ladders = Annotated[
    list[Path], typer.Option("--ladder", help="Table of models; may be given several times.", show_default=False)
]
Out = Annotated[Path, typer.Option(help="Folder to write to.")]
Results = Annotated[Path, typer.Option(help="Folder of results.")]
Settings = Annotated[
    str, typer.Option("--settings", help="Settings of the tests as a JSON object, keys as in `discontinuity`.")
]
Threads = Annotated[int | None, typer.Option("--threads", "-j", min=1, help="Processes; all cores if absent.")]


def untested(results: Path) -> str | None:
    """Say how to test the scores in a folder; None where it holds none."""
    found = {
        "scores": [path for path in (results / "scores.parquet", results / "scores") if path.exists()],
        "aggregates": [results / "aggregates.parquet"],
        "examples": [results / "examples.parquet"],
    }
    files = [
        f"--{name} {path if path.is_file() else path / '*.parquet'}"
        for name, paths in found.items()
        for path in paths[:1]
        if path.exists()
    ]
    if not any(option.startswith(("--scores", "--aggregates")) for option in files):
        return None
    return f"test the scores with `rescore test {' '.join(files)} --ladder TABLE.tsv --out {results}`"


def check_tested(results: Path) -> None:
    """Refuse a folder that `rescore test` has not written to; InputError says how it would."""
    from rescore.tables.errors import InputError

    path = results / "verdicts.parquet"
    if not path.is_file():
        raise InputError(f"{path}: no such file; {untested(results) or '`rescore test` makes it'}")


def say(line: str) -> None:
    """Tell the user something beside the output proper."""
    print(line, file=sys.stderr)  # noqa: T201
