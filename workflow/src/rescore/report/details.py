"""What the page says of each subtask: gathered from the tables, embedded as data, drawn when its details are opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from rescore.report import positions, subtask_charts, text
from rescore.report.along import Along
from rescore.report.grader import Grader, grader
from rescore.report.grid import Column, Grid, rounded
from rescore.report.text import KEY, Subtask
from rescore.tables.columns import columns
from rescore.tables.metrics import SOFT_METRICS

_POINT = ("mean", "standard_error", "n")


@dataclass(frozen=True, kw_only=True)
class Details:
    """A subtask as the page shows it.

    Attributes
    ----------
    key
        What names it in the tables.
    anchor, name
        Its place in the page and its name for readers.
    label, reason, hard_metric
        As in CLIFFS; null where that table has no row of it.
    verdicts
        By metric, the verdict where there are scores.
    fates
        By soft metric, what becomes of the hard metric's cliff under it; empty without a cliff.
    charts
        Names of its charts, as `subtask_charts.specs` takes them.
    data
        What the page's script reads: the curves of those charts, model by model in the order of `models`, and the
        lengths of its answers.
    graded
        Whether GRADING has rows of its models.
    grader
        How often the grader is wrong on it.
    tokens
        Whether the errors at the tokens of its answers go together.
    """

    key: Subtask
    anchor: str
    name: str
    label: str | None
    reason: str | None
    hard_metric: str | None
    verdicts: Mapping[str, str]
    fates: Mapping[str, str]
    charts: Sequence[str]
    data: Mapping[str, Any]
    graded: bool
    grader: Grader | None
    tokens: str | None


def details(
    curves: pl.DataFrame,
    verdicts: pl.DataFrame,
    cliffs: pl.DataFrame,
    *,
    grading: pl.DataFrame,
    lengths: pl.DataFrame,
    by_position: pl.DataFrame,
    axis: Along,
) -> list[Details]:
    """Gather what each subtask of any of the first three tables has, in the order of `in_order`.

    Parameters
    ----------
    curves, verdicts, cliffs, grading
        Tables of those contracts.
    lengths
        task, subtask, characters, questions: how many questions of a subtask have a first target that long.
    by_position
        The table POSITIONS.
    axis
        What the ladders are laid out along.
    """
    keys = pl.concat([frame.select(KEY) for frame in (cliffs, verdicts, curves)]).unique()
    subtasks = text.in_order(keys.join(cliffs, on=KEY, how="left"))
    with_ladder = subtasks["ladder"].n_unique() > 1
    curve_of = curves.partition_by(KEY, as_dict=True)
    verdicts_of = verdicts.filter(pl.col("n_items").ne_missing(0)).partition_by(KEY, as_dict=True)
    models = curves.select(*KEY, "model").unique()
    grading_of, positions_of = (
        models.join(table, on=["model", "task", "subtask"]).partition_by(KEY, as_dict=True)
        for table in (grading, by_position)
    )
    lengths_of = lengths.sort("characters").partition_by("task", "subtask", as_dict=True)
    order = {ladder: frame["model"].to_list() for (ladder,), frame in _models(curves, axis).items()}
    found = []
    for place, row in enumerate(subtasks.iter_rows(named=True)):
        key = Subtask(*(row[column] for column in KEY))
        curve = curve_of.get(tuple(key), curves.clear())
        of_answers = lengths_of.get((key.task, key.subtask), lengths.clear())
        charts = subtask_charts.chosen(
            set(curve.filter(pl.col("mean").is_not_null())["metric"]), lengths=of_answers.height > 0
        )
        accuracies = positions.accuracies(positions_of.get(tuple(key), by_position.clear()), order.get(key.ladder, []))
        charts += (positions.POSITIONS,) if accuracies else ()
        graded = grading_of.get(tuple(key), grading.clear())
        judged = verdicts_of.get(tuple(key), verdicts.clear())
        found.append(
            Details(
                key=key,
                anchor=anchor(place),
                name=text.display_name(key, with_ladder=with_ladder),
                label=row["label"],
                reason=row["reason"],
                hard_metric=row["hard_metric"],
                verdicts=dict(judged.select("metric", "verdict").iter_rows()),
                fates={m: row[f"under_{m}"] for m in SOFT_METRICS if row[f"under_{m}"] is not None},
                charts=charts,
                data={
                    "ladder": key.ladder,
                    "charts": charts,
                    "curves": _points(curve, charts, order.get(key.ladder, [])),
                    "lengths": subtask_charts.length_bins(of_answers).to_dict(as_series=False),
                    "positions": accuracies,
                },
                graded=graded.height > 0,
                grader=grader(graded),
                tokens=positions.line(positions_of.get(tuple(key), by_position.clear())),
            )
        )
    return found


def anchor(place: int) -> str:
    """Return where in the page the subtask of a place (from 0) is."""
    return f"s{place + 1}"


def models(curves: pl.DataFrame, axis: Along) -> dict[str, dict[str, list[Any]]]:
    """Return each ladder's models and their place on its axis, once for all subtasks, in the order of their points."""
    return {
        ladder: {
            "model": [text.plain(model) for model in frame["model"]],
            axis.column: frame[axis.column].to_list(),
        }
        for (ladder,), frame in _models(curves, axis).items()
    }


def verdict_grid(sections: Sequence[Details], verdicts: pl.DataFrame) -> Grid:
    """Return all verdicts of curves with scores as one grid: subtasks in the page's order, metrics in theirs."""
    place = {section.key: n for n, section in enumerate(sections)}
    rank = {metric: n for n, metric in enumerate(text.metrics(verdicts))}
    rows = sorted(
        verdicts.filter(pl.col("n_items").ne_missing(0)).iter_rows(named=True),
        key=lambda row: (place[Subtask(*(row[c] for c in KEY))], rank[row["metric"]]),
    )
    at = [place[Subtask(*(row[c] for c in KEY))] for row in rows]
    fates = [sections[n].fates.get(row["metric"]) for n, row in zip(at, rows, strict=True)]

    described = columns()["verdicts"]

    def number(title: str, column: str) -> Column:
        return Column(title=title, kind="number", cells=[row[column] for row in rows], about=str(described[column]))

    return Grid(
        id="verdicts",
        caption="All verdicts",
        columns=[
            Column(title="Subtask", kind="subtask", cells=at),
            Column(title="Label", kind="word", cells=[sections[n].label for n in at]),
            Column(title="Metric", kind="word", cells=[text.title(row["metric"]) for row in rows]),
            Column(title="Verdict", kind="word", cells=[row["verdict"] for row in rows]),
            number("First mean", "first_mean"),
            number("Last mean", "last_mean"),
            number("Draws with a cliff", "p_cliff"),
            number("In the lower third", "onset"),
            number("In the largest gap", "largest_gap"),
            number("Emergence score", "emergence_score"),
            Column(title="The hard metric's cliff", kind="word", cells=fates),
            Column(title="Why", kind="text", cells=[row["reason"] for row in rows]),
        ],
    )


def _models(curves: pl.DataFrame, axis: Along) -> dict[tuple[Any, ...], pl.DataFrame]:
    rows = curves.select("ladder", "model", axis.column).unique()
    rows = rows.sort("ladder", axis.column, "model", descending=[False, axis.falls, False])
    return rows.partition_by("ladder", as_dict=True)


def _points(curve: pl.DataFrame, charts: Sequence[str], order: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    """Return the curve of each metric that the charts draw, a value a model; null where the model has none."""
    drawn = dict.fromkeys(metric for name in charts for metric in subtask_charts.metrics_of(name))
    found = {}
    for metric in drawn:
        of_model = {m: point for m, *point in curve.filter(metric=metric).select("model", *_POINT).iter_rows()}
        points = [of_model.get(model, (None,) * len(_POINT)) for model in order]
        columns = zip(*points, strict=True)
        found[metric] = {name: [rounded(v) for v in column] for name, column in zip(_POINT, columns, strict=True)}
    return found
