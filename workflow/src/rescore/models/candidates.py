"""Scores candidates after contexts that were read: those of a question in one row, as a tree.

How log-probabilities are cut out, for a context of 4 tokens and a candidate of 3 after it:

    input    c0 c1 c2 c3 | a0 a1          context | candidate without its last token
    logits            l3 | l4 l5          l3 comes from the prefill
    scores            a0   a1 a2          token t is scored by the logits one place before it

Candidates of a question share the tokens they begin with, and do not see each other: a token attends to its context and
to the tokens it follows. So the keys and values of a context, many more than those of its candidates, serve all of them
and are not copied:

    candidates    7 2 5    7 9 1    4 8
    row           7 2 9 4               without last tokens
    follows       - 7 7 -

Where an architecture accepts no such mask (see `probe`), each candidate gets a row and a copy of the context.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rescore.models.caches import select
from rescore.models.forward import Prefill, finite, padded
from rescore.models.split import SplitModel

_MASK_AT_ONCE = 2**26
"""Cells of attention masks that are held at once."""


class TokenScores(NamedTuple):
    """By token of an answer span."""

    logprob_nats: list[float]
    argmax_ids: list[int]
    best_other_logprob_nats: list[float]


class Candidate(NamedTuple):
    """A candidate: the row of its context in the batch, its place in its question, its tokens after the context."""

    owner: int
    place: int
    tokens: Sequence[int]


class _Rows(NamedTuple):
    """Rows of tokens that are read at once after contexts."""

    owners: list[int]  # by row, the row of its context in the batch
    tokens: list[list[int]]  # by row
    parents: list[list[int]]  # by row and token, the place of the token that it follows; -1: the context's last
    read: list[tuple[int, list[int]]]  # by candidate, its row, and the places in it of all its tokens but the last


@torch.inference_mode()
def score(
    model: SplitModel, read: Prefill, candidates: Sequence[Sequence[Sequence[int]]], budget: int, *, trees: bool
) -> list[list[TokenScores]]:
    """Score candidates, given by context, after contexts that were read.

    A pass holds at most `budget` tokens, with contexts and padding. With `trees` the candidates of a question share a
    row; else each has its own.
    """
    results = [[_NOTHING] * len(own) for own in candidates]
    for group in _groups(read, candidates, budget, trees=trees):
        for one, found in zip(group, _score(model, read, group, trees=trees), strict=True):
            results[one.owner][one.place] = found
    return results


def follow(candidates: Sequence[Sequence[int]], scores: Sequence[TokenScores]) -> list[tuple[int, float]]:
    """The first tokens of a question's greedy answer and their log-probabilities, up to one that no candidate has.

    The likeliest token is known after a context, and after each token of a candidate but the last.
    """
    answer: list[tuple[int, float]] = []
    same = [(tokens, score) for tokens, score in zip(candidates, scores, strict=True) if tokens]
    while same:
        at, (tokens, score) = len(answer), same[0]
        token = score.argmax_ids[at]
        nats = score.logprob_nats if token == tokens[at] else score.best_other_logprob_nats
        answer.append((token, nats[at]))
        same = [(tokens, score) for tokens, score in same if tokens[at] == token and len(tokens) > at + 1]
    return answer


def measure(model: SplitModel, states: Tensor, tokens: Tensor) -> TokenScores:
    """Score tokens from the states before them: states [tokens, width], tokens [tokens]."""
    found: list[list[Tensor]] = [[], [], []]
    for part, logits in model.chunks(states):
        for column, values in zip(found, _measure(logits, tokens[part, None]), strict=True):
            column.append(values.cpu())
    return TokenScores(*(torch.cat(parts).tolist() for parts in found)) if len(states) else _NOTHING


_NOTHING = TokenScores([], [], [])


def _row_of(candidate: Candidate, *, trees: bool) -> Hashable:
    return candidate.owner if trees else (candidate.owner, candidate.place)


def _groups(
    read: Prefill, candidates: Sequence[Sequence[Sequence[int]]], budget: int, *, trees: bool
) -> Iterator[list[Candidate]]:
    """Cut the candidates into groups of rows of similar length, within the budget."""
    context = read.mask.shape[1]
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
        if group and (n * (context + width) > budget or n * width * (context + width) > _MASK_AT_ONCE):
            yield group
            group, lengths, width = [], {}, len(one.tokens)
        group.append(one)
        lengths[row] = lengths.get(row, 0) + len(one.tokens)
        longest = width
    if group:
        yield group


def _score(model: SplitModel, read: Prefill, group: Sequence[Candidate], *, trees: bool) -> list[TokenScores]:
    rows = _rows(group, trees=trees)
    later = _continue(model, read, rows, trees=trees)
    # By scored token: the state before it is at place `at` of its row, or at -1 the last of its context.
    lengths = [len(one.tokens) for one in group]
    token = _flat(one.tokens for one in group)
    if not len(token):
        return [_NOTHING] * len(group)
    owner = torch.tensor([one.owner for one in group]).repeat_interleave(torch.tensor(lengths))
    states = read.states[owner]  # [tokens, width]
    if later is not None:
        row = torch.tensor([row for row, _ in rows.read]).repeat_interleave(torch.tensor(lengths))
        at = _flat([-1, *places][:n] for (_, places), n in zip(rows.read, lengths, strict=True))
        inside = at >= 0
        states[inside] = later[row[inside], at[inside]]
    found = measure(model, states, token.to(states.device))
    own, argmax, other = found
    places = [slice(end - n, end) for n, end in zip(lengths, accumulate(lengths), strict=True)]
    return [TokenScores(own[place], argmax[place], other[place]) for place in places]


def _flat(rows: Iterable[Sequence[int]]) -> Tensor:
    """Join rows of numbers: a tensor takes one list faster than a list of them."""
    return torch.tensor(list(chain.from_iterable(rows)), dtype=torch.long)


def _rows(group: Sequence[Candidate], *, trees: bool) -> _Rows:
    """Lay candidates out in rows; a candidate of a single token needs none."""
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


def _continue(model: SplitModel, read: Prefill, rows: _Rows, *, trees: bool) -> Tensor | None:
    """States of each row's tokens after its context: [rows, longest, width]; None where there are no rows."""
    if not rows.tokens:
        return None
    ids, own = padded(rows.tokens, read.mask.device, left=False)
    seen = _seen(rows.parents, ids.shape[1]).to(ids.device)
    mask = read.mask[torch.tensor(rows.owners)]  # [rows, context]
    attention = torch.cat([mask, own], dim=1)
    if trees:  # added to the attention: [rows, 1, longest, context + longest]
        hidden = torch.cat([mask[:, None].expand(-1, ids.shape[1], -1) == 0, ~seen], dim=2)[:, None]
        dtype = model.model.dtype
        attention = torch.zeros(hidden.shape, dtype=dtype, device=ids.device)
        attention.masked_fill_(hidden, torch.finfo(dtype).min)
    states, _ = model.states(
        input_ids=ids,
        attention_mask=attention,
        position_ids=mask.sum(1, keepdim=True) + (seen.sum(2) - 1).clamp(min=0),
        past_key_values=select(read.cache, rows.owners, len(read.mask)),
        use_cache=True,
    )
    return states


def _seen(parents: Sequence[Sequence[int]], width: int) -> Tensor:
    """Whether a token sees another of its row: itself, and those it follows. [rows, token, other]."""
    seen = np.zeros((len(parents), width, width), dtype=bool)
    for tree, own in zip(seen, parents, strict=True):
        for at, parent in enumerate(own):
            if parent >= 0:
                tree[at] = tree[parent]
            tree[at, at] = True
    return torch.from_numpy(seen)


def _measure(logits: Tensor, token: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Own log-probability, likeliest token and best other log-probability; overwrites the logits.

    Shapes: logits [tokens, vocab], token [tokens, 1], each result [tokens].
    """
    logp = logits.sub_(logits.logsumexp(1, keepdim=True))
    own = finite(logp.gather(1, token)[:, 0])
    argmax = logp.argmax(1)
    return own, argmax, logp.scatter_(1, token, -torch.inf).amax(1)
