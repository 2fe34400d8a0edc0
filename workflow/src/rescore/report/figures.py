"""The static figures: curves under three metrics, dual curves, and those of the whole run.

Each is a specification of Vega-Lite. Panels are put together as such: Altair would copy all of them at every step.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import vl_convert

from rescore.report import ladders, run_charts
from rescore.report.along import Along, along
from rescore.report.charts import bare, panel, panels, theme
from rescore.report.subtask_charts import dual
from rescore.report.text import KEY, Subtask, display_name, in_order, plain
from rescore.tables import write_bytes, write_text

_ROWS = 6
_DUALS = 12
_COLUMNS = 3
_Rows = list[dict[str, Any]]
_Spec = dict[str, Any]
_LIGHT = theme(ink="#1c1f24", muted="#5a626d", rule="#dfe3e8", background="#ffffff")


def figures(
    curves: pl.DataFrame, verdicts: pl.DataFrame, cliffs: pl.DataFrame, diagnosed: Mapping[str, pl.DataFrame]
) -> dict[str, _Spec]:
    """Return every static figure of a run by name.

    Parameters
    ----------
    curves, verdicts, cliffs
        Tables of those contracts.
    diagnosed
        By name, the tables of the diagnostics that there are; without FAMILIES there is no figure "elbow", without
        LADDER_SHIFTS or with one ladder none "ladders".
    """
    axis = along(curves, verdicts)
    found = {
        "figure": figure(curves, cliffs, axis),
        "dual": dual_grid(curves, cliffs, axis),
        "emergence": _ready(bare(run_charts.emergence(verdicts))),
        "matrix": _ready(bare(run_charts.matrix(verdicts, cliffs) if verdicts.height else run_charts.nothing())),
    }
    if "families" in diagnosed:
        found["elbow"] = _ready(bare(run_charts.elbow(cliffs, diagnosed["families"])))
    if "ladder_shifts" in diagnosed and curves["ladder"].n_unique() > 1:
        found["ladders"] = _ready(bare(ladders.figure(diagnosed["ladder_shifts"])))
    return found


def dual_grid(curves: pl.DataFrame, cliffs: pl.DataFrame, axis: Along) -> _Spec:
    """Draw up to twelve subtasks, those with a cliff or else the first, under the hard metric and NLL on one axis.

    Parameters
    ----------
    curves, cliffs
        Tables of those contracts. A subtask without means of both has no chart.
    axis
        What the ladders are laid out along.
    """
    chosen = shown(cliffs, _DUALS)
    with_ladder = chosen["ladder"].n_unique() > 1

    @cache  # most subtasks have the same two metrics
    def drawn(hard: str, nll: str) -> _Spec:
        return bare(dual(hard, nll, alt.NamedData(""), along=axis).properties(width=250, height=150))

    charts: list[_Spec] = []
    data: dict[str, _Rows] = {}
    for place, row in enumerate(chosen.iter_rows(named=True)):
        key = Subtask(*(row[column] for column in KEY))
        curve = _of(curves, key)
        hard, nll, _ = panels(curve)
        if not {hard, nll} <= set(curve.drop_nulls("mean")["metric"]):
            continue
        data[f"rows{place}"] = _rows(curve, hard, axis) + _rows(curve, nll, axis)
        title = {"text": display_name(key, with_ladder=with_ladder), "subtitle": row["label"]}
        charts.append({**drawn(hard, nll), "data": {"name": f"rows{place}"}, "title": title})
    heading = {"text": "Exact match, and NLL dashed and upside down, on one axis", "anchor": "start", "offset": 12}
    charts = charts or [bare(run_charts.nothing())]
    return _ready({"concat": charts, "columns": _COLUMNS, "spacing": 24, "title": heading, "datasets": data})


def figure(curves: pl.DataFrame, cliffs: pl.DataFrame, axis: Along) -> _Spec:
    """Draw up to six subtasks, those with a cliff or else the first, under three metrics each.

    Parameters
    ----------
    curves, cliffs
        Tables of the contracts CURVES and CLIFFS.
    axis
        What the ladders are laid out along.

    Returns
    -------
    dict
        A row a subtask and a column a metric (exact match, NLL per token, token edit distance), along the
        ladder on a log axis. Points are models (those of one rung stand above each other), bars 95%
        intervals; lines go through the rung means.
    """
    chosen = shown(cliffs)
    with_ladder = chosen["ladder"].n_unique() > 1

    @cache
    def drawn(metric: str, titled: bool, x_titled: bool) -> _Spec:
        data = alt.NamedData("")
        return bare(panel(metric, data, along=axis, width=230, height=130, titled=titled, x_titled=x_titled))

    rows: list[_Spec] = []
    data: dict[str, _Rows] = {}
    above: tuple[str, ...] = ()
    for place, row in enumerate(chosen.iter_rows(named=True)):
        key = Subtask(*(row[column] for column in KEY))
        curve = _of(curves, key)
        metrics = panels(curve)
        titled = metrics != above
        above = metrics
        names = {metric: f"rows{place}_{metric}" for metric in metrics}
        data |= {name: _rows(curve, metric, axis) for metric, name in names.items()}
        last = place == chosen.height - 1
        charts = [{**drawn(metric, titled, last), "data": {"name": names[metric]}} for metric in metrics]
        heading = f"{display_name(key, with_ladder=with_ladder)}: {row['label']}"
        title = {"text": heading, "fontSize": 14, "offset": 8, "anchor": "start"}
        rows.append({"hconcat": charts, "spacing": 28, "title": title})
    return _ready({"vconcat": rows or [bare(run_charts.nothing())], "spacing": 22, "datasets": data})


def shown(cliffs: pl.DataFrame, most: int = _ROWS) -> pl.DataFrame:
    """Return the rows of CLIFFS that a figure shows: up to `most` with a cliff, or else as many of the first."""
    ordered = in_order(cliffs)
    chosen = ordered.filter(pl.col("cliff") == "yes")
    return (chosen if chosen.height else ordered).head(most)


def save_figure(spec: _Spec, path: Path) -> None:
    """Write a figure as SVG and as PNG (two pixels a point): to `path` with these endings."""
    svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    write_text(svg, path.with_suffix(".svg"))
    write_bytes(vl_convert.svg_to_png(svg, scale=2), path.with_suffix(".png"))


def _ready(spec: _Spec) -> _Spec:
    """Dress a figure for print: the light theme on white."""
    return {**spec, "config": _LIGHT.to_dict(), "padding": 14}


def _of(curves: pl.DataFrame, key: Subtask) -> pl.DataFrame:
    return curves.filter(*(pl.col(c) == v for c, v in zip(KEY, key, strict=True)))


def _rows(curve: pl.DataFrame, metric: str, axis: Along) -> _Rows:
    """Return the rows of one panel, so that a long ladder of checkpoints is not stored three times."""
    columns = ("model", axis.column, "metric", "mean", "standard_error", "n")
    rows = curve.filter(pl.col("metric") == metric).select(columns).iter_rows(named=True)
    return [row | {"model": plain(row["model"])} for row in rows]
