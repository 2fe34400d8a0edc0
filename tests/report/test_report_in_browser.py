"""The report in headless Chromium: panels lead to details, tables sort and filter, hostile names are text."""

from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from playwright.sync_api import Browser, expect
from report_browser import browse, needs_browser, texts
from report_tables import WORDS, cliff_row, curve_rows, make_tables, verdict_row

from rescore.report import render
from rescore.report.real_answers import ANSWERS

pytestmark = needs_browser

HOSTILE = ("nano", "<script>", "<script>alert(1)</script>")


@pytest.fixture(scope="module")
def tables() -> SimpleNamespace:
    """Return the hand-made tables and a subtask with a hostile name."""
    tables = make_tables()
    tables.curves = pl.concat([tables.curves, curve_rows(HOSTILE, "exact_match", [(0.25, 0.05)] * 4)])
    row = verdict_row(
        HOSTILE, "exact_match", "flat", first_mean=0.25, last_mean=0.25, reason="<b>flat</b>", p_cliff=0.9
    )
    tables.verdicts = pl.concat([tables.verdicts, row])
    tables.cliffs = pl.concat([tables.cliffs, cliff_row(HOSTILE, "no cliff", reason="<img src=x>")])
    return tables


@pytest.fixture(scope="module")
def source(tables: SimpleNamespace) -> str:
    """Return their page, with a waterfall, a place on the map, and real answers."""
    numbers = {"likelihood_part": 0.375, "probability_part": 0.125, "answer_part": 0.5, "argmax_part": 0.0}
    numbers |= {"acceleration": 0.125, "acceleration_low": 0.0, "acceleration_high": 0.25}
    cliffs = tables.cliffs.with_columns(
        pl.when(task="words").then(pl.lit(value)).otherwise(name).alias(name) for name, value in numbers.items()
    )
    said = {"small-0": "<i>", "middle": "sye", "large": "yes"}
    answers = pl.DataFrame(
        [(model, *WORDS[1:], 0, "Is it? <b>", "yes", words) for model, words in said.items()],
        schema=dict(ANSWERS),
        orient="row",
    )
    return render(**vars(tables) | {"cliffs": cliffs}, made_by={}, settings={}, answers=answers)


def test_a_panel_leads_to_numbers_charts_and_answers(source: str, browser: Browser, tmp_path: Path) -> None:
    with browse(browser, source, tmp_path) as page:
        expect(page.locator("#s1")).not_to_have_attribute("open", "")
        expect(page.locator("#s1 > :not(summary)")).to_have_count(0)  # nothing is made before it is opened
        page.locator("a.panel[href='#s1']").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#s1 svg.marks")).to_have_count(4)  # waterfall, exact match, NLL, edit distance
        assert texts(page, "#s1 table.numbers tbody tr") == [
            ["Exact match", "cliff", "0.05", "0.98", "–", ""],
            ["NLL per token", "smooth", "3.5", "0.25", "disappears", ""],
            ["Token edit distance", "open", "–", "–", "open", "two rungs < five"],
        ]
        assert texts(page, "#s1 table.said tr") == [
            ["Training compute (FLOPs)", "to 1"],
            ["1e16", "<i>"],
            ["1e18", "sye"],
            ["1e20", "yes"],
        ]
        expect(page.locator("#s1 .asked li")).to_have_text(["Is it? <b> – right: yes"])
        expect(page.locator("#s1 td.same")).to_have_text(["yes"])
        assert [row[:2] for row in texts(page, "#s1 .replies tr")] == [
            ["Is there a cliff?", "yes"],
            ["Does the metric make it?", "yes"],
            ["Did the skill break?", "no"],
        ]
        expect(page.locator("#s1 > p").first).to_have_text(
            "Mirage: the metric makes the cliff; the skill did not break."
        )
        expect(page.locator("#s1 [data-chart=parts] g.mark-rect path")).to_have_count(4)
        assert page.evaluate("document.activeElement.closest('details').id") == "s1"
        page.locator("#s1 a[href='#top']").click()
        page.locator("a.panel[href='#s1']").first.click()  # the same link again
        expect(page.locator("#s1 table.numbers")).to_have_count(1)


def test_the_map_and_the_climbs_are_drawn_without_scrolling(source: str, browser: Browser, tmp_path: Path) -> None:
    with browse(browser, source, tmp_path) as page:
        expect(page.locator("[data-chart=map] g.mark-symbol.role-mark path")).to_have_count(1)
        expect(page.locator("[data-chart=waterfall] g.mark-rect path")).to_have_count(4)
        expect(page.locator("a.panel svg polyline").first).to_be_visible()
        expect(page.locator("img, tbody script, tbody b b")).to_have_count(0)


@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_is_cut_off_at_the_side(source: str, browser: Browser, tmp_path: Path, width: int) -> None:
    with browse(browser, source, tmp_path, fragment="#s1") as page:
        page.set_viewport_size({"width": width, "height": 900})
        expect(page.locator("#s1 svg.marks")).to_have_count(4)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        right = "table => table.getBoundingClientRect().right"
        assert max(table.evaluate(right) for table in page.locator("table").filter(visible=True).all()) <= width
        for column in ("Label", "Why"):
            shown = page.locator(f"#cliffs td[data-title='{column}']").first
            assert shown.evaluate("cell => cell.getBoundingClientRect().right") <= width


def test_verdicts_are_letters_with_their_words(source: str, browser: Browser, tmp_path: Path) -> None:
    with browse(browser, source, tmp_path) as page:
        assert texts(page, "#matrix tbody tr")[0] == ["words", "mirage", "C", "S", "?", "–", "–", "–"]
        cell = page.locator("#matrix td.cliff").first
        assert cell.get_attribute("title") == "Exact match: cliff"


def test_a_link_opens_its_subtask(source: str, browser: Browser, tmp_path: Path) -> None:
    with browse(browser, source, tmp_path, fragment="#s3") as page:
        expect(page.locator("#s3 table.numbers tbody tr").first).to_be_visible()
        expect(page.locator("details.subtask[open]")).to_have_count(1)


def test_a_reader_filters_and_sorts(source: str, browser: Browser, tmp_path: Path) -> None:
    with browse(browser, source, tmp_path) as page:
        place = page.locator("#cliffs")
        box, count, heads = place.locator("input"), place.locator("output"), place.locator("thead th")

        def column(place: int) -> list[str]:
            return [row[place] for row in texts(page, "#cliffs tbody tr")]

        assert column(0) == ["words", "<script>: <script>alert(1)</script>", "choices: age"]
        box.fill("NO img")
        expect(count).to_have_text("1 of 3 rows")
        assert column(7) == ["<img src=x>"]
        box.fill("no such thing")
        expect(place.locator("tbody tr")).to_have_count(0)
        box.fill("")
        place.locator("select[data-column='1']").select_option("mirage")
        expect(count).to_have_text("1 of 3 rows")
        place.locator("select[data-column='1']").select_option("any")
        heads.nth(5).locator("button").click()
        expect(heads.nth(5)).to_have_attribute("aria-sort", "ascending")
        assert column(5) == ["62% (50% to 75%)", "–", "–"]
        heads.nth(5).locator("button").click()
        expect(heads.nth(5)).to_have_attribute("aria-sort", "descending")
        assert column(5) == ["62% (50% to 75%)", "–", "–"]  # a null is last both ways
        heads.nth(0).locator("button").click()
        expect(place.locator("th[aria-sort]")).to_have_count(1)  # sorted by another column now
        assert column(0) == sorted(column(0))
        for control in place.locator("input, select, thead button").all():
            assert control.evaluate("control => control.tabIndex") == 0


def test_paper_shows_every_row(tables: SimpleNamespace, browser: Browser, tmp_path: Path) -> None:
    with browse(browser, many(tables, 60), tmp_path) as page:
        for table in ("#cliffs", "#matrix"):
            expect(page.locator(f"{table} tbody tr")).to_have_count(50)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        for table in ("#cliffs", "#matrix"):
            expect(page.locator(f"{table} tbody tr")).to_have_count(60)


def many(tables: SimpleNamespace, subtasks: int) -> str:
    keys = [("n", "t", f"t:{n:03}") for n in range(subtasks)]
    empty = {name: getattr(tables, name).clear() for name in ("curves", "headline")}
    cliffs = pl.concat(cliff_row(key, "flat") for key in keys)
    verdicts = pl.concat(verdict_row(key, "exact_match", "flat") for key in keys)
    return render(**empty, cliffs=cliffs, verdicts=verdicts, made_by={}, settings={})


def test_more_than_a_screenful_comes_in_steps(tables: SimpleNamespace, browser: Browser, tmp_path: Path) -> None:
    with browse(browser, many(tables, 70), tmp_path) as page:
        rows, more = page.locator("#cliffs tbody tr"), page.locator("#cliffs .more")
        expect(rows).to_have_count(50)
        more.click()
        expect(rows).to_have_count(70)
        expect(more).to_be_hidden()
        expect(page.locator("details.subtask")).to_have_count(70)
