"""One prefill per prompt; its cache serves every candidate (see `candidates`) and the greedy answer.

Prompts are padded on the left, so that all end in the same column. Padded places are masked, and positions count real
tokens only: a number does not depend on what else is in the batch. The prefix that all contexts of a batch share is
read once. A shorter context reads its own last tokens of that prefix again, so that padding is before a row and never
inside it: some architectures measure distance in columns.

    contexts   p0 p1 p2 c3 c4 c5        prefix   p0 p1 p2       one row for all
               p0 p1 p2 d3              read     c3 c4 c5       after p0 p1 p2
                                                 p1 p2 d3       after -- -- p0
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import Cache

from rescore.models.caches import joined, shifted, with_room
from rescore.models.split import SplitModel
from rescore.models.tokenising import n_shared
from rescore.tables import InputError

_CPU_CACHE_BYTES = 2**25
_PREFIX_WORTH = 0.25  # share of a batch's tokens that reading a common prefix apart must save


class Prefill(NamedTuple):
    """What is known after reading a batch of contexts."""

    states: Tensor  # [batch, width]: of the last token of each context, whose logits predict the next token
    cache: Cache
    mask: Tensor  # [batch, context], 1 for a real token


class Greedy(NamedTuple):
    """A greedy continuation; where it ended with EOS, the last log-probability is that of EOS."""

    token_ids: list[int]
    logprob_nats: list[float]
    finish_reason: str


@torch.inference_mode()
def prefill(model: SplitModel, contexts: Sequence[Sequence[int]], *, shares_prefix: bool) -> Prefill:
    """Read a batch of contexts once; with `shares_prefix`, read their common prefix once for all."""
    n, lengths = len(contexts), torch.tensor([len(context) for context in contexts])
    shared = _n_common(contexts) if shares_prefix and n > 1 else 0
    if shared * (n - 1) < _PREFIX_WORTH * sum(map(len, contexts)):
        shared = 0
    width = int(lengths.max()) - shared
    ids, own = padded([context[-width:] for context in contexts], model.device, left=True)
    behind = (lengths - width).clamp(min=0)  # by row, how much of the prefix comes before what it reads
    position = (behind.to(own.device)[:, None] + own.cumsum(1) - 1).clamp(min=0)
    cached = torch.arange(shared) >= (shared - behind)[:, None]  # [batch, shared]
    mask = torch.cat([cached.to(own), own], dim=1)
    prefix = None
    if shared:
        _, prefix = model.states(input_ids=ids.new_tensor([contexts[0][:shared]]), use_cache=True, last=True)
    states, caches = [], []
    size = max(1, _tokens_at_once(model) // width)
    for rows in (slice(first, first + size) for first in range(0, n, size)):
        state, cache = model.states(
            input_ids=ids[rows],
            attention_mask=mask[rows],
            position_ids=position[rows],
            past_key_values=prefix and shifted(prefix, behind[rows]),
            use_cache=True,
            last=True,
        )
        states.append(state)
        caches.append(cache)
    return Prefill(torch.cat(states), joined(caches), mask)


@torch.inference_mode()
def greedy(
    model: SplitModel,
    read: Prefill,
    prompt_tails: Sequence[Sequence[int]],
    *,
    limits: Sequence[int],
    eos_ids: frozenset[int],
    is_done: Sequence[Callable[[list[int]], bool]],
    begun: Sequence[Sequence[tuple[int, float]]] | None = None,
) -> list[Greedy]:
    """Continue every prompt with its likeliest token until EOS, a stop or the limit; consumes the cache.

    By row: `prompt_tails` are prompt tokens after its context, equally many in all rows unless the way of reading
    allows padding inside a row (`trees`); `is_done` says whether the tokens so far are a complete answer; `begun` is at
    least one first token of the answer with its log-probability (see `rescore.models.candidates.follow`).
    """
    answers = [Answering(limit, eos_ids, done) for limit, done in zip(limits, is_done, strict=True)]
    live = list(range(len(answers)))  # by row of the tensors, its answer
    if begun:
        for answer, known in zip(answers, begun, strict=True):
            for token, value in known:
                answer.add(token, value)
        live = [row for row in live if not answers[row].reason]
        if not live:
            return [answer.found() for answer in answers]
        if len(live) < len(answers):
            read.cache.batch_select_indices(torch.tensor(live))
            read = Prefill(read.states[live], read.cache, read.mask[live])
    cache, mask, states = read.cache, read.mask, read.states
    position = mask.sum(1)
    tails = [[*prompt_tails[row], *answers[row].tokens] for row in live]
    with_room(cache, max(map(len, tails)) + max(limits))
    if any(tails):
        states, cache, mask, position = _read_tails(model, read, tails)
    while True:
        tokens, logprobs = likeliest(model, states)
        for row, token, value in zip(live, tokens.tolist(), logprobs.tolist(), strict=True):
            answers[row].add(token, value)
        going = [k for k, row in enumerate(live) if not answers[row].reason]
        if not going:
            return [answer.found() for answer in answers]
        if 2 * len(going) <= len(live):  # leaving rows out copies the cache: worth it where it halves the work
            kept = torch.tensor(going)
            cache.batch_select_indices(kept)
            tokens, mask, position = tokens[kept], mask[kept], position[kept]
            live = [live[k] for k in going]
        mask = torch.cat([mask, mask.new_ones(len(live), 1)], dim=1)
        states, cache = model.states(
            input_ids=tokens[:, None],
            attention_mask=mask,
            position_ids=position[:, None],
            past_key_values=cache,
            use_cache=True,
            last=True,
        )
        # A row whose answer is complete keeps its position, which would else leave the model's window.
        position = position + position.new_tensor([not answers[row].reason for row in live])


class Answering:
    """An answer while it is generated; `reason` says why it ended, and is empty until then."""

    def __init__(self, limit: int, eos_ids: frozenset[int], is_done: Callable[[list[int]], bool]) -> None:
        self.tokens: list[int] = []
        self.reason = ""
        self._logprobs: list[float] = []
        self._limit, self._eos_ids, self._is_done = limit, eos_ids, is_done

    def add(self, token: int, logprob: float) -> None:
        """Add a token, unless the answer has ended."""
        if self.reason:
            return
        self._logprobs.append(logprob)
        if token in self._eos_ids:
            self.reason = "eos"
            return
        self.tokens.append(token)
        if self._is_done(self.tokens):
            self.reason = "stop"
        elif len(self.tokens) == self._limit:
            self.reason = "length"

    def found(self) -> Greedy:
        """Return what was generated."""
        return Greedy(self.tokens, self._logprobs, self.reason)


def likeliest(model: SplitModel, states: Tensor) -> tuple[Tensor, Tensor]:
    """Likeliest token after each state [rows, width], and its log-probability in nats: [rows] both."""
    tokens, logprobs = [], []
    for _, logits in model.chunks(states):
        best = logits.max(dim=-1)
        tokens.append(best.indices)
        logprobs.append(finite(best.values - logits.logsumexp(-1)))
    return torch.cat(tokens), torch.cat(logprobs)


def _tokens_at_once(model: SplitModel) -> int:
    """How many tokens of contexts a pass reads: on a CPU, so many that the output of an MLP stays in its cache.

    For a model 576 wide this is a fifth faster than 16,384 tokens.
    """
    if model.device.type != "cpu":
        return 2**62
    return _CPU_CACHE_BYTES // (16 * int(model.model.config.get_text_config().hidden_size))


def padded(rows: Sequence[Sequence[int]], device: torch.device, *, left: bool) -> tuple[Tensor, Tensor]:
    """Tokens of rows, padded to the longest, and 1 for a real token: [rows, longest] both."""
    lengths = torch.tensor([len(row) for row in rows])[:, None]
    width = int(lengths.max())
    column = torch.arange(width)
    own = column >= width - lengths if left else column < lengths
    ids = torch.zeros(own.shape, dtype=torch.long)
    ids[own] = torch.tensor(list(chain.from_iterable(rows)))
    return ids.to(device), own.long().to(device)


def _n_common(contexts: Sequence[Sequence[int]]) -> int:
    """Length of the prefix that all contexts share, at least one token of each left over."""
    same = n_shared(min(map(list, contexts)), max(map(list, contexts)))
    return min(same, min(map(len, contexts)) - 1)


class NotFiniteError(InputError):
    """Logits that are NaN or infinite; `rescore.models.failures` says what to do."""


def finite(values: Tensor) -> Tensor:
    """Refuse NaN and infinity: in half precision a large model may overflow."""
    if not torch.isfinite(values).all():
        raise NotFiniteError("its logits hold NaN or infinity")
    return values


def _read_tails(
    model: SplitModel, read: Prefill, tails: Sequence[Sequence[int]]
) -> tuple[Tensor, Cache, Tensor, Tensor]:
    """Read tokens after each context, at least one; shorter rows are padded before them.

    Padding takes places of a sliding window, so that models with one get tails of one length.
    """
    ids, own = padded(tails, read.mask.device, left=True)  # [batch, longest tail]
    mask = torch.cat([read.mask, own], dim=1)
    start = read.mask.sum(1, keepdim=True)
    states, cache = model.states(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(start + own.cumsum(1) - 1).clamp(min=0),
        past_key_values=read.cache,
        use_cache=True,
        last=True,
    )
    return states, cache, mask, (start + own.sum(1, keepdim=True))[:, 0]
