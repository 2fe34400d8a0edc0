"""Exact match of the greedy answer, and by teacher forcing."""

import json
from pathlib import Path

import polars as pl
import pytest
from score_tables import answer, candidate, example, of, scores, why

from rescore.scoring.exact import NO_TEXT


@pytest.mark.parametrize(
    ("targets", "text", "expected"),
    [
        (["42"], "42", 1),
        (["42"], " 42", 0),
        ([" 42"], " 42", 1),
        (["42"], "4 2", 0),
        (["Yes"], "yes", 0),
        (["a", "b"], "b", 1),
        (["a", "b"], "ab", 0),
        (["a"], "", 0),
        ([""], "", 1),
    ],
)
def test_exact_match(targets: list[str], text: str, expected: float) -> None:
    found = scores([example(0, targets)], [candidate(0, t, [-1.0]) for t in targets], [answer(0, text, [1])])
    assert of(found, "exact_match") == [expected]
    assert why(found, "exact_match") == [None]


@pytest.mark.parametrize(
    ("targets", "text", "expected"),
    [
        (["42"], " 42", 1),  # a vocabulary whose words begin with a space
        ([" 42"], "42", 1),
        (["42"], "\u00a042\n", 1),
        (["42"], "4 2", 0),
        (["a b"], " a b ", 1),
        (["a b"], "a  b", 0),
        (["Yes"], " yes", 0),
        (["a", "b"], " b", 1),
        ([""], " ", 1),
    ],
)
def test_trimmed_exact_match_is_blind_to_white_space_around_the_answer(
    targets: list[str], text: str, expected: float
) -> None:
    found = scores([example(0, targets)], [candidate(0, t, [-1.0]) for t in targets], [answer(0, text, [1])])
    assert of(found, "exact_match_trimmed") == [expected]
    assert why(found, "exact_match_trimmed") == [None]


def test_without_an_answer_there_is_no_exact_match() -> None:
    asked = [example(0, ["a"]), example(1, ["a"])]
    told = [answer(0, None, None, "too slow"), answer(1, "a", [1])]
    found = scores(asked, [candidate(i, "a", [-1.0]) for i in (0, 1)], told)
    for metric in ("exact_match", "exact_match_trimmed", "token_edit_distance", "char_edit_distance"):
        assert of(found, metric)[0] is None
        assert why(found, metric) == ["too slow", None]
    assert of(found, "exact_match") == [None, 1]


def test_a_task_that_asks_for_no_text_has_none() -> None:
    found = scores(
        [example(0, ["a"])], [candidate(0, "a", [-1.0])], [answer(0, None, None, "too slow")], asks_text=False
    )
    for metric in ("exact_match", "exact_match_trimmed", "token_edit_distance", "char_edit_distance"):
        assert (of(found, metric), why(found, metric)) == ([None], [NO_TEXT])


@pytest.mark.parametrize(
    ("firsts", "expected"),
    [
        ([[7, 8, 9]], 1),
        ([[7, 8, 0]], 0),
        ([[0, 8, 9]], 0),
        ([[7, 0, 0], [7, 8, 9]], 1),  # any of the targets will do
        ([[7, 0, 0], [0, 8, 9]], 0),  # but one of them whole
    ],
)
def test_teacher_forced_exact_match_needs_every_token(firsts: list[list[int]], expected: float) -> None:
    targets = [f"target {n}" for n in range(len(firsts))]
    rows = [candidate(0, t, [-1.0] * 3, ids=[7, 8, 9], firsts=f) for t, f in zip(targets, firsts, strict=True)]
    assert of(scores([example(0, targets)], rows), "exact_match_teacher_forced") == [expected]


def test_a_target_without_a_token_is_no_match() -> None:
    asked = [example(0, [""]), example(1, ["", "a"])]
    rows = [candidate(0, "", []), candidate(1, "", []), candidate(1, "a", [-1.0], firsts=[5])]
    found = scores(asked, rows)
    assert of(found, "exact_match_teacher_forced") == [None, 0]
    assert why(found, "exact_match_teacher_forced") == ["no target has a token", None]


def test_a_choice_that_is_no_target_is_no_match() -> None:
    rows = [candidate(0, "a", [-1.0], firsts=[5]), candidate(0, "b", [-0.1], target=False, choice=True)]
    assert of(scores([example(0, ["a"], {"b": 1.0})], rows), "exact_match_teacher_forced") == [0]


def test_exact_match_is_the_references(reference: Path) -> None:
    cases = json.loads((reference / "metrics.json").read_text(encoding="utf-8"))["cases"]
    assert len(cases) == 78
    every = [(str(c), i, s) for c, case in enumerate(cases) for i, s in enumerate(case["samples"])]
    asked = [example(i, s["target"], subtask=c) for c, i, s in every]
    rows = [candidate(i, t, [-1.0], subtask=c) for c, i, s in every for t in s["target"]]
    told = [answer(i, s["generative_response"], [1], subtask=c) for c, i, s in every]
    ours = scores(asked, rows, told).filter(metric="exact_match")
    means = dict(ours.group_by("subtask").agg(pl.col("score").mean()).iter_rows())
    for c, case in enumerate(cases):
        assert means[str(c)] == pytest.approx(case["expected"]["exact_str_match"], abs=1e-6), case["subtask"]
