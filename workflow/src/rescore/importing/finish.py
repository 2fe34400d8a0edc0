"""From what a reader found to the tables of an import, with a summary for the user."""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from rescore.config.inputs import read_ladders
from rescore.importing.model_names import match
from rescore.importing.names import meanings
from rescore.importing.renames import Renames, apply, check_used
from rescore.importing.reruns import choose_runs, choose_shots, fill_shots
from rescore.importing.tidy import Collected, aggregates, examples, items, whole_name
from rescore.tables import (
    AGGREGATES,
    EXAMPLES,
    METRICS,
    SCORES,
    InputError,
    count,
    did_you_mean,
    printable,
    some,
    write,
)

_ROW = ["model", "task", "subtask", "metric"]
_ROUNDING = 1e-4  # results and their items are written with this many digits in common, at the least

Written = Mapping[str, list[Path]]
"""By table: the path that it was written to; none where it has no row."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What all importers take."""

    out: Path  # folder for the tables and the verdicts
    ladders: Sequence[Path] = ()
    rename: Path | None = None  # the table that `renames.read_renames` reads
    shots: int | None = None  # keep results with this number of solved examples in the prompt; all where None
    percent: bool = False  # whether scores are in percent
    latest: bool = False  # of several runs of a task by a model take the latest


def finish(collected: Collected, names: Renames, options: Options, *, source: str, tool: str) -> Written:
    """Write the tables of what was found; `source` and `tool`, that made it, go into their provenance."""
    ladder = read_ladders(options.ladders) if options.ladders else None
    *every, notes = collected
    printed = match(_models(every), ladder, names.names).names
    check_used(names, every[:2], printed)
    every = [apply(frame, names, printed) for frame in every]
    matched = match(_models(every), ladder)
    every = [frame.with_columns(pl.col("model").replace(matched.names)) for frame in every]
    every, filled = fill_shots(every) if options.shots is None else (every, [])
    every = choose_shots(every, options.shots)
    choices = every.pop()
    (found, logged), limits = choose_runs(every, latest=options.latest)
    del every, collected  # a large import holds its rows once
    meant = meanings([found, logged])
    percent = options.percent
    tables = combine(items(logged, meant, percent=percent), aggregates(found, meant, percent=percent))
    if tables.scores.is_empty() and tables.aggregates.is_empty():
        raise InputError(
            f"{source}: holds no result" + (f" with {options.shots} shots" if options.shots is not None else "")
        )
    told = _told(meant)
    made_by = {"imported_from": source, "tool": tool, "models": matched.names, "meanings": told}
    written = _write(tables, examples(choices), options.out, made_by)
    for line in (*notes, *matched.notes, *filled, *limits, *told):
        say(line)
    _summary(tables, matched.names, ladder, options)
    return written


class Imported(NamedTuple):
    """The tables SCORES and AGGREGATES; no (model, task, subtask, metric) has rows in both."""

    scores: pl.DataFrame
    aggregates: pl.DataFrame


def combine(scores: pl.DataFrame, aggregates: pl.DataFrame) -> Imported:
    """Leave out the means whose items are there too; refuse those that are not of these items, but of another run."""
    of_items = scores.group_by(_ROW).agg(pl.col("where").first(), pl.col("score").mean().alias("mean"))
    both = aggregates.filter(pl.col("metric").is_in(list(METRICS))).join(of_items, on=_ROW, suffix="_of_items")
    gap = (pl.col("mean") - pl.col("mean_of_items")).abs()
    apart = both.filter(gap > _ROUNDING * pl.max_horizontal(1.0, pl.col("mean").abs())).sort(_ROW)
    if apart.height:
        row = apart.row(0, named=True)
        raise InputError(
            f"{row['where_of_items']}: model '{row['model']}', task '{row['subtask']}': the mean of {row['metric']} "
            f"over its examples is {row['mean_of_items']:g}, in {row['where']} {row['mean']:g}; keep files of one run"
        )
    alone = aggregates.join(of_items, on=_ROW, how="anti")
    return Imported(
        scores.select(list(SCORES.columns)).sort(*_ROW, "example_id"),
        alone.select(list(AGGREGATES.columns)).sort(_ROW),
    )


def say(line: str) -> None:
    """Tell the user something, apart from what is printed as a result."""
    print(printable(line), file=sys.stderr)  # noqa: T201


def _models(frames: Iterable[pl.DataFrame]) -> set[str]:
    return {name for frame in frames for name in frame["model"].unique()}


def _told(meant: pl.DataFrame) -> list[str]:
    """Say which meaning each accuracy was given, and why."""
    tasks = defaultdict(list)
    for task, subtask, metric, meaning, why in meant.rows():
        tasks[metric, meaning, why].append(whole_name(task, subtask))
    return [
        f"{metric} {'is' if metric != meaning else 'stays'} {meaning} ({why}): {some(names)}"
        for (metric, meaning, why), names in sorted(tasks.items())
    ]


def _write(tables: Imported, questions: pl.DataFrame, out: Path, made_by: Mapping[str, Any]) -> dict[str, list[Path]]:
    """Write the tables that have rows; return each one's paths, none or one."""
    written: dict[str, list[Path]] = {}
    for frame, table in ((tables.scores, SCORES), (tables.aggregates, AGGREGATES), (questions, EXAMPLES)):
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
        f"{count(len(set(models.values())), 'model')}, {count(len(subtasks), 'subtask')}: "
        f"{count(tables.scores.height, 'score')} of examples and {count(tables.aggregates.height, 'mean')}, "
        f"in {options.out}"
    )
    shown = sorted(m for m in metrics if m not in METRICS or METRICS[m].link is None)
    if shown:
        say(f"curves without a verdict: {some(shown)}")
    of_percent = tables.aggregates.filter((pl.col("mean") > 0) & (pl.col("mean") <= 0.01) & options.percent)
    tiny = of_percent.filter(pl.col("metric").is_in([name for name, metric in METRICS.items() if metric.high == 1]))
    if tiny.height:
        row = tiny.row(0, named=True)
        say(
            f"--percent: {count(tiny.height, 'mean')} of 1% or less, such as {row['metric']} of '{row['model']}' in "
            f"'{row['subtask']}', {row['mean']:.4g}: if the files have shares there, import them apart"
        )
    undefined = tables.aggregates.filter(pl.col("mean").is_null())
    if undefined.height:
        row = undefined.row(0, named=True)
        say(f"means that are null: {undefined.height}, such as {row['metric']} of '{row['model']}': {row['reason']}")
    if ladder is not None:
        rows, found = set(ladder["model"]), set(models.values())
        unknown = sorted(found - rows)
        size = re.compile(r"\d+").findall
        meant = {name: did_you_mean(name, [r for r in rows if size(r) == size(name)]) for name in unknown}
        named = some(f"{name} ({question})" if question else name for name, question in meant.items())
        if not found & rows:
            raise InputError(f"--ladder: lists no model of the files: {named}; add their rows, or give --rename")
        if unknown:
            say(f"in no ladder, so without a curve: {named}; add their rows, or give --rename")
        if absent := sorted(rows - found):
            say(f"of the ladder, without results: {some(absent)}")
