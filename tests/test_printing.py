"""Tables as `rescore show` prints them, against lines written by hand."""

import json
import sys

import polars as pl
import pytest

from rescore.commands.printing import aligned, print_table

FRAME = pl.DataFrame(
    {
        "subtask": ["t:a", "t:reverse_natural_content"],
        "acceleration_factor": [0.123456, None],
        "n": [1234567, 2],
        "flops": [2.5e19, float("inf")],
    }
)


def test_numbers_stand_to_the_right_and_long_headings_on_several_lines() -> None:
    assert aligned(FRAME, 80, headings={"flops": "FLOPs"}).splitlines() == [
        "                           acceleration_",
        "subtask                           factor        n   FLOPs",
        "─────────────────────────  ─────────────  ───────  ──────",
        "t:a                                0.123  1234567  2.5e19",
        "t:reverse_natural_content              –        2     inf",
    ]


def test_a_narrow_terminal_cuts_the_middle_of_the_longest_texts() -> None:
    lines = aligned(FRAME, 50, headings={}).splitlines()
    assert max(map(len, lines)) == 50
    assert lines[-1].startswith("…reverse…l_content  ")  # 50 less 13, 7, 6 and three times two: 18
    assert "1234567" in lines[-2]  # no number is cut
    assert max(map(len, aligned(FRAME, 10, headings={}).splitlines())) > 10  # a text keeps twelve characters


def test_a_subtask_keeps_what_stands_behind_the_colon_and_a_sentence_both_ends() -> None:
    names = ["arithmetic:1_digit_addition", "arithmetic:2_digit_addition", "Question: what is one and one? A:"]
    lines = aligned(pl.DataFrame({"subtask": names}), 21, headings={}).splitlines()
    assert lines[2:] == ["ari…:1_digit_addition", "ari…:2_digit_addition", "Question: …nd one? A:"]


def test_what_steers_a_terminal_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(pl.DataFrame({"name": ["\x1b[31mred\n", "a|b"]}))
    assert capsys.readouterr().out.splitlines()[2:] == ["\\x1b[31mred\\n", "a|b"]
    print_table(pl.DataFrame({"name": ["a|b"]}), "markdown")
    assert capsys.readouterr().out.splitlines() == ["| name |", "| --- |", "| a\\|b |"]


def test_a_table_is_cut_on_a_terminal_and_nowhere_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    whole = pl.DataFrame({"subtask": ["t:" + "a" * 100]})
    print_table(whole)
    assert whole["subtask"][0] in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_table(whole)
    assert max(map(len, capsys.readouterr().out.splitlines())) == 50


def test_other_formats_keep_every_digit_and_lists(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame({"x": [0.1 + 0.2], "ids": [[1, 2]]})
    print_table(frame, "csv")
    assert capsys.readouterr().out == 'x,ids\n0.30000000000000004,"[1, 2]"\n'
    print_table(frame, "json")
    assert json.loads(capsys.readouterr().out) == [{"x": 0.30000000000000004, "ids": [1, 2]}]
