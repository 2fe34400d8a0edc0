"""Ladders side by side: the page's table and charts, and the figure, hold what the table of shifts holds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from lxml import etree
from report_tables import WORDS, make_tables
from rescore.report.ladders import crossings, figure, first_models, shifts_grid
from test_report_diagnostics import page, rows
from test_report_page import grid

from rescore.report import figures, save_figure
from rescore.report.charts import bare
from rescore.tables import LADDER_SHIFTS, RISES

EM, GRADE, NLL, BYTE = "exact_match", "multiple_choice_grade", "nll_nats_per_token", "nll_nats_per_byte"


def cell(subtask: str, metric: str, *, pair: tuple[str, str] = ("nano", "other"), **values: Any) -> dict[str, Any]:
    return (
        dict(zip(("ladder", "other_ladder"), pair, strict=True))
        | {
            "task": "words",
            "subtask": subtask,
            "metric": metric,
        }
        | values
    )


def told(subtask: str, metric: str, first: float, second: float, **values: Any) -> dict[str, Any]:
    numbers = {
        "level": 0.5,
        "log10_compute_flops": first,
        "compute_low": first - 0.25,
        "compute_high": first + 0.25,
        "other_log10_compute_flops": second,
        "other_compute_low": second - 0.5,
        "other_compute_high": second + 0.5,
        "compute_shift_decades": second - first,
        "compute_shift_low": second - first - 0.6,
        "compute_shift_high": second - first + 0.6,
        "n_params_shift_decades": (second - first) / 2,
    }
    return cell(subtask, metric, **(numbers | values))


def shifts() -> pl.DataFrame:
    return rows(
        LADDER_SHIFTS,
        cell("words:a", EM, compute_reason="no level", n_params_reason="no level"),
        told("words:a", GRADE, 20.0, 18.5, n_params_reason="nano: one size", n_params_shift_decades=None),
        told("words:b", EM, 19.0, 20.0),
        cell("words:b", NLL, compute_reason="two tokenizers"),
        told("words:b", BYTE, 21.0, 22.0, other_compute_high=None),
    )


def points(chart: Any) -> list[dict[str, Any]]:
    drawn = chart.to_dict()
    found: list[dict[str, Any]] = drawn["datasets"][drawn["data"]["name"]]
    return found


def test_the_grid_has_every_row_the_told_ones_first() -> None:
    tree = page(make_tables(), {"ladder_shifts": shifts()})
    found = grid(tree, "ladder_shifts")
    assert [(row["Subtask"], row["Metric"]) for row in found] == [
        ("words:a", "Multiple-choice grade"),
        ("words:b", "Exact match"),
        ("words:b", "NLL per byte"),
        ("words:a", "Exact match"),
        ("words:b", "NLL per token"),
    ]
    expected = {
        "First ladder": "nano",
        "Second ladder": "other",
        "Decades of compute": -1.5,
        "Decades of parameters": None,
        "Read at": 0.5,
        "First (FLOPs)": 1e20,
        "Why not in parameters": "nano: one size",
    }
    assert found[0] | expected == found[0]
    assert found[3]["Why not in compute"] == "no level"
    assert tree.xpath("//*[@id='side-by-side']")
    assert tree.xpath("//@data-chart[starts-with(., 'ladders')]") == ["ladders_hard", "ladders_nll"]


def test_a_chart_has_a_point_a_ladder_of_the_first_metric_that_is_told() -> None:
    drawn = crossings(shifts())
    assert list(drawn) == ["ladders_hard", "ladders_nll"]  # no metric with partial credit is there
    hard = points(drawn["ladders_hard"])
    assert [(p["row"].removesuffix(" | nano, other"), p["ladder"], p["metric"], p["compute_flops"]) for p in hard] == [
        ("words:a", "nano", "Multiple-choice grade", 1e20),
        ("words:a", "other", "Multiple-choice grade", pytest.approx(10**18.5)),
        ("words:b", "nano", "Exact match", 1e19),
        ("words:b", "other", "Exact match", 1e20),
    ]
    assert (hard[0]["from"], hard[0]["until"]) == pytest.approx((10**19.75, 10**20.25))
    assert hard[0]["shift"] == "-1.5 (-2.1 to -0.9)"
    [first, second] = points(drawn["ladders_nll"])
    assert (first["metric"], second["high"]) == ("NLL per byte", None)
    assert (second["from"], second["until"]) == pytest.approx((10**21.5, 10**22))  # an end not known is not drawn


def test_more_than_two_ladders_have_a_row_a_pair_and_a_long_run_its_first() -> None:
    three = rows(
        LADDER_SHIFTS,
        *(told("words:a", EM, 20.0, 19.0, pair=pair) for pair in (("x", "y"), ("x", "z<b>\x00"), ("y", "z<b>\x00"))),
    )
    labels = [point["row"] for point in points(crossings(three)["ladders_hard"])]
    assert labels == [f"words:a | {pair}" for pair in ("x, y", "x, z<b>\ufffd", "y, z<b>\ufffd") for _ in (0, 1)]
    many = rows(LADDER_SHIFTS, *(told(f"words:{n:02d}", EM, 20.0, 19.0) for n in range(40)))
    chart = crossings(many)["ladders_hard"]
    assert len({point["row"] for point in points(chart)}) == 30
    assert chart.to_dict()["title"]["subtitle"][-1] == "the first 30 of 40 rows"


def test_the_page_of_one_ladder_says_nothing(tables: SimpleNamespace) -> None:
    tree = page(tables, {"ladder_shifts": LADDER_SHIFTS.empty(), "rises": RISES.empty()})
    assert not tree.xpath("//*[@id='side-by-side' or @id='ladder_shifts' or @id='families']")
    assert shifts_grid(None) is first_models(None) is None


def test_the_figure_is_there_from_two_ladders_on(tables: SimpleNamespace, tmp_path: Path) -> None:
    given = {"ladder_shifts": shifts()}
    assert "ladders" not in figures(tables.curves, tables.verdicts, tables.cliffs, given)
    both = pl.concat([tables.curves, tables.curves.with_columns(ladder=pl.lit("other"))])
    save_figure(figures(both, tables.verdicts, tables.cliffs, given)["ladders"], tmp_path / "ladders")
    said = "".join(etree.parse(tmp_path / "ladders.svg").getroot().itertext())
    assert all(words in said for words in ("words:a", "words:b", "other", WORDS[0], "Training compute (FLOPs)"))
    save_figure(bare(figure(LADDER_SHIFTS.empty())), tmp_path / "nothing")
    assert "nothing to draw" in (tmp_path / "nothing.svg").read_text()
