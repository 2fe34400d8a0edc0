"""One curve, several forms: each fits the lower rungs, is tried on the upper fitted ones, and forecasts the top."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from rescore.discontinuity.conventions import Conventions
from rescore.planning.curves import Curve, Floats
from rescore.planning.forms import OF_BOUNDED, OF_NATS, OF_SIGMOID, Model, Prior, fit, sigmoid_of_nll

LOWER_PART = 0.6
"""Share of the rungs that is fitted, of a ladder of sizes; and share of the fitted ones that the trial fits."""

TWO_STAGES = "two stages"

_LOGIT_MIN = 0.25  # of log nats: else a rung at many nats, or at none, would count as known exactly
_ERROR_MIN = 0.1  # standard errors: no form takes all the weight


class Told(NamedTuple):
    """What forms tell of a curve, on the scale of the fits.

    `held` are forecasts of the fitted rungs that are held out [forms, held out], `error` the root mean square of their
    errors in standard errors [forms]; `top` forecasts of the top rung [forms], `drawn` draws of what it will show
    [forms, draws], and `seen` what it does show.
    """

    names: tuple[str, ...]
    held: Floats
    error: Floats
    top: Floats
    drawn: Floats
    seen: float

    def weights(self) -> Floats:
        """Weigh each form by one over its error on the rungs held out; [forms]."""
        weight = 1 / (self.error + _ERROR_MIN)
        return np.asarray(weight / weight.sum())

    def mean(self) -> "Told":
        """Take the weighted mean of the forms as one, with draws of each form in the number of its weight."""
        weights, draws = self.weights(), np.arange(self.drawn.shape[1])
        which = np.searchsorted(np.cumsum(weights)[:-1], (draws + 0.5) / len(draws))
        held, top = weights @ self.held, weights @ self.top
        return Told(("mean",), held[None], weights @ self.error, top[None], self.drawn[which, draws][None], self.seen)


class Likelihood(NamedTuple):
    """A curve of NLL and what its forms tell of it."""

    curve: Curve
    told: Told


class _Scaled(NamedTuple):
    """A curve's values on the scale of the fits, their variance, and log losses, [rungs] each."""

    z: Floats
    variance: Floats
    log_loss: Floats
    curve: Curve


class _Places(NamedTuple):
    """Where a form is fitted on trial and in earnest, and where it is read: held out, at the top, and for each draw."""

    trial: Floats
    fitted: Floats
    held: Floats
    top: Floats
    drawn: Floats


def tournament(
    curve: Curve, likelihood: Likelihood | None, k: int, conventions: Conventions, rng: np.random.Generator
) -> Told:
    """Forecast the top rung of a curve from its lowest `k` (at least 4) by every form.

    On trial, a form fits the lower 60% of these k rungs and forecasts the others. No form sees a rung above them.
    `likelihood` is the NLL of the same subtask and its forecast from as many rungs, for the two stages: the mean of its
    forms, and a sigmoid of it. There are none without it, or where it has other rungs.
    """
    x, scaled, trial = curve.x, _scaled(curve, conventions), int(np.ceil(LOWER_PART * k))
    ends = np.full(conventions.draws, x[-1] - x[k - 1])
    places = _Places(x[:trial] - x[trial - 1], x[:k] - x[k - 1], x[trial:k] - x[trial - 1], ends[:1], ends)
    entrants: list[tuple[str, Model, _Places, tuple[Prior, ...]]] = []
    for form in OF_NATS if curve.in_nats else OF_BOUNDED:
        priors = tuple(form.prior(float(x[n - 1] - x[0]), float(scaled.log_loss[n - 1])) for n in (trial, k))
        entrants.append((form.name, form.model, places, priors))
    if likelihood is not None and np.array_equal(likelihood.curve.x, x):
        nll, told = likelihood.curve.mean, likelihood.told.mean()
        later = (_nats(z[0], conventions) for z in (told.held, told.top[:, None], told.drawn))
        places = _Places(nll[:trial], nll[:k], *later)
        entrants.append((TWO_STAGES, sigmoid_of_nll, places, (OF_SIGMOID, OF_SIGMOID)))
    found = [_entered(model, at, priors, scaled, conventions, rng) for _, model, at, priors in entrants]
    held, error, top, drawn = (np.array(part) for part in zip(*found, strict=True))
    return Told(tuple(name for name, *_ in entrants), held, error, top, drawn, float(scaled.z[-1]))


def unscaled(z: float, curve: Curve, conventions: Conventions) -> float:
    """Bring a value on the scale of the fits back to the metric's own unit, as a mean of the top rung's items.

    The inverse of `_scaled` at the top rung: m = ((n + 1) m~ - 1/2) / n, held to [0, 1], where a rung can be.
    """
    if curve.in_nats:
        return curve.in_own_unit(float(_nats(np.array(z), conventions)))
    n = curve.n[-1]
    return curve.in_own_unit(float(np.clip(((n + 1) * expit(z) - 0.5) / n, 0.0, 1.0)))


def _nats(z: Floats, conventions: Conventions) -> Floats:
    return np.asarray(np.maximum(np.exp(np.minimum(-z, 50.0)) - conventions.nll_floor_nats, 0.0))


def _entered(
    model: Model,
    at: _Places,
    priors: tuple[Prior, ...],
    scaled: _Scaled,
    conventions: Conventions,
    rng: np.random.Generator,
) -> tuple[Floats, float, float, Floats]:
    """Return one form's held-out forecasts and their error, its top, and draws of that."""
    trial, k, z, variance = len(at.trial), len(at.fitted), scaled.z, scaled.variance
    held = model(fit(model, at.trial, z[:trial], variance[:trial], priors[0]).at, at.held)
    error = float(np.sqrt(np.mean((held - z[trial:k]) ** 2 / variance[trial:k])))
    best = fit(model, at.fitted, z[:k], variance[:k], priors[1])
    scale = best.scale(k, conventions.prior_df)
    drawn = model(best.drawn(scale, conventions.draws, rng), at.drawn)
    noise = np.sqrt(scale * _noise(drawn, scaled.curve, k, conventions)) * rng.standard_normal(conventions.draws)
    return held, error, float(model(best.at, at.top)[0]), drawn + noise


def _noise(z: Floats, curve: Curve, k: int, conventions: Conventions) -> Floats:
    """Variance of a rung that is at z, told without looking at one above the lowest k; as `_scaled` has it.

    A bounded score's items are as many as below, and an NLL's relative error is that of the last fitted rung.
    """
    rung = conventions.rung_sd_logits**2
    if curve.in_nats:
        nats, last = _nats(z, conventions), curve.mean[k - 1] + conventions.nll_floor_nats
        return np.asarray(curve.variance[k - 1] / last**2 + rung * _logit_in_nats(nats, conventions) ** 2)
    n = curve.n[k - 1]
    m = np.clip(expit(z), 0.5 / (n + 1), 1 - 0.5 / (n + 1))
    return np.asarray(1 / (n * m * (1 - m)) + rung)


def _scaled(curve: Curve, conventions: Conventions) -> _Scaled:
    """Put a curve on the scale of its fits.

    - A bounded score m of n items: z = logit m~, m~ = (n m + 1/2) / (n + 1), dz/dm = 1 / (m~ (1 - m~)). 0.5 / n^2 is
      added to the variance of m, so that 0 of n has a standard error of about 1.4 on this scale and not 0. Its log loss
      is log(-log m~).
    - An NLL m: z = -log(m + f), f the floor, dz/dm = -1 / (m + f); a logit of the token's probability is
      (1 - exp(-m)) / (m + f) on this scale. Its log loss is -z.
    """
    noise = conventions.rung_sd_logits
    if curve.in_nats:
        m = np.maximum(curve.mean, 0.0)
        above = m + conventions.nll_floor_nats
        variance = curve.variance / above**2 + (noise * _logit_in_nats(m, conventions)) ** 2
        return _Scaled(-np.log(above), variance, np.log(above), curve)
    m = (curve.n * curve.mean + 0.5) / (curve.n + 1)
    variance = (curve.variance + 0.5 / curve.n**2) / (m * (1 - m)) ** 2
    return _Scaled(np.log(m / (1 - m)), variance + noise**2, np.log(-np.log(m)), curve)


def _logit_in_nats(nats: Floats, conventions: Conventions) -> Floats:
    """What a logit of a token's probability is on the scale -log(NLL + floor)."""
    return np.asarray(np.maximum(-np.expm1(-nats) / (nats + conventions.nll_floor_nats), _LOGIT_MIN))
