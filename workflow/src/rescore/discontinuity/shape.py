"""Published scores of a curve's shape; reported, never deciding."""

from typing import NamedTuple

import numpy as np

from rescore.discontinuity.curve import Floats

_LEVELS = (0.05, 0.95)


class ShapeInterval(NamedTuple):
    """The 5% and the 95% quantile of a score over drawn curves; None where no drawn curve has one."""

    low: float | None
    high: float | None


def emergence_score(y: Floats) -> float | None:
    """Signed range over the root of the median squared step.

    E = sign(argmax - argmin) (max - min) / sqrt(median (y_{i+1} - y_i)^2), the emergence score of
    Schaeffer, Miranda and Koyejo (2023), which is BIG-bench's "breakthroughness". Infinite where at least
    half of the steps are zero: a floor sends it there, cliff or none. No threshold was published. None for
    a constant curve, where it is 0 / 0.

    >>> emergence_score(np.array([0.0, 0.1, 0.2, 0.9]))
    9.0
    """
    return _told(emergence_scores(y[:, None])[0])


def linearity(y: Floats) -> float | None:
    """Signed range over the root mean squared step, BIG-bench's "linearity".

    At most rungs - 1 in size, reached by a straight line alone. None for a constant curve.

    >>> linearity(np.array([1.0, 2.0, 3.0]))
    2.0
    """
    return _told(linearities(y[:, None])[0])


def emergence_scores(Y: Floats) -> Floats:
    """`emergence_score` of many curves, NaN for None; [rungs, curves] to [curves]."""
    return _over(Y, np.sqrt(np.median(_squared_steps(Y), axis=0)))


def linearities(Y: Floats) -> Floats:
    """`linearity` of many curves, NaN for None; [rungs, curves] to [curves]."""
    return _over(Y, np.sqrt(np.mean(_squared_steps(Y), axis=0)))


def intervals(y: Floats, covariance: Floats, *, draws: int, rng: np.random.Generator) -> dict[str, float | None]:
    """Low and high ends of both scores over curves drawn around `y`, by their columns in VERDICTS."""
    Y = drawn_curves(y, covariance, draws=draws, rng=rng)
    scores = {"emergence_score": interval(emergence_scores(Y)), "linearity": interval(linearities(Y))}
    return {f"{name}_{end}": value for name, of in scores.items() for end, value in of._asdict().items()}


def drawn_curves(y: Floats, covariance: Floats, *, draws: int, rng: np.random.Generator) -> Floats:
    """Draw curves y* ~ N(y, covariance), what another sample of items would give; [rungs, draws]."""
    return np.asarray(rng.multivariate_normal(y, covariance, size=draws, method="eigh").T)


def interval(scores: Floats) -> ShapeInterval:
    """Quantiles of the scores that are known; infinite ones count as what they are.

    >>> interval(np.array([np.nan, 3.0, np.inf]))
    ShapeInterval(low=3.0, high=inf)
    """
    known = scores[~np.isnan(scores)]
    if not len(known):
        return ShapeInterval(None, None)
    low, high = np.quantile(known, _LEVELS, method="inverted_cdf")  # no mean of two infinities
    return ShapeInterval(float(low), float(high))


def _squared_steps(Y: Floats) -> Floats:
    """Squared steps from rung to rung; a single rung makes none, which counts as a step of 0."""
    return np.square(np.diff(Y, axis=0)) if len(Y) > 1 else np.zeros_like(Y)


def _over(Y: Floats, size: Floats) -> Floats:
    """Signed range, negative where the smallest value comes last, over the size of a step."""
    change = np.sign(Y.argmax(0) - Y.argmin(0)) * np.ptp(Y, axis=0)
    scores = np.where(change == 0, np.nan, np.copysign(np.inf, change))
    np.divide(change, size, out=scores, where=(size > 0) & (change != 0))
    return scores


def _told(score: float) -> float | None:
    return None if np.isnan(score) else float(score)
