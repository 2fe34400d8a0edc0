"""Imported models to a ladder, and imported items beside aggregates."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import polars as pl

from rescore.tables import AGGREGATES, METRICS, SCORES, InputError

_ROW = ["model", "task", "subtask", "metric"]
_ROUNDING = 1e-4  # results and their items are written with this many digits in common, at the least


class Imported(NamedTuple):
    """The tables SCORES and AGGREGATES; no (model, task, subtask, metric) has rows in both."""

    scores: pl.DataFrame
    aggregates: pl.DataFrame


def model_names(found: Iterable[str], ladder: pl.DataFrame | None) -> dict[str, str]:
    """Give each imported model the name of its row in the ladder.

    Parameters
    ----------
    found
        Names as in the files, `org/name`, a folder, or any other; `name@revision` for a revision other than main.
    ladder
        Columns model, source, revision.

    Returns
    -------
    dict
        By found name: the row whose `source` it is, where that is one row, of that revision if one is given; else the
        row called as its last part; else that last part, with the revision, which no row has.

    Raises
    ------
    InputError
        Two found names come to the same model.
    """
    rows = [] if ladder is None else ladder.select("model", "source", "revision").unique().rows()  # once if in several
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for full in sorted(set(found)):
        name, _, revision = full.partition("@")
        at = [model for model, source, of in rows if source == name and revision in ("", of)]
        last = "-".join([name.rstrip("/").rpartition("/")[2], *([revision] if revision else [])])
        names[full] = at[0] if len(at) == 1 else last
        twin = taken.setdefault(names[full], full)
        if twin != full:
            raise InputError(
                f"models '{twin}' and '{full}' would both be '{names[full]}'; tell them apart with --rename"
            )
    return names


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
