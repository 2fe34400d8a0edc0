"""What the page says beside the answers: flags, planning, and what the ladder can tell."""

from collections.abc import Mapping
from typing import Any, Literal

import polars as pl

from rescore.report import text
from rescore.report.grid import Column, Grid, measured
from rescore.report.text import KEY, Subtask
from rescore.tables import (
    DIAGNOSTICS,
    FLAGS,
    FORECASTS,
    LADDER_SHIFTS,
    METRICS,
    POWER,
    PROMPT_STABILITY,
    RISES,
    SCAFFOLD_SHIFT,
    Table,
)

TABLES = (*DIAGNOSTICS, SCAFFOLD_SHIFT, PROMPT_STABILITY, POWER)
"""The tables that the page looks for; it is silent on one that it has no section for."""

_ENOUGH = 0.85
"""The share of 90% intervals that must hold, or the page says that they do not."""

# By column: its heading, and how it is shown; an interval is a number with its _low and _high.
_Titles = Mapping[str, tuple[str, Literal["word", "text", "number", "interval"]]]

_FLAGS: _Titles = {
    "flag": ("Flag", "word"),
    "metric": ("Metric", "word"),
    "detail": ("What was seen", "text"),
    "value": ("Value", "number"),
    "threshold": ("Threshold", "number"),
}
_FORECASTS: _Titles = {
    "above_elbow": ("Above the elbow", "word"),
    "metric": ("Metric", "word"),
    "forecast": ("Forecast (90% interval)", "interval"),
    "realised": ("Came out", "number"),
    "inside_interval": ("Inside", "word"),
    "reason": ("Note", "text"),
}
_RISES: _Titles = {
    "metric": ("Metric", "word"),
    "half_log10_x": ("Half of the rise at (90% interval)", "interval"),
    "model_over_50_percent": ("First over 50%", "text"),
    "size_over_50_percent_log10_x": ("That is at", "number"),
    "reason": ("Why no rise", "text"),
}
_SHIFT: _Titles = {
    "setting": ("Run", "word"),
    "metric": ("Metric", "word"),
    "shift_decades": ("Shift (decades)", "number"),
    "shift_low": ("from", "number"),
    "shift_high": ("to", "number"),
    "reason": ("Why none", "text"),
}
_STABILITY: _Titles = {
    "metric": ("Metric", "word"),
    "verdict": ("Verdict", "text"),
    "cliff": ("Cliff", "text"),
    "metric_makes_it": ("Metric makes it", "text"),
    "skill_broke": ("Skill broke", "text"),
    "elbow_apart_decades": ("Elbows apart (decades)", "number"),
    "moved": ("Prompts that move it", "number"),
}
_LADDER_SHIFTS: _Titles = {
    "metric": ("Metric", "word"),
    "ladder": ("First ladder", "word"),
    "other_ladder": ("Second ladder", "word"),
    "compute_shift_decades": ("Decades of compute", "number"),
    "compute_shift_low": ("from", "number"),
    "compute_shift_high": ("to", "number"),
    "n_params_shift_decades": ("Decades of parameters", "number"),
    "level": ("Read at", "number"),
    "compute_reason": ("Why not in compute", "text"),
}


def sections(tables: Mapping[str, pl.DataFrame], places: Mapping[Subtask, int]) -> dict[str, Any]:
    """Return what diagnostics.html.j2 shows of those of TABLES that the run has, by name.

    `places` are those of the page's subtasks, to which rows link; rows of other subtasks are left out.
    """
    get = tables.get
    planted = get("planted")
    return {
        "flags": _grid(FLAGS, "Flags", get("flags"), places, _FLAGS),
        "flag_counts": _counts(get("flags")),
        "forecast_counts": _forecast_counts(get("forecast_counts")),
        "forecasts": _grid(FORECASTS, "Forecasts", _of_the_mean(get("forecasts")), places, _FORECASTS),
        "rises": _grid(RISES, "Where each metric rises", _as_powers(get("rises")), places, _RISES),
        "shift": _grid(SCAFFOLD_SHIFT, "Shifts under another prompt", get("scaffold_shift"), places, _SHIFT),
        "stability": _grid(PROMPT_STABILITY, "Answers over all prompts", get("prompt_stability"), places, _STABILITY),
        "ladder_shifts": _ladder_shifts(get("ladder_shifts")),
        "families": _families(get("families")),
        "power": _power(get("power")),
        "planted": [] if planted is None else planted.to_dicts(),
    }


def _grid(
    table: Table, caption: str, frame: pl.DataFrame | None, places: Mapping[Subtask, int], titles: _Titles
) -> Grid | None:
    """Make a grid of a table's columns in the order of `titles`, subtasks in the page's; None without a row."""
    if frame is None:
        return None
    at = [places.get(Subtask(*key)) for key in frame.select(KEY).iter_rows()]
    rows = frame.with_columns(_at=pl.Series(at, dtype=pl.Int64)).drop_nulls("_at")
    rows = rows.sort("_at", text.rank("metric", METRICS), maintain_order=True)
    if rows.is_empty():
        return None
    return _of(table, caption, Column("Subtask", "subtask", rows["_at"].to_list()), rows, titles)


def _ladder_shifts(shifts: pl.DataFrame | None) -> Grid | None:
    """Set out how far apart each two ladders rise, those that are told first; a row is of no one subtask's ladder."""
    if shifts is None or shifts.is_empty():
        return None
    rows = shifts.sort(pl.col("compute_shift_decades").is_null(), maintain_order=True)
    names = [text.words(Subtask("", *key), with_ladder=False).full for key in rows.select("task", "subtask").rows()]
    return _of(LADDER_SHIFTS, "How far apart ladders rise", Column("Subtask", "name", names), rows, _LADDER_SHIFTS)


def _of(table: Table, caption: str, first: Column, rows: pl.DataFrame, titles: _Titles) -> Grid:
    rest = (
        measured(title, rows.to_dicts(), name, about=str(table.described[name]))
        if kind == "interval"
        else Column(title, kind, _cells(rows[name]), str(table.described[name]))
        for name, (title, kind) in titles.items()
    )
    return Grid(table.name, caption, [first, *rest])


def _cells(series: pl.Series) -> list[Any]:
    if series.dtype == pl.Boolean:
        return [None if value is None else "yes" if value else "no" for value in series]
    if series.name == "metric":
        return [text.title(value) for value in series]
    return [text.with_titles(value) for value in series] if series.name == "detail" else series.to_list()


def _counts(flags: pl.DataFrame | None) -> list[tuple[str, str, int]] | None:
    """Count the flags of each kind, the most frequent first, with their meaning; None without the table."""
    if flags is None:
        return None
    counted = flags.group_by("flag").len().sort("len", "flag", descending=[True, False])
    return [(flag, text.FLAGS.get(flag, ""), n) for flag, n in counted.iter_rows()]


def _as_powers(frame: pl.DataFrame | None) -> pl.DataFrame | None:
    """Turn log10 places into places."""
    return None if frame is None else frame.with_columns((10.0 ** pl.col("^.*log10_x.*$")).name.keep())


def _of_the_mean(forecasts: pl.DataFrame | None) -> pl.DataFrame | None:
    """Leave out the single forms, which stand in the table: they compete, and their mean does not."""
    return None if forecasts is None else forecasts.filter(pl.col("won").is_null())


def _forecast_counts(counts: pl.DataFrame | None) -> Grid | None:
    """Set out the counts by side of the elbow, above it first: a row per metric, with the forms that came nearest."""
    if counts is None or counts.is_empty():
        return None
    rows = []
    for (along, above), of in counts.partition_by("along", "above_elbow", as_dict=True, maintain_order=True).items():
        mean, forms = of.filter(pl.col("won").is_null()), of.filter(pl.col("won") > 0).sort("won", descending=True)
        for metric in text.metrics(mean):
            row = mean.filter(metric=metric).row(0, named=True)
            nearest = [f"{form} {won}" for form, won in forms.filter(metric=metric).select("form", "won").rows()]
            few = ": too few" if row["inside_interval"] < _ENOUGH * row["forecasts"] else ""
            inside = f"{row['inside_interval']} of {row['forecasts']}{few}"
            rungs = "checkpoint" if along == "training" else "size"
            side = "not known" if above is None else f"{'a' if above else 'no'} fitted {rungs} is above it"
            rows.append(row | {"side": side, "nearest": ", ".join(nearest), "inside": inside})

    within = [f"{row['within_5_percent']} of {row['with_relative_error']}" for row in rows]
    error = [text.percent(row["median_relative_error"]) for row in rows]
    columns = [
        Column("Metric", "name", [text.title(row["metric"]) for row in rows]),
        Column("Elbow", "text", [row["side"] for row in rows]),
        Column("Forecasts", "number", [row["forecasts"] for row in rows]),
        Column("Within 5%", "number", [row["within_5_percent"] for row in rows], said=within),
        Column("Median error", "number", [row["median_relative_error"] for row in rows], said=error),
        Column("Inside the 90% interval", "text", [row["inside"] for row in rows]),
        Column("Nearest forms, and how often", "text", [row["nearest"] for row in rows]),
    ]
    return Grid("forecast-counts", "Forecasts that came out", columns, short=True)


def _families(families: pl.DataFrame | None) -> Grid | None:
    """Set out what goes with the length of an answer, a row per task."""
    if families is None or families.is_empty():
        return None
    rows = families.to_dicts()
    with_ladder = families["ladder"].n_unique() > 1
    names = [text.words(Subtask(row["ladder"], row["task"], row["task"]), with_ladder=with_ladder).full for row in rows]
    ends = [f"{text.number(row['answer_tokens_min'])} to {text.number(row['answer_tokens_max'])}" for row in rows]
    columns = [
        Column("Task", "name", names),
        Column("Subtasks that rise", "text", [f"{row['fitted']} of {row['subtasks']}" for row in rows]),
        Column("Tokens of an answer", "text", ends),
        measured("Metric share", rows, "metric_share", text.percent),
        measured("Acceleration", rows, "acceleration", about="0: as fast in the cliff as before, 1: a jump"),
        measured("Decades later", rows, "half_slope_decades_per_decade"),
    ]
    return Grid("families", "Tasks whose subtasks differ in answer length", columns, short=True)


def _power(power: pl.DataFrame | None) -> Grid | None:
    """Set out what the ladder would answer on planted subtasks."""
    if power is None or power.is_empty():
        return None
    rows = [
        row | {"right_share_low": row["right_low"], "right_share_high": row["right_high"]} for row in power.to_dicts()
    ]
    sizes = [f"{row['sizes']}{f' ({added} more)' if (added := row['sizes_added']) else ''}" for row in rows]
    found = [None if row["cliff_found"] is None else f"{row['cliff_found']} of {row['replicates']}" for row in rows]
    columns = [
        Column("Ladder", "name", power["ladder"].to_list()),
        Column("Sizes", "text", sizes),
        Column("Questions", "number", power["n_items"].to_list()),
        Column("Truth", "text", power["truth"].to_list()),
        Column("Cliff found", "text", found),
        Column("Right answer", "text", power["right_answer"].to_list()),
        measured("Given (95% interval)", rows, "right_share", text.percent),
        Column("Why not", "text", power["reason"].to_list()),
    ]
    return Grid("power", "Answers on planted subtasks", columns, short=True)
