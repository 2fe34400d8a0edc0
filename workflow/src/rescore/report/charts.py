"""Curves as Altair charts: what the page and the static figure share."""

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import polars as pl

from rescore.schema import METRICS
from rescore.schema.metrics import REFERENCE_METRIC

DATASET = "curve"
"""The name under which the page gives a chart the rows of its subtask."""

COLOURS = {
    "exact_match": "#2f7fc1",
    "multiple_choice_grade": "#2f7fc1",
    "nll_nats_per_token": "#d9662b",
    "token_edit_distance": "#1f9a6d",
    "brier_score": "#b565a7",
}

_SLOTS = (
    ("exact_match", "multiple_choice_grade"),
    (REFERENCE_METRIC,),
    ("token_edit_distance", "brier_score"),
)
_Z95 = 1.96
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

# A log axis has a tick at every digit. Compute is labelled at 1e18, 3e18, 1e19, ...; NLL where Vega labels it by
# the room it has (1, 2, 10, 20, ... on a long axis), and at 5.
_AT_1_OR_3 = "indexof('13', slice(format(datum.value, '~e'), 0, 1)) >= 0"
_COMPUTE_LABEL = f"{_AT_1_OR_3} ? replace(format(datum.value, '~e'), '+', '') : ''"
_LABELLED_OR_5 = "(datum.label != '' || slice(format(datum.value, '~e'), 0, 2) == '5e')"
_NLL_LABEL = f"{_LABELLED_OR_5} ? format(datum.value, '.4~g') : ''"


def _only_where(test: str) -> dict[str, Any]:
    """Return the opacity of a tick or grid line that shows only where `test` holds."""
    return {"condition": {"test": test, "value": 1}, "value": 0}


def with_interval(curves: pl.DataFrame) -> pl.DataFrame:
    """Add `low` and `high`, the ends of the 95% bar: mean -+ 1.96 standard errors, within the metric's range.

    The ends are null where mean or standard error is. NLL is drawn on a log axis, where zero has no place:
    a low end at or below zero is set to a tenth of the mean.
    """

    def bound(end: str, default: float) -> pl.Expr:
        bounds = {name: getattr(metric, end) for name, metric in METRICS.items()}
        return pl.col("metric").replace_strict(bounds, default=default, return_dtype=pl.Float64)

    half = _Z95 * pl.col("standard_error")
    low = (pl.col("mean") - half).clip(lower_bound=bound("low", -float("inf")))
    on_log_axis = pl.col("metric").is_in([name for name in METRICS if _is_log(name)])
    return curves.with_columns(
        low=pl.when(on_log_axis & (low <= 0)).then(pl.col("mean") / 10).otherwise(low),
        high=(pl.col("mean") + half).clip(upper_bound=bound("high", float("inf"))),
    )


def panels(curves: pl.DataFrame) -> tuple[str, ...]:
    """Choose the metrics of a subtask's three panels: exact match, NLL, token edit distance.

    Multiple-choice grade stands in for exact match, and Brier score for edit distance, where the subtask's
    curves hold no mean of the latter.
    """
    measured = set(curves.filter(pl.col("mean").is_not_null())["metric"].unique())
    return tuple(next((metric for metric in slot if metric in measured), slot[0]) for slot in _SLOTS)


def panel_metrics() -> tuple[str, ...]:
    """Return every metric that `panels` may choose."""
    return tuple(metric for slot in _SLOTS for metric in slot)


def direction(metric: str) -> str:
    """Say a metric's unit and which way is better.

    >>> direction("nll_nats_per_token")
    'nats/token, lower is better'
    """
    better = "higher is better" if METRICS[metric].higher_is_better else "lower is better"
    return f"{METRICS[metric].unit}, {better}" if METRICS[metric].unit else better


def panel(
    metric: str,
    data: alt.NamedData | alt.InlineData,
    *,
    width: float | Literal["container"],
    height: float,
    titled: bool = True,
    x_titled: bool = True,
) -> alt.LayerChart:
    """Draw one metric against training compute: a point and a bar a model, a line through the rung means.

    Parameters
    ----------
    metric
        One of METRICS.
    data
        Rows of CURVES with `with_interval`'s ends; other metrics' rows are passed over, as are null means
        (on a log axis also a mean of 0).
    width, height
        Pixels, or "container".
    titled, x_titled
        Whether the panel says the metric, and the compute axis its title.
    """
    log = _is_log(metric)
    x = (
        alt.X("compute_flops:Q")
        .scale(type="log", nice=False, padding=8)
        .axis(
            labelExpr=_COMPUTE_LABEL,
            labelOverlap="greedy",
            labelSeparation=8,
            tickCount=4,
            tickOpacity=_only_where(_AT_1_OR_3),
            grid=False,
        )
        .title("Training compute (FLOPs)" if x_titled else None)
    )
    y_axis = alt.Axis(title=None, format=".4~g", labelOverlap="greedy", labelBound=True)
    if log:
        y_scale = alt.Scale(type="log", nice=False, padding=6)
        y_axis.tickCount = 5
        y_axis.labelExpr = _NLL_LABEL
        y_axis.gridOpacity = y_axis.tickOpacity = _only_where(_LABELLED_OR_5)
    elif METRICS[metric].high == 1:
        y_scale = alt.Scale(domain=[-0.05, 1.07], nice=False)  # room for a point on 0 or 1
        y_axis.values = [0, 0.25, 0.5, 0.75, 1]
    else:
        y_scale = alt.Scale(zero=True, nice=False, padding=6)
    tooltip = [
        alt.Tooltip("model:N", title="model"),
        alt.Tooltip("compute_flops:Q", title="FLOPs", format=".3~g"),
        alt.Tooltip("mean:Q", title="mean", format=".4~g"),
        alt.Tooltip("standard_error:Q", title="standard error", format=".2~g"),
        alt.Tooltip("n:Q", title="examples"),
    ]
    base = alt.Chart().encode(x=x)
    bars = base.mark_rule(opacity=0.45, strokeWidth=1.5).encode(
        y=alt.Y("low:Q").scale(y_scale).axis(y_axis), y2="high:Q", tooltip=tooltip
    )
    line = base.mark_line(strokeWidth=2, opacity=0.9).encode(y=alt.Y("mean(mean):Q").scale(y_scale).axis(y_axis))
    points = base.mark_point(filled=True, size=42, opacity=0.6).encode(
        y=alt.Y("mean:Q").scale(y_scale).axis(y_axis), tooltip=tooltip
    )
    layers = [layer.encode(color=alt.value(COLOURS[metric])) for layer in (bars, line, points)]
    shown = alt.FieldValidPredicate(field="mean", valid=True)
    title = alt.TitleParams(METRICS[metric].title, subtitle=direction(metric)) if titled else alt.Undefined
    return alt.LayerChart(
        layer=layers,
        data=data,
        transform=[
            alt.FilterTransform(alt.FieldEqualPredicate(field="metric", equal=metric)),
            alt.FilterTransform(alt.FieldGTPredicate(field="mean", gt=0) if log else shown),
        ],
        title=title,
        width=width,
        height=height,
    )


def specs(metrics: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the Vega-Lite specification of each metric's panel, whose rows come as the dataset DATASET."""
    found = {}
    for metric in metrics:
        spec = panel(metric, alt.NamedData(DATASET), width="container", height=200).to_dict()
        # The schema's address and Altair's own look stay out: the page names no host and brings its themes.
        found[metric] = {key: value for key, value in spec.items() if key not in ("$schema", "config")}
    return found


def theme(*, ink: str, muted: str, rule: str, background: str) -> alt.Config:
    """Return the look of every chart from four CSS colours: text, lesser text, lines, ground."""
    return alt.Config(
        background=background,
        font=_FONT,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=muted,
            titleColor=muted,
            titleFontWeight="normal",
            titleFontSize=11,
            labelFontSize=11,
            gridColor=rule,
            domainColor=rule,
            tickColor=rule,
        ),
        legend=alt.LegendConfig(labelColor=ink, labelFontSize=12),
        title=alt.TitleConfig(
            anchor="start",
            frame="group",
            color=ink,
            fontSize=13,
            subtitleColor=muted,
            subtitleFontSize=11,
            subtitlePadding=2,
            offset=10,
        ),
    )


def _is_log(metric: str) -> bool:
    return METRICS[metric].link == "log"
