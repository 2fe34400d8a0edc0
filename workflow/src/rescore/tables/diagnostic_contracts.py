"""The tables that are reported beside the verdicts and never decide one; docs/diagnostics.md explains every column."""

import polars as pl

from rescore.tables.contracts import Table, interval_columns

BARS = (10, 50, 90)
"""Per cent of a bounded score, with higher better, that a size's median seed is held against."""

_CELL: dict[str, type[pl.DataType]] = {
    "ladder": pl.String,
    "task": pl.String,
    "subtask": pl.String,
    "metric": pl.String,
}
_SUBTASK = {name: kind for name, kind in _CELL.items() if name != "metric"}


def _floats(*names: str) -> dict[str, type[pl.DataType]]:
    return dict.fromkeys(names, pl.Float64)


RISES = Table(
    "rises",
    {
        "ladder": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "metric": pl.String,
        "start_log10_x": pl.Float64,
        **dict.fromkeys(interval_columns("half_log10_x"), pl.Float64),
        "end_log10_x": pl.Float64,
        "reason": pl.String,
        **{f"size_over_{bar}_percent_log10_x": pl.Float64 for bar in BARS},
        **{f"model_over_{bar}_percent": pl.String for bar in BARS},
    },
    frozenset(
        {"start_log10_x", *interval_columns("half_log10_x"), "end_log10_x", "reason"}
        | {f"size_over_{bar}_percent_log10_x" for bar in BARS}
        | {f"model_over_{bar}_percent" for bar in BARS}
    ),
)

SEEDS = Table(
    "seeds",
    {
        "ladder": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "metric": pl.String,
        "log10_x": pl.Float64,
        "seeds": pl.Int64,
        "through": pl.Int64,
        "share": pl.Float64,
        "share_low": pl.Float64,
        "share_high": pl.Float64,
    },
)

_POOLED = interval_columns("metric_share", "acceleration", "half_slope_decades_per_decade")

FAMILIES = Table(
    "families",
    {
        "ladder": pl.String,
        "task": pl.String,
        "subtasks": pl.Int64,
        "fitted": pl.Int64,
        "answer_tokens_min": pl.Float64,
        "answer_tokens_max": pl.Float64,
        **dict.fromkeys(_POOLED, pl.Float64),
        "reason": pl.String,
    },
    frozenset({*_POOLED, "reason"}),
)

FORECASTS = Table(
    "forecasts",
    {
        **_CELL,
        "along": pl.String,
        "n_rungs": pl.Int64,
        "n_rungs_fitted": pl.Int64,
        "fitted_share": pl.Float64,
        "form": pl.String,
        **_floats("exponent", "offset_nats", "forecast", "forecast_low", "forecast_high", "realised"),
        "relative_error": pl.Float64,
        "within_5_percent": pl.Boolean,
        "inside_interval": pl.Boolean,
        "reason": pl.String,
    },
    frozenset(
        {
            "n_rungs_fitted",
            "fitted_share",
            "form",
            "exponent",
            "offset_nats",
            "forecast",
            "forecast_low",
        }
        | {"forecast_high", "realised", "relative_error", "within_5_percent", "inside_interval", "reason"}
    ),
)

FLAGS = Table(
    "flags",
    {
        **_SUBTASK,
        "flag": pl.String,
        "metric": pl.String,
        "statistic": pl.String,
        "value": pl.Float64,
        "threshold": pl.Float64,
        "detail": pl.String,
    },
    frozenset({"threshold"}),
)


def _interval(place: str, ends: str) -> tuple[str, str, str]:
    return place, f"{ends}_low", f"{ends}_high"


_SCAFFOLD = _interval("shift_decades", "shift")

SCAFFOLD_SHIFT = Table(
    "scaffold_shift",
    {**_CELL, **_floats("level", *_SCAFFOLD), "reason": pl.String},
    frozenset({"level", *_SCAFFOLD, "reason"}),
)

_IN_COMPUTE = (
    *_interval("log10_compute_flops", "compute"),
    *_interval("other_log10_compute_flops", "other_compute"),
    *_interval("compute_shift_decades", "compute_shift"),
)
_IN_PARAMETERS = _interval("n_params_shift_decades", "n_params_shift")

LADDER_SHIFTS = Table(
    "ladder_shifts",
    {
        "ladder": pl.String,
        "other_ladder": pl.String,
        **{name: kind for name, kind in _CELL.items() if name != "ladder"},
        **_floats("level", *_IN_COMPUTE),
        "compute_reason": pl.String,
        **_floats(*_IN_PARAMETERS),
        "n_params_reason": pl.String,
    },
    frozenset({"level", *_IN_COMPUTE, "compute_reason", *_IN_PARAMETERS, "n_params_reason"}),
)

_ANSWERED = ("cliff_found", "metric_yes", "metric_no", "skill_yes", "skill_no")

POWER = Table(
    "power",
    {
        "ladder": pl.String,
        "n_items": pl.Int64,
        "models": pl.Int64,
        "sizes": pl.Int64,
        "decades": pl.Float64,
        "truth": pl.String,
        "right_answer": pl.String,
        "replicates": pl.Int64,
        **dict.fromkeys(_ANSWERED, pl.Int64),
        **_floats("right_share", "right_low", "right_high"),
        "reason": pl.String,
    },
    frozenset({*_ANSWERED, "right_share", "right_low", "right_high", "reason"}),
)

DIAGNOSTICS = (RISES, SEEDS, FAMILIES, LADDER_SHIFTS, FORECASTS, FLAGS)
"""The tables that `rescore test` writes beside the verdicts."""
