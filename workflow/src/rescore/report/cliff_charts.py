"""All cliffs in one picture: the map of metric share against acceleration, and the waterfall of each climb."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from rescore.report import text
from rescore.report.charts import GREEN, GREY, RED, nothing
from rescore.report.grid import rounded
from rescore.report.text import KEY, Subtask

PARTS = {
    "likelihood_part": "skill: the likelihood",
    "probability_part": "metric: counts probability",
    "answer_part": "metric: needs every token",
    "argmax_part": "metric: takes the likeliest",
}
"""The parts of a climb in the order of the stages: the first is the skill's, the others the metric's."""

_PART_COLOURS = (GREEN, "#f3b7b4", RED, "#8f2a27")
_FILLS = {"mirage": RED, "both": GREEN, "real": GREEN, "ordinary": GREY, "open": "transparent"}
_EDGES = {"mirage": RED, "both": RED, "real": GREEN, "ordinary": GREY, "open": GREY}
_ROWS = 40  # cliffs that have room for a bar, and on the map for intervals and numbers
_SIDE = 420
_NARROW = 260  # pixels across on a narrow screen; what is apart there is apart on a wide one
_PLACES = [(dx, dy) for reach in (11, 18) for dy in (-reach, 0, reach) for dx in (reach, -reach, 0) if dx or dy]
"""Where a number may stand beside its point, in pixels, the best place first."""
_BOUNDS = (-0.2, 1.05)  # one wide interval shall not press all points together
_ROOM = 11  # pixels that a number keeps free around it
_TIMES = "format((1 + datum.value) / (1 - datum.value), '.2~g') + 'x'"  # an acceleration as the factor that it is


def found(cliffs: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of CLIFFS with a cliff whose share and acceleration are known, in the order of the page."""
    asked = cliffs.filter(pl.col("cliff") == "yes").drop_nulls(["metric_share", "acceleration"])
    return text.in_order(asked)


def cliff_map(cliffs: pl.DataFrame, conventions: Mapping[str, Any]) -> alt.LayerChart | alt.Chart:
    """Draw each cliff as a point with its 90% intervals: metric share to the right, acceleration upwards.

    Of the method's constants `metric_share_min` and `acceleration_min` part the regions, where they are given.
    """
    rows = _rows(found(cliffs))
    if not rows:
        return nothing()
    shares, accelerations = (_reach(rows, name) for name in ("metric_share", "acceleration"))
    x_domain = (min(0, *shares) - 0.1, max(0.5, *shares) + 0.15)
    y_domain = (min(0, *accelerations) - 0.15, max(0.8, *accelerations) + 0.15)
    x = alt.X("metric_share:Q").scale(domain=x_domain, nice=False).axis(format="%", grid=False, tickCount=6)
    x = x.title("Metric share of the climb")
    y = alt.Y("acceleration:Q").scale(domain=y_domain, nice=False)
    y = y.axis(grid=False, values=[0, 1 / 3, 0.5, 2 / 3, 0.8, 0.9], labelExpr=_TIMES).title(
        "Likelihood in the cliff, times as fast as before"
    )
    labels = list(_FILLS)
    legend = alt.Legend(title=None, orient="top", symbolStrokeWidth=2, symbolOpacity=1)
    fill = alt.Fill("label:N").scale(domain=labels, range=list(_FILLS.values())).legend(legend)
    stroke = alt.Stroke("label:N").scale(domain=labels, range=list(_EDGES.values())).legend(legend)
    tooltip = [
        alt.Tooltip("name:N", title="subtask"),
        alt.Tooltip("label:N"),
        alt.Tooltip("metric_share:Q", title="metric share", format=".0%"),
        alt.Tooltip("acceleration_factor:Q", title="times as fast", format=".2~g"),
        alt.Tooltip("reason:N", title="why"),
    ]
    base = alt.Chart(alt.InlineData(values=rows))
    bars = base.mark_rule(clip=True, opacity=0.3, strokeWidth=1.2).encode(stroke=stroke)
    points = base.mark_point(size=70, strokeWidth=2, opacity=1)
    layers = [points.encode(x=x, y=y, fill=fill, stroke=stroke, tooltip=tooltip)]
    subtitle = ["a point per cliff; intervals in the table"]
    if len(rows) <= _ROWS:
        subtitle = ["bars: 90% intervals, cut at the frame", "numbers as in “What makes each climb”"]
        placed = alt.Chart(alt.InlineData(values=_apart(rows, x_domain, y_domain)))
        numbers = placed.mark_text(fontSize=9.5, dx=alt.ExprRef("datum.dx"), dy=alt.ExprRef("datum.dy")).encode(
            x=x, y=y, text="number:N"
        )
        low_x, low_y = x.copy(), y.copy()
        low_x.shorthand, low_y.shorthand = "metric_share_low:Q", "acceleration_low:Q"
        crosses = [
            bars.encode(x=low_x, x2="metric_share_high:Q", y=y),
            bars.encode(y=low_y, y2="acceleration_high:Q", x=x),
        ]
        layers = [*crosses, *layers, numbers]
    return alt.LayerChart(
        layer=[*_regions(conventions, x_domain, y_domain), *layers],
        width=_SIDE,
        height=_SIDE,
        title=alt.TitleParams("Each cliff", subtitle=subtitle),
    )


def waterfall(cliffs: pl.DataFrame) -> alt.LayerChart | alt.Chart:
    """Draw for each cliff which part of its climb each stage makes, as one stacked bar; the first 40 of them."""
    every = found(cliffs)
    rows = every.head(_ROWS)
    if rows.is_empty():
        return nothing()
    names = [row["name"] for row in _rows(rows)]
    data = [
        {"name": name, **part}
        for name, row in zip(names, rows.iter_rows(named=True), strict=True)
        for part in parts(row)
    ]
    subtitle = [] if every.height == rows.height else f"the first {rows.height} of {every.height}"
    title = alt.TitleParams("What makes each climb", subtitle=subtitle)
    return _bars(alt.InlineData(values=data), names).properties(title=title, width=_SIDE)


def climb() -> alt.LayerChart:
    """Draw which part of one climb each stage makes; its data "parts" are as `parts` makes them."""
    title = alt.TitleParams("What makes the climb", subtitle="green: the likelihood; red: the metric")
    return _bars(alt.NamedData("parts"), []).properties(title=title, width="container")


def parts(cliff: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row per part of a climb that is known: part, place (among the stages), share."""
    return [
        {"part": words, "place": place, "share": rounded(cliff[part])}
        for place, (part, words) in enumerate(PARTS.items())
        if cliff[part] is not None
    ]


def _bars(data: alt.InlineData | alt.NamedData, order: Sequence[str]) -> alt.LayerChart:
    """Draw stacked bars of rows as `parts` makes them: one per `name` in that order, or a single one."""
    color = alt.Color("part:N").scale(domain=list(PARTS.values()), range=list(_PART_COLOURS))
    bars = (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X("share:Q").axis(format="%", tickCount=6, grid=False).title("Share of the climb"),
            color=color.legend(title=None, orient="top", columns=1),
            order="place:O",
            tooltip=[alt.Tooltip("part:N"), alt.Tooltip("share:Q", format=".0%")],
        )
    )
    if order:
        bars = bars.encode(y=alt.Y("name:N").sort(order).title(None).axis(labelLimit=340).scale(paddingInner=0.3))
    zero = alt.Chart(alt.InlineData(values=[{}])).mark_rule(color=GREY).encode(x=alt.datum(0))
    return alt.LayerChart(layer=[bars, zero], height=19 * max(1, len(order)))


def _rows(rows: pl.DataFrame) -> list[dict[str, Any]]:
    with_ladder = rows["ladder"].n_unique() > 1
    columns = [name for name in rows.columns if name.startswith(("metric_share", "acceleration"))]
    finite = rows.with_columns(pl.when(pl.col(c).is_finite()).then(pl.col(c)).alias(c) for c in columns)
    shown = []
    for n, row in enumerate(finite.iter_rows(named=True), 1):
        named = text.words(Subtask(*(row[c] for c in KEY)), with_ladder=with_ladder)
        shown.append(
            {column: row[column] for column in columns}
            | {"number": n, "name": f"{n}. {' · '.join(filter(None, named))}"}
            | {"label": row["label"], "reason": text.plain(row["reason"])}
        )
    return shown


def _reach(rows: list[dict[str, Any]], name: str) -> list[float]:
    """Return a number of all points, and the ends of their intervals within `_BOUNDS`."""
    ends = [row[f"{name}_{end}"] for row in rows for end in ("low", "high")]
    return [row[name] for row in rows] + [min(max(end, _BOUNDS[0]), _BOUNDS[1]) for end in ends if end is not None]


def _apart(
    rows: list[dict[str, Any]], x_domain: tuple[float, float], y_domain: tuple[float, float]
) -> list[dict[str, Any]]:
    """Place the numbers of points, `dx` and `dy` pixels from them, nearest to their own and not on another number."""
    across, up = _NARROW / (x_domain[1] - x_domain[0]), _SIDE / (y_domain[1] - y_domain[0])
    points = [(row["metric_share"] * across, -row["acceleration"] * up) for row in rows]
    numbers: list[tuple[float, float]] = []
    placed = []
    for at, (row, (left, top)) in enumerate(zip(rows, points, strict=True)):
        free = {}
        for dx, dy in _PLACES:
            # Every other point is farther from the number than its own.
            near = [(place, max(abs(dx), abs(dy)) + 3) for place in points[:at] + points[at + 1 :]]
            near += [(place, _ROOM) for place in numbers]
            free[dx, dy] = min([0, *(max(abs(left + dx - x), abs(top + dy - y)) - room for (x, y), room in near)])
        dx, dy = max(free, key=free.__getitem__)  # the first with room
        numbers.append((left + dx, top + dy))
        placed.append({name: row[name] for name in ("metric_share", "acceleration", "number")} | {"dx": dx, "dy": dy})
    return placed


def _regions(
    conventions: Mapping[str, Any], x_domain: tuple[float, float], y_domain: tuple[float, float]
) -> list[alt.Chart]:
    """Draw where the regions part, and name the four."""
    share, fast = conventions.get("metric_share_min"), conventions.get("acceleration_min")
    if share is None or fast is None:
        return []
    corners = [
        (x_domain[0], y_domain[1], "real", 4, 14),
        (x_domain[1], y_domain[1], "both", -40, 14),
        (x_domain[0], y_domain[0], "ordinary", 4, -8),
        (x_domain[1], y_domain[0], "mirage", -56, -8),
    ]
    empty = alt.Chart(alt.InlineData(values=[{}]))
    names = [
        empty.mark_text(text=name, align="left", fontSize=15, fontWeight="bold", opacity=0.7, dx=dx, dy=dy).encode(
            x=alt.datum(x), y=alt.datum(y)
        )
        for x, y, name, dx, dy in corners
    ]
    line = empty.mark_rule(strokeDash=[3, 3], color=GREY)
    return [line.encode(x=alt.datum(share)), line.encode(y=alt.datum(fast)), *names]
