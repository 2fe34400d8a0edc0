"""The chain model in closed form and simulated."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_AT_ONCE = 2**22  # tokens

LOG10_COMPUTE = (20.0, 21.0, 22.0, 22.5, 23.0, 23.5, 24.0, 25.0)


def token_probability(log10_compute: Floats, *, midpoint: float, steepness: float) -> Floats:
    """Probability of a right token, expit(steepness (x - midpoint)); x in log10 FLOPs, steepness in logits per decade.

    >>> token_probability(np.array([22.0, 23.0]), midpoint=22.0, steepness=1.5).round(3).tolist()
    [0.5, 0.818]
    """
    return expit(steepness * (np.asarray(log10_compute, float) - midpoint))


def chain_table(
    *,
    k: int = 4,
    midpoint: float = 22.0,
    steepness: float = 1.5,
    draws: int = 20_000,
    seed: int = 0,
    log10_compute: Sequence[float] = LOG10_COMPUTE,
) -> pl.DataFrame:
    """Token skill and exact match of the chain model, in closed form and simulated.

    An answer has k tokens; at each compute (log10 FLOPs), `draws` answers of k Bernoulli tokens are simulated. Returns
    one row per compute: log10_compute, token_probability, logprob_nats_per_token, exact_match (p^k),
    exact_match_simulated, and exact_match_simulated_se, its Monte Carlo standard error sqrt(p^k (1 - p^k) / draws).
    """
    rng = np.random.default_rng(seed)
    p = token_probability(np.array(log10_compute, float), midpoint=midpoint, steepness=steepness)
    with np.errstate(divide="ignore"):
        logprob = np.log(p)  # minus infinity where p is 0 in floating point
    exact = p**k
    simulated = [_right(probability, k, draws, rng) / draws for probability in p]
    return pl.DataFrame(
        {
            "log10_compute": np.array(log10_compute, float),
            "token_probability": p,
            "logprob_nats_per_token": logprob,
            "exact_match": exact,
            "exact_match_simulated": simulated,
            "exact_match_simulated_se": np.sqrt(exact * (1 - exact) / draws),
        }
    )


def _right(probability: float, k: int, draws: int, rng: np.random.Generator) -> int:
    """Draw answers, as many at once as take little memory, and count those whose every token is right."""
    at_once = max(1, _AT_ONCE // k)
    sizes = (min(at_once, draws - done) for done in range(0, draws, at_once))
    return sum(int((rng.random((size, k)) < probability).all(1).sum()) for size in sizes)


def expit(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))
