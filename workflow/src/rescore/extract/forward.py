"""One prefill per prompt; its cache serves every candidate and the greedy answer.

How log-probabilities are cut out, for a context of 4 tokens and a candidate of 3 behind it:

    input    c0 c1 c2 c3 | a0 a1          context | candidate without its last token
    logits            l3 | l4 l5          l3 comes from the prefill
    scores            a0   a1 a2          token t is scored by the logits one place before it

Prompts are padded on the left, so that all end in the same column; candidates on the right. Padded places are masked,
and positions count real tokens only: a number does not depend on what else is in the batch. What all contexts of a
batch begin with is read once, and of candidates behind one context those that begin another are read with it:

    input    p0 p1 | -- c2 c3          prefix, of one row for all | padding and the rest of each context
    inputs   [7] [7 2] [9]             rows [7 2] and [9]: the logits behind 7 stand in the first of them
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel

from rescore.extract.tokens import n_shared
from rescore.schema import InputError

LOGITS_AT_ONCE = 2**26
"""Numbers of the vocabulary's size that are held in full precision at once: 256 MiB."""
_PREFIX_WORTH = 0.25  # a common prefix is read apart where that saves this share of a batch's tokens


class Prefill(NamedTuple):
    """What is known after reading a batch of contexts."""

    logits: Tensor  # [batch, vocab], float32: the first token behind each context
    cache: Cache
    mask: Tensor  # [batch, context], 1 where a real token is


class TokenScores(NamedTuple):
    """By token of an answer span; lists of equal length."""

    logprob_nats: list[float]
    argmax_ids: list[int]
    best_other_logprob_nats: list[float]
    entropy_nats: list[float]


class Greedy(NamedTuple):
    """A greedy continuation; one that ended with EOS has that token's log-probability too, behind those of its own."""

    token_ids: list[int]
    logprob_nats: list[float]
    finish_reason: str


@torch.inference_mode()
def prefill(model: PreTrainedModel, contexts: Sequence[Sequence[int]]) -> Prefill:
    """Read a batch of contexts once, and what they all begin with only once for all."""
    n, start, cache = len(contexts), 0, None
    shared = _n_common(contexts)
    if shared * (n - 1) >= _PREFIX_WORTH * sum(map(len, contexts)) and n > 1:
        prefix = torch.tensor([contexts[0][:shared]], device=model.device)
        cache = _splittable(model(input_ids=prefix, use_cache=True, logits_to_keep=1))
        if any(getattr(layer, "is_sliding", False) for layer in cache.layers):
            cache = None  # padding behind the prefix would take places of the window
        else:
            cache.batch_select_indices(torch.zeros(n, dtype=torch.long))
            start = shared
    ids, mask = _padded([context[start:] for context in contexts], model.device, left=True)
    position = start + (mask.cumsum(1) - 1).clamp(min=0)
    mask = torch.cat([mask.new_ones(n, start), mask], dim=1)
    out = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=position,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return Prefill(_finite(out.logits[:, -1].float()), _splittable(out), mask)


@torch.inference_mode()
def score(
    model: PreTrainedModel,
    read: Prefill,
    owners: Sequence[int],
    candidates: Sequence[Sequence[int]],
) -> list[TokenScores]:
    """Score candidates behind contexts that were read.

    Parameters
    ----------
    owners
        By candidate, the row of its context in the batch.
    candidates
        By candidate, its tokens behind the context.
    """
    rows, row_of = _merge(owners, [candidate[:-1] for candidate in candidates])
    later = _continue(model, read, rows)
    # One entry a scored token: where the logits before it stand, and which token it is.
    place = [(owners[i], row_of[i], t, token) for i, tokens in enumerate(candidates) for t, token in enumerate(tokens)]
    if not place:
        return [TokenScores([], [], [], [])] * len(candidates)
    places = torch.tensor(place)
    order = (places[:, 2] > 0).long().argsort(stable=True)  # those that the prefill scores come first
    found: list[list[Tensor]] = [[], [], [], []]
    for chunk in _chunks(order, int((places[:, 2] == 0).sum()), read.logits.shape[1]):
        owner, row, at, token = places[chunk].to(read.logits.device).T
        logits = read.logits[owner] if places[chunk[0], 2] == 0 else later[row, at - 1].float()  # [tokens, vocab]
        for column, values in zip(found, _measure(logits, token[:, None]), strict=True):
            column.append(values.cpu())
    back = order.argsort()
    columns = [torch.cat(parts)[back].tolist() for parts in found]
    results, done = [], 0
    for tokens in candidates:
        results.append(TokenScores(*(column[done : done + len(tokens)] for column in columns)))
        done += len(tokens)
    return results


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
        values = _finite(best.values - logits.logsumexp(-1))
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


def _measure(logits: Tensor, token: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Own log-probability, likeliest token, best other log-probability and entropy; overwrites the logits.

    Shapes: logits [tokens, vocab], token [tokens, 1], each result [tokens].
    """
    logp = logits.sub_(logits.logsumexp(1, keepdim=True))
    own = _finite(logp.gather(1, token)[:, 0])
    argmax = logp.argmax(1)
    entropy = torch.special.entr(logp.exp()).sum(1)
    return own, argmax, logp.scatter_(1, token, -torch.inf).amax(1), entropy


def _merge(owners: Sequence[int], inputs: Sequence[Sequence[int]]) -> tuple[list[tuple[int, Sequence[int]]], list[int]]:
    """Leave out inputs that another one behind the same context begins with.

    Returns the inputs left, as (owner, tokens), and for each of all inputs the place of the one it is read with.
    """
    order = sorted(range(len(inputs)), key=lambda i: (owners[i], inputs[i]), reverse=True)
    rows: list[tuple[int, Sequence[int]]] = []
    row_of = [0] * len(inputs)
    for i in order:  # an input follows, at once or behind others like it, those that begin with it
        own = inputs[i]
        if not rows or rows[-1][0] != owners[i] or list(rows[-1][1][: len(own)]) != list(own):
            rows.append((owners[i], own))
        row_of[i] = len(rows) - 1
    return rows, row_of


def _continue(model: PreTrainedModel, read: Prefill, rows: Sequence[tuple[int, Sequence[int]]]) -> Tensor:
    """Logits along each row's tokens behind its context: [rows, longest, vocab], in the model's precision."""
    width = max((len(tokens) for _, tokens in rows), default=0)
    if width == 0:
        return read.logits.new_empty((len(rows), 0, read.logits.shape[1]))
    ids, own = _padded([tokens for _, tokens in rows], read.mask.device, left=False)
    owners = torch.tensor([owner for owner, _ in rows])
    mask = read.mask[owners]
    out = model(
        input_ids=ids,
        attention_mask=torch.cat([mask, own], dim=1),
        position_ids=mask.sum(1, keepdim=True) + torch.arange(width, device=mask.device),
        past_key_values=_select(read.cache, owners),
        use_cache=True,
    )
    logits: Tensor = out.logits
    return logits


def _padded(rows: Sequence[Sequence[int]], device: torch.device, *, left: bool) -> tuple[Tensor, Tensor]:
    """Tokens of rows, padded to the longest, and 1 where a real token is: [rows, longest] both."""
    lengths = torch.tensor([len(row) for row in rows])[:, None]
    width = int(lengths.max())
    column = torch.arange(width)
    own = column >= width - lengths if left else column < lengths
    ids = torch.zeros(own.shape, dtype=torch.long)
    ids[own] = torch.tensor([token for row in rows for token in row])
    return ids.to(device), own.long().to(device)


def _select(cache: Cache, rows: Tensor) -> Cache:
    """Return a cache of some rows, copied once; the original stays.

    The rows are on the CPU: layers may lie on several devices, and such an index serves them all.
    """
    chosen = copy.copy(cache)
    chosen.layers = [copy.copy(layer) for layer in cache.layers]
    chosen.batch_select_indices(rows)
    return chosen


def _splittable(out: Any) -> Cache:
    cache = getattr(out, "past_key_values", None)
    if not isinstance(cache, Cache) or not all(hasattr(layer, "batch_select_indices") for layer in cache.layers):
        raise InputError("its architecture keeps no attention cache that can be split by question; it is unsupported")
    return cache


def _n_common(contexts: Sequence[Sequence[int]]) -> int:
    """How many tokens all contexts begin with, one of each left over."""
    same = n_shared(min(map(list, contexts)), max(map(list, contexts)))
    return min(same, min(map(len, contexts)) - 1)


def _chunks(order: Tensor, n_first: int, vocabulary: int) -> Iterator[Tensor]:
    """Cut the places into parts whose logits fit in LOGITS_AT_ONCE, none across `n_first`."""
    size = max(1, LOGITS_AT_ONCE // vocabulary)
    for part in (order[:n_first], order[n_first:]):
        for start in range(0, len(part), size):
            yield part[start : start + size]


def _finite(values: Tensor) -> Tensor:
    """Refuse what overflowed: in half precision a large model may."""
    if not torch.isfinite(values).all():
        raise InputError("its logits hold NaN or infinity; try dtype float32 in its ladder row")
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
