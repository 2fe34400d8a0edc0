"""Curves as Altair charts: what a subtask's details on the page and the paper figures share."""

import math
from typing import Any, Literal, NamedTuple

import altair as alt
import polars as pl

from rescore.report.along import Along
from rescore.tables import METRICS
from rescore.tables.metrics import HARD_METRICS, REFERENCE_METRICS

RED, GREEN, BLUE, GREY = "#d64541", "#1f9a6d", "#2f7fc1", "#8a929c"
"""The palette, in page.css as well: what the metric makes, what the model is able to, partial credit, what is open."""

DATASET = "curve"
"""The name under which the page gives a chart the rows of its subtask."""

PARTIAL_CREDIT = ("token_edit_distance", "brier_score")
"""The soft metrics that are drawn beside NLL."""

SLOTS = (HARD_METRICS, REFERENCE_METRICS, PARTIAL_CREDIT)
"""The three metrics that a subtask is drawn under: of each slot the first that is measured."""

_Z95 = 1.96
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

# A log axis has a tick at every digit. Compute is labelled at 1e18, 3e18, 1e19, ..., parameters at 1M, 3M, ...; a loss,
# which spans less than a decade, has ticks in between; NLL is labelled where Vega labels it by the room it has (1, 2,
# 10, 20, ... on a long axis), and at 5.
_AT_1_OR_3 = "indexof('13', slice(format(datum.value, '~e'), 0, 1)) >= 0"
_LADDER_LABELS = {
    "compute_flops": f"{_AT_1_OR_3} ? replace(format(datum.value, '~e'), '+', '') : ''",
    "n_params": f"{_AT_1_OR_3} ? replace(format(datum.value, '~s'), 'G', 'B') : ''",
    "pretraining_loss_nats": "format(datum.value, '.3~g')",
}
_LOSS_TICKS = [tick / 10 for tick in (*range(1, 10), *range(10, 30, 2), *range(30, 60, 5), *range(60, 110, 10))]
_LABELLED_OR_5 = "(datum.label != '' || slice(format(datum.value, '~e'), 0, 2) == '5e')"
_NLL_LABEL = f"{_LABELLED_OR_5} ? format(datum.value, '.4~g') : ''"


def colour(metric: str) -> str:
    if metric in HARD_METRICS or (METRICS[metric].whole_answer and METRICS[metric].link == "logit"):
        return RED
    return BLUE if metric in PARTIAL_CREDIT else GREEN


def panels(curves: pl.DataFrame) -> tuple[str, ...]:
    """Choose the metrics of a subtask's three panels from SLOTS; the first of a slot where none has a mean."""
    measured = set(curves.filter(pl.col("mean").is_not_null())["metric"].unique())
    return tuple(next((metric for metric in slot if metric in measured), slot[0]) for slot in SLOTS)


def direction(metric: str) -> str:
    """Say a metric's unit and which way is better.

    >>> direction("nll_nats_per_token")
    'nats/token, lower is better'
    """
    better = "higher is better" if METRICS[metric].higher_is_better else "lower is better"
    return f"{METRICS[metric].unit}, {better}" if METRICS[metric].unit else better


class Look(NamedTuple):
    """How a curve is drawn: dash and gap of its line in pixels, the shape of a point, or the bare line alone."""

    dash: tuple[int, int] = (1, 0)
    shape: str = "circle"
    bare: bool = False


SOLID = Look()


def panel(
    metric: str,
    data: alt.NamedData | alt.InlineData,
    *,
    along: Along,
    width: float | Literal["container"],
    height: float,
    titled: bool = True,
    x_titled: bool = True,
    domain: tuple[float, float] | None = None,
) -> alt.LayerChart:
    """Draw the rows of CURVES of one metric along the ladder: a point and a bar per model, a line through rung means.

    Null means are passed over, and on a log axis a mean of 0. `titled` and `x_titled` say the metric and what the
    ladder's axis is; `domain` are the ends of the metric's axis, so that several panels have the same ticks.
    """
    scale, axis = y_axis(metric)
    if domain is not None:
        scale.domain = list(domain)
    chart: alt.LayerChart = curve(metric, (scale, axis), along=along, x_titled=x_titled).properties(
        data=data, width=width, height=height
    )
    if titled:
        chart.title = alt.TitleParams(METRICS[metric].title, subtitle=direction(metric))
    return chart


def curve(
    metric: str, y: tuple[alt.Scale, alt.Axis], *, along: Along, look: Look = SOLID, x_titled: bool = True
) -> alt.LayerChart:
    """Draw one metric's bars, line and points, of whatever rows the chart around it has; `y` is as `y_axis` makes it.

    A bar is the 95% interval, mean -+ 1.96 standard errors within the metric's range; a model without a standard error
    has none. On a log axis, where zero has no place, a low end at or below it is a tenth of the mean.
    """
    scale, axis = y
    tooltip = [
        alt.Tooltip("model:N", title="model"),
        alt.Tooltip("title:N", title="metric"),
        alt.Tooltip(f"{along.column}:Q", title=along.title[0], format=".4~g" if along.falls else ".3~g"),
        alt.Tooltip("mean:Q", title="mean", format=".4~g"),
        alt.Tooltip("standard_error:Q", title="standard error", format=".2~g"),
        alt.Tooltip("n:Q", title="questions"),
    ]
    base = alt.Chart().encode(x=ladder_axis(along, titled=x_titled), color=alt.value(colour(metric)))
    bars = base.mark_rule(opacity=0.45, strokeWidth=1.5).encode(
        y=alt.Y("low:Q").scale(scale).axis(axis), y2="high:Q", tooltip=tooltip
    )
    line = base.mark_line(strokeWidth=2, opacity=0.9, strokeDash=list(look.dash)).encode(
        y=alt.Y("mean(mean):Q").scale(scale).axis(axis)
    )
    points = base.mark_point(filled=True, size=42, opacity=0.6, shape=look.shape).encode(
        y=alt.Y("mean:Q").scale(scale).axis(axis), tooltip=tooltip
    )
    return alt.LayerChart(layer=[line] if look.bare else [bars, line, points], transform=rows_of(metric))


def rows_of(metric: str) -> list[alt.FilterTransform | alt.CalculateTransform]:
    """Return the transforms that leave a metric's measured rows, with `low` and `high`, the ends of the bar."""
    log, low, high = is_log(metric), METRICS[metric].low, METRICS[metric].high
    low_end, high_end = f"datum.mean - {_Z95} * datum.standard_error", f"datum.mean + {_Z95} * datum.standard_error"
    if log:
        low_end = f"{low_end} > 0 ? {low_end} : datum.mean / 10"
    elif math.isfinite(low):
        low_end = f"max({low}, {low_end})"
    if math.isfinite(high):
        high_end = f"min({high}, {high_end})"
    known = "isValid(datum.standard_error)"
    return [
        alt.FilterTransform(alt.FieldEqualPredicate(field="metric", equal=metric)),
        alt.FilterTransform(
            alt.FieldGTPredicate(field="mean", gt=0) if log else alt.FieldValidPredicate(field="mean", valid=True)
        ),
        alt.CalculateTransform(calculate=f"{known} ? ({low_end}) : null", **{"as": "low"}),
        alt.CalculateTransform(calculate=f"{known} ? ({high_end}) : null", **{"as": "high"}),
    ]


def ladder_axis(along: Along, *, titled: bool = True) -> alt.X:
    """Return what the ladder is laid out along as a log axis, better to the right."""
    ticks: dict[str, Any] = {"labelExpr": _LADDER_LABELS[along.column], "labelOverlap": "greedy", "labelSeparation": 8}
    if along.falls:  # of those on the scale, every other one while too many
        ticks |= {"values": _LOSS_TICKS, "tickCount": 12}
    else:
        ticks |= {"tickCount": 4, "tickOpacity": _only_where(_AT_1_OR_3)}
    return (
        alt.X(f"{along.column}:Q")
        .scale(type="log", nice=False, padding=8, reverse=along.falls)
        .axis(grid=False, **ticks)
        .title(along.title if titled else None)
    )


def _only_where(test: str) -> dict[str, Any]:
    """Return the opacity of a tick or grid line that shows only where `test` holds."""
    return {"condition": {"test": test, "value": 1}, "value": 0}


def y_axis(metric: str, **given: Any) -> tuple[alt.Scale, alt.Axis]:
    """Return a metric's scale and axis; `given` are further properties of the axis."""
    axis = alt.Axis(**({"title": None, "format": ".4~g", "labelOverlap": "greedy", "labelBound": True} | given))
    if is_log(metric):
        axis.tickCount = 5
        axis.labelExpr = _NLL_LABEL
        axis.gridOpacity = axis.tickOpacity = _only_where(_LABELLED_OR_5)
        return alt.Scale(type="log", nice=False, padding=6), axis
    if METRICS[metric].high == 1:
        axis.values = [0, 0.25, 0.5, 0.75, 1]
        return alt.Scale(domain=[-0.05, 1.07], nice=False), axis  # room for a point on 0 or 1
    return alt.Scale(zero=True, nice=False, padding=6), axis


def theme(
    *, ink: str = "#1c1f24", muted: str = "#5a626d", rule: str = "#dfe3e8", background: str = "#ffffff"
) -> dict[str, Any]:
    """Return the look of every chart; the colours of text, lesser text and lines are the light ones of page.css."""
    axis: dict[str, Any] = {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}
    axis |= {"labelColor": muted, "titleColor": muted, "gridColor": rule, "domainColor": rule, "tickColor": rule}
    title = {"anchor": "start", "frame": "group", "color": ink, "fontSize": 13, "offset": 10}
    title |= {"subtitleColor": muted, "subtitleFontSize": 11, "subtitlePadding": 2}
    legend = {"labelColor": ink, "titleColor": ink, "labelFontSize": 12}
    text = {"color": muted}
    look = {"font": _FONT, "view": {"stroke": None}, "axis": axis, "title": title, "legend": legend, "text": text}
    return {"background": background, **look}


def nothing() -> alt.Chart:
    """Return what stands in for a chart without anything to draw: an empty one has no size and cannot be written."""
    empty = alt.Chart(alt.InlineData(values=[{}]), width=250, height=60)
    chart: alt.Chart = empty.mark_text(text="nothing to draw", fontSize=12)
    return chart


def bare(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Return a chart's specification without the host of its schema, and without a theme."""
    return {key: value for key, value in chart.to_dict().items() if key not in ("$schema", "config")}


def is_log(metric: str) -> bool:
    return metric in METRICS and METRICS[metric].link == "log"
