"""Exact match beside edit distance, by answer length (after Schaeffer et al. 2023, figure 3)."""

import re
from typing import Any, NamedTuple

import altair as alt
import polars as pl

from rescore.report import text
from rescore.report.along import Along, rung_means
from rescore.report.charts import BLUE, RED, nothing
from rescore.report.panels import Line, line
from rescore.report.text import KEY, Subtask

EXACT, EDIT = "exact_match", "token_edit_distance"
_SIZES = 5  # columns of the figure, from the smallest size to the largest
_FEWEST = 3  # lengths that make a row


class Cell(NamedTuple):
    """One panel: a size, the answer lengths at its ends, and the two curves."""

    size: str
    ends: str
    lines: list[Line]


def by_length(curves: pl.DataFrame, cliffs: pl.DataFrame, axis: Along) -> pl.DataFrame:
    """Return exact match and edit distance of subtasks whose names differ in a number alone, at up to five sizes.

    The columns are series (the name with n for the number), x (log10 of the axis), place (of the size, from 0), tokens
    (of an answer), metric and mean; sorted. Series of fewer than three answer lengths are left out.
    """
    lengths = cliffs.select(*KEY, tokens="answer_tokens").drop_nulls()
    means = rung_means(curves.filter(pl.col("metric").is_in([EXACT, EDIT])), axis).join(lengths, on=KEY)
    with_ladder = curves["ladder"].n_unique() > 1
    series = [_series(Subtask(*key), with_ladder=with_ladder) for key in means.select(KEY).rows()]
    named = means.with_columns(series=pl.Series(series, dtype=pl.String))
    named = named.filter(pl.col("tokens").n_unique().over("series") >= _FEWEST)
    places = pl.col("x").rank("dense").over("series") - 1
    step = pl.max_horizontal(places.max().over("series") / (_SIZES - 1), pl.lit(1.0))
    column = (places / step).round()
    drawn = named.with_columns(place=column.cast(pl.Int64)).filter((column * step).round() == places)
    return drawn.select("series", "x", "place", "tokens", "metric", "mean").sort("series", "x", "metric", "tokens")


def _series(subtask: Subtask, *, with_ladder: bool) -> str:
    words = text.words(subtask, with_ladder=with_ladder)
    return words._replace(own=re.sub(r"\d+", "n", words.own), task=re.sub(r"\d+", "n", words.task)).full


def cells(rows: pl.DataFrame, axis: Along) -> dict[str, list[Cell]]:
    """Set out `by_length` as panels for the page: by series, one per size."""
    found: dict[str, list[Cell]] = {}
    for (series, x), of in rows.group_by("series", "x", maintain_order=True):
        low, high = of.select(low=pl.col("tokens").min(), high=pl.col("tokens").max()).row(0)
        curves = [
            line(kind, of.filter(metric=metric).select("tokens", "mean").rows(), (low, high), falls=metric == EDIT)
            for metric, kind in ((EDIT, "partial"), (EXACT, "hard"))
        ]
        ends = f"{text.number(low, 2)} to {text.number(high, 2)}"
        found.setdefault(str(series), []).append(Cell(_size(x, axis), ends, curves))
    return found


def figure(rows: pl.DataFrame, axis: Along) -> alt.FacetChart | alt.Chart:
    """Draw `by_length` as a figure: a row per series, a column per size, edit distance upside down."""
    if rows.is_empty():
        return nothing()
    values: list[dict[str, Any]] = [
        {
            "series": row["series"],
            "size": row["place"],
            "tokens": row["tokens"],
            "of": "exact match" if row["metric"] == EXACT else "1 - token edit distance",
            "value": row["mean"] if row["metric"] == EXACT else 1 - row["mean"],
        }
        for row in rows.iter_rows(named=True)
    ]
    sizes = dict(rows.group_by("place").agg(pl.col("x").unique()).sort("place").iter_rows())
    names = " : ".join(  # ladders differ in their sizes
        f"datum.value == {n} ? '{f'{_size(xs[0], axis)} {axis.unit}' if len(xs) == 1 else f'size {n + 1}'}'"
        for n, xs in sizes.items()
    )
    domain = ["exact match", "1 - token edit distance"]
    base = alt.Chart().encode(
        x=alt.X("tokens:Q")
        .scale(nice=False, padding=6, zero=False)
        .axis(tickMinStep=1, tickCount=4)
        .title("Tokens of an answer"),
        y=alt.Y("value:Q").scale(domain=[0, 1]).axis(values=[0, 0.5, 1]).title(None),
        color=alt.Color("of:N")
        .scale(domain=domain, range=[RED, BLUE])
        .legend(title=None, orient="top", columnPadding=24),
        strokeDash=alt.StrokeDash("of:N").scale(domain=domain, range=[[1, 0], [6, 4]]).legend(None),
    )
    layered = alt.layer(base.mark_line(strokeWidth=2), base.mark_point(filled=True, size=30))
    chart: alt.FacetChart = (
        layered.properties(data=alt.InlineData(values=values), width=120, height=80)
        .facet(
            row=alt.Row("series:N")
            .title(None)
            .header(labelAngle=0, labelAlign="right", labelPadding=30, labelLimit=200),
            column=alt.Column("size:O").title(None).header(labelExpr=f"{names} : ''"),
        )
        .resolve_scale(x="independent")
    )
    return chart


def _size(x: float, axis: Along) -> str:
    return text.number(10 ** (-x if axis.falls else x), 2)
