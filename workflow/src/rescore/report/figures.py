"""The paper figures: curves under three metrics, all cliffs as small panels, the map, the waterfall, answer lengths.

Each is a specification of Vega-Lite. Panels are put together as such: Altair would copy all of them at every step.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import ascii_lowercase as letters
from typing import Any

import altair as alt
import polars as pl
import vl_convert

from rescore.report import cliff_charts, partial_credit
from rescore.report.along import Along, along
from rescore.report.charts import Look, bare, curve, is_log, nothing, panel, panels, theme, y_axis
from rescore.report.text import KEY, Subtask, group, in_order, plain, words
from rescore.tables import write_bytes, write_text
from rescore.tables.metrics import STAGES

_DPI = 300
_ROWS = 6
_CLIFFS = 24
_COLUMNS = 4
_Rows = list[dict[str, Any]]
_Spec = dict[str, Any]


def figures(
    curves: pl.DataFrame, verdicts: pl.DataFrame, cliffs: pl.DataFrame, conventions: Mapping[str, Any]
) -> dict[str, _Spec]:
    """Return every figure by name; `conventions` are the method's constants."""
    axis = along(curves, verdicts)
    lengths = partial_credit.figure(partial_credit.by_length(curves, cliffs, axis), axis)
    return {
        "figure": figure(curves, cliffs, axis),
        "cliffs": small_multiples(curves, cliffs, axis),
        "map": _ready(bare(cliff_charts.cliff_map(cliffs, conventions))),
        "waterfall": _ready(bare(cliff_charts.waterfall(cliffs))),
        "lengths": _ready(bare(lengths)),
    }


def small_multiples(curves: pl.DataFrame, cliffs: pl.DataFrame, axis: Along) -> _Spec:
    """Draw up to 24 subtasks, those with a cliff or else the first: hard metric solid, token probability dashed.

    A subtask without a mean of the hard metric has no panel.
    """

    @cache  # most subtasks have the same two metrics
    def drawn(hard: str, first: bool, last: bool) -> _Spec:
        layers = [
            curve(STAGES[hard][0], y_axis(hard, labels=first), along=axis, look=Look(dash=(5, 3), bare=True)),
            curve(hard, y_axis(hard, labels=first), along=axis, x_titled=last),
        ]
        return bare(alt.LayerChart(layer=layers, data=alt.NamedData(""), width=150, height=90))

    chosen = shown(cliffs, _CLIFFS)
    with_ladder = chosen["ladder"].n_unique() > 1
    found = []
    for row in chosen.iter_rows(named=True):
        key = Subtask(*(row[column] for column in KEY))
        curve_of = curves.filter(**key._asdict())
        hard = panels(curve_of)[0]
        rows = [point for metric in (hard, STAGES[hard][0]) for point in _rows(curve_of, metric, axis)]
        if any(point["metric"] == hard and point["mean"] is not None for point in rows):
            found.append((hard, rows, words(key, with_ladder=with_ladder), group(row)))
    charts: list[_Spec] = []
    for place, (hard, _, name, of) in enumerate(found):
        title = {"text": f"{letters[place]}  {name.own}", "subtitle": [*filter(None, name[1:]), of], "fontSize": 11}
        title |= {"limit": 160, "subtitleFontSize": 10}
        spec = drawn(hard, place % _COLUMNS == 0, place >= len(found) - _COLUMNS)
        charts.append({**spec, "data": {"name": f"rows{place}"}, "title": title})
    data = {f"rows{place}": rows for place, (_, rows, *_) in enumerate(found)}
    charts = charts or [bare(nothing())]
    return _ready({"concat": charts, "columns": _COLUMNS, "spacing": 18, "datasets": data})


def figure(curves: pl.DataFrame, cliffs: pl.DataFrame, axis: Along) -> _Spec:
    """Draw up to six subtasks, those with a cliff or else the first, under three metrics each.

    A row per subtask and a column per metric (exact match, NLL per token, token edit distance), along the ladder on a
    log axis, with the same ticks in all rows. Points are models (those of one rung stand above each other), bars 95%
    intervals; lines go through the rung means.
    """
    chosen = shown(cliffs)
    with_ladder = chosen["ladder"].n_unique() > 1
    of = {key: curves.filter(**key._asdict()) for key in map(Subtask._make, chosen.select(KEY).iter_rows())}
    domains = _domains(of)

    @cache
    def drawn(metric: str, titled: bool, x_titled: bool) -> _Spec:
        data, domain = alt.NamedData(""), domains.get(metric)
        shape = panel(metric, data, along=axis, width=230, height=130, titled=titled, x_titled=x_titled, domain=domain)
        return bare(shape)

    rows: list[_Spec] = []
    data: dict[str, _Rows] = {}
    above: tuple[str, ...] = ()
    for place, (key, row) in enumerate(zip(of, chosen.iter_rows(named=True), strict=True)):
        metrics = panels(of[key])
        titled = metrics != above
        above = metrics
        names = {metric: f"rows{place}_{metric}" for metric in metrics}
        data |= {name: _rows(of[key], metric, axis) for metric, name in names.items()}
        charts = [
            {**drawn(metric, titled, place == len(of) - 1), "data": {"name": names[metric]}} for metric in metrics
        ]
        heading = f"{letters[place]}  {words(key, with_ladder=with_ladder).full}: {group(row)}"
        title = {"text": heading, "fontSize": 14, "offset": 8, "anchor": "start"}
        rows.append({"hconcat": charts, "spacing": 28, "title": title})
    return _ready({"vconcat": rows or [bare(nothing())], "spacing": 22, "datasets": data})


def shown(cliffs: pl.DataFrame, most: int = _ROWS) -> pl.DataFrame:
    """Return the rows of CLIFFS that a figure shows: up to `most` with a cliff, or else as many of the first."""
    ordered = in_order(cliffs)
    chosen = ordered.filter(pl.col("cliff") == "yes")
    return (chosen if chosen.height else ordered).head(most)


def save_figure(spec: _Spec, path: Path) -> None:
    """Write a figure as SVG, PDF and PNG of 300 dots per inch: to `path` with these endings."""
    svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    write_text(svg, path.with_suffix(".svg"))
    write_bytes(vl_convert.svg_to_pdf(svg), path.with_suffix(".pdf"))
    write_bytes(vl_convert.svg_to_png(svg, ppi=_DPI), path.with_suffix(".png"))


def _domains(of: Mapping[Subtask, pl.DataFrame]) -> dict[str, tuple[float, float]]:
    """Return for each metric on a log axis the ends of all rows' means."""
    drawn = [curve for curve in of.values() if curve.height]
    means = pl.concat(drawn).filter(pl.col("mean") > 0).group_by("metric") if drawn else None
    ends = [] if means is None else means.agg(low=pl.col("mean").min(), high=pl.col("mean").max()).rows()
    return {metric: (low * 0.9, high * 1.1) for metric, low, high in ends if is_log(metric)}


def _ready(spec: _Spec) -> _Spec:
    """Dress a figure for print: the light theme on white, and no label for screen readers at each point."""
    return {**spec, "config": theme() | {"aria": False}, "padding": 14}


def _rows(curve: pl.DataFrame, metric: str, axis: Along) -> _Rows:
    """Return the rows of one panel, so that a long ladder of checkpoints is not stored three times."""
    columns = ("model", axis.column, "metric", "mean", "standard_error", "n")
    rows = curve.filter(pl.col("metric") == metric).select(columns).iter_rows(named=True)
    return [row | {"model": plain(row["model"])} for row in rows]
