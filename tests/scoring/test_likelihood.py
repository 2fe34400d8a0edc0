"""NLL, token accuracy, probability and margin of the likeliest target."""

import math

import numpy as np
import pytest
from score_tables import candidate, example, of, scores, why

from rescore.scoring.likelihood import NO_TOKEN

NAMES = ("nll_nats_per_token", "nll_nats_per_byte", "token_accuracy", "target_probability", "margin_nats")


def test_one_target_by_hand() -> None:
    row = candidate(0, "né", [-0.5, -1.0, -1.5], ids=[4, 5, 6], firsts=[4, 9, 6], others=[-1.0, -0.5, -2.0])
    found = scores([example(0, ["né"])], [row])
    assert of(found, "nll_nats_per_token") == [1.0]
    assert of(found, "nll_nats_per_byte") == [1.0]  # "né" is three bytes
    assert of(found, "token_accuracy") == [pytest.approx(2 / 3)]
    assert of(found, "target_probability") == [pytest.approx(math.exp(-3))]
    assert of(found, "token_probability") == [pytest.approx((math.exp(-0.5) + math.exp(-1) + math.exp(-1.5)) / 3)]
    assert of(found, "margin_nats") == [pytest.approx((0.5 - 0.5 + 0.5) / 3)]


def test_bytes_and_tokens_are_counted_apart() -> None:
    found = scores([example(0, ["abcd"])], [candidate(0, "abcd", [-1.0, -3.0])])
    assert (of(found, "nll_nats_per_token"), of(found, "nll_nats_per_byte")) == ([2.0], [1.0])


def test_of_several_targets_the_likeliest_counts_under_every_metric() -> None:
    rows = [
        candidate(0, "long", [-0.5] * 6, others=[-1.0] * 6),  # -3 in all, the less likely, though better per token
        candidate(0, "no", [-2.5], firsts=[7], others=[-0.5]),
    ]
    found = scores([example(0, ["long", "no"])], rows)
    assert [of(found, m) for m in NAMES] == [[2.5], [1.25], [0.0], [pytest.approx(math.exp(-2.5))], [-2.0]]
    assert found.equals(scores([example(0, ["long", "no"])], rows))


def test_a_choice_that_is_no_target_says_nothing() -> None:
    rows = [candidate(0, "a", [-2.0]), candidate(0, "b", [-0.1], target=False, choice=True)]
    assert of(scores([example(0, ["a"], {"a": 1.0, "b": 0.0})], rows), "nll_nats_per_token") == [2.0]


def test_a_target_without_a_token_counts_only_where_there_is_no_other() -> None:
    asked = [example(0, [""]), example(1, ["", "a"])]
    found = scores(asked, [candidate(0, "", []), candidate(1, "", []), candidate(1, "a", [-2.0])])
    for metric in NAMES:
        assert of(found, metric)[0] is None
        assert why(found, metric) == [NO_TOKEN, None]
    assert of(found, "nll_nats_per_token") == [None, 2.0]


def test_a_tie_that_the_model_breaks_rightly_is_right_under_both_token_metrics() -> None:
    row = candidate(0, "a", [-1.0], ids=[3], firsts=[3], others=[-1.0])
    found = scores([example(0, ["a"])], [row])
    assert of(found, "token_accuracy") == of(found, "exact_match_teacher_forced") == [1.0]
    assert of(found, "margin_nats") == [0.0]


def test_sums_are_taken_in_double_precision() -> None:
    logprobs = np.full(3000, -0.1, dtype=np.float32)
    found = scores([example(0, ["a"])], [candidate(0, "a", logprobs.tolist())])
    assert of(found, "nll_nats_per_token") == [pytest.approx(-float(logprobs[0]), rel=1e-12)]


def test_properties_on_random_targets() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, 50)
    rows = []
    for i, n in enumerate(lengths):
        ids, firsts = rng.integers(0, 3, n), rng.integers(0, 3, n)
        logprobs, others = -rng.exponential(1, n), -rng.exponential(1, n)
        drawn = {"ids": ids.tolist(), "firsts": firsts.tolist(), "others": others.tolist()}
        rows.append(candidate(i, "x" * int(n), logprobs.tolist(), **drawn))
    found = scores([example(i, ["x" * int(n)]) for i, n in enumerate(lengths)], rows)
    nll, probability = of(found, "nll_nats_per_token"), of(found, "target_probability")
    accuracy, forced = of(found, "token_accuracy"), of(found, "exact_match_teacher_forced")
    assert 0 < sum(forced) < 50
    for i, n in enumerate(lengths):
        assert nll[i] == pytest.approx(-math.log(probability[i]) / n)
        assert (accuracy[i] == 1) == (forced[i] == 1)
        assert accuracy[i] * n == pytest.approx(round(accuracy[i] * n))
    assert of(found, "nll_nats_per_byte") == pytest.approx(nll)  # a byte a token here
