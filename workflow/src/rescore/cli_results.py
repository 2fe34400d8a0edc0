"""The arguments of the subcommands that read what a run left, and of `simulate`, which needs no run."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Results = Annotated[Path, typer.Option(help="What `rescore test` wrote.")]


def report(
    results: Results = Path("results"),
    emergent: Annotated[
        Path | None,
        typer.Option(help="Suite of tasks called emergent: say which metrics they prefer.", show_default=False),
    ] = None,
) -> None:
    """Write the report and its figure."""
    from rescore.stages import reporting

    reporting.report(results, emergent)


class Shown(StrEnum):
    """What `rescore show` can show."""

    summary = "summary"
    verdicts = "verdicts"
    cliffs = "cliffs"
    curves = "curves"
    grading = "grading"
    positions = "positions"
    rises = "rises"
    seeds = "seeds"
    families = "families"
    ladder_shifts = "ladder_shifts"
    forecasts = "forecasts"
    flags = "flags"
    power = "power"
    scaffold_shift = "scaffold_shift"


def show(
    what: Annotated[Shown, typer.Argument()] = Shown.summary,
    results: Results = Path("results"),
    task: Annotated[str | None, typer.Option(help="Rows of this task or subtask only.")] = None,
) -> None:
    """Print the summary of a run, or a table."""
    from rescore.stages import reporting

    reporting.show(results, what.value, task)


def compare(
    plain: Annotated[Path, typer.Argument(help="Results of the run to start from.", show_default=False)],
    scaffolded: Annotated[Path, typer.Argument(help="Results of the run with the other prompt.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Where to write.")],
) -> None:
    """Say how far another prompt moves each rise.

    Takes two folders that `rescore test` wrote to, of the same models and questions under two prompts (shots, listed
    choices, chain of thought). Writes scaffold_shift to OUT as parquet and CSV; where OUT is one of the two folders,
    `rescore report` shows it.
    """
    from rescore.stages import comparing

    comparing.compare(plain, scaffolded, out)


def power(
    ladder: Annotated[list[Path], typer.Option(help="Tables of models.", show_default=False)],
    items: Annotated[list[int], typer.Option(min=10, help="Items of a subtask; may be given several times.")],
    out: Annotated[Path, typer.Option(help="Where to write.")] = Path("results"),
    settings: Annotated[str, typer.Option(help="Settings of the tests, as a JSON object.")] = "{}",
) -> None:
    """Say what a ladder would answer.

    Plants a mirage, a step and a step over two gaps on the ladder's sizes and seeds, and counts the answers. Writes
    power to OUT as parquet and CSV. What stands there for the same ladder, items and settings is not made again.
    """
    from rescore.stages import planning
    from rescore.tables.validation import json_object

    planning.power(ladder, items, out, json_object(settings, "--settings"))


def simulate(
    k: Annotated[int, typer.Option("--k", min=1, help="Tokens of an answer.")] = 4,
    midpoint: Annotated[float, typer.Option(help="log10 FLOPs where a token is right half the time.")] = 22.0,
    steepness: Annotated[float, typer.Option(help="Logits per decade of compute.")] = 1.5,
    draws: Annotated[int, typer.Option(min=1, help="Simulated answers at each compute.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Print the chain model's table.

    Token probability, its logarithm, and exact match of answers of k tokens: closed form and simulated.
    """
    import polars as pl

    from rescore import simulate as stage
    from rescore.tables import InputError

    for name, value in (("midpoint", midpoint), ("steepness", steepness)):
        if not math.isfinite(value):
            raise InputError(f"--{name}: {value} is no finite number")
    table = stage.chain_table(k=k, midpoint=midpoint, steepness=steepness, draws=draws, seed=seed)
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, tbl_hide_dataframe_shape=True, float_precision=None):
        typer.echo(str(table))
