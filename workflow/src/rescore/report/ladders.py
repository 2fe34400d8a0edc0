"""Several ladders side by side: where each crosses one level, how far apart that is, and who is first over 50%."""

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl

from rescore.report import text
from rescore.report.grid import Column, Grid
from rescore.report.run_charts import nothing
from rescore.report.text import Subtask
from rescore.tables import LADDER_SHIFTS
from rescore.tables.columns import columns
from rescore.tables.metrics import HARD_METRICS, REFERENCE_METRICS

SLOTS = {
    "ladders_hard": ("Exact match or multiple choice", HARD_METRICS),
    "ladders_nll": ("NLL", (*REFERENCE_METRICS, "nll_nats_per_byte")),
    "ladders_partial": ("Partial credit", ("token_edit_distance", "char_edit_distance", "brier_score")),
}
"""Charts by name: what they are of, and the metrics of which a subtask's first that is compared is drawn."""

_ROWS = 30
_PAIR = " | "
_LABEL = "replace(format(datum.value, '~e'), '+', '')"  # at every digit, as far as there is room: spans are short
_STEP = 30
_WIDTH = 620
_CELL = ("ladder", "other_ladder", "task", "subtask")
_PLACES = {
    "ladder": ("log10_compute_flops", "compute_low", "compute_high"),
    "other_ladder": ("other_log10_compute_flops", "other_compute_low", "other_compute_high"),
}
_FLOPS = [name for names in _PLACES.values() for name in names[:1]]
_NUMBERS = {
    "compute_shift_decades": "Decades of compute",
    "compute_shift_low": "from",
    "compute_shift_high": "to",
    "n_params_shift_decades": "Decades of parameters",
    "n_params_shift_low": "from",
    "n_params_shift_high": "to",
    "level": "Read at",
    "log10_compute_flops": "First (FLOPs)",
    "other_log10_compute_flops": "Second (FLOPs)",
}
_REASONS = {"compute_reason": "Why not in compute", "n_params_reason": "Why not in parameters"}


def shifts_grid(shifts: pl.DataFrame | None) -> Grid | None:
    """Set out the shifts of each two ladders, those that are told first; None without a row.

    Parameters
    ----------
    shifts
        The table LADDER_SHIFTS, if there is one.
    """
    if shifts is None or shifts.is_empty():
        return None
    described = columns()[LADDER_SHIFTS.name]
    rows = shifts.with_columns((10.0 ** pl.col(name)).alias(name) for name in _FLOPS)
    rows = rows.sort(pl.col("compute_shift_decades").is_null(), maintain_order=True)
    names = [_name(task, subtask) for task, subtask in rows.select("task", "subtask").iter_rows()]
    return Grid(
        id=LADDER_SHIFTS.name,
        caption="How far apart ladders rise",
        columns=[
            Column(title="Subtask", kind="text", cells=names),
            Column(title="Metric", kind="word", cells=[text.title(metric) for metric in rows["metric"]]),
            Column(title="First ladder", kind="word", cells=rows["ladder"].to_list()),
            Column(title="Second ladder", kind="word", cells=rows["other_ladder"].to_list()),
            *(
                Column(title=title, kind="number", cells=rows[name].to_list(), about=str(described[name]))
                for name, title in _NUMBERS.items()
            ),
            *(
                Column(title=title, kind="text", cells=rows[name].to_list(), about=str(described[name]))
                for name, title in _REASONS.items()
            ),
        ],
    )


def first_models(rises: pl.DataFrame | None) -> Grid | None:
    """Set out the first model of each ladder over 50% of a hard metric; None with one ladder.

    Parameters
    ----------
    rises
        The table RISES, if there is one.
    """
    if rises is None or rises["ladder"].n_unique() < 2:
        return None
    hard = rises.filter(pl.col("metric").is_in(HARD_METRICS))
    first = "model_over_50_percent"
    keys = hard.select("task", "subtask", "metric").unique().sort("task", "subtask", "metric").rows()
    of = {row[:4]: row[4] for row in hard.select("ladder", "task", "subtask", "metric", first).iter_rows()}
    return Grid(
        id="first-models",
        caption="The first model of each family over 50%",
        columns=[
            Column(title="Subtask", kind="text", cells=[_name(task, subtask) for task, subtask, _ in keys]),
            Column(title="Metric", kind="word", cells=[text.title(metric) for *_, metric in keys]),
            *(
                Column(title=text.plain(ladder), kind="text", cells=[of.get((ladder, *key)) for key in keys])
                for ladder in sorted(hard["ladder"].unique())
            ),
        ],
    )


def crossings(shifts: pl.DataFrame) -> dict[str, alt.LayerChart | alt.Chart]:
    """Draw where two ladders cross the level that both cross, a row a subtask; charts by the names of SLOTS.

    Parameters
    ----------
    shifts
        The table LADDER_SHIFTS. A chart has the first 30 rows that have a shift; one without any is not there.
    """
    found: dict[str, alt.LayerChart | alt.Chart] = {}
    for name, (title, metrics) in SLOTS.items():
        rank = pl.col("metric").replace_strict({m: n for n, m in enumerate(metrics)}, default=None)
        told = shifts.drop_nulls("compute_shift_decades").with_columns(_rank=rank).drop_nulls("_rank")
        chosen = told.sort("task", "subtask", "ladder", "other_ladder", "_rank").unique(
            list(_CELL), keep="first", maintain_order=True
        )
        if chosen.height:
            found[name] = _chart(title, chosen)
    return found


def figure(shifts: pl.DataFrame) -> alt.VConcatChart:
    """Put the charts of `crossings` above each other."""
    drawn = list(crossings(shifts).values())
    chart: alt.VConcatChart = alt.vconcat(*(drawn or [nothing()]), spacing=24).resolve_scale(
        color="shared", shape="shared", x="shared"
    )
    return chart


def _chart(title: str, shifts: pl.DataFrame) -> alt.LayerChart:
    shown = shifts.head(_ROWS)
    labels = [_label(row) for row in shown.iter_rows(named=True)]
    points = [
        point for label, row in zip(labels, shown.iter_rows(named=True), strict=True) for point in _points(label, row)
    ]
    ladders = sorted({point["ladder"] for point in points})
    x = alt.X("compute_flops:Q").scale(type="log", nice=False, padding=8).title("Training compute (FLOPs)")
    x = x.axis(labelExpr=_LABEL, labelOverlap="greedy", labelSeparation=8, grid=False)
    y = alt.Y("row:N").sort(labels).title(None)
    y = y.axis(labelExpr=f"split(datum.label, '{_PAIR}')[0]", labelLimit=150, grid=True, domain=False, ticks=False)
    color = alt.Color("ladder:N").scale(domain=ladders).legend(title=None, orient="top", labelLimit=260)
    shape = alt.Shape("ladder:N").scale(domain=ladders).legend(title=None, orient="top", labelLimit=260)
    offset = alt.YOffset("ladder:N").scale(domain=ladders)
    tooltip = [
        alt.Tooltip("row:N", title="subtask"),
        alt.Tooltip("metric:N"),
        alt.Tooltip("level:Q", title="read at", format=".3~g"),
        alt.Tooltip("ladder:N"),
        alt.Tooltip("compute_flops:Q", title="FLOPs", format=".3~g"),
        alt.Tooltip("low:Q", title="from", format=".3~g"),
        alt.Tooltip("high:Q", title="to", format=".3~g"),
        alt.Tooltip("shift:N", title="shift (decades)"),
    ]
    base = alt.Chart().encode(y=y, yOffset=offset, color=color, tooltip=tooltip)
    bars = base.mark_rule(strokeWidth=2, opacity=0.55).encode(x=alt.X("from:Q"), x2="until:Q")
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(x=x, shape=shape)
    hidden = shifts.height - shown.height
    cut = [f"the first {_ROWS} of {shifts.height} rows"] if hidden else []
    return alt.LayerChart(
        layer=[bars, dots],
        data=alt.InlineData(values=points),
        width=_WIDTH,
        height=alt.Step(_STEP, **{"for": "position"}),
        title=alt.TitleParams(title, subtitle=["crossing of the common level, 95% interval", *cut], frame="bounds"),
    )


def _points(label: str, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a point a ladder: where it crosses, and its interval; where an end is not known, the bar stops there."""
    return [
        {
            "row": label,
            "ladder": text.plain(row[side]),
            "metric": text.title(row["metric"]),
            "level": row["level"],
            "compute_flops": 10 ** row[at],
            "low": _power(row[low]),
            "high": _power(row[high]),
            "from": 10 ** (row[at] if row[low] is None else row[low]),
            "until": 10 ** (row[at] if row[high] is None else row[high]),
            "shift": _interval(row["compute_shift_decades"], row["compute_shift_low"], row["compute_shift_high"]),
        }
        for side, (at, low, high) in _PLACES.items()
    ]


def _interval(value: float, low: float | None, high: float | None) -> str:
    return f"{text.number(value, 2)} ({text.number(low, 2)} to {text.number(high, 2)})"


def _power(log10: float | None) -> float | None:
    return None if log10 is None else float(10**log10)


def _label(row: Mapping[str, Any]) -> str:
    """Name a row by subtask and pair; of these the axis shows the first, since colours tell the second."""
    ladders = ", ".join(text.plain(row[side]) for side in _PLACES)
    return f"{_name(row['task'], row['subtask'])}{_PAIR}{ladders}"


def _name(task: str, subtask: str) -> str:
    return text.display_name(Subtask("", task, subtask), with_ladder=False)
