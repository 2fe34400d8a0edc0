"""The chain model, token skill that grows smoothly and answers that need every token; scores of known truth.

A model answers a token rightly with probability p(x) = expit(steepness (x - midpoint)) of x = log10 FLOPs.
An answer of k tokens is right when all of them are, so exact match is p^k: smooth token skill, and a late
rise in exact match that looks like a new ability (Schaeffer, Miranda and Koyejo 2023).
"""

from rescore.simulate.chain import chain_table, token_probability
from rescore.simulate.truth import (
    Shape,
    Spread,
    Truth,
    simulated_items,
    simulated_ladder,
    simulated_scores,
)

__all__ = [
    "Shape",
    "Spread",
    "Truth",
    "chain_table",
    "simulated_items",
    "simulated_ladder",
    "simulated_scores",
    "token_probability",
]
