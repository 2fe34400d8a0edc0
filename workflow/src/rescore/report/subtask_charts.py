"""The charts of one subtask on the page: dual curve, edit distance, p^k against exact match, margin, answer lengths."""

import functools
from collections.abc import Collection, Iterable
from typing import Any

import altair as alt
import polars as pl

from rescore.report import charts, positions
from rescore.report.along import Along
from rescore.report.charts import COLOURS, DATASET
from rescore.tables import METRICS
from rescore.tables.metrics import HARD_METRICS, reference_metric

LENGTHS = "lengths"
"""The chart of answer lengths, and the name under which the page gives it its rows."""

_PREDICTED = "predicted"
_MARGIN = "margin_nats"
_SECOND = charts.Look(dash=(5, 3), shape="diamond")
_HEIGHT = 200
_BARS = 20
_BINS = dict.fromkeys(("shortest", "longest", "questions"), pl.Int64) | {"left": pl.Float64, "right": pl.Float64}


def chosen(measured: Collection[str], *, lengths: bool) -> tuple[str, ...]:
    """Choose a subtask's charts from the metrics it has means of; names as `specs` takes them.

    Multiple-choice grade stands in for exact match, and Brier score for edit distance, where the latter is missing.

    >>> chosen({"exact_match", "nll_nats_per_token", "token_edit_distance", "target_probability"}, lengths=False)
    ('exact_match+nll_nats_per_token', 'token_edit_distance', 'predicted')
    >>> chosen({"multiple_choice_grade", "margin_nats"}, lengths=True)
    ('multiple_choice_grade', 'margin_nats', 'lengths')
    """
    hard = next((metric for metric in HARD_METRICS if metric in measured), None)
    pair = [metric for metric in (hard, reference_metric(measured)) if metric in measured]
    names = ["+".join(metric for metric in pair if metric)] if pair else []
    names += [metric for metric in charts.PARTIAL_CREDIT if metric in measured][:1]
    names += [_PREDICTED] if {"exact_match", "target_probability"} <= set(measured) else []
    names += [_MARGIN] if _MARGIN in measured else []
    return (*names, LENGTHS) if lengths else tuple(names)


def length_bins(lengths: pl.DataFrame) -> pl.DataFrame:
    """Put answer lengths into at most twenty equal bins, for the chart of them.

    Parameters
    ----------
    lengths
        characters, questions.

    Returns
    -------
    pl.DataFrame
        shortest, longest (characters, inclusive), left, right (edges of the bar), questions; a bin a row.

    >>> bins = length_bins(pl.DataFrame({"characters": [3, 4, 5, 44], "questions": [5, 1, 1, 2]}))
    >>> bins.select("shortest", "longest", "questions").rows()
    [(3, 5, 7), (42, 44, 2)]
    """
    if lengths.is_empty():
        return pl.DataFrame(schema=_BINS)
    least, most = lengths.select(pl.col("characters").min(), last=pl.col("characters").max()).row(0)
    width = -(-(most - least + 1) // _BARS)
    shortest = (pl.col("characters") - least) // width * width + least
    return (
        lengths.group_by(shortest=shortest)
        .agg(pl.col("questions").sum())
        .with_columns(longest=pl.col("shortest") + width - 1, left=pl.col("shortest") - 0.5)
        .with_columns(right=pl.col("longest") + 0.5)
        .select(list(_BINS))
        .sort("shortest")
    )


def metrics_of(name: str) -> tuple[str, ...]:
    """Return the metrics whose curves a chart draws.

    >>> metrics_of("exact_match+nll_nats_per_token"), metrics_of("predicted")
    (('exact_match', 'nll_nats_per_token'), ('exact_match', 'target_probability'))
    """
    if name == _PREDICTED:
        return ("exact_match", "target_probability")
    return () if name in (LENGTHS, positions.POSITIONS) else tuple(name.split("+"))


def specs(names: Iterable[str], along: Along) -> dict[str, dict[str, Any]]:
    """Return the Vega-Lite specification of each chart, whose rows come as DATASET, LENGTHS or POSITIONS."""
    return {name: _spec(name, along) for name in names}


@functools.cache
def _spec(name: str, along: Along) -> dict[str, Any]:
    return charts.bare(_chart(name, along).properties(width="container", height=_HEIGHT))


def dual(hard: str, nll: str, data: alt.NamedData | alt.InlineData, *, along: Along) -> alt.LayerChart:
    """Draw a hard metric and NLL along one ladder, NLL upside down on a log axis at the right: up is better."""
    left = _axis(hard, orient="left")
    scale, axis = _axis(nll, orient="right")
    scale.reverse = True
    axis.grid = False
    layers = [
        charts.curve(hard, left, along=along),
        charts.curve(nll, (scale, axis), along=along, look=_SECOND),
    ]
    title = alt.TitleParams(
        f"{METRICS[hard].title} and {METRICS[nll].title}",
        subtitle="NLL dashed, upside down: up is better for both",
    )
    chart: alt.LayerChart = alt.LayerChart(layer=layers, data=data, title=title).resolve_scale(y="independent")
    return chart


def _chart(name: str, along: Along) -> alt.LayerChart | alt.Chart:
    data = alt.NamedData(DATASET)
    match name, metrics_of(name):
        case "predicted", _:
            return _predicted(data, along)
        case "lengths", _:
            return _lengths()
        case positions.POSITIONS, _:
            return positions.chart(along)
        case _, (hard, nll):
            return dual(hard, nll, data, along=along)
        case _, (metric,):
            return charts.panel(metric, data, along=along, width="container", height=_HEIGHT)
    raise ValueError(name)


def _axis(metric: str, *, orient: str) -> tuple[alt.Scale, alt.Axis]:
    unit = f" ({METRICS[metric].unit})" if METRICS[metric].unit else ""
    colours = {"titleColor": COLOURS[metric], "labelColor": COLOURS[metric]}
    return charts.y_axis(metric, title=f"{METRICS[metric].title}{unit}", orient=orient, **colours)


def _predicted(data: alt.NamedData, along: Along) -> alt.LayerChart:
    """Draw measured exact match, and the mean probability of the whole target, which is p^k question by question."""
    y = charts.y_axis("exact_match")
    layers = [
        charts.curve("exact_match", y, along=along),
        charts.curve("target_probability", y, along=along, look=_SECOND),
    ]
    title = alt.TitleParams(
        "Exact match, and predicted by p^k",
        subtitle="dashed: mean probability of the whole target",
    )
    return alt.LayerChart(layer=layers, data=data, title=title)


def _lengths() -> alt.Chart:
    """Draw how many questions have an answer of so many characters; the rows come in bins, `left` to `right`."""
    whole = alt.Axis(tickMinStep=1, format="d")
    chart: alt.Chart = (
        alt.Chart(alt.NamedData(LENGTHS))
        .mark_bar(orient="vertical", color=COLOURS["exact_match"], opacity=0.8)
        .encode(
            x=alt.X("left:Q").scale(zero=False, nice=False).title("Characters of the first target").axis(whole),
            x2="right:Q",
            y=alt.Y("questions:Q").title(None).axis(whole),
            tooltip=[alt.Tooltip("shortest:Q"), alt.Tooltip("longest:Q"), alt.Tooltip("questions:Q")],
        )
        .properties(title=alt.TitleParams("Answer length", subtitle="number of questions"))
    )
    return chart
