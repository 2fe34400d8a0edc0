"""Scores of a ladder in, curves, verdicts and cliffs out."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from typing import NamedTuple

import polars as pl

from rescore.discontinuity.aggregates import aggregate_chances, check_aggregates, check_apart, with_aggregates
from rescore.discontinuity.cells import Cell, Chances, cells, check_ladder, check_models, check_scores
from rescore.discontinuity.conventions import Settings
from rescore.discontinuity.parallel import each
from rescore.discontinuity.rows import Row, cliff_row, point_rows, rise_rows, seed_rows, verdict_rows
from rescore.discontinuity.subtask import judge
from rescore.tables import AGGREGATES, CLIFFS, CURVES, RISES, SCORES, SEEDS, VERDICTS, Table
from rescore.tables.axes import checkpoint_ladders

_DEFAULT = Settings()
_TABLES = (CURVES, VERDICTS, CLIFFS, RISES, SEEDS)


class Analysis(NamedTuple):
    """The tables CURVES, VERDICTS, CLIFFS, RISES and SEEDS."""

    curves: pl.DataFrame
    verdicts: pl.DataFrame
    cliffs: pl.DataFrame
    rises: pl.DataFrame
    seeds: pl.DataFrame


def analyse(
    scores: pl.DataFrame | Iterable[pl.DataFrame],
    ladder: pl.DataFrame,
    settings: Settings = _DEFAULT,
    *,
    aggregates: pl.DataFrame | None = None,
    chances: Chances | None = None,
    workers: int = 1,
) -> Analysis:
    """Judge every curve of every ladder, and answer the three questions of every subtask.

    Raises InputError, by the row, where scores, aggregates or ladder cannot be worked with.

    Parameters
    ----------
    scores
        The table SCORES, or parts of it with all rows of a task in one: no more than a part is then held at a time.
        Metrics without a link scale get curves and no verdicts.
    ladder
        Columns ladder, model, compute_flops, and the settings' axis; family and n_layers where they are known.
    aggregates
        The table AGGREGATES: means without their items, drawn from their standard errors. A standard error that is null
        is bounded by sqrt(m (1 - m) / n) for a score m in [0, 1], the most that n items in that range can have (Bhatia
        and Davis 2000); of an NLL it has no bound, and the curve is not judged.
    chances
        What guessing scores, see `cells.chances`; it changes no answer. Aggregates bring their own.
    workers
        Processes to spread the subtasks over; the results are the same.
    """
    given = AGGREGATES.empty() if aggregates is None else aggregates
    by_ladder = check_ladder(ladder, settings.axis).partition_by("ladder", as_dict=True)
    models_of = {str(name): of for (name,), of in by_ladder.items()}
    check_aggregates(given)
    known = aggregate_chances(given, chances or {})
    rows: dict[str, list[Row]] = {table.name: [] for table in _TABLES}
    parts = _parts(scores, given, set().union(*(of["model"] for of in models_of.values())))
    jobs = (
        _Job(name, list(of_subtask), models)
        for part, means in parts
        for name, models in models_of.items()
        for _, of_subtask in groupby(
            with_aggregates(cells(part, models, known), means, models, known), key=lambda cell: cell.key[:2]
        )
    )
    for found in each(partial(_rows, settings=settings), jobs, workers=workers, desc="testing", unit="subtask"):
        for table, its in found.items():
            rows[table] += its
    return Analysis(*(_frame(rows[table.name], table) for table in _TABLES))


class _Job(NamedTuple):
    """The cells of one subtask on one ladder, and the ladder as `check_ladder` gives it."""

    ladder: str
    cells: list[Cell]
    models: pl.DataFrame


def _parts(
    scores: pl.DataFrame | Iterable[pl.DataFrame], given: pl.DataFrame, known: set[str]
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Give scores task by task with the aggregates of the same tasks, then the aggregates left over; all checked."""
    found, left = set(given["model"].unique()), given
    for part in [scores] if isinstance(scores, pl.DataFrame) else scores:
        check_scores(part)
        if given.height:
            check_apart(given, part)
        found |= set(part["model"].unique())
        mine = pl.col("task").is_in(part["task"].unique().implode())
        yield part, left.filter(mine)
        left = left.filter(~mine)
    check_models(known, found)
    yield SCORES.empty(), left


def _frame(rows: list[Row], table: Table) -> pl.DataFrame:
    names = [name for name in ("ladder", "task", "subtask", "metric") if name in table.columns]
    return pl.DataFrame(rows, schema=dict(table.columns)).sort(names, maintain_order=True)


def _rows(job: _Job, *, settings: Settings) -> dict[str, list[Row]]:
    # The last fifth of training is a stretch of compute.
    in_training = settings.axis == "compute_flops"
    in_training &= job.ladder in checkpoint_ladders(job.models.with_columns(ladder=pl.lit(job.ladder)))
    subtask = judge(job.cells, settings, job.ladder, in_training=in_training)
    names = {"ladder": job.ladder, "task": job.cells[0].task, "subtask": job.cells[0].subtask}
    architecture = job.models.group_by("x").agg(pl.col("architecture").unique().sort().str.join(" or "))
    places = job.models.drop("x", "architecture").to_dicts()
    found = {
        CURVES.name: [row for cell in job.cells for row in point_rows(cell, places)],
        VERDICTS.name: verdict_rows(subtask, settings),
        CLIFFS.name: [cliff_row(subtask, settings, dict(architecture.iter_rows()))],
        RISES.name: rise_rows(subtask, settings),
        SEEDS.name: seed_rows(subtask, settings),
    }
    return {table: [row | names for row in its] for table, its in found.items()}
