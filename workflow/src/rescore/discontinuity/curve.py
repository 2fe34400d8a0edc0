"""A metric's curve over a ladder: means over the items that the rungs share, and their covariance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Means of one metric on a ladder.

    Attributes
    ----------
    log10_compute
        log10 FLOPs of the rungs, strictly ascending; [rungs].
    mean
        A bounded score in [0, 1] with higher better, or an NLL in nats; [rungs].
    covariance
        Covariance of `mean` from the sampling of items and, where a rung has several models, of seeds;
        [rungs, rungs].
    n
        Number of items behind every mean.
    seeds
        By rung, the means of its models, in the order of the ladder: [models] each; empty where they are not known.
    """

    log10_compute: Floats
    mean: Floats
    covariance: Floats
    n: int
    seeds: tuple[Floats, ...] = ()


def curve_from_items(log10_compute: Floats, items: Sequence[Floats]) -> Curve:
    """Average the items of every rung.

    The rungs answer the same items, so their means are correlated: covariance = cov(items) / n. Where a
    rung has several models of one size, items are averaged over them and the variance of the mean over
    seeds is added: var(model means) / models.

    Parameters
    ----------
    log10_compute
        log10 FLOPs, strictly ascending; [rungs].
    items
        For each rung, the scores of its models on the same items; [models, items] each, at least two items.
    """
    Y = np.stack([rung.mean(0) for rung in items])  # [rungs, items]
    n = Y.shape[1]
    seeds = tuple(rung.mean(1) for rung in items)
    of_seeds = [means.var(ddof=1) / len(means) if len(means) > 1 else 0.0 for means in seeds]
    covariance = np.atleast_2d(np.cov(Y)) / n + np.diag(of_seeds)
    return Curve(log10_compute, Y.mean(1), covariance, n, seeds)
