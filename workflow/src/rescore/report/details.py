"""What the page says of each subtask: gathered from the tables, embedded as data, drawn when its details are opened."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from rescore.report import cliff_charts, panels, real_answers, subtask_charts, text
from rescore.report.along import Along, rung_means
from rescore.report.grid import rounded
from rescore.report.panels import CHOICES, Panel
from rescore.report.replies import facts, grader, replies, tokens_line, worst_share
from rescore.report.text import KEY, Subtask, Words
from rescore.tables import FLAGS, GRADING, METRICS, POSITIONS, SEEDS
from rescore.tables.metrics import HARD_METRICS, SOFT_METRICS, STAGES

_POINT = ("mean", "standard_error", "n")
_DIGITS = 4  # of what charts draw and tables show; the files have all


@dataclass(frozen=True, kw_only=True)
class Details:
    """A subtask as the page shows it: name, label and group (None without a row of CLIFFS), panels, verdicts by metric.

    `data` is what the page's script shows when the reader opens it, `graded` whether GRADING has rows of its
    models, `misgraded` the largest share of errors in them.
    """

    key: Subtask
    words: Words
    code: str
    label: str | None
    group: str | None
    panel: Panel
    choices: Panel | None
    verdicts: Mapping[str, str]
    data: Mapping[str, Any]
    graded: bool
    misgraded: float


def details(
    curves: pl.DataFrame, verdicts: pl.DataFrame, cliffs: pl.DataFrame, beside: Mapping[str, pl.DataFrame], axis: Along
) -> list[Details]:
    """Gather what each subtask of any of the first three tables has, in the order of `in_order`.

    `beside` holds by name what else there is: the tables FLAGS, GRADING, POSITIONS and SEEDS, and "answers" with the
    columns `real_answers.ANSWERS`.
    """
    keys = pl.concat([frame.select(KEY) for frame in (cliffs, verdicts, curves)]).unique()
    subtasks = text.in_order(keys.join(cliffs, on=KEY, how="left"))
    with_ladder = subtasks["ladder"].n_unique() > 1
    means = rung_means(curves, axis)
    ends = means.group_by("ladder").agg(low=pl.col("x").min(), high=pl.col("x").max())
    spans = {ladder: (low, high) for ladder, low, high in ends.iter_rows()}
    means_of = _columns(means, "metric", "x", "mean")
    curve_of = _columns(curves, "metric", "model", *_POINT)
    order = {ladder: frame["model"].to_list() for (ladder,), frame in _models(curves, axis).items()}
    sizes = real_answers.one_per_size(curves, axis.column)
    models = curves.select(*KEY, "model").unique()
    graded, placed = (
        _lookup(models.join(beside.get(table.name, table.empty()), on=["model", "task", "subtask"]))
        for table in (GRADING, POSITIONS)
    )
    flags_of = _lookup(beside.get("flags", FLAGS.empty()))
    seeds_of = _lookup(beside.get("seeds", SEEDS.empty()).sort("log10_x"))
    said_of = _lookup(beside.get("answers", pl.DataFrame(schema=dict(real_answers.ANSWERS))), "task", "subtask")
    verdicts_of = _lookup(_scored(verdicts).sort(text.rank("metric", METRICS), "metric"))
    found = []
    for place, row in enumerate(subtasks.iter_rows(named=True)):
        key = Subtask(*(row[column] for column in KEY))
        name = text.words(key, with_ladder=with_ladder)
        judged = verdicts_of(*key).to_dicts()
        scores = {metric: list(zip(*columns, strict=True)) for metric, columns in means_of.get(key, {}).items()}
        chances = {each["metric"]: each["chance"] for each in judged if each["chance"] is not None}
        charts = subtask_charts.chosen(scores.keys())
        hard = row["hard_metric"] or next((metric for metric in HARD_METRICS if metric in scores), HARD_METRICS[0])
        wrong = grader(graded(*key)) or ""
        known = " ".join(map(text.plain, facts(row, axis, next(iter(chances.values()), None))))
        notes = [known, text.plain(wrong), tokens_line(placed(*key))]
        flags = flags_of(*key).to_dicts()
        lines = partial(panels.curves, scores, spans.get(key.ladder, (0.0, 1.0)), chances=chances)
        panel = Panel(
            anchor=f"s{place + 1}",
            heading=name.own,
            below_heading=" · ".join(filter(None, (name.ladder, name.task))),
            hint=f"{name.full}: {row['reason'] or ''}",
            caption=panels.caption(row, scores.get(hard, [])),
            lines=lines({STAGES[hard][0]: "skill", hard: "hard"}),
            flag=", ".join(flag["flag"] for flag in flags if flag["flag"] != "saturation"),  # that the curve shows
        )
        found.append(
            Details(
                key=key,
                words=name,
                code=text.plain(key.subtask),
                label=row["label"],
                group=text.group(row),
                panel=panel,
                choices=panel._replace(lines=lines(CHOICES), caption="") if scores.keys() >= CHOICES.keys() else None,
                verdicts={each["metric"]: each["verdict"] for each in judged},
                data={
                    "ladder": key.ladder,
                    "meaning": text.plain(_meaning(row)),
                    "flags": [text.plain(_flag(flag)) for flag in flags],
                    "reason": text.plain(row["reason"] or ""),
                    "replies": replies(row),
                    "notes": [note for note in notes if note],
                    "charts": charts,
                    "curves": _points(curve_of.get(key, {}), charts, order.get(key.ladder, [])),
                    "chance": chances.get(hard),
                    "seeds": _seeds(seeds_of(*key), axis),
                    "parts": cliff_charts.parts(row) if row["metric_makes_it"] else [],
                    "verdicts": _verdicts(judged, row),
                    "answers": real_answers.shown(said_of(key.task, key.subtask), sizes.get(key.ladder, [])),
                },
                graded=graded(*key).height > 0,
                misgraded=worst_share(graded(*key)),
            )
        )
    return found


def models(curves: pl.DataFrame, axis: Along) -> dict[str, dict[str, list[Any]]]:
    """Return each ladder's models and their place on its axis, once for all subtasks, in the order of their points."""
    return {
        ladder: {"model": [text.plain(model) for model in frame["model"]], axis.column: frame[axis.column].to_list()}
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


def _columns(frame: pl.DataFrame, by: str, *names: str) -> dict[tuple[str, ...], dict[str, list[list[Any]]]]:
    """Return by subtask, and then by the values of a column, the other columns as lists: for a thousand subtasks."""
    found: dict[tuple[str, ...], dict[str, list[list[Any]]]] = {}
    for row in frame.group_by(*KEY, by, maintain_order=True).agg(names).iter_rows():
        found.setdefault(row[: len(KEY)], {})[row[len(KEY)]] = list(row[len(KEY) + 1 :])
    return found


def _models(curves: pl.DataFrame, axis: Along) -> dict[tuple[Any, ...], pl.DataFrame]:
    rows = curves.select("ladder", "model", axis.column).unique()
    rows = rows.sort("ladder", axis.column, "model", descending=[False, axis.falls, False])
    return rows.partition_by("ladder", as_dict=True)


def _meaning(cliff: Mapping[str, Any]) -> str:
    """Say what the label of a subtask means, and of an open one what is known; nothing of a label that is not ours."""
    label, group = cliff["label"], text.group(cliff)
    if group not in text.GROUPS:
        return ""
    name = label if group == label else f"{label} ({group})"
    return f"{name.capitalize()}: {text.GROUPS[group]}."


def _flag(flag: Mapping[str, Any]) -> str:
    return f"{text.FLAGS.get(flag['flag'], flag['flag'])} ({flag['flag']}): {text.with_titles(flag['detail'])}."


def _verdicts(judged: Sequence[Mapping[str, Any]], cliff: Mapping[str, Any]) -> list[list[Any]]:
    """Return a row per metric: its title, verdict and numbers, what becomes of the cliff under it, and why."""
    fates = {metric: cliff[f"under_{metric}"] for metric in SOFT_METRICS}
    return [
        [
            text.plain(text.title(row["metric"])),
            text.plain(row["verdict"]),
            rounded(row["first_mean"], _DIGITS),
            rounded(row["last_mean"], _DIGITS),
            fates.get(row["metric"]),
            text.plain(row["reason"]),
        ]
        for row in judged
    ]


def _seeds(seeds: pl.DataFrame, axis: Along) -> list[dict[str, Any]]:
    """Return by size how many seeds are past half of the rise, as the first chart writes it above the points."""
    return [
        {
            axis.column: 10 ** row["log10_x"],
            "share": f"{row['through']}/{row['seeds']}",
            "said": f"{row['through']} of {row['seeds']}, {text.interval(row, 'share', text.percent)}",
            "raised": place % 2,  # neighbours would cover each other
        }
        for place, row in enumerate(seeds.iter_rows(named=True))
    ]


def _points(
    curve: Mapping[str, Sequence[Sequence[Any]]], charts: Sequence[str], order: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the curve of each metric that the charts draw, a value per model; one `n` where all have the same."""
    found: dict[str, dict[str, Any]] = {}
    for metric in dict.fromkeys(metric for name in charts for metric in subtask_charts.metrics_of(name)):
        names, *columns = curve[metric]
        of_model = dict(zip(names, zip(*columns, strict=True), strict=True))
        points = [of_model.get(model, (None,) * len(_POINT)) for model in order]
        values = [[rounded(v, _DIGITS) for v in column] for column in zip(*points, strict=True)]
        found[metric] = dict(zip(_POINT, values, strict=True))
        counts = set(found[metric]["n"])
        if len(counts) == 1:
            found[metric]["n"] = counts.pop()
    return found
