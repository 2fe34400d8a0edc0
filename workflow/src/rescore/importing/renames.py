"""The table of `--rename`: names in the files, and the names to use."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from rescore.config.inputs import text_lines
from rescore.tables import InputError

_NAMED = ("model", "task", "subtask", "metric")


class Renames(NamedTuple):
    """Names to use, and the table that gives them."""

    path: Path | None = None
    names: Mapping[str, str] = {}  # by a model, task, subtask or metric, or by the path of a file that names no model
    metrics: Mapping[tuple[str, str], str] = {}  # by a task and a metric of it


def read_renames(path: Path | None) -> Renames:
    """Read a tab-separated table without a header.

    A row of two cells is a name and the name to use. A row of three is a task, a metric of it, and what to call this
    metric of this task alone.
    """
    if path is None:
        return Renames()
    names: dict[str, str] = {}
    metrics: dict[tuple[str, str], str] = {}
    for number, line in enumerate(text_lines(path), start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not any(cells):
            continue
        if len(cells) not in (2, 3) or not all(cells):
            raise InputError(
                f"{path}: row {number}: expected a name in the files, a tab, and the name to use; "
                "or a task, a metric of it, and what to call this"
            )
        *old, new = cells
        given = names.setdefault(old[0], new) if len(old) == 1 else metrics.setdefault((old[0], old[1]), new)
        if given != new:
            raise InputError(f"{path}: row {number}: '{' '.join(old)}' is called '{given}' above")
    return Renames(path, names, metrics)


def check_used(renames: Renames, frames: Sequence[pl.DataFrame], printed: Mapping[str, str]) -> None:
    """Refuse names that are not in the files; `printed` gives each model of the files the name that is printed."""
    there = {name for frame in frames for column in (*_NAMED, "where") for name in frame[column].unique()}
    there |= {*printed.values()}
    leaves = ("task", "subtask")
    pairs = {pair for frame in frames for leaf in leaves for pair in frame.select(leaf, "metric").unique().rows()}
    for name in renames.names:
        if name not in there:
            raise InputError(f"{renames.path}: '{name}' is no model, task, subtask or metric of the files")
    for task, metric in renames.metrics:
        if (task, metric) not in pairs:
            raise InputError(f"{renames.path}: '{metric}' is no metric of a task '{task}' of the files")


def apply(frame: pl.DataFrame, renames: Renames, printed: Mapping[str, str]) -> pl.DataFrame:
    """Give models, tasks, subtasks and metrics other names; a model by its name in the files or as it is printed."""
    models = {full: renames.names[name] for full, name in printed.items() if name in renames.names}
    models |= {full: renames.names[full] for full in printed if full in renames.names}
    if "metric" in frame.columns:
        for (task, metric), new in renames.metrics.items():
            of = (pl.col("task") == task) | (pl.col("subtask") == task).fill_null(value=False)
            frame = frame.with_columns(
                metric=pl.when(of & (pl.col("metric") == metric)).then(pl.lit(new)).otherwise("metric")
            )
    others = [column for column in _NAMED[1:] if column in frame.columns]
    return frame.with_columns(pl.col("model").replace(models), pl.col(others).replace(dict(renames.names)))
