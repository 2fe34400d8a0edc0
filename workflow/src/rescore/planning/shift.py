"""How far apart two curves rise, read at one level that both cross."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from rescore.discontinuity.progress import isotonic
from rescore.planning.crossing import Crossing, crossings, fits_drawn, with_interval
from rescore.planning.curve import Floats
from rescore.planning.rungs import CELL, Points, in_own_unit

NO_LEVEL = "the curves have no level in common that both cross"


@dataclass(frozen=True)
class Side:
    """One of two curves that are compared.

    Attributes
    ----------
    points
        The curve.
    fit
        Its isotonic fit, higher is better; [rungs].
    drawn
        Isotonic fits of curves drawn around it; [rungs, draws], None where no standard error is known.
    """

    points: Points
    fit: Floats
    drawn: Floats | None

    @classmethod
    def of(cls, points: Points, rng: np.random.Generator) -> "Side":
        """Fit a curve, and draws around it."""
        return cls(points, isotonic(points.upward[:, None])[:, 0], fits_drawn(points, rng))


class Shift(NamedTuple):
    """Where each side crosses the level, and the second's place minus the first's; log10."""

    first: Crossing
    second: Crossing
    decades: Crossing

    @property
    def numbers(self) -> tuple[float | None, ...]:
        """Each crossing's place, low and high."""
        return tuple(number for crossing in self for number in crossing[:3])


NO_SHIFT = Shift(*[Crossing(None, None, None, None)] * 3)


def common_level(first: Side, second: Side) -> float | None:
    """Midway between the higher bottom and the lower top of two fits; None where the one lies above the other."""
    bottom, top = (end(first.fit[at], second.fit[at]) for end, at in ((max, 0), (min, -1)))
    return float(bottom + top) / 2 if bottom < top else None


def own_level(level: float, points: Points) -> float:
    """Return a level in its metric's own unit and direction."""
    return -level if points.link == "log" else in_own_unit(level, points.metric)


def shift(first: Side, second: Side, level: float, *, x: tuple[Floats, Floats]) -> Shift:
    """Read two curves at a level that both cross.

    The 95% intervals are a parametric bootstrap over the standard errors, the level held fixed, the two sides taken as
    independent: where they answer the same items, the interval of the shift is rather too wide.

    Parameters
    ----------
    first, second
        The two.
    level
        See `common_level`.
    x
        Of each side, log10 of what its rungs are laid out along, ascending; [rungs].
    """
    sides = tuple(zip((first, second), x, strict=True))
    at = [float(crossings(along, side.fit[:, None], level)[0]) for side, along in sides]
    drawn = [None if side.drawn is None else crossings(along, side.drawn, level) for side, along in sides]
    apart = None if drawn[0] is None or drawn[1] is None else _minus(drawn[1], drawn[0])
    return Shift(with_interval(at[0], drawn[0]), with_interval(at[1], drawn[1]), with_interval(at[1] - at[0], apart))


def reason(found: Shift, first: str, second: str) -> str | None:
    """Say which intervals of a shift between two named sides lack an end, and why; None if none does."""
    named = zip((first, second, "shift"), found, strict=True)
    return "; ".join(f"{name}: {crossing.reason}" for name, crossing in named if crossing.reason) or None


def still(verdicts: pl.DataFrame) -> dict[tuple[str, ...], str]:
    """Say by ladder, task, subtask and metric why a curve has no rise; those that rise or were not judged are left out.

    Parameters
    ----------
    verdicts
        The table VERDICTS.
    """
    without = verdicts.filter(pl.col("verdict").is_in(["flat", "inverse", "saturated"]))
    return {row[:4]: f"{row[4]}: {row[5]}" for row in without.select(*CELL, "verdict", "reason").iter_rows()}


def _minus(a: Floats, b: Floats) -> Floats:
    """Subtract b from a; NaN, which is not known, where both lie beyond the same end of their ladders."""
    with np.errstate(invalid="ignore"):
        return a - b
