"""What the page says beside the answers: flags, planning, and what the ladder can tell."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl

from rescore.report import charts, ladders, run_charts, text
from rescore.report.details import Details
from rescore.report.grid import Column, Grid
from rescore.report.text import KEY, Subtask
from rescore.tables import (
    DIAGNOSTICS,
    FLAGS,
    FORECASTS,
    POWER,
    RISES,
    SCAFFOLD_SHIFT,
    SEEDS,
    Table,
)
from rescore.tables.columns import columns

TABLES = (*DIAGNOSTICS, SCAFFOLD_SHIFT, POWER)
"""The tables that the page looks for; it is silent on one that it has no section for."""

_Titles = Mapping[str, tuple[str, Literal["word", "text", "number"]]]

_FLAGS: _Titles = {
    "flag": ("Flag", "word"),
    "metric": ("Metric", "word"),
    "detail": ("What was seen", "text"),
    "statistic": ("Statistic", "text"),
    "value": ("Value", "number"),
    "threshold": ("Raised from", "number"),
}
_FORECASTS: _Titles = {
    "metric": ("Metric", "word"),
    "forecast": ("Forecast", "number"),
    "forecast_low": ("from", "number"),
    "forecast_high": ("to", "number"),
    "realised": ("Came out", "number"),
    "relative_error": ("Relative error", "number"),
    "inside_interval": ("Inside", "word"),
    "form": ("Fitted", "word"),
    "exponent": ("Exponent", "number"),
    "offset_nats": ("Offset (nats)", "number"),
    "fitted_share": ("Fitted part", "number"),
    "reason": ("Why not", "text"),
}
_RISES: _Titles = {
    "metric": ("Metric", "word"),
    "half_log10_x": ("Half of the rise at", "number"),
    "half_log10_x_low": ("from", "number"),
    "half_log10_x_high": ("to", "number"),
    "start_log10_x": ("A tenth at", "number"),
    "end_log10_x": ("Nine tenths at", "number"),
    "model_over_10_percent": ("First over 10%", "text"),
    "model_over_50_percent": ("First over 50%", "text"),
    "model_over_90_percent": ("First over 90%", "text"),
    "reason": ("No rise", "text"),
}
_SEEDS: _Titles = {
    "log10_x": ("Size at", "number"),
    "seeds": ("Seeds", "number"),
    "through": ("Past half of the rise", "number"),
    "share": ("Share", "number"),
    "share_low": ("from", "number"),
    "share_high": ("to", "number"),
}
_SHIFT: _Titles = {
    "metric": ("Metric", "word"),
    "level": ("At", "number"),
    "shift_decades": ("Shift (decades)", "number"),
    "shift_low": ("from", "number"),
    "shift_high": ("to", "number"),
    "reason": ("Why not", "text"),
}
_LOG10 = ("half_log10_x", "half_log10_x_low", "half_log10_x_high", "start_log10_x", "end_log10_x", "log10_x")


def sections(tables: Mapping[str, pl.DataFrame], subtasks: Sequence[Details], cliffs: pl.DataFrame) -> dict[str, Any]:
    """Return what diagnostics.html.j2 shows, and `run_specs`, the charts it needs; nothing of a table not there.

    Parameters
    ----------
    tables
        By name, those of TABLES that the run has.
    subtasks
        The page's, to which rows link. Rows of other subtasks are left out.
    cliffs
        The table CLIFFS, for the chart of answer lengths.
    """
    get = tables.get
    families = get("families")
    shifts = get("ladder_shifts")
    crossings = {} if shifts is None else ladders.crossings(shifts)
    run_specs = {name: chart.properties(width="container") for name, chart in crossings.items()}
    if families is not None and families.height:
        run_specs["elbow"] = run_charts.elbow(cliffs, families).properties(width="container")
    return {
        "flags": _grid(FLAGS, "Flags", get("flags"), subtasks, _FLAGS),
        "flag_counts": _counts(get("flags")),
        "forecast_counts": _forecast_counts(get("forecasts")),
        "forecasts": _grid(FORECASTS, "Forecasts", get("forecasts"), subtasks, _FORECASTS),
        "rises": _grid(RISES, "Where each metric rises", _as_powers(get("rises")), subtasks, _RISES),
        "seeds": _grid(SEEDS, "Seeds through, by size", _as_powers(get("seeds")), subtasks, _SEEDS),
        "first_models": ladders.first_models(get("rises")),
        "ladder_shifts": ladders.shifts_grid(shifts),
        "shift": _grid(SCAFFOLD_SHIFT, "Shifts under another prompt", get("scaffold_shift"), subtasks, _SHIFT),
        "families": [] if families is None else families.to_dicts(),
        "power": [] if get("power") is None else tables["power"].to_dicts(),
        "crossings": list(crossings),
        "run_specs": {name: charts.bare(chart) for name, chart in run_specs.items()},
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
    described = columns()[table.name]
    return Grid(
        id=table.name,
        caption=caption,
        columns=[
            Column(title="Subtask", kind="subtask", cells=rows["_at"].to_list()),
            *(
                Column(title=title, kind=kind, cells=_cells(rows[name]), about=str(described[name]))
                for name, (title, kind) in titles.items()
            ),
        ],
    )


def _cells(series: pl.Series) -> list[Any]:
    if series.dtype == pl.Boolean:
        return [None if value is None else "yes" if value else "no" for value in series]
    return [text.title(value) for value in series] if series.name == "metric" else series.to_list()


def _counts(flags: pl.DataFrame | None) -> list[tuple[str, int]] | None:
    """Count the flags of each kind, the most frequent first; None without the table."""
    if flags is None:
        return None
    counted = flags.group_by("flag").len().sort("len", "flag", descending=[True, False])
    return [(flag, n) for flag, n in counted.iter_rows()]


def _as_powers(frame: pl.DataFrame | None) -> pl.DataFrame | None:
    """Turn log10 places into places."""
    if frame is None:
        return None
    return frame.with_columns((10.0 ** pl.col(name)).alias(name) for name in _LOG10 if name in frame.columns)


def _forecast_counts(forecasts: pl.DataFrame | None) -> list[dict[str, Any]]:
    """Count by metric the forecasts, and those that came out: within 5%, inside the interval."""
    if forecasts is None:
        return []
    made = forecasts.drop_nulls("forecast")
    return [
        {
            "metric": metric,
            "made": rows.height,
            "judged": rows.height - rows["within_5_percent"].null_count(),
            "within": int(rows["within_5_percent"].sum()),
            "inside": int(rows["inside_interval"].sum()),
        }
        for metric in text.metrics(made)
        for rows in [made.filter(metric=metric)]
    ]
