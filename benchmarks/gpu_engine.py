"""The engine between tokens and tables, stage by stage, for `gpu.py`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import transformers as tf
from gpu_models import CPU, DEVICE, stand_in, sync, words

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


def continuous(model: Any, prompts: Sequence[Sequence[int]], limit: int) -> list[Any]:
    """Answer every prompt by transformers' continuous batching, each answer to its limit."""
    said: dict[str, Any] = {"max_new_tokens": limit, "do_sample": False, "eos_token_id": -1, "pad_token_id": 0}
    settings = tf.GenerationConfig(**said)  # type: ignore[no-untyped-call]
    room: dict[str, Any] = {"num_blocks": 16, "max_batch_tokens": 256} if CPU else {}  # on a GPU as the memory allows
    batches = tf.ContinuousBatchingConfig(return_logprobs=True, **room)
    found = model.generate_batch(prompts, generation_config=settings, continuous_batching_config=batches)
    return [found[key] for key in sorted(found, key=lambda key: int(key.rpartition("_")[2]))]


def step_ms(model: Any, n: int, length: int, steps: int) -> dict[str, float]:
    """Milliseconds of a decoding step with a static cache, and of the same in a CUDA graph."""
    cache = tf.StaticCache(config=model.config, max_cache_len=length + 64)
    ids = torch.zeros(n, length, dtype=torch.long, device=DEVICE)
    model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    mask = torch.zeros(n, 1, 1, length + 64, dtype=model.dtype, device=DEVICE)
    places = torch.full((n, 1), length, device=DEVICE)

    def step() -> None:
        inputs = {"input_ids": ids[:, :1], "attention_mask": mask, "position_ids": places}
        model(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)

    took: dict[str, float] = {}
    step()
    with timed(took, "static_ms"):
        for _ in range(steps):
            step()
    if not CPU:
        stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        with torch.cuda.stream(stream):
            step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        graph.replay()
        with timed(took, "graph_ms"):
            for _ in range(steps):
                graph.replay()
    return {name: 1000 * value / steps for name, value in took.items()}


@contextmanager
def timed(spent: dict[str, float], stage: str) -> Iterator[None]:
    """Add the seconds that a stage takes, the device's work with them."""
    sync()
    start = time.perf_counter()
    yield
    sync()
    spent[stage] = spent.get(stage, 0.0) + time.perf_counter() - start
