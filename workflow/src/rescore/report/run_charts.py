"""Charts of a whole run: emergence scores by metric, the elbow against answer length, the matrix of verdicts."""

from typing import Any

import altair as alt
import polars as pl

from rescore.report import text
from rescore.report.along import Along
from rescore.report.charts import COLOURS, ladder_ticks
from rescore.report.text import KEY, Subtask
from rescore.tables import METRICS

_WIDTH = 620
_MATRIX_ROWS = 60
_NAMED = 2000
_HALF = {"flops": "", "low": "_low", "high": "_high"}
_GROUNDS = {
    "cliff": "#f6c7c2",
    "smooth": "#bfe5cd",
    "inverse": "#dcc9f2",
    "flat": "#dfe3e8",
    "saturated": "#dfe3e8",
    "open": "#ffffff",
    "not judged": "#f4f5f7",
}


def emergence(verdicts: pl.DataFrame) -> alt.LayerChart:
    """Draw the emergence score of each curve as a tick, a row a metric, with the metric's median as a longer one.

    Parameters
    ----------
    verdicts
        The table VERDICTS. Scores that are not defined, or infinite, have no tick; the subtitle says how many are
        infinite.
    """
    scored = verdicts.filter(pl.col("emergence_score").is_not_null())
    finite = scored.filter(pl.col("emergence_score").is_finite())
    infinite = scored.height - finite.height
    present = set(finite["metric"])
    order = sorted((m for m in METRICS if m in present), key=lambda name: not METRICS[name].discontinuous)
    named = finite.height <= _NAMED  # of more the names would be most of the page
    rows = [
        {
            "metric": text.title(metric),
            "kind": _kind(metric),
            "score": [float(f"{score:.4g}") for score in of["emergence_score"]],
            "subtask": [text.plain(subtask) if named else "" for subtask in of["subtask"]],
        }
        for (metric,), of in finite.sort("metric", "ladder", "task", "subtask").group_by("metric", maintain_order=True)
    ]
    y = alt.Y("metric:N").sort([text.title(metric) for metric in order]).title(None).axis(grid=True, labelLimit=220)
    x = alt.X("score:Q").scale(type="symlog", nice=False, padding=8).title("Emergence score (symmetric log)")
    x = x.axis(values=[-100, -30, -10, -3, 0, 3, 10, 30, 100, 300, 1000])
    middle = scored.group_by("metric").agg(score=pl.col("emergence_score").quantile(0.5, "nearest"))
    medians = [
        {"metric": text.title(metric), "kind": _kind(metric), "score": score}
        for metric, score in middle.filter(pl.col("score").is_finite()).sort("metric").iter_rows()
    ]
    color = (
        alt.Color("kind:N")
        .scale(domain=["jumps", "smooth"], range=[COLOURS["exact_match"], COLOURS["nll_nats_per_token"]])
        .legend(title="a question's score", orient="top")
    )
    tooltip = [alt.Tooltip("subtask:N"), alt.Tooltip("metric:N"), alt.Tooltip("score:Q", format=".3~g")]
    ticks = alt.Chart(alt.InlineData(values=rows)).transform_flatten(["score", "subtask"])
    ticks = ticks.mark_tick(thickness=1.5, height=14, opacity=0.55)
    long = alt.Chart(alt.InlineData(values=medians)).mark_tick(thickness=3, height=24)
    not_drawn = f"; {infinite} infinite ones are counted and not drawn" if infinite else ""
    return alt.LayerChart(
        layer=[ticks.encode(x=x, y=y, color=color, tooltip=tooltip), long.encode(x=x, y=y, color=color)],
        width=_WIDTH,
        height=30 * max(1, len(order)),
        title=alt.TitleParams(
            "Emergence score by metric",
            subtitle=f"a tick a subtask, the long one the median of its metric{not_drawn}",
        ),
    )


def _kind(metric: str) -> str:
    return "jumps" if metric in METRICS and METRICS[metric].discontinuous else "smooth"


def nothing() -> alt.Chart:
    """Return what stands in for a chart without anything to draw: an empty one has no size and cannot be written."""
    empty = alt.Chart(alt.InlineData(values=[{}]), width=250, height=60)
    chart: alt.Chart = empty.mark_text(text="nothing to draw", fontSize=12)
    return chart


def elbow(cliffs: pl.DataFrame, families: pl.DataFrame) -> alt.LayerChart | alt.Chart:
    """Draw where exact match has half of its rise against the length of the answer, with a line per task.

    Parameters
    ----------
    cliffs
        The table CLIFFS; subtasks without a length or a rise have no point, nor have tasks that are no family.
    families
        The table FAMILIES. A task with a slope has the line of its least squares: that slope, through the mean of its
        points.
    """
    exact = cliffs.filter(pl.col("hard_metric") == "exact_match").drop_nulls(["answer_tokens", "half_log10_x"])
    drawn = exact.join(families, on=["ladder", "task"], how="semi", maintain_order="left")
    if drawn.is_empty():
        return nothing()
    with_ladder = drawn["ladder"].n_unique() > 1
    logs = [pl.col("answer_tokens").log10().alias("x"), pl.col("half_log10_x").alias("y")]

    def series(row: dict[str, Any]) -> str:
        return text.plain(f"{row['task']} ({row['ladder']})" if with_ladder else row["task"])

    rows = [
        {
            "of": series(row),
            "subtask": text.display_name(Subtask(*(row[c] for c in KEY)), with_ladder=with_ladder),
            "tokens": row["answer_tokens"],
            **{end: _power(row[f"half_log10_x{name}"]) for end, name in _HALF.items()},
        }
        for row in drawn.iter_rows(named=True)
    ]
    lines = []
    for row in families.drop_nulls("half_slope_decades_per_decade").iter_rows(named=True):
        of = drawn.filter(ladder=row["ladder"], task=row["task"]).select(logs)
        slope, xs, ys = row["half_slope_decades_per_decade"], of["x"].to_list(), of["y"].to_list()
        middle = sum(xs) / len(xs), sum(ys) / len(ys)
        lines += [
            {"of": series(row), "tokens": 10**end, "flops": _power(middle[1] + slope * (end - middle[0]))}
            for end in (min(xs), max(xs))
        ]
    x = alt.X("tokens:Q").scale(type="log", nice=False, padding=12).axis(format="~g").title("Tokens of an answer, k")
    y = alt.Y("flops:Q").scale(type="log", nice=False, padding=10).axis(**ladder_ticks(Along()))
    y = y.title("Where exact match has half of its rise")
    color = alt.Color("of:N").legend(title=None, orient="top", columns=3, labelLimit=260)
    tooltip = [
        alt.Tooltip("subtask:N"),
        alt.Tooltip("tokens:Q", format=".3~g"),
        alt.Tooltip("flops:Q", title="at", format=".3~g"),
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, color=color)
    fitted = alt.Chart(alt.InlineData(values=lines)).mark_line(strokeWidth=1.5, opacity=0.6)
    fitted = fitted.encode(x=x, y=y, color=color)
    bars = base.mark_rule(opacity=0.4).encode(y=alt.Y("low:Q"), y2="high:Q")
    dots = base.mark_point(filled=True, size=60).encode(y=y, shape=alt.Shape("of:N").legend(None), tooltip=tooltip)
    return alt.LayerChart(
        layer=[fitted, bars, dots],
        width=_WIDTH,
        height=320,
        title=alt.TitleParams(
            "Where exact match has half of its rise, by answer length",
            subtitle="a point per subtask, its bar the 90% interval; a line per task, least squares",
        ),
    )


def _power(log10: float | None) -> float | None:
    return None if log10 is None else float(10**log10)


def matrix(verdicts: pl.DataFrame, cliffs: pl.DataFrame) -> alt.LayerChart:
    """Draw the verdict of each subtask under each metric as a coloured, lettered cell; the first 60 subtasks.

    Parameters
    ----------
    verdicts, cliffs
        Tables of those contracts.
    """
    ordered = text.in_order(cliffs)
    with_ladder = ordered["ladder"].n_unique() > 1
    keys = [Subtask(*key) for key in ordered.select(KEY).iter_rows()]
    names = {key: text.display_name(key, with_ladder=with_ladder) for key in keys[:_MATRIX_ROWS]}
    rows = [
        {
            "subtask": names[key],
            "metric": text.title(row["metric"]),
            "verdict": row["verdict"],
            "letter": text.LETTERS.get(row["verdict"], ""),
        }
        for row in verdicts.filter(pl.col("n_items").ne_missing(0)).iter_rows(named=True)
        if (key := Subtask(*(row[c] for c in KEY))) in names
    ]
    metrics = [text.title(name) for name in text.metrics(verdicts)]
    base = alt.Chart().encode(
        x=alt.X("metric:N").sort(metrics).title(None).axis(orient="top", labelAngle=-40, labelLimit=200),
        y=alt.Y("subtask:N").sort(list(names.values())).title(None).axis(labelLimit=360),
    )
    letters = " : ".join(f"datum.label == '{verdict}' ? '{text.LETTERS[verdict]} {verdict}'" for verdict in _GROUNDS)
    color = (
        alt.Color("verdict:N")
        .scale(domain=list(_GROUNDS), range=list(_GROUNDS.values()))
        .legend(
            title=None,
            orient="bottom",
            labelExpr=f"{letters} : datum.label",
            symbolStrokeColor="#b9c0c9",
            symbolType="square",
        )
    )
    hidden = len(keys) - len(names)
    subtitle = f"the first {len(names)} of {len(keys)} subtasks" if hidden else f"{len(names)} subtasks"
    return alt.LayerChart(
        layer=[
            base.mark_rect(stroke="#dfe3e8").encode(color=color),
            base.mark_text(fontSize=11, fontWeight="bold", color="#1c1f24").encode(text="letter:N"),
        ],
        data=alt.InlineData(values=rows),
        width=alt.Step(30),
        height=alt.Step(18),
        title=alt.TitleParams("Verdict of each subtask under each metric", subtitle=subtitle),
    )
