"""The page of figures 5 and 6 in a browser: its chart is drawn, its table filled, and nothing is asked for."""

from pathlib import Path

import polars as pl
import pytest
from lxml import html
from playwright.sync_api import Browser
from report_browser import browse, needs_browser

from rescore.report.reproduction_page import concentrated, render_reproduction
from rescore.tables import CONCENTRATION, CURVES, EMERGENCE, PREFERRED_METRICS

GRADE = "multiple_choice_grade"
CONCENTRATED = pl.DataFrame(
    [
        ("emergent", 67, 63, 0, 63 / 67, 0.8563, 0.9765, 3.148, 0.0554),
        ("other", 102, 85, 3, 85 / 102, 0.7492, 0.8933, None, None),
    ],
    schema=dict(CONCENTRATION.columns),
    orient="row",
)


def page(subtask: str = "riddle:2-shot", emergence: pl.DataFrame | None = None) -> str:
    sizes = [10.0**power for power in range(6, 11)]
    means = {GRADE: [0.2, 0.2, 0.21, 0.2, 0.9], "brier_score": [1.4, 1.2, 1.0, 0.8, 0.6]}
    rows = [
        {"ladder": "BIG-G", "model": f"m{x:g}", "n_params": x, "compute_flops": None, "pretraining_loss_nats": None}
        | {"task": "riddle", "subtask": subtask, "metric": metric, "mean": y, "standard_error": 0.01, "n": 90}
        for metric, ys in means.items()
        for x, y in zip(sizes, ys, strict=True)
    ]
    curves = pl.DataFrame(rows, schema_overrides={"compute_flops": pl.Float64, "pretraining_loss_nats": pl.Float64})
    one = scored(("yes", "disappears")).with_columns(subtask=pl.lit(subtask))
    counts = pl.DataFrame(
        [("all", GRADE, 1, 1, 1, 0, 1, *[0] * 8), ("listed", GRADE, 51, 1, 1, 0, 1, *[0] * 8)],
        schema=dict(PREFERRED_METRICS.columns),
        orient="row",
    )
    return render_reproduction(
        curves=curves.select([c for c in CURVES.columns if c in curves.columns]),
        emergence=one if emergence is None else emergence,
        preferred_metrics=counts,
        concentration=CONCENTRATED,
        axis="n_params",
        lines=5.0,
    )


def test_the_share_in_a_sentence() -> None:
    assert concentrated(CONCENTRATED) == (
        "63 of the 67 tasks on the list (94.0%, 95% interval 85.6% to 97.7%) have exact match or multiple-choice grade "
        "as their preferred metric, against 85 of BIG-Bench's 102 other JSON tasks (83%; odds ratio 3.1, Fisher's "
        "exact test p = 0.055)."
    )


def scored(*rows: tuple[str, str | None]) -> pl.DataFrame:
    """Rows of EMERGENCE of these answers: whether grade has a cliff, and what becomes of it under Brier score."""
    return pl.DataFrame(
        [
            ("BIG-G", "riddle", f"riddle:{i}", GRADE, True, 70.0, True, cliff, None, None, 4.0, False, under)
            for i, (cliff, under) in enumerate(rows)
        ],
        schema=dict(EMERGENCE.columns),
        orient="row",
    )


def said_6(emergence: pl.DataFrame) -> str:
    [element] = html.fromstring(page(emergence=emergence)).xpath("//*[@id='said-6']")
    return str(element.text_content())


def test_the_cliffs_add_up() -> None:
    found = scored(("yes", "survives"), ("yes", None), ("yes", None), ("no", None))
    assert said_6(found).endswith(
        "By our tests 3 have a cliff under multiple-choice grade; under Brier score the cliff disappears in 0 of "
        "these, survives in 1, is open in 0 and is not judged in 2, as their number of choices is not known."
    )
    one = said_6(scored(("yes", "open")))
    assert one.startswith("1 curve has both. ")
    assert one.endswith("the cliff disappears in 0 of these, survives in 0 and is open in 1.")


@needs_browser
def test_the_page_opens_and_draws(browser: Browser, tmp_path: Path) -> None:
    with browse(browser, page(), tmp_path) as opened:
        opened.wait_for_selector(".chart svg")
        assert opened.locator("#emergence tbody tr").count() == 1
        assert opened.locator("#emergence tbody th").first.text_content() == "riddle:2-shot"
        assert opened.locator(".panel > small:last-child").all_text_contents() == ["cliff, disappears"]
        assert opened.locator(".panel polyline").count() == 2


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\x00\u202eb"])
def test_names_are_text(name: str) -> None:
    source = page(name)
    assert "<script>alert(1)" not in source
    assert "\x00" not in source


@needs_browser
def test_a_page_without_curves_opens(browser: Browser, tmp_path: Path) -> None:
    source = page(emergence=EMERGENCE.empty())
    assert "No curve of these files has both." in source
    with browse(browser, source, tmp_path) as opened:
        opened.wait_for_selector(".chart svg")
