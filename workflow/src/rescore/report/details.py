"""What the page says of each subtask: gathered from the tables, embedded as data, drawn when its details are opened."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from rescore.report import cliff_charts, panels, real_answers, subtask_charts, text
from rescore.report.along import Along, rung_means
from rescore.report.grader import Grader, grader, tokens_line
from rescore.report.grid import rounded
from rescore.report.panels import Panel
from rescore.report.replies import Reply, facts, replies
from rescore.report.text import KEY, Subtask, Words
from rescore.tables import GRADING, POSITIONS, SEEDS
from rescore.tables.metrics import HARD_METRICS, SOFT_METRICS, STAGES

_POINT = ("mean", "standard_error", "n")
_DIGITS = 5  # of what charts draw; the tables have all
_JUDGED = ("verdict", "first_mean", "last_mean", "p_cliff")


@dataclass(frozen=True, kw_only=True)
class Details:
    """A subtask as the page shows it.

    Attributes
    ----------
    key
        What names it in the tables.
    anchor, words, code
        Its place in the page, its name in words, and as the tables have it.
    label, reason
        As in CLIFFS; null where that table has no row of it.
    replies, facts
        The answers to the three questions with their numbers, and what else is known, in words.
    panel
        Its small panel.
    verdicts
        By metric, the verdict where there are scores.
    charts
        Names of its charts, as `subtask_charts.specs` takes them.
    data
        What the page's script reads: curves, seeds, waterfall, verdicts and real answers.
    graded
        Whether GRADING has rows of its models.
    grader, tokens
        How often the grader is wrong on it; whether the errors at the tokens of its answers go together.
    """

    key: Subtask
    anchor: str
    words: Words
    code: str
    label: str | None
    reason: str | None
    replies: Sequence[Reply]
    facts: Sequence[str]
    panel: Panel
    verdicts: Mapping[str, str]
    charts: Sequence[str]
    data: Mapping[str, Any]
    graded: bool
    grader: Grader | None
    tokens: str | None


def details(
    curves: pl.DataFrame,
    verdicts: pl.DataFrame,
    cliffs: pl.DataFrame,
    beside: Mapping[str, pl.DataFrame],
    *,
    axis: Along,
    conventions: Mapping[str, Any],
) -> list[Details]:
    """Gather what each subtask of any of the first three tables has, in the order of `in_order`.

    Parameters
    ----------
    curves, verdicts, cliffs
        Tables of those contracts.
    beside
        By name, what else there is of the tables GRADING, POSITIONS and SEEDS, and "answers", of the columns
        `real_answers.ANSWERS`.
    axis
        What the ladders are laid out along.
    conventions
        The method's constants, by name.
    """
    keys = pl.concat([frame.select(KEY) for frame in (cliffs, verdicts, curves)]).unique()
    subtasks = text.in_order(keys.join(cliffs, on=KEY, how="left"))
    with_ladder = subtasks["ladder"].n_unique() > 1
    means = rung_means(curves, axis)
    ends = means.group_by("ladder").agg(low=pl.col("x").min(), high=pl.col("x").max())
    spans = {ladder: (low, high) for ladder, low, high in ends.iter_rows()}
    order = {ladder: frame["model"].to_list() for (ladder,), frame in _models(curves, axis).items()}
    sizes = real_answers.one_per_size(curves, axis.column)
    models = curves.select(*KEY, "model").unique()
    graded, placed = (
        _lookup(models.join(beside.get(table.name, table.empty()), on=["model", "task", "subtask"]))
        for table in (GRADING, POSITIONS)
    )
    seeds_of = _lookup(beside.get("seeds", SEEDS.empty()).sort("log10_x"))
    said_of = _lookup(beside.get("answers", pl.DataFrame(schema=dict(real_answers.ANSWERS))), "task", "subtask")
    curve_of, means_of = _lookup(curves), _lookup(means)
    verdicts_of = _lookup(_scored(verdicts).sort(text.metric_rank(), "metric"))
    found = []
    for place, row in enumerate(subtasks.iter_rows(named=True)):
        key = Subtask(*(row[column] for column in KEY))
        charts = subtask_charts.chosen(set(means_of(*key)["metric"]))
        name = text.words(key, with_ladder=with_ladder)
        found.append(
            Details(
                key=key,
                anchor=anchor(place),
                words=name,
                code=text.plain(key.subtask),
                label=row["label"],
                reason=row["reason"],
                replies=replies(row, conventions),
                facts=facts(row, axis, _chance(verdicts_of(*key), row["hard_metric"])),
                panel=_panel(anchor(place), name, row, means_of(*key), spans.get(key.ladder, (0.0, 1.0))),
                verdicts=dict(verdicts_of(*key).select("metric", "verdict").iter_rows()),
                charts=charts,
                data={
                    "ladder": key.ladder,
                    "charts": charts,
                    "curves": _points(curve_of(*key), charts, order.get(key.ladder, [])),
                    "seeds": _seeds(seeds_of(*key), axis),
                    "parts": cliff_charts.parts(row),
                    "verdicts": _verdicts(verdicts_of(*key), row),
                    "answers": real_answers.shown(said_of(key.task, key.subtask), sizes.get(key.ladder, [])),
                },
                graded=graded(*key).height > 0,
                grader=grader(graded(*key)),
                tokens=tokens_line(placed(*key)),
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


def _scored(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Leave out the metrics that have no score on a subtask; an aggregate may have a mean and no number of items."""
    counted = pl.col("n_items").ne_missing(0)
    return verdicts.filter(counted, pl.col("n_items").is_not_null() | pl.col("first_mean").is_not_null())


def _lookup(frame: pl.DataFrame, *by: str) -> Callable[..., pl.DataFrame]:
    """Return a function from a key, a subtask's where not said, to its rows."""
    rows, none = frame.partition_by(by or KEY, as_dict=True), frame.clear()
    return lambda *key: rows.get(key, none)


def _models(curves: pl.DataFrame, axis: Along) -> dict[tuple[Any, ...], pl.DataFrame]:
    rows = curves.select("ladder", "model", axis.column).unique()
    rows = rows.sort("ladder", axis.column, "model", descending=[False, axis.falls, False])
    return rows.partition_by("ladder", as_dict=True)


def _panel(anchor: str, name: Words, cliff: Mapping[str, Any], means: pl.DataFrame, span: tuple[float, float]) -> Panel:
    """Draw the hard metric, and behind it the second stage, where they are measured."""
    measured = set(means["metric"])
    hard = cliff["hard_metric"] or next((metric for metric in HARD_METRICS if metric in measured), HARD_METRICS[0])
    curves = [(kind, means.filter(metric=metric)) for kind, metric in (("skill", STAGES[hard][0]), ("hard", hard))]
    return Panel(
        anchor=anchor,
        heading=name.own,
        below_heading=" · ".join(filter(None, (name.ladder, name.task))),
        hint=f"{name.full}: {cliff['reason'] or ''}",
        caption=panels.caption(cliff),
        lines=[panels.line(kind, of.select("x", "mean").rows(), span) for kind, of in curves if of.height],
    )


def _chance(verdicts: pl.DataFrame, hard_metric: str | None) -> float | None:
    return dict(verdicts.select("metric", "chance").iter_rows()).get(hard_metric)


def _verdicts(verdicts: pl.DataFrame, cliff: Mapping[str, Any]) -> list[list[Any]]:
    """Return a row per metric: its title, verdict and numbers, what becomes of the cliff under it, and why."""
    fates = {metric: cliff[f"under_{metric}"] for metric in SOFT_METRICS}
    return [
        [text.title(row["metric"]), *(rounded(row[c]) for c in _JUDGED), fates.get(row["metric"]), row["reason"]]
        for row in verdicts.with_columns(pl.col("verdict", "reason").map_elements(text.plain, pl.String)).iter_rows(
            named=True
        )
    ]


def _seeds(seeds: pl.DataFrame, axis: Along) -> list[dict[str, Any]]:
    """Return by size how many seeds are past half of the rise, as the first chart writes it above the points."""
    return [
        {
            axis.column: 10 ** row["log10_x"],
            "share": f"{row['through']}/{row['seeds']}",
            "said": f"{row['through']} of {row['seeds']}, {text.interval(row, 'share', text.percent)}",
        }
        for row in seeds.iter_rows(named=True)
    ]


def _points(curve: pl.DataFrame, charts: Sequence[str], order: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the curve of each metric that the charts draw, a value per model; one `n` where all have the same."""
    drawn = dict.fromkeys(metric for name in charts for metric in subtask_charts.metrics_of(name))
    found: dict[str, dict[str, Any]] = {}
    for metric in drawn:
        of_model = {m: point for m, *point in curve.filter(metric=metric).select("model", *_POINT).iter_rows()}
        points = [of_model.get(model, (None,) * len(_POINT)) for model in order]
        columns = [[rounded(v, _DIGITS) for v in column] for column in zip(*points, strict=True)]
        found[metric] = dict(zip(_POINT, columns, strict=True))
        counts = set(found[metric]["n"])
        if len(counts) == 1:
            found[metric]["n"] = counts.pop()
    return found
