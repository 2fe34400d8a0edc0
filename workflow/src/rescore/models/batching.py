"""Questions read in batches that fit the memory: the token budget, and its halving when memory runs out."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from tqdm import tqdm

from rescore.models import alone, candidates, forward, memory
from rescore.models.candidates import TokenScores
from rescore.models.jobs import ExtractSettings
from rescore.models.loading import Loaded
from rescore.models.probe import ALONE, Way
from rescore.models.tokenising import Question
from rescore.tables import InputError

NOT_ASKED = forward.Greedy([], [], "not asked")
"""The answer to questions whose subtasks have multiple-choice metrics only."""


class Read(NamedTuple):
    """What a model says of questions, in their order."""

    scored: list[list[TokenScores]]
    answered: list[forward.Greedy]
    n_alone: int  # questions read one at a time because of their length, though the model can read batches
    n_tokens: int  # that the model read or wrote: prompts once each, candidates and answers
    batch_tokens: int  # the budget at the end: less than at first where the memory ran out


def read(
    loaded: Loaded,
    questions: Sequence[Question],
    is_done: Sequence[Callable[[list[int]], bool]],
    asks_text: Sequence[bool],
    settings: ExtractSettings,
    *,
    name: str,
) -> Read:
    """Read questions in batches that fit the memory.

    By question, `is_done` says whether the tokens written so far are enough, and `asks_text` whether any are wanted.
    """
    scored: dict[int, list[TokenScores]] = {}
    answered: dict[int, forward.Greedy] = {}
    by_itself = [not loaded.way.batches or _reach(q) >= loaded.model.alone_from for q in questions]
    order = sorted(range(len(questions)), key=lambda i: (not by_itself[i], *_size(questions[i])), reverse=True)
    n_together = len(order) - sum(by_itself)
    budget, n_tokens = settings.batch_tokens or memory.batch_tokens(loaded.model.model), 0
    with tqdm(total=len(questions), desc=name, unit="example", disable=None, leave=False) as bar:
        while len(scored) < len(order):
            if len(scored) < n_together:
                batch = _batch(order[:n_together], len(scored), questions, budget, loaded.window)
            else:
                batch = order[len(scored) : len(scored) + 1]
            stops = [is_done[i] for i in batch] if any(asks_text[i] for i in batch) else None
            way = ALONE if by_itself[batch[0]] else loaded.way
            found = None
            try:
                found = _run(loaded, way, [questions[i] for i in batch], stops, budget)
            except (RuntimeError, MemoryError) as error:
                if not memory.ran_out(error):
                    raise
            if found is None:  # here the error no longer holds what was computed
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
                width = sum(_size(questions[batch[0]]))
                if len(batch) == 1 and budget < width:
                    raise InputError(
                        f"{questions[batch[0]].name}, of {width} tokens, needs more memory than there is; use a "
                        "smaller dtype in the ladder row, or a larger machine"
                    )
                budget //= 2
                continue
            scored |= dict(zip(batch, found[0], strict=True))
            answered |= {i: a if asks_text[i] else NOT_ASKED for i, a in zip(batch, found[1], strict=True)}
            n_tokens += sum(_n_tokens(questions[i], answered[i]) for i in batch)
            bar.update(len(batch))
            if bar.format_dict["elapsed"]:
                bar.set_postfix_str(f"{n_tokens / bar.format_dict['elapsed']:,.0f} tokens/s", refresh=False)
    n_alone = sum(by_itself) if loaded.way.batches else 0
    every = range(len(questions))
    return Read([scored[i] for i in every], [answered[i] for i in every], n_alone, n_tokens, budget)


def _size(question: Question) -> tuple[int, int]:
    """Length of the prompt's tail, which questions of a batch must share, and tokens of context and answer."""
    return len(question.prompt_tail), len(question.context) + question.limit


def _n_tokens(question: Question, answer: forward.Greedy) -> int:
    n_scored = sum(map(len, question.candidates))
    return len(question.context) + len(question.prompt_tail) + n_scored + len(answer.logprob_nats)


def _reach(question: Question) -> int:
    """Tokens of the longest sequence that is read for a question."""
    answer = len(question.prompt_tail) + question.limit
    return len(question.context) + max([answer, *map(len, question.candidates)])


def _batch(order: Sequence[int], start: int, questions: Sequence[Question], budget: int, window: int) -> Sequence[int]:
    """Take as many questions of similar length as fit budget and window with prompts, answers and padding.

    The window is counted in columns: where a prompt is short and its answer long, padding comes before it.
    """
    first = questions[order[start]]
    tail, context, limit = len(first.prompt_tail), len(first.context), first.limit
    end = start + 1
    while end < len(order):
        one = questions[order[end]]
        context, limit = max(context, len(one.context)), max(limit, one.limit)
        width = context + limit
        if len(one.prompt_tail) != tail or (end + 1 - start) * width > budget or width + tail > window:
            break
        end += 1
    return order[start:end]


def _run(
    loaded: Loaded,
    way: Way,
    questions: Sequence[Question],
    is_done: Sequence[Callable[[list[int]], bool]] | None,
    budget: int,
) -> tuple[list[list[TokenScores]], list[forward.Greedy]]:
    """Score one batch in this way, and answer it unless `is_done` is None."""
    model, eos_ids, not_asked = loaded.model, loaded.eos_ids, [NOT_ASKED] * len(questions)
    if not way.batches:
        scores = [alone.score(model, q.context, q.candidates) for q in questions]
        if is_done is None:
            return scores, not_asked
        return scores, [
            alone.greedy(model, q.context + q.prompt_tail, limit=q.limit, eos_ids=eos_ids, is_done=done)
            for q, done in zip(questions, is_done, strict=True)
        ]
    read = forward.prefill(model, [q.context for q in questions], shares_prefix=way.shares_prefix)
    spans = [q.candidates for q in questions]
    if is_done is None:
        return candidates.score(model, read, spans, budget, trees=way.trees), not_asked
    tails, limits, begun = [q.prompt_tail for q in questions], [q.limit for q in questions], None
    n_longest = 1 + max((len(tokens) for own in spans for tokens in own), default=0)
    if way.trees and not any(tails) and read.mask.shape[1] + n_longest + max(limits) <= loaded.window:
        # A token more after each candidate, whichever it is: its scores hold what the model says after the candidate.
        longer = [[[*tokens, 0] for tokens in own] for own in spans]
        scored = candidates.score(model, read, longer, budget, trees=True)
        begun = [candidates.follow(*one) for one in zip(longer, scored, strict=True)]
        begun = begun if all(begun) else None  # questions without candidates
        scores = [[TokenScores(own[:-1], argmax[:-1], other[:-1]) for own, argmax, other in one] for one in scored]
    else:
        scores = candidates.score(model, read, spans, budget, trees=way.trees)
    return scores, forward.greedy(model, read, tails, limits=limits, eos_ids=eos_ids, is_done=is_done, begun=begun)
