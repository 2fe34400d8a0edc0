"""What is known of one metric on one subtask along a ladder, from items or from aggregates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rescore.discontinuity.progress import Floats
from rescore.tables import Metric

ROUNDING = 1e-6
"""A score this far outside its range is rounding, not an error."""

_NATS_MAX = 1e3  # an NLL beyond this is a probability of zero in any floating point


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One cell's models, in the metric's own unit, and its items.

    Attributes
    ----------
    models, x
        Models of the ladder that have scores, and their places on its axis, ascending, equal of seeds of one size:
        log10 FLOPs or parameters, or minus the log10 of the pretraining loss; [models].
    mean, standard_error, n
        NaN where not known; n is the items behind each mean; [models].
    item_ids, scores
        The items that every model answered, and their scores in the metric's own unit: [items], [models, items]. None
        of aggregates, and of metrics that are not tested.
    chance
        What guessing scores, where it is known.
    notes
        What was left out or assumed, in words.
    reason
        Why the curve cannot be judged; None where it can.
    """

    task: str
    subtask: str
    metric: str
    models: tuple[str, ...]
    x: Floats
    mean: Floats
    standard_error: Floats
    n: Floats
    item_ids: NDArray[np.int64] | None
    scores: Floats | None
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


def upward(scores: Floats, metric: Metric) -> Floats:
    """Put scores on [0, 1] with higher better; an NLL becomes minus its nats."""
    return -oriented(scores, metric) if metric.link == "log" else oriented(scores, metric)


def width(metric: Metric) -> float:
    """How much of the metric's own unit is 1 where scores are `oriented`; 1 of an NLL, which stays in nats."""
    return 1.0 if metric.link == "log" else metric.high - metric.low


def outside(scores: Floats, metric: Metric) -> NDArray[np.bool_]:
    """Whether each score lies outside the metric's range; a NaN does not."""
    return np.asarray((scores < metric.low - ROUNDING) | (scores > metric.high + ROUNDING))
