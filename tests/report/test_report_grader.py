"""What the page says of grading, of errors that go together, and of the metrics that emergent tasks prefer."""

from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from lxml import html
from report_tables import CHOICES, WORDS, make_tables
from test_report_page import embedded, subtasks

from rescore.report import render
from rescore.report.replies import grader, tokens_line
from rescore.tables import GRADING, POSITIONS


def grading(*rows: tuple[str, str, int, int, int]) -> pl.DataFrame:
    """Give GRADING of 1,000 questions a row: subtask, model, n_text, rejected, no_correct_choice."""
    full = [
        (model, subtask.partition(":")[0], subtask, 1000, n_text, rejected, rejected / n_text if n_text else None, none)
        for subtask, model, n_text, rejected, none in rows
    ]
    return pl.DataFrame(full, schema=dict(GRADING.columns), orient="row")


def tree(**given: Any) -> Any:
    return html.fromstring(render(**{"made_by": {}, "settings": {}} | vars(make_tables()) | given))


def texts(found: list[Any]) -> list[str]:
    return [" ".join(element.text_content().split()) for element in found]


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (
            [("t", "a", 200, 2, 992), ("t", "c", 200, 12, 992), ("t", "b", 200, 12, 992), ("t", "d", 200, 1, 992)],
            "Grader: 12 of 200 answers of b hold the right answer and are rejected (worst model); "
            "992 of 1,000 questions have no correct choice.",
        ),
        (
            [("t", "a", 1000, 12, 0), ("t", "b", 2, 1, 0)],  # the share decides, not the count
            "Grader: 1 of 2 answers of b holds the right answer and is rejected (worst model).",
        ),
        ([("t", "a", 0, 0, 1)], "Grader: 1 of 1,000 questions has no correct choice."),
    ],
)
def test_line_of_a_subtask(rows: list[tuple[str, str, int, int, int]], line: str) -> None:
    assert grader(grading(*rows)) == line


def test_a_right_grader_has_no_line() -> None:
    assert grader(grading(("t", "a", 200, 0, 0), ("t", "b", 0, 0, 0))) is None
    assert grader(GRADING.empty()) is None


def test_the_page_counts_the_subtasks_and_says_each_in_its_section() -> None:
    graded = grading(
        (WORDS[2], "small-0", 1000, 3, 0),
        (WORDS[2], "elsewhere", 1000, 900, 0),  # a model of no ladder of this page
        (CHOICES[2], "large", 0, 0, 992),
    )
    page = tree(grading=graded)
    words = "Grader: 3 of 1,000 answers of small-0 hold the right answer and are rejected (worst model)."
    choices = "Grader: 992 of 1,000 questions have no correct choice."
    assert [embedded(section)["notes"][-1] for section in subtasks(page)] == [words, choices]
    [said] = texts(page.xpath("//h2[@id='grader']/following-sibling::p[1]"))
    assert said.startswith("In 2 of 2 subtasks an answer that holds the right one is rejected, or a question has no")
    links = page.xpath("//h2[@id='grader']/following-sibling::p[2]/a")
    assert [link.get("href") for link in links] == ["#s2", "#s1"]  # worst first


def test_the_page_says_where_the_grader_is_right_and_nothing_without_the_table(tables: SimpleNamespace) -> None:
    page = tree(grading=grading((WORDS[2], "small-0", 1000, 0, 0)))
    [said] = texts(page.xpath("//h2[@id='grader']/following-sibling::p[1]"))
    assert said.startswith("No answer that holds the right one is rejected in any of 1 subtask")
    assert "Grader:" not in page.text_content()
    without = tree()
    assert not without.xpath("//h2[@id='grader']")
    assert not tree(grading=grading(("other", "small-0", 9, 9, 0))).xpath("//h2[@id='grader']")


def errors(*correlations: tuple[str, float | None, float | None, float | None]) -> pl.DataFrame:
    rows = [
        dict.fromkeys(POSITIONS.columns)
        | {"model": model, "task": WORDS[1], "subtask": WORDS[2], "position": at, "n_items": 64}
        | dict(zip(("token_correlation", "token_correlation_low", "token_correlation_high"), told, strict=True))
        for model, *told in correlations
        for at in (1, 2)
    ]
    return pl.DataFrame(rows, schema=dict(POSITIONS.columns))


def test_the_line_on_tokens_counts_the_intervals_on_either_side_of_zero() -> None:
    told = errors(
        ("small-0", 0.2, 0.1, 0.3),
        ("small-1", -0.1, -0.2, -0.01),
        ("middle", 0.05, -0.1, 0.1),
        ("large", 0.9, None, None),
    )
    said = tokens_line(told)
    assert said is not None
    assert "a median correlation of 0.05 over 3 models" in said
    assert said.endswith("above 0 in 1 of them and below 0 in 1.")
    assert "correlation of 0 over 1 model (" in str(tokens_line(errors(("a", -0.001, -0.1, 0.1))))
    assert tokens_line(told.filter(model="large")) is None


def test_the_page_has_the_line_on_tokens_of_this_ladders_models_only() -> None:
    told = errors(("large", 0.5, 0.4, 0.6), ("elsewhere", 0.1, -0.1, 0.2))
    [said] = [note for section in subtasks(tree(positions=told)) for note in embedded(section)["notes"]]
    assert "a median correlation of 0.5 over 1 model " in said
    assert not any(embedded(section)["notes"] for section in subtasks(tree()))
