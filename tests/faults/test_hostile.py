"""Input that means harm: what steers a terminal, a spreadsheet or the time of a run."""

import contextlib
import csv
import io
import json
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from rescore import cli
from rescore.bigbench import load
from rescore.bigbench.answers import is_settled, post_process
from rescore.tables import InputError, to_csv, write_text

STEERS = ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\r", "a\nb"]


@pytest.mark.parametrize("key", ["name", "keywords"])
@pytest.mark.parametrize("harm", STEERS)
def test_what_is_printed_on_a_terminal_holds_nothing_that_steers_it(write_task: object, key: str, harm: str) -> None:
    path = write_task(**{key: f"fruit{harm}" if key == "name" else ["words", harm]})  # type: ignore[operator]
    if key == "name" and not harm.isascii():  # read as a question mark, which is another name
        with pytest.raises(InputError, match="expected its folder's name"):
            load(path.parents[1], "fruit")
        return
    with pytest.raises(InputError, match=rf"task.json: key '{key}': holds .*, expected printable characters") as caught:
        load(path.parents[1], "fruit")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("harm", STEERS)
def test_an_error_is_one_line_whatever_a_name_holds(tmp_path: Path, harm: str) -> None:
    before, sys.argv = sys.argv, ["rescore", "show", "--results", str(tmp_path / f"x{harm}y")]
    try:
        with contextlib.redirect_stderr(io.StringIO()) as stderr, pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        sys.argv = before
    assert ended.value.code == 2
    assert stderr.getvalue().count("\n") == 1
    assert stderr.getvalue().removesuffix("\n").isprintable()


def test_no_text_cell_of_a_csv_is_a_formula_and_numbers_stay_numbers(tmp_path: Path) -> None:
    texts = ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "a=b", "", None, "é-"]
    frame = pl.DataFrame({"text": texts, "number": [-1.5] * len(texts)})
    write_text(to_csv(frame), tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        back = list(csv.reader(file))[1:]
    assert [row[0] for row in back] == [f"'{t}" if t and t[0] in "=+-@\t\r\n" else t or "" for t in texts]
    assert {row[1] for row in back} == {"-1.5"}


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("(" * 5000 + ")" * 5000, "nested too deeply"),
        ("(?:" * 2000 + "a" + ")" * 2000, "nested too deeply"),
        ("x" * 1_000_000, "1000000 characters, expected 10000 at most"),
        ("(?:a|b)?" * 20_000, "160000 characters, expected 10000 at most"),
    ],
)
def test_an_expression_that_takes_forever_to_read_is_refused(write_task: object, expression: str, says: str) -> None:
    path = write_task(output_regex=expression)  # type: ignore[operator]
    start = time.monotonic()
    with pytest.raises(InputError, match=f"task.json: key 'output_regex': .*{says}"):
        load(path.parents[1], "fruit")
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("expression", [r"(?:a+)+b", r"(?:a|aa)+c", r"(?:.*,){12}P"])
def test_an_expression_that_takes_forever_to_match_runs_out_of_time(expression: str) -> None:
    text = "a" * 60 + "," * 60 + "\n"
    start = time.monotonic()
    with contextlib.suppress(TimeoutError):
        assert post_process(text, stop_string=None, output_regex=expression).text == ""
    assert is_settled(text, expression) in (True, False)
    assert time.monotonic() - start < 40


def test_a_tasks_text_is_only_text_on_its_way_to_a_table(write_task: object, tmp_path: Path) -> None:
    harm = "<script>alert(1)</script>\x1b[2J=1+1 $(touch x) `touch x` {0} %s \u202e"
    path = write_task(examples=[{"input": harm, "target": harm}])  # type: ignore[operator]
    [subtask] = load(path.parents[1], "fruit")
    assert subtask.examples[0] == {"input": harm, "target": harm}
    assert json.loads(path.read_text())["examples"][0]["input"] == harm
    assert not (tmp_path / "x").exists()
