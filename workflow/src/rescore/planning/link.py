"""The scale on which a curve is tested, where ordinary growth is close to a straight line along the ladder."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit

from rescore.planning.curve import Curve, Floats

Link = Literal["logit", "log", "odds"]
"""Of a bounded score: "logit". Of an NLL m: "log", z = -log m, on which a power law is straight, and "odds",
z = logit exp(-m), on which logistic growth of the token's probability is straight."""

_NLL_MIN = 1e-6  # nats; below it an NLL is rounding error
_RIDGE = 1e-9  # keeps a covariance positive definite where the rungs' items move as one and dwarf rung noise
_LOGIT_MIN = 0.25  # at 4 nats and above: else a rung that is far off would count as known exactly


@dataclass(frozen=True)
class Linked:
    """A curve on its link scale.

    Attributes
    ----------
    x
        Place on the ladder's axis, ascending; [rungs].
    z
        Link of the means, higher is better; [rungs].
    covariance
        Of z, from the sampling of items and seeds; [rungs, rungs].
    logit
        What one logit of a token's probability is on this scale; rung noise is in logits; [rungs].
    raw
        The means with higher better (minus the NLL); [rungs].
    n
        Items, a number or [rungs].
    link
        The scale.
    seeds
        By rung, how far each of its models lies from their mean on this scale (delta method); [models] each.
    """

    x: Floats
    z: Floats
    covariance: Floats
    logit: Floats
    raw: Floats
    n: float | Floats
    link: Link
    seeds: tuple[Floats, ...] = ()

    def noise(self, sd_logits: float) -> Floats:
        """Covariance of z from items, seeds and independent rung noise of `sd_logits`; [rungs, rungs]."""
        return self.covariance + np.diag((sd_logits * self.logit) ** 2 + _RIDGE * np.diag(self.covariance))


def to_link(curve: Curve, link: Link) -> Linked:
    """Put a curve on a link scale; its covariance follows by the delta method.

    logit: m~ = (n m + 1/2) / (n + 1), z = logit m~, dz/dm = 1 / (m~ (1 - m~)); 0.5 / n^2 is added to the
    variance of m, so that 0 of n has a standard error of about 1.4 on the link scale and not 0. log: z =
    -log m, dz/dm = -1 / m. odds: z = -log(exp(m) - 1), dz/dm = -1 / (1 - exp(-m)).
    """
    n, m, logit = curve.n, curve.mean, np.ones(len(curve.mean))
    covariance = curve.covariance + np.diag(np.full(len(m), 0.5 / n**2 if link == "logit" else 1e-12))
    if link == "logit":
        m = np.clip(m, 0.0, 1.0)
        smoothed = (n * m + 0.5) / (n + 1)
        z, slope, raw = np.log(smoothed / (1 - smoothed)), 1 / (smoothed * (1 - smoothed)), m
    else:
        m = np.maximum(m, _NLL_MIN)
        raw = -m
        if link == "log":
            z, slope = -np.log(m), -1 / m
            logit = np.maximum(-np.expm1(-m) / m, _LOGIT_MIN)
        else:
            z, slope = -(m + np.log(-np.expm1(-m))), 1 / np.expm1(-m)
    seeds = tuple(s * (means - means.mean()) for s, means in zip(slope, curve.seeds, strict=False))
    return Linked(curve.x, z, covariance * np.outer(slope, slope), logit, raw, n, link, seeds)


def from_link(z: Floats, link: Link) -> Floats:
    """Bring link values back to means with higher better; an NLL comes back as minus its nats.

    >>> float(from_link(np.array([0.0]), "logit")[0])
    0.5
    """
    if link == "logit":
        return np.asarray(expit(z))
    return -np.exp(-z) if link == "log" else -np.logaddexp(0.0, -z)
