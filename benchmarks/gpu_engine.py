"""The engine between tokens and tables, stage by stage, for `gpu.py`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gpu_models import stand_in, sync, words

stand_in()
from rescore.models import batching, candidates, forward  # noqa: E402 - behind the stand-ins
from rescore.models.loading import Loaded  # noqa: E402
from rescore.models.probe import probe  # noqa: E402
from rescore.models.split import split  # noqa: E402
from rescore.models.vocabulary import Vocabulary  # noqa: E402


def prepared(model: Any) -> Loaded:
    """Make a model ready as `load` does, with a tokenizer of single words."""
    parts, vocabulary = split(model), model.config.vocab_size
    way, _ = probe(parts, 4096, vocabulary)
    return Loaded(parts, Vocabulary(words(vocabulary), vocabulary), 4096, frozenset(), way, ())


def ours(loaded: Loaded, asked: Sequence[Any], budget: int) -> tuple[list[Any], dict[str, float], int]:
    """Scores and answers as extraction makes them between tokens and tables; seconds by stage; number of batches."""
    model, way = loaded.model, loaded.way
    found: list[Any] = [None] * len(asked)
    spent = dict.fromkeys(("prefill", "score", "greedy"), 0.0)
    order = sorted(range(len(asked)), key=lambda i: len(asked[i].context) + asked[i].limit, reverse=True)
    done = n_batches = 0
    while done < len(order):
        places = batching._batch(order, done, asked, budget, loaded.window)
        batch = [asked[i] for i in places]
        with timed(spent, "prefill"):
            read = forward.prefill(model, [q.context for q in batch], shares_prefix=way.shares_prefix)
        with timed(spent, "score"):
            scored = candidates.score(model, read, [q.candidates for q in batch], budget, trees=way.trees)
        with timed(spent, "greedy"):
            said = generate(loaded, read, [q.limit for q in batch])
        for i, scores, answer in zip(places, scored, said, strict=True):
            found[i] = (scores, answer)
        del read
        done, n_batches = done + len(places), n_batches + 1
    return found, spent, n_batches


def generate(loaded: Loaded, read: forward.Prefill, limits: Sequence[int]) -> list[forward.Greedy]:
    """Answer what was read, each answer to its limit."""
    never = [lambda _: False] * len(limits)
    tails: list[list[int]] = [[]] * len(limits)
    return forward.greedy(loaded.model, read, tails, limits=limits, eos_ids=frozenset(), is_done=never)


@contextmanager
def timed(spent: dict[str, float], stage: str) -> Iterator[None]:
    """Add the seconds that a stage takes, the device's work with them."""
    sync()
    start = time.perf_counter()
    yield
    sync()
    spent[stage] = spent.get(stage, 0.0) + time.perf_counter() - start
