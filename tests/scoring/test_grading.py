"""What the grader gets wrong: answers that hold a target and are rejected, questions without a correct choice."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from score_tables import Row, example, of_model

from rescore.bigbench import answers
from rescore.scoring.grading import grading, holds, said
from rescore.tables import EXAMPLES, GENERATIONS, GRADING

NUMBER = {"asks_text": True, "stop_string": None, "output_regex": r"[-+]?\d+"}
LINE = {"asks_text": True, "stop_string": "\n", "output_regex": r"[^\n]+"}


def graded(examples: Sequence[Row], texts: Sequence[str], rules: dict[str, dict[str, Any]]) -> pl.DataFrame:
    """Grade one text an example, post-processed by its subtask's rules."""
    rows = [
        (e["subtask"], e["example_id"], [], text, [], [], "eos", []) for e, text in zip(examples, texts, strict=True)
    ]
    generations = of_model(pl.DataFrame(rows, schema=dict(GENERATIONS.columns), orient="row"))
    asked = of_model(pl.DataFrame(list(examples), schema=dict(EXAMPLES.columns)))
    return grading(asked, generations, answers(generations, rules), rules)


def test_counts_by_hand() -> None:
    choices = {"3": 0.0, "4": 0.0, "9": 1.0}
    examples = [
        example(0, ["9"], choices, subtask="t:sum"),
        example(1, ["9"], choices, subtask="t:sum"),
        example(2, ["9"], choices | {"9": 0.0}, subtask="t:sum"),
        example(3, ["7", "seven"], choices, subtask="t:sum"),
        example(0, ["yes"], subtask="t:word"),
        example(1, ["yes"], subtask="t:word"),
    ]
    texts = [
        "The sum of 4 and 5 is 9.\n\nQ: What is 3 plus 4?\nA: 7",  # the first number is taken: rejected
        "9",  # right
        "8\nQ: What is 5 plus 4?\nA: 9",  # wrong: the 9 belongs to a question of the model's own
        "It is 8, not seven.",  # any target counts
        "yes, it is\n",  # the whole line is taken: rejected
        "no\nyes",  # wrong: behind the stop string
    ]
    found = graded(examples, texts, {"t:sum": NUMBER, "t:word": LINE})
    assert found.schema == pl.Schema(dict(GRADING.columns))
    assert found.rows() == [("m", "t", "t:sum", 4, 4, 2, 0.5, 1), ("m", "t", "t:word", 2, 2, 1, 0.5, 0)]


def test_a_subtask_that_asks_for_no_text_has_no_share() -> None:
    found = graded([example(0, ["a"], {"a": 0.0, "b": -1.0})], ["it is a"], {"t": LINE | {"asks_text": False}})
    assert found.rows() == [("m", "t", "t", 1, 0, 0, None, 1)]


def test_an_answer_that_ran_out_of_time_is_not_judged() -> None:
    rules = {"t": {"asks_text": True, "stop_string": None, "output_regex": r"(?:a|a)*$"}}
    found = graded([example(0, ["b"]), example(1, ["b"])], ["a" * 60 + "c b", "b c"], rules)
    assert found.select("n_examples", "n_text", "rejected", "rejected_share").row(0) == (2, 1, 1, 1.0)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("The sum is 9.", "9"),
        ("4+5=9", "9"),
        ("It is 9, of course", "9"),
        ("(9)", "9"),
        ("42, that is: 4", "4"),  # the second place counts
        ("Yes", "Yes"),
        ("I say yes!", " yes "),  # white space at the target's ends aside
        ("x = -5", "-5"),
        ("It is Barack Obama.", "Barack Obama"),
        ("a, b. c", "a, b"),
        ("so: don't", "don't"),
        ("Élan vital", "Élan"),
        ("C++ (a.k.a. C plus plus)", "C++"),
    ],
)
def test_a_target_that_stands_in_the_text(text: str, target: str) -> None:
    assert holds(text, target)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("42", "4"),
        ("42", "2"),
        ("yesterday", "yes"),
        ("Élan", "lan"),
        ("snake_case", "case"),
        ("-4", "4"),
        ("\u22124", "4"),  # a minus sign
        ("4.5", "4"),
        ("4.5", "5"),
        ("1,004", "004"),
        ("10:30", "30"),
        ("1/4", "4"),
        ("10-5", "-5"),
        ("4+5=9", "4"),
        ("a, b, c", "a, b"),
        ("a, b, c", "b, c"),
        ("2001-09-11-3", "09-11-3"),
        ("YES", "yes"),
        ("9", "nine"),
        ("anything", ""),
        ("any thing", " "),
    ],
)
def test_a_target_that_does_not(text: str, target: str) -> None:
    assert not holds(text, target)


@pytest.mark.parametrize(
    ("text", "stop_string", "answer"),
    [
        ("9\nQ: 3+4\nA: 7", None, "9\n"),
        ("9\nQ: 3+4\nA: 7", "", "9\n"),  # an empty stop string is none
        ("\n \n9\n7", "\n", "9\n"),  # the reference cuts nothing where the stop string comes first
        ("one\ntwo. three.", ".", "one\ntwo."),
        ("cut short", "\n", "cut short"),
        ("", None, ""),
        ("\n\n", None, ""),
    ],
)
def test_the_answer_ends_with_the_stop_string(text: str, stop_string: str | None, answer: str) -> None:
    assert said(text, stop_string) == answer


words = st.text(st.characters(categories=("L", "Nd")), min_size=1, max_size=8)
stops = st.sampled_from([None, "\n", ".", "Q:", "##"])


@given(words, st.sampled_from("aZ7é"))
def test_a_word_is_found_between_spaces_and_never_inside_a_longer_one(word: str, letter: str) -> None:
    assert holds(f"so: {word}.", word)
    for longer in (letter + word, word + letter, letter + word + letter):
        assert not holds(f"so: {longer}.", word)


@given(words, st.text(max_size=20), stops)
def test_what_comes_behind_the_stop_string_changes_nothing(answer: str, rest: str, stop_string: str | None) -> None:
    text = f"{answer} {stop_string or chr(10)}"
    assert said(text + rest, stop_string) == said(text, stop_string)


@given(st.text(st.sampled_from("ab. \nQ:#"), max_size=20), stops)
def test_the_answer_is_one_piece_of_the_text_and_blank_only_if_all_is(text: str, stop_string: str | None) -> None:
    answer = said(text, stop_string)
    assert answer in text
    assert said(answer, stop_string) == answer
    assert bool(answer.strip()) == bool(text.replace(stop_string or "\n", "").strip())
