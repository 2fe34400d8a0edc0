"""The terminal summary."""

import io
from types import SimpleNamespace

import polars as pl
from report_tables import WORDS, cliff_row
from rich.console import Console

from rescore.report import summary
from rescore.report.text import sentence
from rescore.tables import CLIFFS


def printed(cliffs: pl.DataFrame, headline: pl.DataFrame, width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(summary(cliffs, headline))
    return out.getvalue().splitlines()


def test_summary_shows_answers_numbers_and_counts(tables: SimpleNamespace) -> None:
    lines = [line.split() for line in printed(tables.cliffs, tables.headline)]
    assert ["words", "mirage", "yes", "yes", "no", "62%", "1.2x"] in lines
    assert lines.index(["choices"]) + 1 == lines.index(["age", "no", "cliff", "no*", "–", "–", "–", "–"])
    text = " ".join(" ".join(line) for line in lines)
    assert "Is there a cliff? 1 yes 1 no 0 open; ~0.1 false" in text
    assert "NLL per token 1 disappear 0 survive 0 open; ~0.0 false" in text
    assert "Token accuracy" not in text  # no cliff on a subtask that has it
    assert "* multiple-choice grade" in text
    assert sentence(tables.cliffs) in text


def test_summary_fits_80_columns_and_is_plain(tables: SimpleNamespace) -> None:
    key = ("nano", "t" * 70, "[red]\x1b[31m" + "s" * 70)
    cliffs = cliff_row(
        key, "no likelihood", cliff="open", metric_makes_it="open", skill_broke="open", metric_share=-1.0
    )
    lines = printed(cliffs, tables.headline)
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)
    wide = printed(cliffs, tables.headline, width=250)
    assert any("[red]\ufffd[31msss" in line for line in wide)  # markup of a name is text


def test_summary_stops_at_thirty_rows(tables: SimpleNamespace) -> None:
    labels = ["no cliff"] * 32 + ["mirage", "open"]
    cliffs = pl.concat(cliff_row(("nano", f"t{i}", f"t{i}"), label) for i, label in enumerate(labels))
    lines = printed(cliffs, tables.headline)
    names = [line.split()[0] for line in lines if line.startswith("t")]
    assert len(names) == 30
    assert names[:2] == ["t32", "t33"]  # mirages first
    assert "and 4 more subtasks: 4 no cliff" in lines


def test_summary_of_nothing(tables: SimpleNamespace) -> None:
    assert printed(CLIFFS.empty(), tables.headline.clear()) == ["No subtask was tested."]


def test_sentence_counts_each_answer() -> None:
    exact = {"hard_metric": "exact_match"}
    answers = [("yes", "no"), ("yes", "yes"), ("no", "open"), ("open", "open")]
    with_cliff = [
        cliff_row(WORDS, "", cliff="yes", metric_makes_it=metric, skill_broke=skill, **exact)
        for metric, skill in answers
    ]
    others = [cliff_row(WORDS, "no cliff", cliff="no", **exact), cliff_row(WORDS, "open", cliff="open", **exact)]
    assert sentence(pl.concat([*with_cliff, *others])) == (
        "Of 4 sudden rises the metric makes 2, 1 it does not, 1 is open; in 1 the skill itself broke, in 1 it did not, "
        "2 are open. Whether there is one is open in 1 more."
    )
    assert sentence(others[0]) == "No sudden rise under exact match in 1 subtask."
