"""Progress of a curve along a ladder: isotonic, 0 at the first size and 1 at the last, linear between sizes.

Arrays have the rungs first (a rung is a size of the ladder, with all its seeds); what follows are curves, draws, or
ladders with one rung left out. `x` has as many dimensions, of length 1 where it is the same for all.
"""

import numpy as np
from numpy.typing import NDArray

from rescore.discontinuity.conventions import Conventions

Floats = NDArray[np.float64]

_AT_ONCE = 2048  # curves: as many as stay in a processor's cache
_STILL = 1e-9  # a rise that is none


def isotonic(Y: Floats) -> Floats:
    """Least-squares non-decreasing fit of every curve, rungs of equal weight: [rungs, ...] to the same shape.

    By the min-max formula (Robertson, Wright and Dykstra 1988): fit_r = max over i <= r of min over j >= r of
    mean(Y_i ... Y_j).

    >>> isotonic(np.array([1.0, 3.0, 2.0, 4.0])).tolist()
    [1.0, 2.5, 2.5, 4.0]
    """
    curves = Y.reshape(len(Y), -1)
    fit = np.empty_like(curves, dtype=float)
    for start in range(0, curves.shape[1], _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        _min_max(curves[:, some], fit[:, some])
    return fit.reshape(Y.shape)


def _min_max(Y: Floats, fit: Floats) -> None:
    """Write the isotonic fits of curves [rungs, curves] to `fit`."""
    sums = np.zeros((len(Y) + 1, Y.shape[1]))
    np.cumsum(Y, axis=0, out=sums[1:])
    fit[:] = -np.inf
    means = np.empty(Y.shape)
    for first in range(len(Y)):
        mine = means[first:]
        np.subtract(sums[first + 1 :], sums[first], out=mine)
        mine /= np.arange(1.0, len(mine) + 1)[:, None]
        for r in range(len(mine) - 2, -1, -1):  # the smallest mean from here on
            np.minimum(mine[r], mine[r + 1], out=mine[r])
        np.maximum(fit[first:], mine, out=fit[first:])


def at(x: Floats, G: Floats, x0: Floats) -> Floats:
    """Read curves at places, linear between rungs: x [rungs, ...], G [rungs, ...], x0 [...] to [...].

    >>> at(np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 2.0]), np.array(2.0)).tolist()
    1.5
    """
    i = np.clip((x <= x0).sum(0) - 1, 0, len(G) - 2)[None]
    i = np.broadcast_to(i, (1, *G.shape[1:]))
    X = np.broadcast_to(x, G.shape)
    left, right = np.take_along_axis(X, i, 0)[0], np.take_along_axis(X, i + 1, 0)[0]
    low, high = np.take_along_axis(G, i, 0)[0], np.take_along_axis(G, i + 1, 0)[0]
    w = (x0 - left) / (right - left)
    read: Floats = (1 - w) * low + w * high
    return read


def crossing(x: Floats, G: Floats, level: float) -> Floats:
    """First place at which each progress reaches a level: x and G [rungs, ...] to [...].

    >>> crossing(np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.2, 1.0]), 0.6).tolist()
    2.0
    """
    r = np.clip((level - 1e-12 <= G).argmax(0), 1, len(G) - 1)[None]
    X = np.broadcast_to(x, G.shape)
    left, right = np.take_along_axis(X, r - 1, 0)[0], np.take_along_axis(X, r, 0)[0]
    low, high = np.take_along_axis(G, r - 1, 0)[0], np.take_along_axis(G, r, 0)[0]
    share = np.clip((level - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    place: Floats = left + share * (right - left)
    return place


def progress(F: Floats) -> tuple[Floats, Floats]:
    """Progress [rungs, ...] and rise [...] of isotonic fits F [rungs, ...]; 1 throughout where there is no rise."""
    rise = F[-1] - F[0]
    moves = rise > _STILL
    return np.where(moves, (F - F[0]) / np.where(moves, rise, 1.0), 1.0), rise


def onset(x: Floats, G: Floats, conventions: Conventions) -> Floats:
    """Share of the rise that lies in the lower part of the ladder's decades (O): [rungs, ...] to [...]."""
    edge = x[0] + conventions.lower_part * (x[-1] - x[0])
    return at(x, G, np.broadcast_to(edge, G.shape[1:]))


def largest_gap(G: Floats) -> Floats:
    """Share of the rise in the largest gap between two rungs, the first gap left out (J): [rungs, ...] to [...]."""
    gap: Floats = np.diff(G, axis=0)[1:].max(0)
    return gap


def has_cliff(x: Floats, G: Floats, rise: Floats, conventions: Conventions) -> NDArray[np.bool_]:
    """Whether each curve has a floor and a late rise, or half of its rise in one gap that is not the first.

    x and G, places and progress, are [rungs, ...]; rise, on [0, 1], of an NLL as a share of its first value, is [...].
    """
    late = onset(x, G, conventions) <= conventions.onset_max
    jump = largest_gap(G) >= conventions.jump_min
    return np.asarray((late | jump) & (rise >= conventions.rise_min))
