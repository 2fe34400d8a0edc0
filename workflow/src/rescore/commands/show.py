"""`rescore show`: the summary of a run, or a table."""

import csv
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rescore.commands.shared import Results, say, untested

if TYPE_CHECKING:
    import polars as pl

    from rescore.tables import Table

SUMMARY = "summary"
_RESTS_ON = {
    "metric_makes_it": "^(metric_share|chain_share|hidden_progress)(_low|_high)?$",
    "skill_broke": "^acceleration(_factor)?(_low|_high)?$",
}
"""By question of `cliffs`, the columns of numbers that only its answer needs."""


class Format(StrEnum):
    """How `rescore show` can print a table, beside aligned columns."""

    csv = "csv"
    json = "json"
    markdown = "markdown"


def listing() -> str:
    """List the tables, a line each; from the file itself, since `rescore.tables` takes a while to load."""
    path = Path(__file__).parents[1] / "tables" / "tables.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    lines = [f"  {row['table']:<18}{row['holds']}" for row in rows]
    return "\n".join(["\b\nTables:", f"  {SUMMARY:<18}labels, answers and counts (the default)", *lines])


def show(
    table: Annotated[str, typer.Argument(help="What to print; the tables are listed below.")] = SUMMARY,
    results: Results = Path("results"),
    task: Annotated[str | None, typer.Option(help="Rows of this task or subtask only.")] = None,
    subtask: Annotated[str | None, typer.Option(help="Rows of this subtask only.")] = None,
    metric: Annotated[str | None, typer.Option(help="Rows of this metric only.")] = None,
    label: Annotated[str | None, typer.Option(help="Rows of subtasks with this label only.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns to print, with commas between them.")] = None,
    all_columns: Annotated[bool, typer.Option("--all", help="Print all columns.")] = False,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Aligned columns if absent, on a terminal with long texts cut to its width."),
    ] = None,
) -> None:
    """Print the summary of a run, or a table."""
    import polars as pl

    from rescore.commands.printing import print_table
    from rescore.tables import CLIFFS, TABLES, InputError

    asked = {"task": task, "subtask": subtask, "metric": metric, "label": label}
    filters = {option: value for option, value in asked.items() if value is not None}
    if table == SUMMARY:
        if form or columns is not None or all_columns:
            raise InputError(
                "--format, --columns and --all need the name of a table, such as `rescore show cliffs --format csv`"
            )
        _summary(results, filters)
        return
    if table not in TABLES:
        raise InputError(_unknown(f"table '{table}'", table, [SUMMARY, *TABLES]))
    contract = TABLES[table]
    frame = _kept(_read(results, contract, task), results, table, filters)
    if contract is CLIFFS and form not in (Format.csv, Format.json):  # those are the table as it is
        frame = frame.with_columns(
            pl.when(pl.col(question).is_not_null()).then(pl.col(numbers)) for question, numbers in _RESTS_ON.items()
        )
    if columns is not None:
        names = list(dict.fromkeys(name.strip() for name in columns.split(",") if name.strip()))
        if not names:
            raise InputError(f"--columns: names none; there are {', '.join(frame.columns)}")
        for name in names:
            if name not in frame.columns:
                raise InputError(_unknown(f"column '{name}' in '{table}'", name, frame.columns))
        frame = frame.select(names)
    elif not all_columns:
        shown = ["model", *(name for name, told in contract.described.items() if told.shown)]
        one_ladder = "ladder" in frame.columns and frame["ladder"].n_unique() < 2
        frame = frame.select(n for n in frame.columns if n in shown and not (one_ladder and n == "ladder"))
    print_table(frame, form)
    if frame.is_empty():
        say(f"no row in {results / contract.file}")


def _summary(results: Path, filters: Mapping[str, str]) -> None:
    """Print the summary of a run; with filters, of those subtasks alone, and without forecasts."""
    from rich.console import Console

    from rescore.discontinuity import headline
    from rescore.report import summary
    from rescore.tables import CLIFFS, FORECAST_COUNTS, HEADLINE, VERDICTS, read

    cliffs = _kept(_read(results, CLIFFS, None), results, CLIFFS.name, filters)
    counts, page = results / FORECAST_COUNTS.file, results / "report" / "index.html"
    told = summary(
        cliffs,
        headline(cliffs, _read(results, VERDICTS, None)) if filters else _read(results, HEADLINE, None),
        forecasts=read(counts, FORECAST_COUNTS) if counts.is_file() and not filters else None,
        page=str(page) if page.exists() else None,
    )
    Console(soft_wrap=True, highlight=False).print(told)


def _read(results: Path, table: "Table", task: str | None) -> "pl.DataFrame":
    """Read a table from the one file that holds it, or from those of this run's tasks.

    A table that has one file per model and task gets columns with their names.
    """
    import polars as pl

    from rescore.config.inputs import slug
    from rescore.tables import InputError, provenance, read

    whole, verdicts = results / f"{table.name}.parquet", results / "verdicts.parquet"
    if whole.is_file():
        return read(whole, table)
    if "{task}" not in table.file:
        untold = untested(results) if table.written_by == "test" and not verdicts.is_file() else None
        raise InputError(f"{whole}: no such file; {untold or f'`rescore {table.written_by}` makes it'}")
    found = sorted(results.glob(table.file.format(model="*", task="*")))
    if verdicts.is_file():
        tasks = provenance(verdicts).get("scores", {})
        found = [path for path in found if path.stem in tasks]
    if not found:
        raise InputError(
            f"{results / table.name}: no table of this run's tasks; make them with `rescore {table.written_by}`"
        )
    if task is not None:
        wanted = slug(task)
        found = [p for p in found if p.stem == wanted or p.stem in wanted or p.stem.startswith(f"{wanted}.")] or found
    frames = []
    for path in found:
        frame = read(path, table)
        if "task" not in table.columns:
            names = pl.lit(path.parent.name).alias("model"), pl.lit(path.stem).alias("task")
            frame = frame.select(*names, pl.all())
        frames.append(frame)
    return pl.concat(frames)


def _kept(frame: "pl.DataFrame", results: Path, table: str, filters: Mapping[str, str]) -> "pl.DataFrame":
    """Keep the rows that are asked for, by option; raise where there are none."""
    import polars as pl

    from rescore.tables import CLIFFS, InputError, read

    whole = frame
    for option, value in filters.items():
        column = "subtask" if option == "label" and "label" not in frame.columns else option
        if column not in frame.columns:
            raise InputError(f"--{option}: the table '{table}' has no column '{column}'")
        if column != option:
            cliffs = read(results / f"{CLIFFS.name}.parquet", CLIFFS)
            known = cliffs["label"]
            mine = pl.col("subtask").is_in(cliffs.filter(label=value)["subtask"].implode())
        elif option in ("task", "subtask") and "subtask" in frame.columns:
            name, known = pl.col("subtask"), whole[column]
            mine = (name == value) | name.str.ends_with(f":{value}")
            parts = name.str.starts_with(f"{value}:") | (pl.col("task") == value)
            mine = mine if option == "subtask" else mine | parts
        else:
            mine, known = pl.col(column) == value, whole[column]
        if whole.filter(mine).is_empty():
            what = f"row of {option} '{value}'"
            raise InputError(f"{results / table}: {_unknown(what, value, known.unique().sort().to_list())}")
        frame = frame.filter(mine)
    if frame.is_empty() and filters:
        every = " and ".join(f"{option} '{value}'" for option, value in filters.items())
        raise InputError(f"{results / table}: no row of {every} together")
    return frame


def _unknown(what: str, name: str, known: list[str]) -> str:
    """Say that there is none, and which one is meant or which there are: 12 at most."""
    from rescore.tables import did_you_mean, some

    there = f"there are {some(known, 12)}" if known else "the table has no row"
    return f"no {what}; {did_you_mean(name, known) or there}"
