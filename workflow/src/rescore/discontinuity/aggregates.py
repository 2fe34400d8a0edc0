"""From the table of aggregates to cells: means that others measured, with what is known of their error."""

from collections.abc import Iterable
from typing import NoReturn

import numpy as np
import polars as pl

from rescore.discontinuity.cells import GUESSED, Cell, Chances, oriented, outside, width
from rescore.tables import AGGREGATES, METRICS, InputError, some

_KEY = ["task", "subtask", "metric"]
_ROW = ["model", *_KEY]
_DIAGONAL = "aggregates only: no covariance between rungs"
_SAME_CHANCE = 1e-6


def check_aggregates(aggregates: pl.DataFrame) -> None:
    """Refuse aggregates that cannot be means of scores: raises InputError that names the row."""
    missing = [column for column in AGGREGATES.columns if column not in aggregates.columns]
    if missing:
        raise InputError(f"aggregates: column '{missing[0]}' is missing; it needs {', '.join(AGGREGATES.columns)}")
    error, n, chance = pl.col("standard_error"), pl.col("n"), pl.col("chance")
    for bad, problem in (
        (~pl.col("mean").is_finite(), "mean {mean} is no finite number"),
        (~error.is_finite() | (error < 0), "standard_error {standard_error} is no number from 0 up; leave it empty"),
        (n < 1, "n is {n}, give the number of items or leave it empty"),
        (~chance.is_between(0, 1, closed="left"), "chance {chance} is not from 0 to below 1; leave it empty"),
        (pl.struct(_ROW).is_duplicated(), "is given twice, keep one row"),
    ):
        found = aggregates.filter(bad.fill_null(value=False))
        if len(found):
            _refuse(found.row(0, named=True), problem)
    for (metric,), part in aggregates.partition_by("metric", as_dict=True).items():
        known = METRICS.get(str(metric))
        far = outside(part["mean"].to_numpy(), known) if known else np.zeros(len(part), bool)
        if known and far.any():
            problem = f"mean {{mean:g}} is outside {known.low:g} to {known.high:g}"
            _refuse(part.row(int(far.argmax()), named=True), problem)


def check_apart(aggregates: pl.DataFrame, scores: pl.DataFrame) -> None:
    """Refuse a mean whose items are given too: raises InputError that names the first such row."""
    both = aggregates.join(scores, on=_ROW, how="semi", maintain_order="left")
    if len(both):
        _refuse(both.row(0, named=True), "has item scores as well, leave out one of the two")


def aggregate_chances(aggregates: pl.DataFrame, known: Chances) -> dict[tuple[str, str, str], float]:
    """Add the chance levels of a table of aggregates to those that are known; InputError where two differ."""
    merged = dict(known)
    for row in aggregates.filter(pl.col("chance").is_not_null() & pl.col("metric").is_in(GUESSED)).iter_rows(
        named=True
    ):
        other = merged.setdefault((row["task"], row["subtask"], row["metric"]), row["chance"])
        if abs(other - row["chance"]) > _SAME_CHANCE:
            _refuse(row, f"chance {{chance:g}} is {other:g} elsewhere; a subtask has one")
    return merged


def with_aggregates(
    cells: Iterable[Cell], aggregates: pl.DataFrame, models: pl.DataFrame, chances: Chances
) -> list[Cell]:
    """Add aggregates to the cells of one ladder; in the order of task, subtask, metric.

    Where some models of a cell have items and others only aggregates, the first count by their means too. Models
    outside the ladder, `models` with model and x, are passed over.
    """
    found = {cell.key: cell for cell in cells}
    columns = ["model", "mean", "standard_error", "n"]
    parts = aggregates.join(models.select("model"), on="model").partition_by(_KEY, as_dict=True)
    for (task, subtask, metric), part in parts.items():
        key = str(task), str(subtask), str(metric)
        rows = part.select(pl.col(columns[0]), pl.col(columns[1:]).cast(pl.Float64).fill_null(np.nan))
        measured = found.get(key)
        if measured and measured.has_scores:
            own = (measured.models, measured.mean, measured.standard_error, measured.n)
            rows = pl.concat([rows, pl.DataFrame(dict(zip(columns, own, strict=True)), schema=rows.schema)])
        placed = models.select("model", "x").join(rows, on="model", maintain_order="left")
        found[key] = _cell(placed, models, key, chances)
    return [found[key] for key in sorted(found)]


def _cell(rows: pl.DataFrame, models: pl.DataFrame, key: tuple[str, str, str], chances: Chances) -> Cell:
    x, mean, error, n = (rows[c].to_numpy() for c in ("x", "mean", "standard_error", "n"))
    names = rows["model"].to_list()
    absent = [name for name in models["model"] if name not in names]
    notes = [_DIAGONAL] + ([f"no scores for {some(absent)}"] if absent else [])
    known, reason = METRICS.get(key[2]), None
    if known and known.link:
        if known.link == "logit":
            bounded = np.isnan(error) & ~np.isnan(n)
            if bounded.any():
                notes.append("standard errors bounded by n")
                m = oriented(mean, known)
                error = np.where(bounded, width(known) * np.sqrt(m * (1 - m) / n), error)
        if np.isnan(error).any():
            lacking = "standard error" + (", nor n to bound it by," if known.link == "logit" else "")
            reason = f"no {lacking} for {names[int(np.isnan(error).argmax())]}"
    return Cell(
        task=key[0],
        subtask=key[1],
        metric=key[2],
        models=tuple(names),
        x=x,
        mean=mean,
        standard_error=error,
        n=rows["n"].to_numpy(),
        item_ids=None,
        scores=None,
        chance=chances.get(key),
        notes=tuple(notes),
        reason=reason,
    )


def _refuse(row: dict[str, object], problem: str) -> NoReturn:
    raise InputError(
        f"aggregates: model {row['model']}, task {row['task']}, subtask {row['subtask']}, metric {row['metric']}: "
        + problem.format(**row)
    )
