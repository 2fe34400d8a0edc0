"""Bias-corrected bootstrap (Efron 1981): an interval, and the chance that a quantity is at least something."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from rescore.discontinuity.conventions import Conventions
from rescore.discontinuity.progress import Floats

_LEVELS = (0.05, 0.95)


class Estimate(NamedTuple):
    """A number with its 90% interval; NaN where it is not known."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """A number and draws of it; where the number lies among the draws shifts interval and chance.

    Attributes
    ----------
    value
        The estimate.
    draws
        [draws].
    shift
        z0: the normal quantile of the share of draws below the estimate, within `shift_max`.
    """

    value: float
    draws: Floats
    shift: float

    @classmethod
    def of(cls, value: float, draws: Floats, conventions: Conventions) -> "Bootstrap":
        """Take ties by half."""
        n = len(draws)
        share = np.clip(np.mean(draws < value) + 0.5 * np.mean(draws == value), 0.5 / n, 1 - 0.5 / n)
        return cls(
            value=value,
            draws=draws,
            shift=float(np.clip(ndtri(share), -conventions.shift_max, conventions.shift_max)),
        )

    def at_least(self, threshold: float) -> float:
        """Chance that the quantity is at least the threshold."""
        below = float(np.mean(self.draws < threshold))
        return 1 - below if below in (0.0, 1.0) else float(1 - ndtr(ndtri(below) - 2 * self.shift))

    def interval(self) -> Estimate:
        """The 90% interval."""
        if np.isnan(self.draws).any():
            return Estimate(self.value, np.nan, np.nan)
        low, high = np.quantile(self.draws, [ndtr(2 * self.shift + ndtri(level)) for level in _LEVELS])
        return Estimate(self.value, float(low), float(high))
