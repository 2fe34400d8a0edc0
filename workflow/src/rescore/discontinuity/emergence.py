"""Published scores of a curve's shape; reported, never deciding."""

import numpy as np

from rescore.discontinuity.progress import Floats


def emergence_score(Y: Floats) -> Floats:
    """Signed range over the root of the median squared step: [rungs, ...] to [...].

    E = sign(argmax - argmin) (max - min) / sqrt(median (y_{i+1} - y_i)^2), the emergence score of
    Schaeffer, Miranda and Koyejo (2023), which is BIG-bench's "breakthroughness". Infinite where at least
    half of the steps are zero: a floor sends it there, cliff or none. No threshold was published. NaN for
    a constant curve, where it is 0 / 0.

    >>> float(emergence_score(np.array([0.0, 0.1, 0.2, 0.9])))
    9.0
    """
    return _over(Y, np.sqrt(np.median(_squared_steps(Y), axis=0)))


def linearity(Y: Floats) -> Floats:
    """Signed range over the root mean squared step, BIG-bench's "linearity": [rungs, ...] to [...].

    At most rungs - 1 in size, reached by a straight line alone. NaN for a constant curve.

    >>> float(linearity(np.array([1.0, 2.0, 3.0])))
    2.0
    """
    return _over(Y, np.sqrt(np.mean(_squared_steps(Y), axis=0)))


def interval(scores: Floats) -> tuple[float | None, float | None]:
    """The 5% and the 95% quantile of the scores that are known; infinite ones count as what they are.

    >>> interval(np.array([np.nan, 3.0, np.inf]))
    (3.0, inf)
    """
    known = scores[~np.isnan(scores)]
    if not len(known):
        return None, None
    low, high = np.quantile(known, (0.05, 0.95), method="inverted_cdf")  # no mean of two infinities
    return float(low), float(high)


def _squared_steps(Y: Floats) -> Floats:
    """Squared steps from rung to rung; a single rung makes none, which counts as a step of 0."""
    return np.square(np.diff(Y, axis=0)) if len(Y) > 1 else np.zeros_like(Y)


def _over(Y: Floats, size: Floats) -> Floats:
    """Signed range, negative where the smallest value comes last, over the size of a step."""
    change = np.asarray(np.sign(Y.argmax(0) - Y.argmin(0)) * np.ptp(Y, axis=0), float)
    scores = np.where(change == 0, np.nan, np.copysign(np.inf, change))
    np.divide(change, size, out=scores, where=(size > 0) & (change != 0))
    return scores
