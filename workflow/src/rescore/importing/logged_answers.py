"""Scores of one question from the log-probabilities of its answers, as logs of other tools hold them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

Scores = dict[str, tuple[float | None, str | None]]
"""By metric, the score, and why it is null."""

UNLIKELY = "the log gives the answer no finite log-probability"
NO_CORRECT = "no choice is correct: no target score is above 0"
NEGATIVE = "a target score is negative, so the scores make no distribution"

_ROUNDING = 1e-3  # log-probabilities are this little above 0 at most
OF_ANSWER = ("nll_nats_per_answer", "nll_nats_per_byte", "target_probability")
OF_CHOICES = ("choice_probability", "brier_score")


def nats(given: Iterable[Any]) -> list[float]:
    """Read log-probabilities; raises ValueError where one is above 0."""
    found = [float(number) for number in given]
    if any(number > _ROUNDING for number in found):
        raise ValueError(f"a log-probability is {max(found):g}, above 0")
    return found


def scored(texts: Sequence[str], logprobs_nats: Sequence[float], at: Sequence[int]) -> Scores:
    """Score the likeliest of the right answers, at the places `at`, by its log-probability l over B bytes.

    nll_nats_per_answer = -l; nll_nats_per_byte = -l / B; target_probability = exp(l).

    >>> scored(["cat"], [-1.5], [0])["nll_nats_per_byte"]
    (0.5, None)
    """
    if len(texts) != len(logprobs_nats):
        raise ValueError(f"{len(texts)} answers have {len(logprobs_nats)} log-probabilities")
    best = max(at, key=lambda i: logprobs_nats[i])
    total = logprobs_nats[best]
    if not math.isfinite(total):
        return dict.fromkeys(OF_ANSWER, (None, UNLIKELY))
    values = (-total, -total / max(1, len(texts[best].encode())), min(1.0, math.exp(total)))
    return {metric: (value, None) for metric, value in zip(OF_ANSWER, values, strict=True)}


def chosen(logprobs_nats: Sequence[float], target_scores: Sequence[float]) -> Scores:
    """Score the pick among listed choices, c, by its target scores.

    With p = softmax of the log-probabilities and y the target scores over their sum:
    choice_probability = sum of p_c over the choices whose target score is above 0; brier_score = sum_c (p_c - y_c)^2,
    null where a target score is negative. Both are null where none is above 0.

    >>> chosen([0.0, 0.0], [1.0, 0.0])
    {'choice_probability': (0.5, None), 'brier_score': (0.5, None)}
    """
    problem = UNLIKELY if not all(map(math.isfinite, logprobs_nats)) else None
    problem = problem or (NO_CORRECT if max(target_scores) <= 0 else None)
    if problem:
        return dict.fromkeys(OF_CHOICES, (None, problem))
    top = max(logprobs_nats)
    weights = [math.exp(nats - top) for nats in logprobs_nats]
    p = [weight / sum(weights) for weight in weights]
    right = min(1.0, sum(p_c for p_c, score in zip(p, target_scores, strict=True) if score > 0))
    if min(target_scores) < 0:
        return {"choice_probability": (right, None), "brier_score": (None, NEGATIVE)}
    mass = sum(target_scores)
    brier = sum((p_c - score / mass) ** 2 for p_c, score in zip(p, target_scores, strict=True))
    return {"choice_probability": (right, None), "brier_score": (brier, None)}
