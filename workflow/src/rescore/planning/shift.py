"""How far apart two curves rise, read at one level that both cross."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from rescore.discontinuity.progress import isotonic
from rescore.planning.curves import CELL, NO_ERROR, Curve, Floats

NO_LEVEL = "the curves have no level in common that both cross"
_DRAWS = 499


class Place(NamedTuple):
    """A place or a distance in log10 with its 95% interval, and why one of these is missing."""

    log10: float | None
    low: float | None
    high: float | None
    reason: str | None


class Shift(NamedTuple):
    """Where each curve crosses the level, and how far the second lies above the first."""

    first: Place
    second: Place
    decades: Place


@dataclass(frozen=True)
class Side:
    """One of two curves that are compared: isotonic fits with higher better, of the curve and of draws around it."""

    fit: Floats  # [sizes]
    drawn: Floats | None  # [sizes, draws]; None where no standard error is known

    @classmethod
    def of(cls, curve: Curve, rng: np.random.Generator) -> "Side":
        """Fit a curve, and normal draws around its means, cut at the ends of the metric's range.

        0.5 / n^2 is added to the variance of a bounded score, so that 0 of n is not known exactly.
        """
        fit = isotonic(curve.upward[:, None])[:, 0]
        if np.isnan(curve.variance).any():
            return cls(fit, None)
        spread = np.sqrt(curve.variance + (0.0 if curve.in_nats else 0.5 / curve.n**2))
        drawn = curve.upward[:, None] + spread[:, None] * rng.standard_normal((len(spread), _DRAWS))
        return cls(fit, isotonic(np.minimum(drawn, 0.0) if curve.in_nats else np.clip(drawn, 0.0, 1.0)))


def common_level(first: Side, second: Side) -> float | None:
    """Midway between the higher bottom and the lower top of two fits; None where one lies above the other."""
    bottom, top = max(first.fit[0], second.fit[0]), min(first.fit[-1], second.fit[-1])
    return float(bottom + top) / 2 if bottom < top else None


def own_level(level: float, curve: Curve) -> float:
    """Return a level in the metric's own unit and direction."""
    return curve.in_own_unit(-level if curve.in_nats else level)


def shift(first: Side, second: Side, level: float, *, x: tuple[Floats, Floats]) -> Shift:
    """Read two curves at a level that both cross.

    The 95% intervals are a parametric bootstrap over the standard errors. The level is held fixed and the two sides are
    taken as independent: where they answer the same items, the interval of the shift is rather too wide. `level` is as
    `common_level` returns it; `x` has, for each side, the log10 of compute or parameters of its sizes: [sizes].
    """
    sides = tuple(zip((first, second), x, strict=True))
    at, other_at = (float(_crossings(along, side.fit[:, None], level)[0]) for side, along in sides)
    drawn, other_drawn = (None if side.drawn is None else _crossings(along, side.drawn, level) for side, along in sides)
    apart = None
    if drawn is not None and other_drawn is not None:
        with np.errstate(invalid="ignore"):  # both beyond the same end of their ladders: NaN, not known
            apart = other_drawn - drawn
    return Shift(_with_interval(at, drawn), _with_interval(other_at, other_drawn), _with_interval(other_at - at, apart))


def without_rise(verdicts: pl.DataFrame) -> dict[tuple[str, ...], str]:
    """Say by ladder, task, subtask and metric why a curve does not rise, for those judged not to in VERDICTS."""
    rows = verdicts.filter(pl.col("verdict").is_in(["flat", "inverse", "saturated"]))
    return {row[:4]: f"{row[4]}: {row[5]}" for row in rows.select(*CELL, "verdict", "reason").iter_rows()}


def _crossings(x: Floats, Y: Floats, level: float) -> Floats:
    """Places x where non-decreasing curves Y [sizes, draws] reach a level, linear between sizes: [draws].

    Minus infinity where a curve starts at or above the level, infinity where it never reaches it.
    """
    reached = level <= Y
    at = np.minimum(np.maximum(reached.argmax(0), 1), len(x) - 1)  # a single size crosses nothing
    draw = np.arange(Y.shape[1])
    low, high = Y[at - 1, draw], Y[at, draw]
    inside = reached[-1] & ~reached[0]
    share = np.divide(level - low, high - low, out=np.zeros(low.shape), where=inside)
    found = x[at - 1] + share * (x[at] - x[at - 1])
    return np.where(inside, found, np.where(reached[0], -np.inf, np.inf))


def _with_interval(found: float, draws: Floats | None) -> Place:
    """Add the middle 95% of the draws; an end that lies beyond the ladder, or is not known (NaN), is None."""
    if draws is None:
        return Place(found, None, None, f"no interval: {NO_ERROR}")
    low, high = (
        float(np.quantile(np.nan_to_num(draws, nan=end, posinf=np.inf, neginf=-np.inf), q, method="nearest"))
        for q, end in ((0.025, -np.inf), (0.975, np.inf))
    )
    ends = [name for name, value in (("lower", low), ("upper", high)) if np.isinf(value)]
    reason = f"{' and '.join(ends)} end of the interval beyond the ladder" if ends else None
    return Place(found, None if np.isinf(low) else low, None if np.isinf(high) else high, reason)
