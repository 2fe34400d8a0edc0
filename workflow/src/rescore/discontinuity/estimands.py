"""The numbers of the three questions, of rung means: of a truth, of a measurement, or draw for draw."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rescore.discontinuity.conventions import Conventions
from rescore.discontinuity.progress import Floats, at, crossing, isotonic, progress

PARTS = ("likelihood_part", "probability_part", "answer_part", "argmax_part")
"""The stages' parts of the climb, in the order of the stages: each one's share less that of the stage before."""

_DECADES_MIN = 1e-3  # a window is at least so wide
_BEFORE = 2  # rungs before a break and after it


@dataclass(frozen=True, kw_only=True)
class Estimands:
    """What questions 2 and 3 are about; every array is [...], the shape of the draws; places are log10.

    The chain share is what needing every token (or choosing among the listed) and taking the likeliest make. The cap is
    that of the likelihood at a guesser's, which makes a kink below the window.
    """

    metric_share: Floats  # M: of the hard metric's climb through the window, what the likelihood does not share
    chain_share: Floats  # C: the last stage's share less the second's; NaN of two stages
    hidden_progress: Floats  # H: the likelihood's progress where the window begins
    acceleration: Floats  # alpha in the window, with the cap; see `acceleration`
    acceleration_low: Floats  # the smaller of alpha with and without the cap
    acceleration_anywhere: Floats  # the largest contrast in the window, with and without the cap, and below it without
    break_contrast: Floats  # the largest contrast in or below the window without the cap, and
    break_at: Floats  # where: the window's start or a rung
    window_start: Floats  # where the hard metric has made 0.1 of its rise,
    half: Floats  # half of it,
    window_end: Floats  # and 0.9
    window_decades: Floats
    parts: Floats  # the waterfall [stages, ...], sums to 1


def estimands(x: Floats, Y: Floats, guess: float | None, conventions: Conventions) -> Estimands:
    """Compute all of them from places of the rungs, log10 [rungs, ...], and rung means Y [stages, rungs, ...].

    Of four stages or two, higher is better: the likelihood (minus NLL, nats) first and the hard metric last. `guess` is
    the NLL of the guesser, nats, at which the likelihood is capped; None for no cap.
    """
    c = conventions
    capped = Y[0] if guess is None else np.maximum(Y[0], -guess)
    curves = [progress(isotonic(stage))[0] for stage in (capped, *Y[1:])]
    a, half, b = (crossing(x, curves[-1], level) for level in (c.window_low, 0.5, c.window_high))
    shares = np.stack([at(x, G, b) - at(x, G, a) for G in curves]) / (c.window_high - c.window_low)  # [stages, ...]
    with_cap = acceleration(x, capped, a, b, c)
    without = with_cap if guess is None else acceleration(x, Y[0], a, b, c)
    below_at = np.take_along_axis(np.broadcast_to(x, Y[0].shape), without.below_at[None], axis=0)[0]
    return Estimands(
        metric_share=1 - shares[0],
        chain_share=shares[-1] - shares[1] if len(Y) == len(PARTS) else np.full(a.shape, np.nan),
        hidden_progress=at(x, curves[0], a),
        acceleration=with_cap.inside,
        acceleration_low=np.minimum(with_cap.inside, without.inside),
        acceleration_anywhere=np.maximum(with_cap.inside, without.largest),
        break_contrast=without.largest,
        break_at=np.where(without.below > without.inside, below_at, a),
        window_start=a,
        half=half,
        window_end=b,
        window_decades=b - a,
        parts=np.concatenate([shares[:1], np.diff(shares, axis=0)]),
    )


def breaks(x: Floats, Y: Floats, guess: float | None, conventions: Conventions) -> tuple[Floats, Floats]:
    """`acceleration_low` and `break_contrast` alone, for the many ladders with a size left out."""
    c = conventions
    G = progress(isotonic(Y[-1]))[0]
    a, b = (crossing(x, G, level) for level in (c.window_low, c.window_high))
    found = acceleration(x, Y[0], a, b, c)
    if guess is None:
        return found.inside, found.largest
    capped = acceleration(x, np.maximum(Y[0], -guess), a, b, c)
    return np.minimum(found.inside, capped.inside), found.largest


class Acceleration(NamedTuple):
    """Contrasts of a likelihood's slopes, [...]; 0: the same speed, 1/2: three times as fast, 1: nothing before.

    `below` is the largest contrast at an inner rung below the window, from there to the window's end against before it,
    and -1 where there is no such rung.
    """

    inside: Floats  # alpha, in the window against before it
    below: Floats
    below_at: NDArray[np.intp]  # index of that rung

    @property
    def largest(self) -> Floats:
        """The largest contrast in or below the window; [...]."""
        return np.maximum(self.inside, self.below)


def acceleration(x: Floats, likelihood: Floats, a: Floats, b: Floats, conventions: Conventions) -> Acceleration:
    """Compare the slopes of a likelihood before and after a place; of two scales the smaller contrast counts.

    alpha = (s_in - s_before) / (s_in + s_before). s_in is the slope of the isotonic fit inside the window; s_before
    that of a least-squares line through the unsmoothed means up to the place and the fit's point there, not below 0.

    `x` and `likelihood` are places, log10, and minus the NLL in nats [rungs, ...]; a and b are the window [...].
    """
    fit, floor = isotonic(likelihood), conventions.nll_floor_nats
    inside, below = [], []
    for raw, smooth in zip(links(-likelihood, floor), links(-fit, floor), strict=True):
        za, zb = at(x, smooth, a), at(x, smooth, b)
        sums = _Sums.of(x, raw)
        inside.append(contrast((zb - za) / np.maximum(b - a, _DECADES_MIN), sums.slope_to(a, za)))
        below.append(contrast((zb - smooth) / np.maximum(b - x, _DECADES_MIN), sums.slope_at_rungs(smooth)))
    under = np.where(x < a, np.minimum(*below), -1.0)[_BEFORE:-_BEFORE]
    if not len(under):
        return Acceleration(np.minimum(*inside), np.full(a.shape, -1.0), np.zeros(a.shape, int))
    return Acceleration(np.minimum(*inside), under.max(0), under.argmax(0) + _BEFORE)


def links(nll: Floats, floor: float) -> tuple[Floats, Floats]:
    """NLL on two scales, higher is better: -log(NLL + floor), straight for a power law, and the log odds of
    exp(-(NLL + floor)), straight for logistic skill.

    >>> [float(z.round(6)) for z in links(np.array(np.log(5.0)), 0.0)]  # odds of 1/5 are 1 to 4
    [-0.475885, -1.386294]
    """
    n = np.maximum(nll, 1e-9) + floor
    return -np.log(n), -(n + np.log(-np.expm1(-n)))


def contrast(after: Floats, before: Floats) -> Floats:
    """(after - before) / (after + before), of slopes from 0 up."""
    return (after - before) / np.maximum(after + before, 1e-6)


def factor(alpha: Floats) -> Floats:
    """How many times as fast: (1 + alpha) / (1 - alpha); infinite where nothing was learned before.

    >>> factor(np.array([0.0, 0.5, 1.0])).tolist()
    [1.0, 3.0, inf]
    """
    left = np.maximum(1 - alpha, 0.0)
    return np.where(left > 0, (1 + alpha) / np.where(left > 0, left, 1.0), np.inf)


class _Sums(NamedTuple):
    """Running sums over the rungs, for the least-squares line up to any of them; [rungs, ...]."""

    n: Floats
    x: Floats
    z: Floats
    xx: Floats
    xz: Floats
    x0: Floats
    z0: Floats
    places: Floats

    @classmethod
    def of(cls, x: Floats, z: Floats) -> "_Sums":
        u, v = np.broadcast_to(x - x[0], z.shape), z - z[0]  # from the first rung on, so that little cancels
        n = np.arange(1.0, len(z) + 1).reshape(-1, *[1] * (z.ndim - 1))
        sx, sz, sxx, sxz = (np.cumsum(s, axis=0) for s in (u, v, u * u, u * v))
        return cls(n, sx, sz, sxx, sxz, x0=x[0], z0=z[0], places=x)

    def slope_at_rungs(self, z: Floats) -> Floats:
        """Slope before each rung, through the means up to it and the point z there; [rungs, ...]."""
        return _slope(self.n, self.x, self.z, self.xx, self.xz, self.places - self.x0, z - self.z0)

    def slope_to(self, a: Floats, za: Floats) -> Floats:
        """Slope before the place a, through the means up to it and the point za there; [...]."""
        i = np.broadcast_to(np.clip((self.places <= a).sum(0) - 1, 0, len(self.x) - 1)[None], (1, *a.shape))
        n = (i[0] + 1).astype(float)
        x, z, xx, xz = (np.take_along_axis(s, i, 0)[0] for s in (self.x, self.z, self.xx, self.xz))
        return _slope(n, x, z, xx, xz, a - self.x0, za - self.z0)


def _slope(n: Floats, x: Floats, z: Floats, xx: Floats, xz: Floats, u: Floats, v: Floats) -> Floats:
    """Least-squares slope of n points with these sums and one more point (u, v); not below 0."""
    n, x, z = n + 1, x + u, z + v
    spread = xx + u * u - x * x / n
    return np.maximum((xz + u * v - x * z / n) / np.maximum(spread, 1e-9), 0.0)
