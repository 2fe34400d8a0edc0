"""Imported items beside aggregates, and imported models beside those of a ladder."""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from rescore.tables import AGGREGATES, METRICS, SCORES, InputError

_ROW = ["model", "task", "subtask", "metric"]
_ROUNDING = 1e-4  # results and their items are written with this many digits in common, at the least


class Imported(NamedTuple):
    """The tables SCORES and AGGREGATES; no (model, task, subtask, metric) has rows in both."""

    scores: pl.DataFrame
    aggregates: pl.DataFrame


def combine(scores: pl.DataFrame, aggregates: pl.DataFrame) -> Imported:
    """Leave out the means whose items are there too.

    Parameters
    ----------
    scores, aggregates
        As the tables, and a column `where`.

    Raises
    ------
    InputError
        A mean is not that of its items, so that they are of two runs.
    """
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


def listed(names: Mapping[str, str], ladder: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Return the imported models that the ladder lacks, and the ladder's models that were not imported."""
    models, found = set(ladder["model"]), set(names.values())
    return sorted(found - models), sorted(models - found)
