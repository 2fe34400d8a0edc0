"""One prefill per prompt; its cache serves every candidate (see `candidates`) and the greedy answer.

Prompts are padded on the left, so that all end in the same column. Padded places are masked, and positions count real
tokens only: a number does not depend on what else is in the batch. What all contexts of a batch begin with is read
once:

    input    p0 p1 | -- c2 c3          prefix, of one row for all | padding and the rest of each context
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel

from rescore.extract.tokens import n_shared
from rescore.schema import InputError

LOGITS_AT_ONCE = 2**26
"""Numbers of the vocabulary's size that are held in full precision at once: 256 MiB."""
_CPU_CACHE_BYTES = 2**25
_PREFIX_WORTH = 0.25  # a common prefix is read apart where that saves this share of a batch's tokens


class Prefill(NamedTuple):
    """What is known after reading a batch of contexts."""

    logits: Tensor  # [batch, vocab], float32: the first token behind each context
    cache: Cache
    mask: Tensor  # [batch, context], 1 where a real token is


class Greedy(NamedTuple):
    """A greedy continuation; one that ended with EOS has that token's log-probability too, behind those of its own."""

    token_ids: list[int]
    logprob_nats: list[float]
    finish_reason: str


@torch.inference_mode()
def prefill(model: PreTrainedModel, contexts: Sequence[Sequence[int]]) -> Prefill:
    """Read a batch of contexts once, and what they all begin with only once for all."""
    n, start, prefix = len(contexts), 0, None
    shared = _n_common(contexts)
    if shared * (n - 1) >= _PREFIX_WORTH * sum(map(len, contexts)) and n > 1:
        ids = torch.tensor([contexts[0][:shared]], device=model.device)
        prefix = _splittable(model(input_ids=ids, use_cache=True, logits_to_keep=1))
        if any(getattr(layer, "is_sliding", False) for layer in prefix.layers):
            prefix = None  # padding behind the prefix would take places of the window
        else:
            start = shared
    ids, mask = padded([context[start:] for context in contexts], model.device, left=True)
    position = start + (mask.cumsum(1) - 1).clamp(min=0)
    mask = torch.cat([mask.new_ones(n, start), mask], dim=1)
    logits, caches = [], []
    size = max(1, _tokens_at_once(model) // ids.shape[1])
    for rows in (slice(first, first + size) for first in range(0, n, size)):
        own = ids[rows]
        out = model(
            input_ids=own,
            attention_mask=mask[rows],
            position_ids=position[rows],
            past_key_values=None if prefix is None else select(prefix, [0] * len(own), 1),
            use_cache=True,
            logits_to_keep=1,
        )
        logits.append(out.logits[:, -1].float())
        caches.append(_splittable(out))
    return Prefill(finite(torch.cat(logits)), _joined(caches), mask)


@torch.inference_mode()
def greedy(
    model: PreTrainedModel,
    read: Prefill,
    prompt_tails: Sequence[Sequence[int]],
    *,
    limits: Sequence[int],
    eos_ids: frozenset[int],
    is_done: Sequence[Callable[[list[int]], bool]],
) -> list[Greedy]:
    """Continue every prompt with its likeliest token until EOS, a stop or the limit; consumes the cache.

    Parameters
    ----------
    prompt_tails
        By row, prompt tokens behind its context, read before anything is generated; equally many in all rows.
    limits
        By row, the number of tokens after which the answer is cut.
    is_done
        By row, a function that takes the tokens so far and says whether the answer is complete.
    """
    n = len(prompt_tails)
    cache, mask, logits = read.cache, read.mask, read.logits
    position = mask.sum(1)
    if any(prompt_tails):
        logits, cache, mask, position = _read_tails(model, read, prompt_tails)
    tokens: list[list[int]] = [[] for _ in range(n)]
    logprobs: list[list[float]] = [[] for _ in range(n)]
    reasons = [""] * n  # empty while the answer goes on
    live = list(range(n))  # the rows of the tensors
    while True:
        best = logits.max(dim=-1)
        values = finite(best.values - logits.logsumexp(-1))
        for row, token, value in zip(live, best.indices.tolist(), values.tolist(), strict=True):
            if reasons[row]:
                continue
            logprobs[row].append(value)
            if token in eos_ids:
                reasons[row] = "eos"
                continue
            tokens[row].append(token)
            if is_done[row](tokens[row]):
                reasons[row] = "stop"
            elif len(tokens[row]) == limits[row]:
                reasons[row] = "length"
        going = [k for k, row in enumerate(live) if not reasons[row]]
        if not going:
            return [Greedy(*found) for found in zip(tokens, logprobs, reasons, strict=True)]
        ids = best.indices
        if 2 * len(going) <= len(live):  # leaving rows out copies the cache: worth it where it halves the work
            kept = torch.tensor(going)
            cache.batch_select_indices(kept)
            ids, mask, position = ids[kept], mask[kept], position[kept]
            live = [live[k] for k in going]
        mask = torch.cat([mask, mask.new_ones(len(live), 1)], dim=1)
        out = model(
            input_ids=ids[:, None],
            attention_mask=mask,
            position_ids=position[:, None],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache, logits, position = out.past_key_values, out.logits[:, -1].float(), position + 1


def _tokens_at_once(model: PreTrainedModel) -> int:
    """How many tokens of contexts a pass reads: on a CPU so many that an MLP four widths wide stays in its cache.

    In single precision. For a model 576 wide a fifth faster than 16,384 tokens; on a GPU the batch is the limit.
    """
    return (
        _CPU_CACHE_BYTES // (16 * model.config.get_text_config().hidden_size) if model.device.type == "cpu" else 2**62
    )


def _joined(caches: Sequence[Cache]) -> Cache:
    """Put the rows of caches together, in the first of them; the others are emptied, so that no layer is held twice."""
    layers: list[list[Any]] = [list(cache.layers) for cache in caches]
    for first, *rest in zip(*layers, strict=True):
        if rest and first.get_seq_length() > 0:
            first.keys = torch.cat([first.keys, *(layer.keys for layer in rest)])
            first.values = torch.cat([first.values, *(layer.values for layer in rest)])
            for layer in rest:
                layer.keys = layer.values = None
    return caches[0]


def select(cache: Cache, rows: Sequence[int], n: int) -> Cache:
    """Return a cache of some of its `n` rows, copied once, or not at all where these are all; the original stays.

    The rows are on the CPU: layers may lie on several devices, and such an index serves them all.
    """
    chosen = copy.copy(cache)
    chosen.layers = [copy.copy(layer) for layer in cache.layers]
    if list(rows) != list(range(n)):
        chosen.batch_select_indices(torch.tensor(rows))
    return chosen


def padded(rows: Sequence[Sequence[int]], device: torch.device, *, left: bool) -> tuple[Tensor, Tensor]:
    """Tokens of rows, padded to the longest, and 1 where a real token is: [rows, longest] both."""
    lengths = torch.tensor([len(row) for row in rows])[:, None]
    width = int(lengths.max())
    column = torch.arange(width)
    own = column >= width - lengths if left else column < lengths
    ids = torch.zeros(own.shape, dtype=torch.long)
    ids[own] = torch.tensor([token for row in rows for token in row])
    return ids.to(device), own.long().to(device)


def _splittable(out: Any) -> Cache:
    cache = getattr(out, "past_key_values", None)
    if not isinstance(cache, Cache) or not all(hasattr(layer, "batch_select_indices") for layer in cache.layers):
        raise InputError("its architecture keeps no attention cache that can be split by question; it is unsupported")
    return cache


def _n_common(contexts: Sequence[Sequence[int]]) -> int:
    """How many tokens all contexts begin with, one of each left over."""
    same = n_shared(min(map(list, contexts)), max(map(list, contexts)))
    return min(same, min(map(len, contexts)) - 1)


class NotFiniteError(InputError):
    """Numbers that are none; `rescore.extract.failures` knows the mend."""


def finite(values: Tensor) -> Tensor:
    """Refuse what overflowed: in half precision a large model may."""
    if not torch.isfinite(values).all():
        raise NotFiniteError("its logits hold NaN or infinity")
    return values


def _read_tails(
    model: PreTrainedModel, read: Prefill, tails: Sequence[Sequence[int]]
) -> tuple[Tensor, Cache, Tensor, Tensor]:
    """Read what is left of the prompts, of one length in all rows: padding would take places of a sliding window."""
    ids = torch.tensor([list(tail) for tail in tails], device=read.mask.device)  # [batch, tail]
    mask = torch.cat([read.mask, torch.ones_like(ids)], dim=1)
    start = read.mask.sum(1, keepdim=True)
    out = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=start + torch.arange(ids.shape[1], device=ids.device),
        past_key_values=read.cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return out.logits[:, -1].float(), out.past_key_values, mask, start[:, 0] + ids.shape[1]
