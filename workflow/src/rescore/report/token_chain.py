"""The chain model in closed form, as the sandbox shows it, and its fit to measured curves.

A model answers a token rightly with probability p(x) = 1 / (1 + exp(-steepness (x - midpoint))), and an answer of k
tokens, all of them, with p^k (Schaeffer, Miranda and Koyejo 2023). x is log10 of training compute, or of size.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

_TOKENS = 0.05 * 1.01 ** np.arange(834)  # to 199
_STEEPNESS = np.outer([1, -1], 0.1 * 1.1 ** np.arange(64)).ravel()  # to 41


@dataclass(frozen=True, kw_only=True)
class Capability:
    """An illustrative capability of the scale scrubber.

    Attributes
    ----------
    tokens
        Tokens of an answer, k.
    midpoint
        Where the token probability is one half, in log10 parameters.
    steepness
        Logits per decade of parameters.
    """

    tokens: int
    midpoint: float
    steepness: float


CAPABILITIES: Mapping[str, Capability] = {
    "3-digit addition": Capability(tokens=5, midpoint=8.5, steepness=1.5),
    "chain of thought": Capability(tokens=20, midpoint=9.3, steepness=2.5),
    "reliable tool calling": Capability(tokens=30, midpoint=9.6, steepness=3.0),
}
"""Invented, so that at 1B parameters addition is under way and the two others are nowhere yet."""

LOG10_PARAMS = tuple(8 + step / 20 for step in range(61))
"""The stops of the scale scrubber: 100M to 100B parameters."""


def token_probability(x: float, *, midpoint: float, steepness: float) -> float:
    """Probability of a right token, 1 / (1 + exp(-steepness (x - midpoint))).

    >>> token_probability(22.0, midpoint=22.0, steepness=1.5)
    0.5
    """
    return 1 / (1 + math.exp(-steepness * (x - midpoint)))


def log_probability(nll_nats_per_token: float) -> float:
    """Put a token's log-probability on a scale where 0 is 1 nat lost a token and 1 is 0.01 nats: -log10(NLL) / 2.

    Each tenfold fall of the NLL counts one half, so a scaling law, NLL = (N / c)^-a, is a straight line over log N.
    The value is not clipped.

    >>> log_probability(0.1), log_probability(0.01)
    (0.5, 1.0)
    """
    return -math.log10(nll_nats_per_token) / 2


def capability_curves() -> pl.DataFrame:
    """Return the capabilities' curves: a row for each stop of LOG10_PARAMS and each of CAPABILITIES.

    Returns
    -------
    pl.DataFrame
        stop (place in LOG10_PARAMS), n_params, capability, exact_match (p^k), log_probability (see the function).
    """
    rows = []
    for stop, x in enumerate(LOG10_PARAMS):
        for name, capability in CAPABILITIES.items():
            p = token_probability(x, midpoint=capability.midpoint, steepness=capability.steepness)
            rows.append((stop, 10**x, name, p**capability.tokens, log_probability(-math.log(p))))
    columns = ["stop", "n_params", "capability", "exact_match", "log_probability"]
    return pl.DataFrame(rows, schema=columns, orient="row")


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The chain model that is nearest to a subtask's measured curves.

    Attributes
    ----------
    tokens
        k, a real number: so many tokens, equally hard and independent, would give this exact match.
    midpoint, steepness
        Of the token probability, over log10 FLOPs.
    residual_rms
        Root mean square of exact match minus p^k over the models, with the p that was measured.
    """

    tokens: float
    midpoint: float
    steepness: float
    residual_rms: float


def fit(log10_compute: Sequence[float], nll_nats_per_token: Sequence[float], exact_match: Sequence[float]) -> Fit | str:
    """Fit the chain model to the models of a subtask by least squares; return the reason where it cannot be fitted.

    The measured token probability is p = exp(-NLL). k is fitted to exact match as p^k; midpoint and steepness are
    fitted to p. Both are the best of a grid: k from 0.05 to 200 in steps of 1%; midpoint to 2 decades beyond the
    ladder in steps of 0.05; steepness from 0.1 to 41 logits per decade, up or down, in steps of 10%.

    Parameters
    ----------
    log10_compute, nll_nats_per_token, exact_match
        One value a model; [models].

    >>> fit([20, 21, 22], [1.0, 0.5, 0.25], [0, 0, 0])
    'exact match is the same for all models, so nothing tells k'
    """
    x, nll, exact = (np.asarray(values, float) for values in (log10_compute, nll_nats_per_token, exact_match))
    if len(x) < 3:
        return "fewer than three models have both exact match and NLL"
    if exact.min() == exact.max():
        return "exact match is the same for all models, so nothing tells k"
    misfit = ((exact - np.exp(-_TOKENS[:, None] * nll)) ** 2).mean(1)  # [tokens]
    best = int(misfit.argmin())
    if best in (0, len(_TOKENS) - 1):
        return f"the best k is not between {_TOKENS[0]:g} and {_TOKENS[-1]:.0f}"
    midpoints = np.arange(x.min() - 2, x.max() + 2, 0.05)
    logits = _STEEPNESS[:, None, None] * (x - midpoints[:, None])  # [steepness, midpoint, models]
    off = ((np.exp(-nll) - 0.5 * (1 + np.tanh(logits / 2))) ** 2).sum(2)
    steep, middle = np.unravel_index(off.argmin(), off.shape)
    if middle in (0, len(midpoints) - 1):
        return "token probability is far from one half on the whole ladder, so nothing tells its midpoint"
    return Fit(
        tokens=float(_TOKENS[best]),
        midpoint=float(midpoints[middle]),
        steepness=float(_STEEPNESS[steep]),
        residual_rms=float(np.sqrt(misfit[best])),
    )
