"""Draws of the rung means of all metrics together, and what they say of a number (bias-corrected bootstrap)."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri

from rescore.discontinuity.conventions import Conventions
from rescore.discontinuity.progress import Floats

_KNOTS = 22  # places tried for a bend or a step; more sizes than that, as of checkpoints, are tried in part


_NUMBERS = 2**25  # of draws and items at once


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How much a rung's noise moves each metric; arrays are [metrics]."""

    likelihood: NDArray[np.bool_]  # whether it is minus an NLL in nats
    whole_answer: NDArray[np.bool_]  # whether it needs all of an answer's k tokens, and is moved so many times as much
    drawn: NDArray[np.bool_]  # whether items are right or wrong: 0 of n is not zero then
    middle: bool  # whether the second metric is a token's probability and the third that of the whole answer
    tokens: float  # k


def item_draws(scores: Floats, there: NDArray[np.bool_], conventions: Conventions, rng: np.random.Generator) -> Floats:
    """Means of every model over resampled items, the same items for all models and metrics: [metrics, models, draws].

    `scores` are [metrics, models, items], anything finite where an item does not count; `there` says whether one does:
    [metrics, items].
    """
    n, scores = scores.shape[2], np.where(there[:, None, :], scores, 0.0)
    means = np.empty((*scores.shape[:2], conventions.draws))
    at_once = max(1, _NUMBERS // n)
    for start in range(0, conventions.draws, at_once):
        draws = min(at_once, conventions.draws - start)
        picked = rng.integers(0, n, (draws, n)) + n * np.arange(draws)[:, None]
        weights = np.bincount(picked.ravel(), minlength=draws * n).reshape(draws, n).T.astype(float)  # [items, draws]
        means[..., start : start + draws] = scores @ weights / np.maximum(there @ weights, 0.5)[:, None, :]
    return means


def mean_draws(means: Floats, errors: Floats, conventions: Conventions, rng: np.random.Generator) -> Floats:
    """Means of every model from their standard errors: [metrics, models] to [metrics, models, draws]."""
    return means[..., None] + errors[..., None] * rng.standard_normal((*means.shape, conventions.draws))


def rung_means(per_model: Floats, models: Sequence[int]) -> Floats:
    """Average the models of each rung: [metrics, models, ...] to [metrics, rungs, ...]."""
    ends = np.cumsum(models)
    return np.stack([per_model[:, e - m : e].mean(1) for e, m in zip(ends, models, strict=True)], axis=1)


def rung_draws(
    x: Floats,
    point: Floats,
    per_model: Floats,
    models: Sequence[int],
    n_items: Floats,
    noise: Noise,
    conventions: Conventions,
    rng: np.random.Generator,
) -> Floats:
    """Draw the rung means: [metrics, rungs, draws].

    Models are resampled within a rung, times sqrt(m / (m - 1)), by which the bootstrap of m models is too narrow. A
    rung's noise is `rung_sd_logits` of a token over m, times the scale that the likelihood's own residuals show: over
    sqrt(m) for the mean of m models, and once more since resampled models bring most of it themselves. It goes through
    each metric: d logit(p) of a token moves a whole answer's logit by k (1 - p) / (1 - q), and an NLL N by
    (1 - exp(-N)).

    `x` are places of the rungs [rungs] and `point` their means, bounded metrics on [0, 1], an NLL as minus its nats
    [metrics, rungs]; `per_model` draws of the models' means in the order of the rungs [metrics, models, draws]; each
    rung has `models` of them [rungs]; `n_items` is the number of items of the means [metrics].
    """
    draws = per_model.shape[2]
    mean = rung_means(per_model, models)
    ends = np.cumsum(models)
    for r, m in enumerate(models):
        if m > 1:
            pick = rng.integers(0, m, (m, draws))
            mine = per_model[:, ends[r] - m : ends[r]]  # [metrics, models, draws]
            again = np.take_along_axis(mine, np.broadcast_to(pick, mine.shape), 1).mean(1)
            mean[:, r] += (again - mean[:, r]) * np.sqrt(m / (m - 1))
    jitter = np.where(noise.drawn, np.sqrt(0.5) / np.maximum(n_items, 1.0), 0.0)
    mean += jitter[:, None, None] * rng.standard_normal(mean.shape[1:])
    scale = 1.0
    if noise.likelihood[0]:
        scale = noise_scale(x, -point[0] / (noise.tokens if noise.whole_answer[0] else 1.0), conventions)
    d = scale * conventions.rung_sd_logits / np.array(models)[:, None] * rng.standard_normal(mean.shape[1:])
    return _moved(mean, d, noise)


def _moved(mean: Floats, d: Floats, noise: Noise) -> Floats:
    """Move every metric's means by d logits of a token; [metrics, rungs, draws]."""
    out, k = mean.copy(), noise.tokens
    per_token = np.maximum(-mean[0] / (k if noise.whole_answer[0] else 1.0), 1e-6)
    likely = np.exp(-per_token) if noise.likelihood[0] else np.clip(mean[0], 0.0, 1.0) ** (1 / k)
    p = np.clip(mean[1] if noise.middle else likely, 1e-4, 1 - 1e-4)
    q = np.clip(mean[2] if noise.middle else likely**k, 1e-6, 1 - 1e-6)
    times = np.clip(k * (1 - p) / (1 - q), 0.2, max(k, 1.0))
    for j in range(len(mean)):
        if noise.likelihood[j]:
            n = np.maximum(-mean[j] / (k if noise.whole_answer[j] else 1.0), 1e-6)
            moved = np.exp(np.clip(-(1 - np.minimum(p, np.exp(-n))) * d / n, -2.0, 2.0))
            out[j] = np.minimum(mean[j], -1e-6) * moved
        else:
            z = np.clip(mean[j], 1e-6, 1 - 1e-6)
            move = times * d if noise.whole_answer[j] else d
            out[j] = np.where(mean[j] > 0, expit(logit(z) + move), 0.0)
    return out


def noise_scale(x: Floats, nll: Floats, conventions: Conventions) -> float:
    """Rung noise of a ladder over `rung_sd_logits`, moderated by its prior (Smyth 2004).

    From the residuals of log odds exp(-NLL) about a line and the best two bends or steps. The best of many pairs takes
    more than its two degrees of freedom, hence `selection`. `x` and `nll` (nats per token) are [rungs].
    """
    c, left = conventions, max(len(x) - 6, 0)
    if not left:
        return 1.0
    n = np.maximum(nll, 1e-2)
    z = -(n + np.log(-np.expm1(-n)))
    bases = _bases(tuple(x.tolist()))
    rss = max(float((z @ z - np.square(z @ bases).sum(-1)).min()), 0.0)
    return float(np.sqrt((c.prior_df + rss / c.selection / c.rung_sd_logits**2) / (c.prior_df + left)))


@functools.cache
def _bases(places: tuple[float, ...]) -> Floats:
    """Orthonormal bases of a line with each pair of bends and steps; [pairs, rungs, 4]."""
    x = np.array(places)
    R = len(x)
    bends = [np.maximum(x - x[i], 0.0) for i in _some(1, R - 1)]
    steps = [(np.arange(R) > i).astype(float) for i in _some(1, R - 2)]
    shapes = bends + steps
    line = [np.ones(R), x - x[0]]
    pairs = [np.column_stack([*line, u, v]) for i, u in enumerate(shapes) for v in shapes[i + 1 :]]
    return np.asarray(np.linalg.qr(np.stack(pairs))[0])


def _some(first: int, end: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(first, end - 1, min(_KNOTS, end - first))})


class Estimate(NamedTuple):
    """A number with its 90% interval; NaN where it is not known."""

    value: float
    low: float
    high: float


class Bootstrap:
    """A number and draws of it [draws]; its place among them corrects interval and chance (Efron 1981)."""

    def __init__(self, value: float, draws: Floats, conventions: Conventions) -> None:
        """Find z0, the normal quantile of the share of draws below the number, within `shift_max`; ties by half."""
        n = len(draws)
        share = np.clip(np.mean(draws < value) + 0.5 * np.mean(draws == value), 0.5 / n, 1 - 0.5 / n)
        self.value, self.draws = value, draws
        self._shift = float(np.clip(ndtri(share), -conventions.shift_max, conventions.shift_max))

    def at_least(self, threshold: float) -> float:
        """Chance that the quantity is at least the threshold."""
        below = float(np.mean(self.draws < threshold))
        return 1 - below if below in (0.0, 1.0) else float(1 - ndtr(ndtri(below) - 2 * self._shift))

    def interval(self) -> Estimate:
        """The 90% interval."""
        if np.isnan(self.draws).any():
            return Estimate(self.value, np.nan, np.nan)
        low, high = np.quantile(self.draws, [ndtr(2 * self._shift + ndtri(level)) for level in (0.05, 0.95)])
        return Estimate(self.value, float(low), float(high))
