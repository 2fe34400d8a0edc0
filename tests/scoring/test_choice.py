"""Multiple choice: the grade and the Brier score."""

import json
import math
from pathlib import Path

import polars as pl
import pytest
from score_tables import candidate, example, of, scores, why

from rescore.scoring.choice import NEGATIVE, NO_CHOICES, NO_CORRECT, UNSCORED

LOG2 = math.log(2)


def chosen(
    target_scores: dict[str, float], logprobs: dict[str, list[float]], targets: tuple[str, ...] = ("a",)
) -> object:
    texts = dict.fromkeys([*targets, *logprobs])
    rows = [candidate(0, t, logprobs.get(t, [-1.0]), target=t in targets, choice=t in target_scores) for t in texts]
    return scores([example(0, targets, target_scores)], rows)


def test_two_choices_by_hand() -> None:
    # p(a) : p(b) = 1/2 : 1/4, so 2/3 and 1/3
    found = chosen({"a": 1.0, "b": 0.0}, {"a": [-LOG2], "b": [-LOG2, -LOG2]})
    assert of(found, "multiple_choice_grade") == [1.0]
    assert of(found, "brier_score") == [pytest.approx(1 / 9 + 1 / 9)]


def test_the_right_choices_probability_is_among_the_listed_and_several_add() -> None:
    # 1/2, 1/4 and 1/4 of what is listed, whatever else the model might say
    nats = {"a": [-2 * LOG2], "b": [-3 * LOG2], "c": [-LOG2, -2 * LOG2]}
    one, two = chosen({"a": 1.0, "b": 0.0, "c": 0.0}, nats), chosen({"a": 0.0, "b": 1.0, "c": 1.0}, nats)
    assert of(one, "choice_probability") == [pytest.approx(0.5)]
    assert of(two, "choice_probability") == [pytest.approx(0.5)]
    none = chosen({"a": 0.0, "b": 0.0, "c": 0.0}, nats)
    assert (of(none, "choice_probability"), why(none, "choice_probability")) == ([None], [NO_CORRECT])
    assert why(scores([example(0, ["a"])], [candidate(0, "a", [-1.0])]), "choice_probability") == [NO_CHOICES]


def test_the_tokens_of_a_choice_count_together_not_on_average() -> None:
    found = chosen({"a": 0.0, "b": 1.0}, {"a": [-0.4], "b": [-0.3, -0.3]})
    assert of(found, "multiple_choice_grade") == [0.0]


def test_soft_target_scores() -> None:
    # three equal choices; scores 0.5, 0.5, 0 are 1/2, 1/2, 0 of the whole
    found = chosen({"a": 0.5, "b": 0.5, "c": 0.0}, {c: [-1.0] for c in "abc"})
    assert of(found, "multiple_choice_grade") == [0.5]
    assert of(found, "brier_score") == [pytest.approx(2 * (1 / 3 - 1 / 2) ** 2 + 1 / 9)]
    assert of(found, "choice_probability") == [pytest.approx(2 / 3)]  # half right is right
    twice = chosen({"a": 1.0, "b": 1.0, "c": 0.0}, {c: [-1.0] for c in "abc"})
    assert of(twice, "brier_score") == of(found, "brier_score")  # their sum is taken out


def test_of_equals_the_first_choice_is_taken() -> None:
    assert of(chosen({"a": 0.25, "b": 0.75}, {"a": [-1.0], "b": [-1.0]}), "multiple_choice_grade") == [0.25]
    assert of(chosen({"b": 0.75, "a": 0.25}, {"a": [-1.0], "b": [-1.0]}), "multiple_choice_grade") == [0.75]


def test_log_probabilities_far_below_the_smallest_float_are_still_told_apart() -> None:
    found = chosen({"a": 1.0, "b": 0.0}, {"a": [-5000.0], "b": [-5000.0 - LOG2]})
    assert of(found, "brier_score") == [pytest.approx(2 / 9, rel=1e-3)]


def test_no_correct_choice_has_a_grade_and_no_brier_score() -> None:
    found = chosen({"b": 0.0, "c": 0.0}, {"b": [-1.0], "c": [-2.0]})
    assert (of(found, "multiple_choice_grade"), why(found, "multiple_choice_grade")) == ([0.0], [None])
    assert (of(found, "brier_score"), why(found, "brier_score")) == ([None], [NO_CORRECT])


def test_negative_target_scores_make_no_distribution() -> None:
    found = chosen({"a": 2.0, "b": -1.0}, {"a": [-1.0], "b": [-2.0]})
    assert of(found, "multiple_choice_grade") == [2.0]
    assert (of(found, "brier_score"), why(found, "brier_score")) == ([None], [NEGATIVE])
    # b, of 1/4, is right although the sum of the scores is below 0; of +1 and -1 it is 0, and a is right
    below, zero = (chosen({"a": a, "b": b}, {"a": [-LOG2], "b": [-2 * LOG2]}) for a, b in ((-3.0, 1.0), (1.0, -1.0)))
    assert of(below, "choice_probability") == [pytest.approx(1 / 3)]
    assert of(zero, "choice_probability") == [pytest.approx(2 / 3)]
    assert why(below, "brier_score") == why(zero, "brier_score") == [NEGATIVE]
    for highest in (0.0, -0.5):
        none = chosen({"a": -1.0, "b": highest}, {"a": [-1.0], "b": [-2.0]})
        assert why(none, "choice_probability") == why(none, "brier_score") == [NO_CORRECT]


def test_without_choices_there_is_neither() -> None:
    found = scores([example(0, ["a"]), example(1, ["a"], {})], [candidate(i, "a", [-1.0]) for i in (0, 1)])
    for metric in ("multiple_choice_grade", "brier_score"):
        assert (of(found, metric), why(found, metric)) == ([None, None], [NO_CHOICES, NO_CHOICES])


def test_a_choice_without_a_token_does_not_win_by_saying_nothing() -> None:
    found = chosen({"a": 1.0, "": 0.0}, {"a": [-1.0], "": []})
    for metric in ("multiple_choice_grade", "brier_score"):
        assert (of(found, metric), why(found, metric)) == ([None], [UNSCORED])


def test_the_references_grades(reference: Path) -> None:
    cases = json.loads((reference / "metrics.json").read_text(encoding="utf-8"))["cases"]
    graded = [c for c in cases if "multiple_choice_grade" in c["expected"]]
    assert len(graded) == 60
    every = [(str(c), i, s) for c, case in enumerate(graded) for i, s in enumerate(case["samples"])]
    asked = [example(i, s["target"], s["target_scores"], subtask=c) for c, i, s in every]
    rows = [
        candidate(i, choice, [logprob], target=choice in s["target"], choice=True, subtask=c)
        for c, i, s in every
        for choice, logprob in zip(s["choice"], s["absolute_log_prob"], strict=True)
    ]
    ours = scores(asked, rows).filter(metric="multiple_choice_grade").group_by("subtask").agg(pl.col("score").mean())
    found = dict(ours.iter_rows())
    for c, case in enumerate(graded):
        assert found[str(c)] == pytest.approx(case["expected"]["multiple_choice_grade"], abs=1e-6), case["subtask"]
