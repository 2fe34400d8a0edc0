"""One sequence at a time, without a cache: right for every causal language model, and slow.

`probe` compares the faster ways with it, and falls back on it where they are wrong.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from rescore.models.candidates import TokenScores, measure
from rescore.models.forward import Answering, Greedy, likeliest
from rescore.models.split import SplitModel


@torch.inference_mode()
def score(model: SplitModel, context: Sequence[int], candidates: Sequence[Sequence[int]]) -> list[TokenScores]:
    """Score candidates after a context, as `rescore.models.candidates.score` does."""
    found = []
    for tokens in candidates:
        states = _states(model, [*context, *tokens])[len(context) - 1 : -1]  # [tokens, width]
        found.append(measure(model, states, torch.tensor(tokens, dtype=torch.long, device=states.device)))
    return found


@torch.inference_mode()
def greedy(
    model: SplitModel,
    prompt: Sequence[int],
    *,
    limit: int,
    eos_ids: frozenset[int],
    is_done: Callable[[list[int]], bool],
) -> Greedy:
    """Continue a prompt with its likeliest token, as `rescore.models.forward.greedy` does."""
    answer = Answering(limit, eos_ids, is_done)
    while not answer.reason:
        token, logprob = likeliest(model, _states(model, [*prompt, *answer.tokens])[-1:])
        answer.add(int(token), float(logprob))
    return answer.found()


def _states(model: SplitModel, tokens: Sequence[int]) -> Tensor:
    """States of one sequence: [tokens, width]."""
    ids = torch.tensor([tokens], device=model.device)
    if len(tokens) >= model.alone_from:  # some models remember the longest sequence; a short one resets them
        model.states(input_ids=ids[:, :1], use_cache=False)
    states, _ = model.states(input_ids=ids, use_cache=False)
    return states[0]
