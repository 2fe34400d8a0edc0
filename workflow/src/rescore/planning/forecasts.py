"""Forecasting the top of a ladder from its lower part by several forms, and how far off each forecast was."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from rescore.discontinuity.conventions import CONVENTIONS, Conventions
from rescore.discontinuity.stream import stream
from rescore.planning.curves import CELL, NO_ERROR, Curve, Floats, read_curves
from rescore.planning.tournament import LOWER_PART, Likelihood, Told, tournament, unscaled
from rescore.tables import FORECAST_COUNTS, FORECASTS
from rescore.tables.axes import checkpoint_ladders
from rescore.tables.metrics import HARD_METRICS, HEADLINE_METRICS, reference_metric

FIRST_PART = 0.1
"""Share of training that is fitted, of a ladder of checkpoints."""

GOOD = 0.05
"""A relative error that is called good."""

ELBOW = 0.1
"""A fitted rung is above the elbow where the hard metric, its chance taken off, is over this."""

MEAN = "mean of the forms"
LEVEL = 0.9

EXTRAPOLATION = {("nats", False): 1.1, ("nats", True): 0.7, ("bounded", False): 1.5, ("bounded", True): 0.8}
"""What extrapolation adds per decade beyond the fitted part, in log nats or logits, by whether a fitted rung is above
the elbow (where nobody can tell, as below it): standard deviation of half a normal distribution. Planted tops come out
better than the fitted part lets one think, not worse, so the other half is 0 (benchmarks/forecast_coverage.py)."""

_RUNGS_MIN = 4
_SAME = 2e-6  # log10 compute is rounded to 6 digits


class Fitted(NamedTuple):
    """A curve whose lowest `fitted` rungs were fitted, and what was told of it, or why nothing was."""

    curve: Curve
    along: str
    fitted: int
    above_elbow: bool | None
    told: Told | str
    rng: np.random.Generator


def forecasts(
    curves: pl.DataFrame, verdicts: pl.DataFrame | None = None, conventions: Conventions = CONVENTIONS, *, seed: int = 0
) -> pl.DataFrame:
    """Fit the lower part of each curve by several forms, forecast the top rung, compare.

    docs/diagnostics.md says which rungs are fitted, by which forms (see `forms`), and what is forecast. Rungs are
    weighted by the variance of items and seeds plus rung noise (rung_sd_logits). The interval has draws of each form's
    parameters and of the top rung's noise, both scaled by what the form leaves over (moderated, prior_df), and the
    error of extrapolation, EXTRAPOLATION times the decades beyond the fitted part.

    `verdicts` (VERDICTS) tell what guessing scores, where they are given. Returns the table FORECASTS: one row per form
    of each curve of CURVES and one of their mean, in the metric's own unit, or one with the reason why there is none.
    """
    rows: list[dict[str, Any]] = []
    for one in fitted_curves(curves, verdicts, conventions, seed):
        row: dict[str, Any] = dict.fromkeys(FORECASTS.columns) | dict(zip(CELL, one.curve.key, strict=True))
        row |= {"along": one.along, "n_rungs": len(one.curve.x)}
        if isinstance(one.told, str):
            rows.append(row | {"reason": one.told})
            continue
        row |= {
            "above_elbow": one.above_elbow,
            "n_rungs_fitted": one.fitted,
            "fitted_share": float(10 ** (one.curve.x[one.fitted - 1] - one.curve.x[-1])),
        }
        rows += [row | entry for entry in _entries(one, one.told, conventions)]
    return pl.DataFrame(rows, schema=dict(FORECASTS.columns)).sort(
        "above_elbow", *CELL, descending=[True, *[False] * len(CELL)], nulls_last=True, maintain_order=True
    )


def forecast_counts(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Count the forecasts (FORECASTS) that came out, split by whether a fitted rung was above the elbow.

    Returns the table FORECAST_COUNTS, one row per side of the elbow, metric and form, the mean of the forms first.
    """
    by = ["along", "above_elbow", "metric", "form"]
    counted = forecasts.drop_nulls("forecast").group_by(by, maintain_order=True)
    found = counted.agg(
        forecasts=pl.len(),
        with_relative_error=pl.col("relative_error").count(),
        within_5_percent=pl.col("within_5_percent").sum(),
        inside_interval=pl.col("inside_interval").sum(),
        median_relative_error=pl.col("relative_error").abs().median(),
        won=pl.when(pl.col("won").is_not_null().any()).then(pl.col("won").sum()),
    )
    first = [pl.col("along"), pl.col("above_elbow"), pl.col("metric"), pl.col("form") != MEAN, pl.col("form")]
    found = found.sort(first, descending=[False, True, False, False, False], nulls_last=True)
    return found.select(pl.col(name).cast(kind) for name, kind in FORECAST_COUNTS.columns.items())


def fitted_curves(
    curves: pl.DataFrame, verdicts: pl.DataFrame | None, conventions: Conventions, seed: int
) -> Iterator[Fitted]:
    """Fit every curve that is forecast; parameters as of `forecasts`."""
    wanted = pl.col("metric").is_in([*HARD_METRICS, *HEADLINE_METRICS])
    checkpoints = checkpoint_ladders(curves)
    chances = {} if verdicts is None else {row[:4]: row[4] for row in verdicts.select(*CELL, "chance").iter_rows()}
    for names, group in groupby(read_curves(curves.filter(wanted)), key=lambda curve: curve.key[:3]):
        of = {curve.key[3]: curve for curve in group}
        reference, in_training = of.get(reference_metric(of)), names[0] in checkpoints
        likelihood = None
        for curve in sorted(of.values(), key=lambda curve: curve is not reference):
            k, along = _n_fitted(curve.x, in_training=in_training), "training" if in_training else "size"
            rng = stream(seed, *curve.key, "forecast")
            if reason := _refused(curve, k):
                yield Fitted(curve, along, k, None, reason, rng)
                continue
            told = tournament(curve, None if curve.in_nats else likelihood, k, conventions, rng)
            if curve is reference:
                likelihood = Likelihood(curve, told)
            yield Fitted(curve, along, k, _above_elbow(of, float(curve.x[k - 1]), chances), told, rng)


def _n_fitted(log10_compute: Floats, *, in_training: bool) -> int:
    if not in_training:
        return int(np.ceil(LOWER_PART * len(log10_compute)))
    first = log10_compute <= log10_compute[-1] + np.log10(FIRST_PART) + _SAME
    return max(int(np.count_nonzero(first)), _RUNGS_MIN)


def _refused(curve: Curve, fitted: int) -> str | None:
    if fitted < _RUNGS_MIN:
        return f"{fitted} rungs in the lower {LOWER_PART:.0%} of the ladder, at least {_RUNGS_MIN} are needed"
    if fitted >= len(curve.x):
        return f"{len(curve.x)} checkpoints, at least {_RUNGS_MIN + 1} are needed: {_RUNGS_MIN} to fit"
    return NO_ERROR if np.isnan(curve.variance).any() else None


def _above_elbow(of: Mapping[str, Curve], last: float, chances: Mapping[tuple[str, ...], float | None]) -> bool | None:
    """Whether a fitted rung's hard metric, rescaled so that chance is 0, is over ELBOW; None where nobody can tell."""
    hard = next((of[name] for name in HARD_METRICS if name in of), None)
    if hard is None:
        return None
    chance = chances.get(hard.key)
    if chance is None:
        if hard.key[3] != HARD_METRICS[0]:  # a choice that is guessed scores, and nobody knows what
            return None
        chance = 0.0
    return bool(((hard.mean[hard.x <= last] - chance) / (1 - chance) > ELBOW).any())


def _entries(one: Fitted, told: Told, conventions: Conventions) -> Iterator[dict[str, Any]]:
    """Compare the forecasts of each form and of their mean with the top rung: columns of FORECASTS."""
    curve = one.curve
    sd = EXTRAPOLATION["nats" if curve.in_nats else "bounded", bool(one.above_elbow)]
    decades = curve.x[-1] - curve.x[one.fitted - 1]
    beyond = np.maximum(one.rng.standard_normal(conventions.draws), 0.0) * sd * decades  # [draws]
    realised = curve.in_own_unit(float(curve.mean[-1]))
    nearest = int(np.abs(told.top - told.seen).argmin())
    weights, mean = told.weights(), told.mean()
    entrants = [(MEAN, mean.top[0], mean.drawn[0], None, None)]
    entrants += zip(told.names, told.top, told.drawn, told.error, weights, strict=True)
    for i, (name, top, drawn, error, weight) in enumerate(entrants):
        low, high = np.quantile(drawn + beyond, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        value, *ends = (unscaled(float(z), curve, conventions) for z in (top, low, high))
        floor = conventions.nll_floor_nats if curve.in_nats else 0.0
        relative = (value - realised) / (realised + floor) if realised + floor > 1e-12 else None
        yield {
            "form": name,
            "held_out_error": error,
            "weight": weight,
            "forecast": value,
            "forecast_low": min(ends),
            "forecast_high": max(ends),
            "realised": realised,
            "relative_error": relative,
            "within_5_percent": None if relative is None else abs(relative) <= GOOD,
            "inside_interval": min(ends) <= realised <= max(ends),
            "won": nearest == i - 1 if i else None,
            "reason": "no relative error: the realised value is 0" if relative is None else None,
        }
