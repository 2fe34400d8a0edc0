"""What the page says beside the answers: flags, planning, and what the ladder can tell."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl

from rescore.report import text
from rescore.report.details import Details
from rescore.report.grid import Column, Grid
from rescore.report.text import KEY, Subtask
from rescore.tables import (
    DIAGNOSTICS,
    FLAGS,
    FORECASTS,
    LADDER_SHIFTS,
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

_Titles = Mapping[str, tuple[str, Literal["word", "text", "number"]]]

_FLAGS: _Titles = {
    "flag": ("Flag", "word"),
    "metric": ("Metric", "word"),
    "detail": ("What was seen", "text"),
    "value": ("Value", "number"),
    "threshold": ("Raised from", "number"),
}
_FORECASTS: _Titles = {
    "above_elbow": ("Above the elbow", "word"),
    "metric": ("Metric", "word"),
    "forecast": ("Forecast", "number"),
    "forecast_low": ("from", "number"),
    "forecast_high": ("to", "number"),
    "realised": ("Came out", "number"),
    "inside_interval": ("Inside", "word"),
    "reason": ("Why not", "text"),
}
_RISES: _Titles = {
    "metric": ("Metric", "word"),
    "half_log10_x": ("Half of the rise at", "number"),
    "half_log10_x_low": ("from", "number"),
    "half_log10_x_high": ("to", "number"),
    "model_over_50_percent": ("First over 50%", "text"),
    "size_over_50_percent_log10_x": ("That size", "number"),
    "reason": ("No rise", "text"),
}
_SHIFT: _Titles = {
    "setting": ("Run", "word"),
    "metric": ("Metric", "word"),
    "shift_decades": ("Shift (decades)", "number"),
    "shift_low": ("from", "number"),
    "shift_high": ("to", "number"),
    "reason": ("Why not", "text"),
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


def sections(tables: Mapping[str, pl.DataFrame], subtasks: Sequence[Details]) -> dict[str, Any]:
    """Return what diagnostics.html.j2 shows; nothing of a table that is not there.

    Parameters
    ----------
    tables
        By name, those of TABLES that the run has.
    subtasks
        The page's, to which rows link. Rows of other subtasks are left out.
    """
    get = tables.get
    families, power, planted = get("families"), get("power"), get("planted")
    return {
        "flags": _grid(FLAGS, "Flags", get("flags"), subtasks, _FLAGS),
        "flag_counts": _counts(get("flags")),
        "forecast_counts": _forecast_counts(get("forecast_counts")),
        "forecasts": _grid(FORECASTS, "Forecasts", _of_the_mean(get("forecasts")), subtasks, _FORECASTS),
        "rises": _grid(RISES, "Where each metric rises", _as_powers(get("rises")), subtasks, _RISES),
        "shift": _grid(SCAFFOLD_SHIFT, "Shifts under another prompt", get("scaffold_shift"), subtasks, _SHIFT),
        "stability": _grid(PROMPT_STABILITY, "Answers over all prompts", get("prompt_stability"), subtasks, _STABILITY),
        "ladder_shifts": _ladder_shifts(get("ladder_shifts")),
        "families": [] if families is None else families.to_dicts(),
        "power": [] if power is None else power.to_dicts(),
        "planted": [] if planted is None else planted.to_dicts(),
    }


def _grid(
    table: Table, caption: str, frame: pl.DataFrame | None, subtasks: Sequence[Details], titles: _Titles
) -> Grid | None:
    """Make a grid of a table's columns in the order of `titles`, subtasks in the page's; None without a row."""
    if frame is None:
        return None
    place = {subtask.key: n for n, subtask in enumerate(subtasks)}
    at = [place.get(Subtask(*key)) for key in frame.select(KEY).iter_rows()]
    rows = frame.with_columns(_at=pl.Series(at, dtype=pl.Int64)).drop_nulls("_at")
    rows = rows.sort("_at", *([text.metric_rank()] if "metric" in rows.columns else []), maintain_order=True)
    if rows.is_empty():
        return None
    return _of(table, caption, Column(title="Subtask", kind="subtask", cells=rows["_at"].to_list()), rows, titles)


def _ladder_shifts(shifts: pl.DataFrame | None) -> Grid | None:
    """Set out how far apart each two ladders rise, those that are told first; a row is of no one subtask's ladder."""
    if shifts is None or shifts.is_empty():
        return None
    rows = shifts.sort(pl.col("compute_shift_decades").is_null(), maintain_order=True)
    names = [text.words(Subtask("", *key), with_ladder=False).full for key in rows.select("task", "subtask").rows()]
    first = Column(title="Subtask", kind="text", cells=names)
    return _of(LADDER_SHIFTS, "How far apart ladders rise", first, rows, _LADDER_SHIFTS)


def _of(table: Table, caption: str, first: Column, rows: pl.DataFrame, titles: _Titles) -> Grid:
    described = table.described
    rest = [
        Column(title=title, kind=kind, cells=_cells(rows[name]), about=str(described[name]))
        for name, (title, kind) in titles.items()
    ]
    return Grid(id=table.name, caption=caption, columns=[first, *rest])


def _cells(series: pl.Series) -> list[Any]:
    if series.dtype == pl.Boolean:
        return [None if value is None else "yes" if value else "no" for value in series]
    if series.name == "metric":
        return [text.title(value) for value in series]
    return [text.with_titles(value) for value in series] if series.name == "detail" else series.to_list()


def _counts(flags: pl.DataFrame | None) -> list[tuple[str, int]] | None:
    """Count the flags of each kind, the most frequent first; None without the table."""
    if flags is None:
        return None
    counted = flags.group_by("flag").len().sort("len", "flag", descending=[True, False])
    return [(flag, n) for flag, n in counted.iter_rows()]


def _as_powers(frame: pl.DataFrame | None) -> pl.DataFrame | None:
    """Turn log10 places into places."""
    return None if frame is None else frame.with_columns((10.0 ** pl.col("^.*log10_x.*$")).name.keep())


def _of_the_mean(forecasts: pl.DataFrame | None) -> pl.DataFrame | None:
    """Leave out the single forms, which stand in the table: they compete, and their mean does not."""
    return None if forecasts is None else forecasts.filter(pl.col("won").is_null())


def _forecast_counts(counts: pl.DataFrame | None) -> list[dict[str, Any]]:
    """Group the counts by side of the elbow, above it first: a row per metric, with the forms that came nearest."""
    groups: list[dict[str, Any]] = []
    for (along, above), of in (
        () if counts is None else counts.partition_by("along", "above_elbow", as_dict=True, maintain_order=True).items()
    ):
        mean, forms = of.filter(pl.col("won").is_null()), of.filter(pl.col("won") > 0).sort("won", descending=True)
        rows = []
        for metric in text.metrics(mean):
            nearest = [f"{form} {won}" for form, won in forms.filter(metric=metric).select("form", "won").rows()]
            row = mean.filter(metric=metric).row(0, named=True)
            few = row["inside_interval"] < _ENOUGH * row["forecasts"]
            rows.append(row | {"nearest": ", ".join(nearest), "few": few})
        groups.append({"along": along, "above": above, "rows": rows})
    return groups
