"""Choose how a model reads questions: the fastest way with the same numbers as one sequence at a time.

A faster way asks more of an architecture: that a mask alone decides what a token sees, that rows of the cache can be
copied, that padding does not count as distance. What the library says of an architecture rules some ways out. The
others are tried on a few short questions when the model is loaded.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from transformers import DynamicCache

from rescore.models import alone, candidates, forward
from rescore.models.candidates import TokenScores
from rescore.models.split import SplitModel
from rescore.tables import InputError


class Way(NamedTuple):
    """How questions are read."""

    batches: bool  # several in a pass, candidates and answers from their prompt's cache; else one sequence at a time
    shares_prefix: bool  # the common prefix of a batch is read once
    trees: bool  # the candidates of a question share a row

    def __str__(self) -> str:
        if not self.batches:
            return "one sequence at a time, without a cache"
        prefix = "shared prefixes once" if self.shares_prefix else "every prompt whole"
        return f"in batches, {prefix}, candidates {'as trees' if self.trees else 'in rows of their own'}"


ALONE = Way(batches=False, shares_prefix=False, trees=False)


class Probed(NamedTuple):
    """The way that was found, and by way why each faster one was refused."""

    way: Way
    refused: dict[Way, str]


_ALLOWED = {torch.float32: 2e-5, torch.float16: 3e-2, torch.bfloat16: 0.2}
"""Root mean square error, nats, that rounding alone may cause; more is allowed where a model's own noise is larger."""
_NOISE_TIMES = 5  # allowed multiple of the noise between two ways to compute the same sequence
_NOT_CAUSAL = {torch.float32: 1e-2, torch.float16: 0.3, torch.bfloat16: 1.0}
_CANDIDATES = ((5, 2, 3), (4, 1), (3,))  # by question, tokens of its candidates, which begin alike
_TAIL, _LIMITS = 2, (2, 4, 4)  # of the answers: prompt tokens after the context, and tokens to generate
_FOLLOWING = 3  # tokens put after a candidate, to see whether its numbers change
_LONGEST = 29  # tokens of the longest context

_SPLITTABLE = {"DynamicLayer", "DynamicSlidingWindowLayer", "DummyLayer"}  # layers of a cache whose rows are copied

_Question = tuple[list[int], list[list[int]]]  # a context, and the candidates behind it


def probe(model: SplitModel, window: int, n_embedded: int) -> Probed:
    """Find the fastest way with the same numbers as one sequence at a time.

    The model looks at `window` tokens, and has embeddings for `n_embedded`. Raises InputError where it is no causal
    language model (its log-probability of a token changes with the tokens that follow, or from run to run), and where
    its logits are NaN or infinite.
    """
    room = min(window, model.alone_from - 1) - max(_TAIL + max(_LIMITS), max(_CANDIDATES[0]) + _FOLLOWING)
    if room < 3:
        return Probed(ALONE, {})
    questions = _questions(min(model.vocabulary, n_embedded), min(room, _LONGEST))
    truth = [alone.score(model, context, tokens) for context, tokens in questions]
    noise = _rms(_noise(model, questions, truth))
    dtype = model.model.dtype
    if noise > _NOT_CAUSAL[dtype]:
        raise InputError(
            f"the log-probability of a token changes by {noise:.2g} nats with the tokens that follow it, or from run "
            "to run; this is no causal language model"
        )
    refused: dict[Way, str] = {}
    for way in _ways(model):
        try:
            error = _rms(_errors(model, questions, truth, way))
        except torch.OutOfMemoryError:
            raise
        except Exception as failure:  # an architecture may raise anything that does not work in this way
            refused[way] = f"{type(failure).__name__}: {' '.join(str(failure).split())[:120]}"
            continue
        if error <= max(_ALLOWED[dtype], _NOISE_TIMES * noise):
            return Probed(way, refused)
        refused[way] = f"off by {error:.2g} nats"
    return Probed(ALONE, refused)


def _questions(vocabulary: int, longest: int) -> list[_Question]:
    """Draw questions whose contexts begin alike and differ in length, and whose candidates begin alike."""
    rng = np.random.default_rng(0)
    shared = 2 * longest // 5
    prefix = rng.integers(0, vocabulary, shared).tolist()
    questions = []
    for length, lengths in zip((longest, (longest + shared + 1) // 2, shared + 1), _CANDIDATES, strict=True):
        context = prefix + rng.integers(0, vocabulary, length - shared).tolist()
        begin = rng.integers(0, vocabulary, 2).tolist()
        questions.append((context, [(begin + rng.integers(0, vocabulary, n).tolist())[:n] for n in lengths]))
    return questions


def _noise(model: SplitModel, questions: Sequence[_Question], truth: Sequence[Sequence[TokenScores]]) -> list[float]:
    """By token, how its log-probability changes when other tokens follow: only by rounding if the model is causal."""
    found = []
    for (context, [first, *_]), scores in zip(questions[:2], truth, strict=False):
        [longer] = alone.score(model, context, [first + context[:_FOLLOWING]])
        found += np.subtract(longer.logprob_nats[: len(first)], scores[0].logprob_nats).tolist()
    return found


def _errors(
    model: SplitModel, questions: Sequence[_Question], truth: Sequence[Sequence[TokenScores]], way: Way
) -> list[float]:
    """Errors of the log-probabilities of scored and generated tokens, and by how much a likelier token was missed."""
    contexts = [context for context, _ in questions]
    read = forward.prefill(model, contexts, shares_prefix=way.shares_prefix)
    scored = candidates.score(model, read, [tokens for _, tokens in questions], 2**20, trees=way.trees)
    errors = [
        a - b
        for own, right in zip(scored, truth, strict=True)
        for one, other in zip(own, right, strict=True)
        for a, b in zip(one.logprob_nats, other.logprob_nats, strict=True)
    ]
    lengths = (_TAIL, 1, _TAIL) if way.trees else [_TAIL] * len(contexts)  # answers are read with padding inside a row
    tails = [context[:n] for context, n in zip(contexts, lengths, strict=True)]
    answers = forward.greedy(
        model, read, tails, limits=_LIMITS, eos_ids=frozenset(), is_done=[lambda _: False] * len(questions)
    )
    for context, tail, answer in zip(contexts, tails, answers, strict=True):
        [right] = alone.score(model, context + tail, [answer.token_ids])
        errors += np.subtract(answer.logprob_nats, right.logprob_nats).tolist()
        errors += np.maximum(0, np.subtract(right.best_other_logprob_nats, right.logprob_nats)).tolist()
    return errors


def _rms(errors: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def _ways(model: SplitModel) -> Iterator[Way]:
    """Ways that the library's own code allows for an architecture, the fastest first."""
    whole = model.model
    try:
        layers = {type(layer).__name__ for layer in DynamicCache(config=whole.config).layers}
    except (LookupError, AttributeError, TypeError, ValueError):  # layers without such a cache
        return
    if getattr(whole, "_is_stateful", False) or not layers <= _SPLITTABLE:
        return
    sliding = "DynamicSlidingWindowLayer" in layers
    # A full mask replaces a window, and a model's own code may do anything with it.
    masked = type(whole).__module__.startswith("transformers.") and whole._supports_attention_backend
    masked = masked and whole.config._attn_implementation in ("sdpa", "eager")
    for trees in (True, False):
        for shares_prefix in (True, False):
            if not (trees and (sliding or not masked or _has_window(model))) and not (shares_prefix and sliding):
                yield Way(batches=True, shares_prefix=shares_prefix, trees=trees)


def _has_window(model: SplitModel) -> bool:
    """Whether the config names a window of attention, under any name."""
    config = model.model.config.get_text_config().to_dict()
    sizes = [value for key, value in config.items() if key.endswith(("window", "window_size"))]
    return any(isinstance(size, int) and not isinstance(size, bool) for size in sizes)
