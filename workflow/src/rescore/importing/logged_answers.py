"""Scores of one question from the log-probabilities of its answers, as logs of other tools hold them."""

import math
from collections.abc import Sequence

Scores = dict[str, tuple[float | None, str | None]]
"""By metric, the score, and why it is null."""

UNLIKELY = "the log gives the answer no finite log-probability"

OF_ANSWER = ("nll_nats_per_answer", "nll_nats_per_byte", "target_probability")
_OF_CHOICES = ("choice_probability", "brier_score")


def scored(texts: Sequence[str], logprobs_nats: Sequence[float], at: Sequence[int]) -> Scores:
    """Score the likeliest of the right answers, at the places `at`, by its log-probability l over B bytes.

    nll_nats_per_answer = -l; nll_nats_per_byte = -l / B; target_probability = exp(l).

    >>> scored(["cat"], [-1.5], [0])["nll_nats_per_byte"]
    (0.5, None)
    """
    best = max(at, key=lambda i: logprobs_nats[i])
    total = logprobs_nats[best]
    if not math.isfinite(total):
        return dict.fromkeys(OF_ANSWER, (None, UNLIKELY))
    values = (-total, -total / max(1, len(texts[best].encode())), min(1.0, math.exp(total)))
    return {metric: (value, None) for metric, value in zip(OF_ANSWER, values, strict=True)}


def chosen(logprobs_nats: Sequence[float], shares: Sequence[float]) -> Scores:
    """Score the pick among listed choices, given the share y_c of each in what is right; the shares sum to 1.

    With p = softmax of the log-probabilities: choice_probability = sum of p_c over the choices with y_c > 0;
    brier_score = sum_c (p_c - y_c)^2.

    >>> chosen([0.0, 0.0], [1.0, 0.0])
    {'choice_probability': (0.5, None), 'brier_score': (0.5, None)}
    """
    if not all(map(math.isfinite, logprobs_nats)):
        return dict.fromkeys(_OF_CHOICES, (None, UNLIKELY))
    top = max(logprobs_nats)
    weights = [math.exp(nats - top) for nats in logprobs_nats]
    p = [weight / sum(weights) for weight in weights]
    right = min(1.0, sum(p_c for p_c, y in zip(p, shares, strict=True) if y > 0))
    brier = sum((p_c - y) ** 2 for p_c, y in zip(p, shares, strict=True))
    return {"choice_probability": (right, None), "brier_score": (brier, None)}
