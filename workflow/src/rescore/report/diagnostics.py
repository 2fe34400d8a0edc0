"""What the page says beside the answers: flags, planning, and what the ladder can tell."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import polars as pl

from rescore.report import text
from rescore.report.grid import Column, Grid, Titles, of_table
from rescore.report.text import KEY, Subtask
from rescore.tables import (
    DIAGNOSTICS,
    FAMILIES,
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

_FLAGS: Titles = {
    "flag": ("Flag", "word"),
    "metric": ("Metric", "word"),
    "detail": ("What was seen", "text"),
    "value": ("Value", "number"),
    "threshold": ("Threshold", "number"),
}
_FORECASTS: Titles = {
    "above_elbow": ("Above the elbow", "word"),
    "metric": ("Metric", "word"),
    "forecast": ("Forecast (90% interval)", "interval"),
    "realised": ("Came out", "number"),
    "inside_interval": ("Inside", "word"),
    "reason": ("Note", "text"),
}
_RISES: Titles = {
    "metric": ("Metric", "word"),
    "half_log10_x": ("Half of its own rise at (90% interval)", "interval"),
    "size_over_50_percent_log10_x": ("Score first over 50% at", "number"),
    "reason": ("Why no rise", "text"),
}
_SHIFT: Titles = {
    "setting": ("Run", "word"),
    "metric": ("Metric", "word"),
    "shift_decades": ("Shift (decades)", "number"),
    "shift_low": ("from", "number"),
    "shift_high": ("to", "number"),
    "reason": ("Why none", "text"),
}
_STABILITY: Titles = {
    "metric": ("Metric", "word"),
    "verdict": ("Verdict", "word"),
    "cliff": ("Cliff", "word"),
    "metric_makes_it": ("Metric makes it", "word"),
    "skill_broke": ("Skill broke", "word"),
    "elbow_apart_decades": ("Elbows apart (decades)", "number"),
    "moved": ("Prompts that move it", "number"),
}
_LADDER_SHIFTS: Titles = {
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
_FAMILIES: Titles = {
    "fitted": ("Subtasks that rise", "text"),
    "answer_tokens_min": ("Tokens of an answer", "text"),
    "metric_share": ("Metric share", "percent"),
    "acceleration": ("Acceleration (0: even, 0.5: 3x)", "interval"),
    "half_slope_decades_per_decade": ("Decades later", "interval"),
}
_POWER: Titles = {
    "sizes": ("Sizes", "text"),
    "n_items": ("Questions", "number"),
    "truth": ("Truth", "text"),
    "cliff_found": ("Cliff found", "text"),
    "right_answer": ("Right answer", "text"),
    "right_share": ("Given (95% interval)", "percent"),
    "reason": ("Why not", "text"),
}


def sections(tables: Mapping[str, pl.DataFrame], places: Mapping[Subtask, int]) -> dict[str, Any]:
    """Return what diagnostics.html.j2 shows of those of TABLES that the run has, by name; None of an empty one.

    `places` are those of the page's subtasks, to which rows link; rows of other subtasks are left out.
    """
    grid = partial(_grid, places=places)
    made: dict[str, Callable[[pl.DataFrame], Grid | None]] = {
        "flags": partial(grid, FLAGS, "Flags", _FLAGS),
        "forecast_counts": _forecast_counts,
        "forecasts": partial(grid, FORECASTS, "Forecasts", _FORECASTS),
        "rises": partial(grid, RISES, "Where each metric rises", _RISES),
        "scaffold_shift": partial(grid, SCAFFOLD_SHIFT, "Shifts under another prompt", _SHIFT),
        "prompt_stability": partial(grid, PROMPT_STABILITY, "Answers over all prompts", _STABILITY),
        "ladder_shifts": _ladder_shifts,
        "families": _families,
        "power": _power,
    }
    found = {name: tables[name] for name in made if name in tables and not tables[name].is_empty()}
    return (
        dict.fromkeys(made)
        | {name: made[name](frame) for name, frame in found.items()}
        | {"flag_counts": _counts(tables.get("flags"))}
        | {"planted": tables["planted"].to_dicts() if "planted" in tables else []}
    )


def _grid(
    table: Table, caption: str, titles: Titles, frame: pl.DataFrame, places: Mapping[Subtask, int]
) -> Grid | None:
    """Make a grid of a table's columns in the order of `titles`, subtasks in the page's; None without a row."""
    at = [places.get(Subtask(*key)) for key in frame.select(KEY).iter_rows()]
    rows = frame.with_columns(_at=pl.Series(at, dtype=pl.Int64)).drop_nulls("_at")
    if "won" in rows.columns:  # the forms compete, and the forecast is their mean
        rows = rows.filter(pl.col("won").is_null())
    if rows.is_empty():
        return None
    rows = rows.sort("_at", text.rank("metric", METRICS), maintain_order=True)
    rows = rows.with_columns((10.0 ** pl.col("^.*_log10_x.*$")).name.keep())  # places on the axis
    return of_table(table, caption, Column("Subtask", "subtask", rows["_at"].to_list()), rows, titles)


def _ladder_shifts(shifts: pl.DataFrame) -> Grid:
    """Set out how far apart each two ladders rise, those that are told first; a row is of no one subtask's ladder."""
    rows = shifts.sort(pl.col("compute_shift_decades").is_null(), maintain_order=True)
    names = [text.words(Subtask("", *key), with_ladder=False).full for key in rows.select("task", "subtask").rows()]
    return of_table(LADDER_SHIFTS, "How far apart ladders rise", Column("Subtask", "name", names), rows, _LADDER_SHIFTS)


def _counts(flags: pl.DataFrame | None) -> list[tuple[str, str, int]] | None:
    """Count the flags of each kind, the most frequent first, with their meaning; None without the table."""
    if flags is None:
        return None
    counted = flags.group_by("flag").len().sort("len", "flag", descending=[True, False])
    return [(flag, text.FLAGS.get(flag, ""), n) for flag, n in counted.iter_rows()]


def _forecast_counts(counts: pl.DataFrame) -> Grid:
    """Set out the counts by side of the elbow, above it first: a row per metric, with the forms that came nearest."""
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


def _families(families: pl.DataFrame) -> Grid:
    """Set out what goes with the length of an answer, a row per task."""
    with_ladder = families["ladder"].n_unique() > 1
    keys = [Subtask(ladder, task, task) for ladder, task in families.select("ladder", "task").rows()]
    names = Column("Task", "name", [text.words(key, with_ladder=with_ladder).full for key in keys])
    ends = [map(text.number, row) for row in families.select("answer_tokens_min", "answer_tokens_max").rows()]
    rows = families.with_columns(
        fitted=pl.format("{} of {}", "fitted", "subtasks"),
        answer_tokens_min=pl.Series([" to ".join(row) for row in ends], dtype=pl.String),
    )
    return of_table(FAMILIES, "Tasks whose subtasks differ in answer length", names, rows, _FAMILIES, short=True)


def _power(power: pl.DataFrame) -> Grid:
    """Set out what the ladder would answer on planted subtasks."""
    added = pl.when(pl.col("sizes_added") > 0).then(pl.format(" ({} more)", "sizes_added")).otherwise(pl.lit(""))
    rows = power.with_columns(
        sizes=pl.format("{}{}", "sizes", added),
        cliff_found=pl.format("{} of {}", "cliff_found", "replicates"),
        right_share_low="right_low",
        right_share_high="right_high",
    )
    ladders = Column("Ladder", "name", power["ladder"].to_list())
    return of_table(POWER, "Answers on planted subtasks", ladders, rows, _POWER, short=True)
