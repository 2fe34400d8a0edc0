"""From continuation to answer: stop strings, expressions, their time limit, and the tokens that hold the answer."""

import time
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rescore.bigbench import answers, is_settled, post_process
from rescore.bigbench.task_files import DEFAULT_OUTPUT_REGEX
from rescore.tables import GENERATIONS


@pytest.mark.parametrize(
    ("text", "stop_string", "output_regex", "answer"),
    [
        (" 7 apples", None, None, (" 7 apples", 0, 9)),
        ("a. b. c", ".", None, ("a.", 0, 2)),  # cut behind the stop string, which stays
        (".a. b", ".", None, (".a. b", 0, 5)),  # at the very start it cuts nothing, nor does a later one
        ("abc", "\n", None, ("abc", 0, 3)),
        (" 42 or 43", None, r"\d+", ("42", 1, 3)),
        ("none", None, r"\d+", ("", 0, 0)),
        ("x = 12;", None, r"= (\d+)", ("12", 4, 6)),  # the group, not the match
        ("ac", None, r"a(b)?c", ("", 0, 0)),  # a group that took no part
        ("12; 34", ";", r"\d+$", ("", 0, 0)),  # the expression sees the cut text
        (" Yes. No", None, DEFAULT_OUTPUT_REGEX, (" Yes", 0, 4)),
        ("..", None, DEFAULT_OUTPUT_REGEX, ("", 0, 0)),
        ("", "\n", DEFAULT_OUTPUT_REGEX, ("", 0, 0)),
        ("ab", "", "", ("ab", 0, 2)),  # empty rules are none
    ],
)
def test_post_process(
    text: str, stop_string: str | None, output_regex: str | None, answer: tuple[str, int, int]
) -> None:
    assert post_process(text, stop_string=stop_string, output_regex=output_regex) == answer


def generations(*rows: tuple[str, list[int], list[int]]) -> pl.DataFrame:
    """One example a row: its text, span ids and span ends."""
    return pl.DataFrame(
        [("fruit", i, [], text, ids, ends, "eos", []) for i, (text, ids, ends) in enumerate(rows)],
        schema=dict(GENERATIONS.columns),
        orient="row",
    ).with_columns(model=pl.lit("m"))


def held(text: str, ids: list[int], ends: list[int], output_regex: str | None) -> tuple[Any, ...]:
    rules = {"fruit": {"stop_string": None, "output_regex": output_regex}}
    frame = answers(generations((text, ids, ends)), rules)
    return frame.select("answer", "answer_token_ids").row(0)


@pytest.mark.parametrize(
    ("text", "ids", "ends", "output_regex", "answer", "tokens"),
    [
        (" 42 or", [5, 6, 7], [2, 3, 6], r"\d+", "42", [5, 6]),  # " 4", "2", " or": the first holds a character of it
        (" 42 or", [5, 6, 7], [2, 3, 6], None, " 42 or", [5, 6, 7]),
        ("42", [5], [2], "x", "", []),  # no match, no token
        ("abcd", [5, 6], [2, 4], "(?<=c)(x?)", "", []),  # an empty match inside a token holds none of it
        ("a€b", [1, 2, 3, 4, 5], [1, 2, 2, 2, 3], "€", "€", [2, 3, 4]),  # three bytes, one character
        ("a€b", [1, 2, 3, 4, 5], [1, 2, 3, 2, 3], "€", "€", [2, 3, 4]),  # two of them read as two characters before
        ("a€b", [1, 2, 3, 4, 5], [1, 2, 2, 2, 3], "b", "b", [5]),
        ("", [], [], None, "", []),
    ],
)
def test_the_tokens_that_hold_the_answer(
    text: str, ids: list[int], ends: list[int], output_regex: str | None, answer: str, tokens: list[int]
) -> None:
    assert held(text, ids, ends, output_regex) == (answer, tokens)


def test_an_expression_that_runs_away_gives_no_answer_and_says_why() -> None:
    rules = {"fruit": {"stop_string": None, "output_regex": r"(?:a|a)*$"}}
    text = "a" * 60 + "c" * 2
    began = time.monotonic()
    frame = answers(generations((text, [1], [62]), ("caab", [1], [4])), rules)
    assert time.monotonic() - began < 10
    first, second = frame.to_dicts()
    assert (first["answer"], first["answer_token_ids"]) == (None, None)
    assert first["reason"] == "output_regex ran longer than 1 s on 62 characters"
    assert second["reason"] is None


@pytest.mark.parametrize("expression", [r"(a+)+$", r"(?:a*)*b$"])
def test_expressions_that_lead_other_engines_astray_end_in_time(expression: str) -> None:
    rules = {"fruit": {"stop_string": None, "output_regex": expression}}
    began = time.monotonic()
    [row] = answers(generations(("a" * 60 + "cc", [1], [62])), rules).to_dicts()
    assert time.monotonic() - began < 10
    assert (row["answer"] is None) == (row["reason"] is not None)


@given(
    st.sampled_from(
        [r"[-+]?\d+", r"[^\n]+", r"(\w+) is", r"a|ab+c", r"a.*z|a", r"\d{3}", r"(?<=x)\d", r"\d+$", r"\bx"]
    ),
    st.text("12ab xz\n-", max_size=12),
    st.text("12abc xz\n-", max_size=8),
)
def test_what_follows_a_settled_text_changes_no_answer(pattern: str, text: str, more: str) -> None:
    if is_settled(text, pattern):
        before = post_process(text, stop_string=None, output_regex=pattern)
        assert post_process(text + more, stop_string=None, output_regex=pattern) == before
        assert "\n" in text[before.end :]


@pytest.mark.parametrize(
    ("text", "pattern", "settled"),
    [
        ("166\n", r"[-+]?\d+", True),
        ("\n166\n", r"[-+]?\d+", True),
        ("166", r"[-+]?\d+", False),
        ("none\n", r"[-+]?\d+", False),
        ("a b\n", r"[^\n]+", True),
        ("a\nb", r"a.*z|a", True),  # "." stops at the end of the line
        ("a\nb", r"a[^q]*z|a", False),  # a z may yet come
        ("12\n", r"\d+$", False),
    ],
)
def test_settled(text: str, pattern: str, settled: bool) -> None:
    assert is_settled(text, pattern) == settled
