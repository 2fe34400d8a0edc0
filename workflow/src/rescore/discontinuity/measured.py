"""What is known of one metric on one subtask along a ladder, from items or from aggregates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rescore.discontinuity.chance import CORRECTED, above_chance
from rescore.discontinuity.curve import Curve, Floats
from rescore.schema import Metric

ROUNDING = 1e-6
"""A score this far outside its range is rounding, not an error."""

_NATS_MAX = 1e3  # an NLL beyond this is a probability of zero in any floating point


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One cell's models, in the metric's own unit, and its curve.

    Attributes
    ----------
    task, subtask, metric
        The cell.
    models
        Models of the ladder that have scores, by `x`.
    x
        Their place on the ladder's axis (see `Curve`), ascending, ties for seeds of one size; [models].
    mean, standard_error
        NaN where not known; [models].
    n
        Items behind each mean, NaN where not known; [models].
    curve
        Means of the rungs on [0, 1] with higher better, above chance where that is known; an NLL stays in nats. None
        where the metric is not tested, or `reason` says why there is no curve.
    chance
        What guessing scores, where the curve is taken above it.
    notes
        What was left out or assumed, in words.
    reason
        Why there is no curve; None where there is one.
    """

    task: str
    subtask: str
    metric: str
    models: tuple[str, ...]
    x: Floats
    mean: Floats
    standard_error: Floats
    n: Floats
    curve: Curve | None
    chance: float | None
    notes: tuple[str, ...]
    reason: str | None

    @property
    def key(self) -> tuple[str, str, str]:
        """Task, subtask and metric."""
        return self.task, self.subtask, self.metric

    @property
    def has_scores(self) -> bool:
        """Whether any model has a mean."""
        return bool(np.isfinite(self.mean).any())


def oriented(scores: Floats, metric: Metric) -> Floats:
    """Put scores on [0, 1] with higher better; an NLL stays in nats."""
    if metric.link == "log":
        return np.clip(scores, 0.0, _NATS_MAX)
    share = np.clip((scores - metric.low) / width(metric), 0.0, 1.0)
    return share if metric.higher_is_better else 1.0 - share


def width(metric: Metric) -> float:
    """How much of the metric's own unit is 1 where scores are `oriented`; 1 of an NLL, which stays in nats."""
    return 1.0 if metric.link == "log" else metric.high - metric.low


def outside(scores: Floats, metric: Metric) -> NDArray[np.bool_]:
    """Whether each score lies outside the metric's range; a NaN does not."""
    return np.asarray((scores < metric.low - ROUNDING) | (scores > metric.high + ROUNDING))


def corrected(curve: Curve, metric: str, chance: float | None) -> tuple[Curve, float | None]:
    """Take a curve above chance, if it is one of those that are; return it with the chance that was used."""
    if chance is None or metric not in CORRECTED:
        return curve, None
    return above_chance(curve, chance), chance
