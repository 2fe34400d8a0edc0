"""What the page says beside the verdicts: its numbers are the tables', and an absent table leaves no trace."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from lxml import html
from report_tables import CHOICES, WORDS, make_tables
from test_report_page import embedded, grid, subtasks

from rescore.report import TABLES, render, text
from rescore.tables import (
    DIAGNOSTICS,
    FAMILIES,
    FLAGS,
    FORECAST_COUNTS,
    FORECASTS,
    LADDER_SHIFTS,
    POWER,
    PROMPT_STABILITY,
    RISES,
    SCAFFOLD_SHIFT,
    SEEDS,
    Table,
)


def rows(table: Table, *given: dict[str, Any]) -> pl.DataFrame:
    """Return rows of a table; what is not given is null, or zero or empty where it may not be."""
    made = []
    for row in given:
        defaults = {
            name: None if name in table.nullable else "" if kind == pl.String else 0.0 if kind == pl.Float64 else 0
            for name, kind in table.columns.items()
        }
        made.append(defaults | row)
    return pl.DataFrame(made, schema=dict(table.columns))


def key(subtask: tuple[str, str, str], metric: str | None = None) -> dict[str, str]:
    named = dict(zip(("ladder", "task", "subtask"), subtask, strict=True))
    return named if metric is None else named | {"metric": metric}


RISE = "Half of its own rise at (90% interval)"
DOWN = "nll_nats_per_token goes down"


def diagnosed() -> dict[str, pl.DataFrame]:
    """Return a small table of each kind."""
    nll, exact = "nll_nats_per_token", "exact_match"
    elsewhere = ("nano", "gone", "gone")
    return {
        FLAGS.name: rows(
            FLAGS,
            key(WORDS, exact) | {"flag": "saturation", "statistic": "top_mean", "value": 0.99, "detail": "<b>top</b>"},
            key(CHOICES, nll)
            | {
                "flag": "inverse scaling",
                "statistic": "change",
                "value": 0.5,
                "detail": "nll_nats_per_token goes down",
            },
            key(elsewhere, nll)
            | {
                "flag": "inverse scaling",
                "statistic": "change",
                "value": 0.5,
                "detail": "nll_nats_per_token goes down",
            },
        ),
        FORECASTS.name: rows(
            FORECASTS,
            key(WORDS, nll)
            | {"forecast": 1.04, "realised": 1.0, "relative_error": 0.04, "within_5_percent": True}
            | {"inside_interval": True, "form": "mean of the forms", "above_elbow": True},
            key(WORDS, nll) | {"forecast": 77.0, "realised": 1.0, "form": "power law", "won": True},
            key(CHOICES, nll)
            | {"forecast": 2.0, "realised": 1.0, "relative_error": 1.0, "within_5_percent": False}
            | {"inside_interval": False, "form": "mean of the forms", "above_elbow": False},
            key(WORDS, exact) | {"reason": "too few rungs"},
        ),
        FORECAST_COUNTS.name: rows(
            FORECAST_COUNTS,
            *(
                {"along": "size", "above_elbow": above, "metric": nll, "form": form, "forecasts": 20, "won": won}
                | {"with_relative_error": 18, "within_5_percent": within, "inside_interval": inside}
                | {"median_relative_error": 0.25}
                for above, form, within, inside, won in (
                    (True, "mean of the forms", 12, 17, None),
                    (True, "broken power law", 9, 15, 6),
                    (True, "power law", 9, 15, 14),
                    (False, "mean of the forms", 0, 16, None),
                    (False, "broken power law", 0, 16, 20),
                    (False, "power law", 0, 16, 0),
                )
            ),
        ),
        RISES.name: rows(
            RISES,
            key(WORDS, exact) | {"half_log10_x": 19.0, "size_over_50_percent_log10_x": 20.0},
            key(CHOICES, exact) | {"reason": "flat: its rise is under 0.1"},
        ),
        SEEDS.name: rows(SEEDS, key(WORDS, exact) | {"log10_x": 16.0, "seeds": 2, "through": 1, "share": 0.5}),
        FAMILIES.name: rows(
            FAMILIES,
            {"ladder": "nano", "task": "words", "subtasks": 4, "fitted": 3, "answer_tokens_min": 1.5}
            | {"answer_tokens_max": 6.0, "half_slope_decades_per_decade": 1.25, "metric_share": 0.5}
            | {"half_slope_decades_per_decade_low": 1.0, "half_slope_decades_per_decade_high": 1.5},
        ),
        POWER.name: rows(
            POWER,
            {
                "ladder": "nano",
                "n_items": 64,
                "sizes": 9,
                "sizes_added": 2,
                "truth": "step",
                "right_answer": "real",
                "replicates": 40,
            }
            | {"cliff_found": 39, "right_share": 0.5, "right_low": 0.25, "right_high": 0.75},
        ),
        SCAFFOLD_SHIFT.name: rows(SCAFFOLD_SHIFT, key(WORDS, exact) | {"setting": "two", "shift_decades": -0.5}),
        PROMPT_STABILITY.name: rows(PROMPT_STABILITY, key(WORDS, exact) | {"cliff": "yes 2, open 1", "moved": 1}),
    }


def page(tables: SimpleNamespace, given: dict[str, pl.DataFrame]) -> Any:
    return html.fromstring(render(**vars(tables), made_by={}, settings={}, diagnosed=given))


@pytest.fixture(scope="module")
def tree() -> Any:
    return page(make_tables(), diagnosed())


def test_every_table_of_the_diagnostics_is_looked_for() -> None:
    names = [table.name for table in TABLES]
    assert names == [table.name for table in (*DIAGNOSTICS, SCAFFOLD_SHIFT, PROMPT_STABILITY, POWER)]
    assert set(diagnosed()) <= set(names)


def test_a_table_without_a_section_leaves_no_trace(tables: SimpleNamespace) -> None:
    given = {"made_by": {}, "settings": {}} | vars(tables)
    more = diagnosed() | {"new": pl.DataFrame({"ladder": ["nano"]})}
    assert render(**given, diagnosed=more) == render(**given, diagnosed=diagnosed())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flags", {"Subtask": "words", "Flag": "saturation", "Value": 0.99, "What was seen": "<b>top</b>"}),
        ("flags", {"Metric": "NLL per token", "What was seen": "NLL per token goes down"}),
        ("forecasts", {"Subtask": "words", "Metric": "NLL per token", "Above the elbow": "yes", "Inside": "yes"}),
        (
            "forecasts",
            {"Subtask": "words", "Metric": "Exact match", "Forecast (90% interval)": "–", "Note": "too few rungs"},
        ),
        (
            "rises",
            {"Subtask": "words", RISE: "1e19", "Score first over 50% at": 1e20},
        ),
        ("rises", {"Subtask": "choices: age", RISE: "–", "Why no rise": "flat: its rise is under 0.1"}),
        ("scaffold_shift", {"Subtask": "words", "Run": "two", "Shift (decades)": -0.5}),
        ("prompt_stability", {"Subtask": "words", "Cliff": "yes 2, open 1", "Prompts that move it": 1}),
    ],
)
def test_a_grid_holds_the_tables_rows(tree: Any, name: str, expected: dict[str, Any]) -> None:
    assert [row for row in grid(tree, name) if row | expected == row]


INTERVALS = {"forecasts": ("Forecast (90% interval)", "forecast"), "rises": (RISE, "half_log10_x")}
NUMBERS = {
    "flags": {"Value": "value", "Threshold": "threshold"},
    "forecasts": {"Came out": "realised"},
    "rises": {"Score first over 50% at": "size_over_50_percent_log10_x"},
    "scaffold_shift": {"Shift (decades)": "shift_decades", "from": "shift_low", "to": "shift_high"},
}


def random_rows(table: Table) -> pl.DataFrame:
    """Return a row of random numbers for each of two subtasks and three metrics, in no order."""
    rng = np.random.default_rng(0)
    random = {
        pl.Float64: lambda: float(rng.normal()),
        pl.Int64: lambda: int(rng.integers(1, 1000)),
        pl.Boolean: lambda: bool(rng.integers(2)),
        pl.String: lambda: "text",
    }
    metrics = ("token_edit_distance", "nll_nats_per_token", "exact_match")
    unforecast = {"won": None} if "won" in table.columns else {}  # the mean of the forms, which the page shows
    made = [
        {name: random[kind]() for name, kind in table.columns.items()} | key(subtask, metric) | unforecast
        for metric in metrics
        for subtask in (CHOICES, WORDS)
    ]
    return pl.DataFrame(made, schema=dict(table.columns))


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_of_a_grid_is_the_tables(tables: SimpleNamespace, name: str) -> None:
    [table] = [table for table in TABLES if table.name == name]
    given = random_rows(table)
    shown = grid(page(tables, {name: given}), name)
    metrics = ["Exact match", "NLL per token", "Token edit distance"]  # in the order of the page
    assert [(row["Subtask"], row["Metric"]) for row in shown] == [
        (subtask, metric) for subtask in ("words", "choices: age") for metric in metrics
    ]
    expected = {(row["subtask"].replace(":", ": "), text.title(row["metric"])): row for row in given.to_dicts()}
    for row in shown:
        for heading, column in NUMBERS[name].items():
            number = expected[row["Subtask"], row["Metric"]][column]
            number = 10**number if name == "rises" else number
            assert row[heading] == (pytest.approx(number, rel=1e-6) if isinstance(number, float) else number)
        if name in INTERVALS:
            heading, column = INTERVALS[name]
            ends = [expected[row["Subtask"], row["Metric"]][f"{column}{end}"] for end in ("", "_low", "_high")]
            value, low, high = (text.number(10**end if name == "rises" else end) for end in ends)
            assert row[heading] == f"{value} ({low} to {high})"


def test_a_row_of_no_subtask_of_the_page_is_left_out(tree: Any) -> None:
    assert [row["Subtask"] for row in grid(tree, "flags")] == ["words", "choices: age"]


def test_the_page_shows_the_forecast_and_not_the_forms_that_compete(tree: Any) -> None:
    assert [row["Forecast (90% interval)"] for row in grid(tree, "forecasts")] == ["–", "1.04", "2"]


def test_forecasts_are_counted_above_the_elbow_first_and_too_few_is_said(tree: Any) -> None:
    """85% of 20 are 17, which is enough, and 16 are not."""
    found = [list(row.values()) for row in grid(tree, "forecast-counts")]
    assert [row[0] for row in found] == ["NLL per token", "NLL per token"]
    assert [row[1:] for row in found] == [
        ["a fitted size is above it", 20, "12 of 18", "25%", "17 of 20", "power law 14, broken power law 6"],
        ["no fitted size is above it", 20, "0 of 18", "25%", "16 of 20: too few", "broken power law 20"],
    ]


def test_the_page_is_silent_on_a_table_that_is_not_there(tables: SimpleNamespace) -> None:
    grids = {"flags", "forecasts", "forecast_counts", "rises", "scaffold_shift", "prompt_stability"}
    found = page(tables, {name: frame for name, frame in diagnosed().items() if name not in grids})
    assert found.xpath("//div[@class='grid']/@id") == ["headline", "cliffs", "matrix", "families", "power"]


def test_without_diagnostics_there_is_none_of_their_headings(tables: SimpleNamespace) -> None:
    bare = page(tables, {})
    assert not bare.xpath("//*[@id='planning' or @id='families' or @id='power' or @id='look-at']")


def test_empty_tables_are_no_error(tables: SimpleNamespace) -> None:
    empty = page(tables, {table.name: table.empty() for table in TABLES})
    assert "No subtask raised a flag" in empty.text_content()
    assert empty.xpath("//div[@class='grid']/@id") == ["headline", "cliffs", "matrix"]


def test_shifts_between_ladders_stand_with_the_told_ones_first(tables: SimpleNamespace) -> None:
    cell = {"ladder": "nano", "other_ladder": "other", "task": "words", "subtask": "words:a"}
    numbers = {"level": 0.5, "compute_shift_decades": -1.5, "compute_shift_low": -2.1, "compute_shift_high": -0.9}
    shifts = rows(
        LADDER_SHIFTS,
        cell | {"metric": "exact_match", "compute_reason": "no level"},
        cell | {"metric": "multiple_choice_grade"} | numbers,
    )
    found = page(tables, {"ladder_shifts": shifts})
    assert found.xpath("//*[@id='side-by-side']")
    told, untold = grid(found, "ladder_shifts")
    expected = {"Subtask": "words: a", "Metric": "Multiple-choice grade", "First ladder": "nano"}
    expected |= {"Second ladder": "other", "Decades of compute": -1.5, "from": -2.1, "to": -0.9, "Read at": 0.5}
    assert told | expected == told
    assert (untold["Metric"], untold["Why not in compute"]) == ("Exact match", "no level")
    assert not page(tables, {"ladder_shifts": shifts.clear()}).xpath("//*[@id='side-by-side']")


def test_a_subtask_says_its_flags_in_words(tree: Any) -> None:
    words, choices = (embedded(section)["flags"] for section in subtasks(tree))
    assert words == ["The larger models all score near the top (saturation): <b>top</b>."]
    assert choices == ["A score gets worse with size (inverse scaling): NLL per token goes down."]
    marked = {panel.get("href"): panel.xpath(".//i/@title") for panel in tree.xpath("//section//a")}
    assert marked == {"#s1": [], "#s2": ["inverse scaling"]}  # the curve shows a saturation by itself
    assert "⚑: has a warning" in tree.text_content()


def test_seeds_through_are_with_their_subtask(tree: Any) -> None:
    [seeds] = [embedded(section)["seeds"] for section in subtasks(tree) if embedded(section)["seeds"]]
    assert seeds == [{"compute_flops": 1e16, "share": "1/2", "said": "1 of 2, 50% (0% to 0%)", "raised": 0}]


def test_small_tables_say_the_numbers(tree: Any) -> None:
    [row] = grid(tree, "power")
    assert list(row.values()) == ["nano", "9 (2 more)", 64, "step", "39 of 40", "real", "50% (25% to 75%)", None]
    [row] = grid(tree, "families")
    assert list(row.values()) == ["words", "3 of 4", "1.5 to 6", "50%", "–", "1.25 (1 to 1.5)"]
    assert "saturation (1): The larger models all score near the top" in " ".join(tree.text_content().split())
    assert not tree.xpath("//p//b[text()='top']")
