"""What the page says of an answer's tokens: a heat map's numbers and a line, and nothing without the tables."""

from typing import Any

import polars as pl
import pytest
from playwright.sync_api import expect
from report_browser import browse, needs_browser
from report_tables import CHOICES, MODELS, WORDS, make_tables

from rescore.report import render
from rescore.report.along import Along
from rescore.report.positions import accuracies, chart, line
from rescore.tables import POSITIONS

NAMES = [model for model, _ in MODELS]


def positions(
    of: dict[str, list[float]], subtask: str = WORDS[2], dependence: tuple[float | None, ...] = (None,) * 3
) -> pl.DataFrame:
    """POSITIONS of one subtask: each model's accuracies; the last position first, as no order is promised."""
    rows = [
        (model, WORDS[1], subtask, at, 64, accuracy, *dependence, None)
        for model, values in of.items()
        for at, accuracy in reversed(list(enumerate(values, 1)))
    ]
    return pl.DataFrame(rows, schema=dict(POSITIONS.columns), orient="row")


def errors(*correlations: tuple[str, float | None, float | None, float | None]) -> pl.DataFrame:
    rows = [
        dict.fromkeys(POSITIONS.columns)
        | {"model": model, "task": WORDS[1], "subtask": WORDS[2], "position": at, "n_items": 64}
        | dict(zip(("token_correlation", "token_correlation_low", "token_correlation_high"), told, strict=True))
        for model, *told in correlations
        for at in (1, 2)
    ]
    return pl.DataFrame(rows, schema=dict(POSITIONS.columns))


def page(**tables: Any) -> str:
    return render(**vars(make_tables()), made_by={}, settings={}, **tables)


def test_accuracies_stand_in_the_order_of_models_and_positions() -> None:
    told = positions({"large": [1.0, 0.98765], "small-0": [0.5, 0.0]})
    assert accuracies(told, NAMES) == [[0.5, 0.0], None, None, [1.0, 0.988]]


def test_only_the_first_positions_are_shown_and_no_single_one() -> None:
    [long] = accuracies(positions({"large": [0.5] * 1000}), ["large"])
    assert long == [0.5] * 24
    assert accuracies(positions({"large": [0.5]}), NAMES) == []
    assert accuracies(POSITIONS.empty(), NAMES) == []


def test_the_line_counts_the_intervals_on_either_side_of_zero() -> None:
    told = errors(
        ("small-0", 0.2, 0.1, 0.3),
        ("small-1", -0.1, -0.2, -0.01),
        ("middle", 0.05, -0.1, 0.1),
        ("large", 0.9, None, None),
    )
    said = line(told)
    assert said is not None
    assert "median correlation 0.05 over 3 models" in said
    assert said.endswith("above 0 in 1, below 0 in 1.")
    assert "correlation 0 over 1 model (" in str(line(errors(("a", -0.001, -0.1, 0.1))))
    assert line(told.filter(model="large")) is None


@pytest.mark.parametrize("along", [Along(), Along("n_params"), Along("pretraining_loss_nats")])
def test_better_models_are_further_right(along: Along) -> None:
    x = chart(along).to_dict()["encoding"]["x"]
    assert x["field"] == along.column
    assert x["sort"] == ("descending" if along.falls else "ascending")


def test_the_page_has_the_line_and_the_data_of_this_ladders_models_only() -> None:
    told = positions({"large": [0.5, 0.25]}, dependence=(0.5, 0.4, 0.6))
    shown = page(positions=pl.concat([told, positions({"elsewhere": [0.1, 0.1]}, dependence=(0.1, -0.1, 0.2))]))
    assert "median correlation 0.5 over 1 model " in shown
    assert '"positions":[null,null,null,[0.5,0.25]]' in shown


def test_the_page_is_silent_without_the_tables() -> None:
    without = page()
    assert "Errors at the tokens" not in without
    assert "Accuracy by token" not in without


@needs_browser
def test_the_heat_map_is_drawn_where_there_are_positions(tmp_path: Any) -> None:
    told = positions({name: [0.9, 0.4, 0.1] for name in NAMES})
    with browse(page(positions=told), tmp_path, fragment="#s1") as shown:
        drawn = shown.locator("#s1 [data-chart=positions] g.mark-rect path")
        expect(drawn.nth(8)).to_be_attached()  # three models of three positions
        expect(shown.locator("[data-chart=positions]")).to_have_count(1)
        expect(shown.locator(f"[data-chart=positions][aria-label*='{CHOICES[2]}']")).to_have_count(0)
