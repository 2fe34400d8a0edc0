"""Candidates behind contexts that were read: those of a question in one row, as a tree.

How log-probabilities are cut out, for a context of 4 tokens and a candidate of 3 behind it:

    input    c0 c1 c2 c3 | a0 a1          context | candidate without its last token
    logits            l3 | l4 l5          l3 comes from the prefill
    scores            a0   a1 a2          token t is scored by the logits one place before it

Candidates of a question share the tokens they begin with, and one sees nothing of another: a token attends to its
context and to the tokens it follows. So the keys and values of a context, many more than those of its candidates, serve
all of them and are not copied:

    candidates    7 2 5    7 9 1    4 8
    row           7 2 9 4               without last tokens
    follows       - 7 7 -

An architecture that takes no such mask gets a row and a copy of the context for each candidate.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel

from rescore.extract import forward
from rescore.extract.forward import Prefill, finite, padded, select

_MASKED = ("sdpa", "eager")  # attention that takes a mask of its own for every token


class TokenScores(NamedTuple):
    """By token of an answer span; lists of equal length."""

    logprob_nats: list[float]
    argmax_ids: list[int]
    best_other_logprob_nats: list[float]
    entropy_nats: list[float]


class Candidate(NamedTuple):
    """A candidate of a batch.

    Attributes
    ----------
    owner
        The row of its context in the batch.
    place
        Its place among the candidates of its question.
    tokens
        Behind the context.
    """

    owner: int
    place: int
    tokens: Sequence[int]


class _Rows(NamedTuple):
    """What is read at once behind contexts.

    Attributes
    ----------
    owners
        By row, the row of its context in the batch.
    tokens
        By row, its tokens.
    parents
        By row and token, the place in the row of the token that it follows; -1 where that is the context's last.
    read
        By candidate, its row, and the places in it of all its tokens but the last.
    """

    owners: list[int]
    tokens: list[list[int]]
    parents: list[list[int]]
    read: list[tuple[int, list[int]]]


@torch.inference_mode()
def score(
    model: PreTrainedModel, read: Prefill, candidates: Sequence[Sequence[Sequence[int]]], budget: int
) -> list[list[TokenScores]]:
    """Score candidates behind contexts that were read.

    Parameters
    ----------
    candidates
        By context and candidate, its tokens behind the context.
    budget
        Tokens, contexts and padding counted, that one forward pass may hold.
    """
    trees = _takes_trees(model, read.cache)
    results = [[_NOTHING] * len(own) for own in candidates]
    for group in _groups(read, candidates, budget, trees=trees):
        for one, found in zip(group, _score(model, read, group, trees=trees), strict=True):
            results[one.owner][one.place] = found
    return results


_NOTHING = TokenScores([], [], [], [])


def _takes_trees(model: PreTrainedModel, cache: Cache) -> bool:
    """Whether attention is told by the mask alone what a token sees, and by `position_ids` where it stands.

    The library's own code says so of itself; code that comes with a model is not believed.
    """
    return (
        type(model).__module__.startswith("transformers.")
        and model._supports_attention_backend
        and model.config._attn_implementation in _MASKED
        and not any(getattr(layer, "is_sliding", False) for layer in cache.layers)
    )


def _row_of(candidate: Candidate, *, trees: bool) -> Hashable:
    """What candidates share that stand in one row."""
    return candidate.owner if trees else (candidate.owner, candidate.place)


def _groups(
    read: Prefill, candidates: Sequence[Sequence[Sequence[int]]], budget: int, *, trees: bool
) -> Iterator[list[Candidate]]:
    """Cut the candidates into groups of rows of like length, within the budget and with few enough logits."""
    context, vocabulary = read.mask.shape[1], read.logits.shape[1]
    todo = [Candidate(owner, c, tokens) for owner, own in enumerate(candidates) for c, tokens in enumerate(own)]
    whole = [sum(map(len, own)) for own in candidates]
    todo.sort(key=lambda one: (whole[one.owner], one.owner) if trees else (len(one.tokens), one.owner))
    group: list[Candidate] = []
    lengths: dict[Hashable, int] = {}
    longest = 0
    for one in todo:
        row = _row_of(one, trees=trees)
        n = len(lengths) + (row not in lengths)
        width = max(longest, lengths.get(row, 0) + len(one.tokens))
        numbers = n * width * max(vocabulary, context + width)  # of logits, or of the mask
        if group and (n * (context + width) > budget or numbers > forward.LOGITS_AT_ONCE):
            yield group
            group, lengths, width = [], {}, len(one.tokens)
        group.append(one)
        lengths[row] = lengths.get(row, 0) + len(one.tokens)
        longest = width
    if group:
        yield group


def _score(model: PreTrainedModel, read: Prefill, group: Sequence[Candidate], *, trees: bool) -> list[TokenScores]:
    rows = _rows(group, trees=trees)
    later = _continue(model, read, rows, trees=trees)
    # One entry a scored token: where the logits before it stand (-1: behind the context), and which token it is.
    place = [
        (one.owner, row, at, token)
        for one, (row, places) in zip(group, rows.read, strict=True)
        for at, token in zip([-1, *places], one.tokens, strict=False)
    ]
    if not place:
        return [_NOTHING] * len(group)
    scored = torch.tensor(place)
    order = (scored[:, 2] >= 0).long().argsort(stable=True)  # those that the prefill scores come first
    found: list[list[Tensor]] = [[], [], [], []]
    for chunk in _chunks(order, int((scored[:, 2] < 0).sum()), read.logits.shape[1]):
        owner, row, at, token = scored[chunk].to(read.logits.device).T
        logits = read.logits[owner] if scored[chunk[0], 2] < 0 else later[row, at].float()  # [tokens, vocab]
        for column, values in zip(found, _measure(logits, token[:, None]), strict=True):
            column.append(values.cpu())
    back = order.argsort()
    columns = [torch.cat(parts)[back].tolist() for parts in found]
    ends = np.cumsum([len(one.tokens) for one in group]).tolist()
    return [
        TokenScores(*(column[end - len(one.tokens) : end] for column in columns))
        for one, end in zip(group, ends, strict=True)
    ]


def _rows(group: Sequence[Candidate], *, trees: bool) -> _Rows:
    """Lay candidates out in rows; one of a single token needs none."""
    rows = _Rows([], [], [], [(-1, [])] * len(group))
    row_of: dict[Hashable, int] = {}
    node_of: dict[tuple[int, int, int], int] = {}  # by row, token before it and token
    for i in sorted(range(len(group)), key=lambda i: group[i].owner):
        one = group[i]
        if len(one.tokens) < 2:
            continue
        row = row_of.setdefault(_row_of(one, trees=trees), len(row_of))
        if row == len(rows.owners):
            rows.owners.append(one.owner)
            rows.tokens.append([])
            rows.parents.append([])
        node, places = -1, []
        for token in one.tokens[:-1]:
            parent, node = node, node_of.setdefault((row, node, token), len(rows.tokens[row]))
            if node == len(rows.tokens[row]):
                rows.tokens[row].append(token)
                rows.parents[row].append(parent)
            places.append(node)
        rows.read[i] = row, places
    return rows


def _continue(model: PreTrainedModel, read: Prefill, rows: _Rows, *, trees: bool) -> Tensor:
    """Logits along each row's tokens behind its context: [rows, longest, vocab], in the model's precision."""
    if not rows.tokens:
        return read.logits.new_empty((0, 0, read.logits.shape[1]))
    ids, own = padded(rows.tokens, read.mask.device, left=False)
    seen = _seen(rows.parents, ids.shape[1]).to(ids.device)
    mask = read.mask[torch.tensor(rows.owners)]  # [rows, context]
    attention = torch.cat([mask, own], dim=1)
    if trees:  # added to the attention: [rows, 1, longest, context + longest]
        hidden = torch.cat([mask[:, None].expand(-1, ids.shape[1], -1) == 0, ~seen], dim=2)[:, None]
        attention = torch.zeros(hidden.shape, dtype=model.dtype, device=ids.device)
        attention.masked_fill_(hidden, torch.finfo(model.dtype).min)
    out = model(
        input_ids=ids,
        attention_mask=attention,
        position_ids=mask.sum(1, keepdim=True) + (seen.sum(2) - 1).clamp(min=0),
        past_key_values=select(read.cache, rows.owners, len(read.mask)),
        use_cache=True,
    )
    logits: Tensor = out.logits
    return logits


def _seen(parents: Sequence[Sequence[int]], width: int) -> Tensor:
    """Whether a token sees another of its row: itself, and those it follows. [rows, token, other]."""
    seen = np.zeros((len(parents), width, width), dtype=bool)
    for tree, own in zip(seen, parents, strict=True):
        for at, parent in enumerate(own):
            if parent >= 0:
                tree[at] = tree[parent]
            tree[at, at] = True
    return torch.from_numpy(seen)


def _chunks(order: Tensor, n_first: int, vocabulary: int) -> Iterator[Tensor]:
    """Cut the places into parts whose logits fit in LOGITS_AT_ONCE, none across `n_first`."""
    size = max(1, forward.LOGITS_AT_ONCE // vocabulary)
    for part in (order[:n_first], order[n_first:]):
        for start in range(0, len(part), size):
            yield part[start : start + size]


def _measure(logits: Tensor, token: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Own log-probability, likeliest token, best other log-probability and entropy; overwrites the logits.

    Shapes: logits [tokens, vocab], token [tokens, 1], each result [tokens].
    """
    logp = logits.sub_(logits.logsumexp(1, keepdim=True))
    own = finite(logp.gather(1, token)[:, 0])
    argmax = logp.argmax(1)
    entropy = torch.special.entr(logp.exp()).sum(1)
    return own, argmax, logp.scatter_(1, token, -torch.inf).amax(1), entropy
