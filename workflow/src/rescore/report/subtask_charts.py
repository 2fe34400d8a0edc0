"""The charts of one subtask on the page: its stages between 0 and 1 with its seeds, NLL, partial credit."""

import functools
from collections.abc import Collection, Sequence
from typing import Any

import altair as alt

from rescore.report import charts
from rescore.report.along import Along
from rescore.report.charts import DATASET, GREY, Look
from rescore.tables import METRICS
from rescore.tables.metrics import HARD_METRICS, STAGES

SEEDS, CHANCE = "seeds", "chance"
"""The names under which the page gives the first chart its rows of the table SEEDS, and the score of guessing."""

_HEIGHT = 210
_LOOKS = (Look(), Look(dash=(6, 4), shape="diamond"), Look(dash=(1, 3), bare=True))


def chosen(measured: Collection[str]) -> tuple[str, ...]:
    """Choose a subtask's charts from the metrics it has means of; names as `spec` takes them.

    >>> chosen({"exact_match", "token_probability", "nll_nats_per_token", "token_edit_distance", "brier_score"})
    ('exact_match+token_probability', 'nll_nats_per_token', 'token_edit_distance')
    """
    hard, *smooth = (next((metric for metric in slot if metric in measured), "") for slot in charts.SLOTS)
    stages = "+".join(metric for metric in (hard, *STAGES.get(hard, ())) if metric in measured)
    return tuple(name for name in (stages, *smooth) if name)


def metrics_of(name: str) -> list[str]:
    """Return the metrics whose curves a chart draws."""
    return name.split("+")


@functools.cache
def spec(name: str, along: Along, *, seeded: bool = True) -> dict[str, Any]:
    """Return the Vega-Lite specification of a chart, whose rows come as DATASET, SEEDS and CHANCE."""
    metrics, data = metrics_of(name), alt.NamedData(DATASET)
    if metrics[0] in HARD_METRICS:
        return charts.bare(_stages(metrics, data, along, seeded=seeded).properties(width="container", height=_HEIGHT))
    return charts.bare(charts.panel(metrics[0], data, along=along, width="container", height=_HEIGHT))


def _stages(metrics: Sequence[str], data: alt.NamedData, along: Along, *, seeded: bool) -> alt.LayerChart:
    """Draw hard metric, token probability (dashed), probability of the whole answer (dotted); above them the seeds."""
    looks = dict(zip((metrics[0], *STAGES[metrics[0]]), _LOOKS, strict=True))
    layers: list[alt.LayerChart | alt.Chart] = [
        charts.curve(metric, charts.y_axis(metric), along=along, look=looks[metric]) for metric in reversed(metrics)
    ]
    chance = alt.Chart(alt.NamedData(CHANCE)).mark_rule(color=GREY, strokeWidth=1)
    scale, axis = charts.y_axis(metrics[0])
    level = alt.Y("chance:Q").scale(scale).axis(axis)
    layers.insert(0, chance.encode(y=level, tooltip=[alt.Tooltip("chance:Q", format=".0%")]))
    through = alt.Chart(alt.NamedData(SEEDS)).mark_text(fontSize=9.5, y=alt.ExprRef("datum.raised ? -14 : -4"))
    through = through.encode(
        x=charts.ladder_axis(along),
        text="share:N",
        tooltip=[alt.Tooltip("said:N", title="seeds past half of the rise")],
    )
    said = ", ".join(
        f"{word}: {METRICS[metric].title.lower()}"
        for metric, word in zip(looks, ("", "dashed", "dotted"), strict=True)
        if word and metric in metrics
    )
    subtitle = [line for line in (said, "above: seeds past half of the rise" if seeded else "") if line]
    title = alt.TitleParams(METRICS[metrics[0]].title, subtitle=subtitle, offset=28)
    return alt.LayerChart(layer=[*layers, through], data=data, title=title)
