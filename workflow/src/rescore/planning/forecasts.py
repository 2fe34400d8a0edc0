"""Forecasting the top of a ladder from its lower part, and how far off the forecast was."""

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from scipy.special import expit
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from rescore.discontinuity.conventions import CONVENTIONS, Conventions
from rescore.planning.curves import CELL, NO_ERROR, Curve, Floats, read_curves
from rescore.planning.power_law import fit_line, offset_laws
from rescore.tables import FORECASTS
from rescore.tables.axes import checkpoint_ladders

LOWER_PART = 0.6
"""Share of the rungs that is fitted, of a ladder of sizes."""

FIRST_PART = 0.1
"""Share of training that is fitted, of a ladder of checkpoints."""

GOOD = 0.05
"""A relative error that is called good."""

_RUNGS_MIN = 4
_RUNGS_MIN_OFFSET = 6
_LEVEL = 0.95
_SAME = 2e-6  # log10 compute is rounded to 6 digits
_OFFSET_ALPHA = 0.01
_OFFSETS = 40  # candidates between 0 and the smallest NLL fitted
_LN10 = float(np.log(10))  # slopes are per decade of compute, exponents are not
_NLL_MIN = 1e-6  # nats; below it an NLL is rounding error
_LOGIT_MIN = 0.25  # at 4 nats and above: else a rung that is far off would count as known exactly


class Forecast(NamedTuple):
    """A forecast in [0, 1] with higher better, or in nats; exponent and offset are those of a power law.

    `seen` is the top rung's mean as it is compared with the interval. Of a bounded score it has half an item added to
    either side, (n m + 1/2) / (n + 1), so that 200 of 200 is 0.9975 and not beyond every forecast.
    """

    value: float
    low: float
    high: float
    seen: float
    form: str
    exponent: float | None
    offset_nats: float | None


def forecasts(curves: pl.DataFrame, conventions: Conventions = CONVENTIONS) -> pl.DataFrame:
    """Fit the lower part of each curve, forecast the top rung, compare.

    Of a ladder of sizes, the lower 60% of the rungs are fitted. Of a ladder of checkpoints (one size in training, see
    `checkpoint_ladders`), those of the first 10% of training, counted in compute, or the first 4 where fewer lie there.

    Bounded metrics: a line on the logit scale. NLL: the power law A C^-a, a line in log NLL; with an irreducible
    offset, E + A C^-a, where at least 6 rungs are fitted and the plain law is rejected against it (F test, p < .01).
    Rungs are weighted by the variance of items and seeds plus rung noise (rung_sd_logits). The scale that is left is
    s^2 = (d0 + RSS) / (d0 + d), and the interval is Student's t with d0 + d degrees of freedom, for the mean that the
    top rung will show, its own noise included. An NLL's interval is widened by the offsets that the fitted rungs allow
    (profile likelihood), whether or not one is found. It holds for curves of these forms: a cliff above the fitted part
    is beyond it.

    Parameters
    ----------
    curves
        The table CURVES.
    conventions
        For rung_sd_logits and prior_df (d0).

    Returns
    -------
    pl.DataFrame
        The table FORECASTS, one row per curve, in the metric's own unit. `relative_error` is forecast minus realised
        over realised, null where that is 0.
    """
    rows = []
    checkpoints = checkpoint_ladders(curves)
    for curve in read_curves(curves):
        in_training = curve.key[0] in checkpoints
        fitted = _n_fitted(curve.x, in_training=in_training)
        row: dict[str, Any] = dict.fromkeys(FORECASTS.columns) | dict(zip(CELL, curve.key, strict=True))
        row |= {"along": "training" if in_training else "size", "n_rungs": len(curve.x)}
        found = _forecast(curve, conventions, fitted)
        if isinstance(found, str):
            rows.append(row | {"reason": found})
            continue
        value, *ends, realised = map(curve.in_own_unit, (found.value, found.low, found.high, float(curve.mean[-1])))
        relative = (value - realised) / realised if abs(realised) > 1e-12 else None
        row |= {
            "n_rungs_fitted": fitted,
            "fitted_share": float(10 ** (curve.x[fitted - 1] - curve.x[-1])),
            "form": found.form,
            "exponent": found.exponent,
            "offset_nats": found.offset_nats,
            "forecast": value,
            "forecast_low": min(ends),
            "forecast_high": max(ends),
            "realised": realised,
            "relative_error": relative,
            "within_5_percent": None if relative is None else abs(relative) <= GOOD,
            "inside_interval": found.low <= found.seen <= found.high,
            "reason": "no relative error: the realised value is 0" if relative is None else None,
        }
        rows.append(row)
    return pl.DataFrame(rows, schema=dict(FORECASTS.columns))


def _n_fitted(log10_compute: Floats, *, in_training: bool) -> int:
    """How many of the rungs are fitted."""
    if not in_training:
        return int(np.ceil(LOWER_PART * len(log10_compute)))
    first = log10_compute <= log10_compute[-1] + np.log10(FIRST_PART) + _SAME
    return max(int(np.count_nonzero(first)), _RUNGS_MIN)


def _forecast(curve: Curve, conventions: Conventions, k: int) -> Forecast | str:
    """Forecast the top of a curve from its lowest `k` rungs, or say why there is no forecast."""
    if k < _RUNGS_MIN:
        return f"{k} rungs in the lower {LOWER_PART:.0%} of the ladder, at least {_RUNGS_MIN} are needed"
    if k >= len(curve.x):
        return f"{len(curve.x)} checkpoints, at least {_RUNGS_MIN + 1} are needed: {_RUNGS_MIN} to fit"
    if np.isnan(curve.variance).any():
        return NO_ERROR
    z, variance = _linked(curve, conventions.rung_sd_logits)
    x, d0 = curve.x, conventions.prior_df
    line = fit_line(x[:k], z[:k], variance[:k], x[-1])
    s2 = (d0 + line.rss) / (d0 + k - 2)
    half = t_distribution.ppf((1 + _LEVEL) / 2, d0 + k - 2) * np.sqrt(s2 * (line.variance + variance[-1]))
    told = np.array([line.at_top - half, line.at_top, line.at_top + half, z[-1]])
    if not curve.in_nats:
        low, value, high, seen = expit(told).tolist()
        return Forecast(value, low, high, seen, "logit-linear", None, None)
    high, value, low, seen = np.exp(-told).tolist()
    plain = Forecast(value, low, high, seen, "power law", line.slope / _LN10, None)
    if k < _RUNGS_MIN_OFFSET or line.slope <= 0:
        return plain
    return _with_offsets(plain, x, np.exp(-z), variance, k, d0)


def _linked(curve: Curve, rung_sd_logits: float) -> tuple[Floats, Floats]:
    """Put a curve on a scale where its growth is close to a line; with its variance, rung noise included: [rungs] both.

    - A bounded score m of n items: z = logit m~, m~ = (n m + 1/2) / (n + 1), dz/dm = 1 / (m~ (1 - m~)). 0.5 / n^2 is
      added to the variance of m, so that 0 of n has a standard error of about 1.4 on this scale and not 0.
    - An NLL m: z = -log m, dz/dm = -1 / m; a logit of the token's probability is (1 - exp(-m)) / m on this scale.
    """
    if curve.in_nats:
        m = np.maximum(curve.mean, _NLL_MIN)
        logit = np.maximum(-np.expm1(-m) / m, _LOGIT_MIN)
        return -np.log(m), (curve.variance + 1e-12) / m**2 + (rung_sd_logits * logit) ** 2
    m = (curve.n * curve.mean + 0.5) / (curve.n + 1)
    variance = (curve.variance + 0.5 / curve.n**2) / (m * (1 - m)) ** 2
    return np.log(m / (1 - m)), variance + rung_sd_logits**2


def _with_offsets(plain: Forecast, x: Floats, nll: Floats, variance: Floats, k: int, d0: float) -> Forecast:
    """Widen the forecast by E + A C^-a with every offset E, and move it where an offset is found.

    The interval is that of the profile likelihood: a value is in it where some offset's misfit to the fitted rungs,
    beyond the best one's, and the value's distance from that offset's forecast add up to no more than t^2.
    """
    offsets = nll[:k].min() * np.linspace(0.0, 1.0, _OFFSETS + 1)[:-1]
    laws = offset_laws(x[:k], nll[:k], variance[:k], offsets, top=float(x[-1]))
    best = int(laws.rss.argmin())
    df = d0 + k - 3
    beyond = (laws.rss - laws.rss[best]) * df / (d0 + laws.rss[best])
    reach = t_distribution.ppf((1 + _LEVEL) / 2, df) ** 2 - beyond  # what the interval has left
    ends = [plain.low, plain.high] if reach[0] > 0 else []
    for i in np.flatnonzero((reach > 0) & (laws.slope > 0)):
        scale = reach[i] * (d0 + laws.rss[best]) / df
        # The law falls, so the top lies below the fit at the last fitted rung, however little the law is known.
        half = min(np.sqrt(scale * laws.variance[i]), laws.slope[i] * (x[-1] - x[k - 1]))
        value, low, high = (np.log(offsets[i] + np.exp(-laws.at_top[i] + shift)) for shift in (0.0, -half, half))
        own = np.sqrt(scale * variance[-1])  # the top rung's noise, in log nats
        ends += [float(np.exp(value - np.hypot(value - low, own))), float(np.exp(value + np.hypot(high - value, own)))]
    widened = plain._replace(low=min(ends, default=plain.low), high=max(ends, default=plain.high))
    if f_distribution.sf(beyond[0], 1, df) >= _OFFSET_ALPHA or laws.slope[best] <= 0:
        return widened
    return widened._replace(
        value=float(offsets[best] + np.exp(-laws.at_top[best])),
        form="power law with offset",
        exponent=float(laws.slope[best] / _LN10),
        offset_nats=float(offsets[best]),
    )
