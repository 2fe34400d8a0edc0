"""The chain model, token skill that grows smoothly and answers that need every token; scores of known truth.

A model answers a token rightly with probability p(x) = expit(steepness (x - midpoint)) of x = log10 FLOPs.
An answer of k tokens is right when all of them are, so exact match is p^k: smooth token skill, and a late
rise in exact match that looks like a new ability (Schaeffer, Miranda and Koyejo 2023).
"""

from rescore.simulate.chain import chain_table as chain_table
from rescore.simulate.chain import token_probability as token_probability
from rescore.simulate.truth import Shape as Shape
from rescore.simulate.truth import Spread as Spread
from rescore.simulate.truth import Truth as Truth
from rescore.simulate.truth import simulated_items as simulated_items
from rescore.simulate.truth import simulated_ladder as simulated_ladder
from rescore.simulate.truth import simulated_scores as simulated_scores
