"""Where a curve crosses a level, with an interval."""

from typing import NamedTuple

import numpy as np

from rescore.discontinuity.progress import isotonic
from rescore.planning.curve import Floats
from rescore.planning.rungs import NO_ERROR, Points

DRAWS = 499


class Crossing(NamedTuple):
    """log10 FLOPs where a level is crossed, its 95% interval, and why the one or the other is missing."""

    log10_compute: float | None
    low: float | None
    high: float | None
    reason: str | None


def crossings(x: Floats, Y: Floats, level: Floats | float) -> Floats:
    """log10 compute where non-decreasing curves reach a level, between two rungs by a straight line; [draws].

    Minus infinity where a curve starts at or above the level, infinity where it never reaches it.

    Parameters
    ----------
    x
        log10 FLOPs of the rungs, ascending; [rungs].
    Y
        Non-decreasing curves; [rungs, draws].
    level
        One level, or one a draw.

    >>> float(crossings(np.array([20.0, 21.0, 22.0]), np.array([[0.1], [0.3], [0.7]]), 0.5)[0])
    21.5
    """
    reached = level <= Y
    at = np.minimum(np.maximum(reached.argmax(0), 1), len(x) - 1)  # a single rung crosses nothing
    draw = np.arange(Y.shape[1])
    low, high = Y[at - 1, draw], Y[at, draw]
    inside = reached[-1] & ~reached[0]
    share = np.divide(level - low, high - low, out=np.zeros(low.shape), where=inside)
    found = x[at - 1] + share * (x[at] - x[at - 1])
    return np.where(inside, found, np.where(reached[0], -np.inf, np.inf))


def crossing(points: Points, level: float, rng: np.random.Generator) -> Crossing:
    """Where a cell's isotonic curve reaches `level` (higher is better), with a parametric-bootstrap interval.

    Curves are drawn from the standard errors of the means; the interval is the middle 95% of their crossings.
    """
    x = points.curve.x
    found = float(crossings(x, isotonic(points.upward[:, None]), level)[0])
    if np.isinf(found):
        where = "at or above it from the smallest size on" if found < 0 else "not reached on the ladder"
        return Crossing(None, None, None, f"{where}: {_shown(level, points)}")
    drawn = fits_drawn(points, rng)
    return with_interval(found, None if drawn is None else crossings(x, drawn, level))


def fits_drawn(points: Points, rng: np.random.Generator) -> Floats | None:
    """Isotonic fits of curves drawn around a cell's; [rungs, DRAWS], None where no standard error is known."""
    if np.isnan(points.curve.covariance).any():
        return None
    return isotonic(points.draws(DRAWS, rng))


def with_interval(found: float, draws: Floats | None) -> Crossing:
    """Give `found` the middle 95% of the draws; an end that lies beyond the ladder, or is not known (NaN), is None."""
    if draws is None:
        return Crossing(found, None, None, f"no interval: {NO_ERROR}")
    low, high = (
        float(np.quantile(np.nan_to_num(draws, nan=end, posinf=np.inf, neginf=-np.inf), q, method="nearest"))
        for q, end in ((0.025, -np.inf), (0.975, np.inf))
    )
    ends = [name for name, value in (("lower", low), ("upper", high)) if np.isinf(value)]
    reason = f"{' and '.join(ends)} end of the interval beyond the ladder" if ends else None
    return Crossing(found, None if np.isinf(low) else low, None if np.isinf(high) else high, reason)


def _shown(level: float, points: Points) -> str:
    return f"{-level:.3g} nats" if points.link == "log" else f"{level:.3g}"
