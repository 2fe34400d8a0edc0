"""The guesser: who knows the other items' targets by position, and not the question."""

import math

import pytest
from score_tables import candidate, example, of, scores, why

from rescore.scoring.guesser import ALONE
from rescore.scoring.likelihood import NO_TOKEN

GUESS = "guess_nats_per_token"


def test_by_hand() -> None:
    """Of three answers of two tokens the first tokens are 5, 5 and 6, the second 7, 8 and 9."""
    tokens = [[5, 7], [5, 8], [6, 9]]
    rows = [candidate(i, "x", [-1.0, -1.0], ids=ids) for i, ids in enumerate(tokens)]
    found = scores([example(i, ["x"]) for i in range(3)], rows)
    # First place: two others, two tokens; one other has 5 too, none 6: (1 + 1/2)/(2 + 1) and (0 + 1/2)/(2 + 1).
    # Second place: three tokens, none of them twice: (0 + 1/2)/(2 + 3/2).
    second = math.log(7)
    expected = [(math.log(2) + second) / 2, (math.log(2) + second) / 2, (math.log(6) + second) / 2]
    assert of(found, GUESS) == pytest.approx(expected)


def test_lengths_and_subtasks_are_apart_and_what_stands_alone_is_null() -> None:
    rows = [
        candidate(0, "a", [-1.0], ids=[5]),
        candidate(1, "b", [-1.0], ids=[5]),
        candidate(2, "ab", [-1.0, -1.0], ids=[5, 6]),
        candidate(3, "", []),
        candidate(4, "c", [-1.0], ids=[5], subtask="u"),
    ]
    asked = [example(i, ["x"], subtask="u" if i == 4 else "t") for i in range(5)]
    found = scores(asked, rows)
    assert of(found, GUESS) == [0.0, 0.0, None, None, None]  # (1 + 1/2)/(1 + 1/2): there is nothing else to say
    assert why(found, GUESS) == [None, None, ALONE, NO_TOKEN, ALONE]


def test_many_evenly_spread_tokens_are_worth_their_logarithm() -> None:
    n, letters = 2600, 26
    rows = [candidate(i, "x", [-1.0], ids=[i % letters]) for i in range(n)]
    found = scores([example(i, ["x"]) for i in range(n)], rows)
    assert of(found, GUESS) == pytest.approx([math.log(letters)] * n, abs=0.02)


def test_of_several_targets_the_likeliest_counts() -> None:
    rows = [
        candidate(0, "a", [-1.0], ids=[5]),
        candidate(0, "b", [-9.0], ids=[6]),
        candidate(1, "c", [-1.0], ids=[6]),
    ]
    found = scores([example(0, ["a", "b"]), example(1, ["c"])], rows)
    assert of(found, GUESS) == pytest.approx([math.log(4)] * 2)  # 5 and 6: (0 + 1/2)/(1 + 1)
