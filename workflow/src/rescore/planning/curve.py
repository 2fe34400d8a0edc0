"""A metric's curve over a ladder: means of its rungs and their covariance, from items or from aggregates."""

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
    x
        Place of the rungs on the ladder's axis, strictly ascending: log10 FLOPs or parameters, or minus log10 of the
        pretraining loss in nats; [rungs].
    mean
        A bounded score in [0, 1] with higher better, or an NLL in nats; [rungs].
    covariance
        Covariance of `mean` from the sampling of items and, where a rung has several models, of seeds;
        [rungs, rungs].
    n
        Number of items behind every mean, or behind each; a number or [rungs]. Only bounded scores need it.
    seeds
        By rung, the means of its models, in the order of the ladder: [models] each; empty where they are not known.
    """

    x: Floats
    mean: Floats
    covariance: Floats
    n: float | Floats
    seeds: tuple[Floats, ...] = ()


def curve_from_items(x: Floats, items: Sequence[Floats]) -> Curve:
    """Average the items of every rung.

    The rungs answer the same items, so their means are correlated: covariance = cov(items) / n. Where a
    rung has several models of one size, items are averaged over them and the variance of the mean over
    seeds is added: var(model means) / models.

    Parameters
    ----------
    x
        Place of the rungs, strictly ascending; [rungs].
    items
        For each rung, the scores of its models on the same items; [models, items] each, at least two items.
    """
    Y = np.stack([rung.mean(0) for rung in items])  # [rungs, items]
    n = Y.shape[1]
    seeds = tuple(rung.mean(1) for rung in items)
    covariance = np.atleast_2d(np.cov(Y)) / n + np.diag([_of_seeds(means) for means in seeds])
    return Curve(x, Y.mean(1), covariance, n, seeds)


def curve_from_means(x: Floats, means: Sequence[Floats], standard_errors: Sequence[Floats], n: Floats) -> Curve:
    """Put together a curve of which only the models' means are known.

    What the rungs' items have in common is not known, so the covariance is diagonal. Where a rung has several models,
    its variance is that of a model's mean, (mean of their standard errors)^2, as if the same items were hard for all of
    them (an upper bound), plus that of the mean over seeds, var(model means) / models.

    Parameters
    ----------
    x
        Place of the rungs, strictly ascending; [rungs].
    means, standard_errors
        For each rung, those of its models; [models] each.
    n
        Items behind each rung; [rungs].

    Examples
    --------
    >>> one, two = np.array([0.5]), np.array([0.4, 0.6])  # the mean of two seeds: 0.1^2 + 0.02 / 2
    >>> curve_from_means(np.arange(2.0), [one, two], [one / 10, two / 5], np.full(2, 9.0)).covariance.round(4).tolist()
    [[0.0025, 0.0], [0.0, 0.02]]
    """
    variance = [errors.mean() ** 2 + _of_seeds(m) for m, errors in zip(means, standard_errors, strict=True)]
    return Curve(x, np.array([m.mean() for m in means]), np.diag(variance), n, tuple(means))


def curve_from_models(x: Floats, means: Floats, standard_errors: Floats, n: Floats) -> Curve:
    """Average over the models of each rung, as `curve_from_means`; a rung's n is the smallest of theirs.

    Parameters
    ----------
    x
        Place of the models, ascending, ties for seeds of one size; [models].
    means, standard_errors, n
        Of the models; [models] each.

    Examples
    --------
    >>> x, of = np.array([1.0, 1.0, 2.0]), np.array([0.2, 0.4, 0.5])
    >>> curve = curve_from_models(x, of, of / 10, np.array([9.0, 7.0, 8.0]))
    >>> curve.x.tolist(), curve.mean.round(3).tolist(), curve.n.tolist()
    ([1.0, 2.0], [0.3, 0.5], [7.0, 8.0])
    """
    rungs, at = np.unique(x, return_inverse=True)
    of = [at == rung for rung in range(len(rungs))]
    return curve_from_means(
        rungs,
        [means[rung] for rung in of],
        [standard_errors[rung] for rung in of],
        np.array([n[rung].min() for rung in of]),
    )


def _of_seeds(means: Floats) -> float:
    """Variance of the mean over the models of a rung; 0 of a single one, where it is not known."""
    return float(means.var(ddof=1) / len(means)) if len(means) > 1 else 0.0
