"""From what a reader found to the tables of an import, with a summary for the user."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rescore.config.inputs import read_ladders
from rescore.importing.join import Imported, combine, listed, model_names
from rescore.importing.tidy import CHOICES, FOUND, aggregates, choose_shots, examples, items, renamed
from rescore.tables import AGGREGATES, EXAMPLES, METRICS, SCORES, InputError, Table, write

_SHOWN = 10  # names in a line of the summary

Written = Mapping[str, list[Path]]
"""By table: the path that it was written to; none where it has no row."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What all importers take.

    Attributes
    ----------
    out
        The folder for scores.parquet and aggregates.parquet, and for the verdicts.
    ladders
        Ladder tables; without any there are no verdicts.
    rename
        A tab-separated table of two columns without a header: a name in the files, the name to use.
    shots
        Keep results with this number of solved examples in the prompt; all where None.
    percent
        Whether scores are in percent.
    """

    out: Path
    ladders: Sequence[Path] = ()
    rename: Path | None = None
    shots: int | None = None
    percent: bool = False


def finish(
    found: pl.DataFrame,
    logged: pl.DataFrame,
    options: Options,
    *,
    source: str,
    tool: str,
    choices: pl.DataFrame | None = None,
) -> Written:
    """Write the tables; return each one's paths, none or one."""
    names = _renames(options.rename, found, logged)
    ladder = read_ladders(options.ladders) if options.ladders else None
    choices = empty(CHOICES) if choices is None else choices
    frames = [renamed(frame, names) for frame in (found, logged, choices)]
    found, logged, choices = choose_shots(frames, options.shots)
    models = model_names([*found["model"].unique(), *logged["model"].unique()], ladder)
    found, logged = (f.with_columns(pl.col("model").replace(models)) for f in (found, logged))
    tables = combine(
        items(logged, percent=options.percent) if logged.height else _empty_with_place(SCORES),
        aggregates(found, percent=options.percent) if found.height else _empty_with_place(AGGREGATES),
    )
    if tables.scores.is_empty() and tables.aggregates.is_empty():
        raise InputError(
            f"{source}: holds no result" + (f" with {options.shots} shots" if options.shots is not None else "")
        )
    made_by = {"imported_from": source, "tool": tool, "models": models}
    written = _write(tables, examples(choices), options.out, made_by)
    _summary(tables, models, ladder, options)
    return written


def _write(tables: Imported, examples: pl.DataFrame, out: Path, made_by: Mapping[str, Any]) -> dict[str, list[Path]]:
    """Write the tables that have rows; return each one's paths, none or one."""
    written: dict[str, list[Path]] = {}
    every = ((tables.scores, SCORES), (tables.aggregates, AGGREGATES), (examples, EXAMPLES))
    for frame, table in every:
        path = out / f"{table.name}.parquet"
        path.unlink(missing_ok=True)  # of an earlier import
        written[table.name] = []
        if frame.height:
            write(frame, path, table, made_by)
            written[table.name] = [path]
    return written


def _summary(tables: Imported, models: Mapping[str, str], ladder: pl.DataFrame | None, options: Options) -> None:
    metrics = {*tables.scores["metric"].unique(), *tables.aggregates["metric"].unique()}
    subtasks = {*tables.scores["subtask"].unique(), *tables.aggregates["subtask"].unique()}
    say(
        f"{len(set(models.values()))} models, {len(subtasks)} subtasks: {tables.scores.height} scores of examples and "
        f"{tables.aggregates.height} means, in {options.out}"
    )
    shown = sorted(m for m in metrics if m not in METRICS or METRICS[m].link is None)
    if shown:
        say(f"curves without a verdict: {some(shown)}")
    if ladder is not None:
        unknown, absent = listed(models, ladder)
        if unknown:
            say(f"in no ladder, so without a curve: {some(unknown)}; add their rows, or give --rename")
        if absent:
            say(f"of the ladder, without results: {some(absent)}")


def _renames(path: Path | None, *frames: pl.DataFrame) -> dict[str, str]:
    """Read the table of names; each of them must be in the files."""
    if path is None:
        return {}
    there = {name for f in frames for c in ("model", "task", "subtask", "metric") for name in f[c].unique()}
    names: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != 2 or not all(cells):
            raise InputError(f"{path}: row {number}: expected a name in the files, a tab, and the name to use")
        if cells[0] not in there:
            raise InputError(f"{path}: row {number}: '{cells[0]}' is no model, task, subtask or metric of the files")
        if names.setdefault(cells[0], cells[1]) != cells[1]:
            raise InputError(f"{path}: row {number}: '{cells[0]}' is called '{names[cells[0]]}' above")
    return names


def rows_found(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(FOUND), orient="row") if rows else empty(FOUND)


def empty(columns: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(columns))


def _empty_with_place(table: Table) -> pl.DataFrame:
    return empty({"where": pl.String, **table.columns})


def some(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")


def say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201
