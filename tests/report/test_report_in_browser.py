"""The report in headless Chromium: tables sort and filter, details open, hostile names are text."""

from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from playwright.sync_api import expect
from report_browser import browse, needs_browser, texts
from report_tables import WORDS, cliff_row, curve_rows, make_tables, verdict_row

from rescore.report import LENGTHS, render

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
    lengths = pl.DataFrame([(*WORDS[1:], 3, 64)], schema=dict(LENGTHS), orient="row")
    return render(**vars(tables), made_by={}, settings={}, lengths=lengths)


def test_the_page_opens_and_draws(source: str, tables: SimpleNamespace, tmp_path: Path) -> None:
    with browse(source, tmp_path) as page:
        expect(page.locator("#verdicts tbody tr")).to_have_count(tables.verdicts.height)
        rows = texts(page, "#verdicts tbody tr")
        assert rows[0][:8] == ["words", "mirage", "Exact match", "cliff", "0.05", "0.98", "0.988", "–"]
        assert ["<script>:<script>alert(1)</script>", "no cliff", "Exact match", "flat"] in [row[:4] for row in rows]
        expect(page.locator("img, tbody script, tbody b")).to_have_count(0)
        expect(page.locator("main > div[data-of] svg.marks")).to_have_count(1)  # the example at the top
        expect(page.locator("#verdicts tbody a[href='#s2'] bdi wbr").first).to_be_attached()  # choices:age may break
        expect(page.locator("#verdicts tbody a[href='#s1'] bdi wbr")).to_have_count(0)
        expect(page.locator("#s1 svg.marks")).to_have_count(3)  # dual curve, edit distance, lengths
        assert texts(page, "#s1 table.numbers tbody tr") == [
            ["Exact match", "cliff", "0.05", "0.98", "0.988", "–", ""],
            ["NLL per token", "smooth", "3.5", "0.25", "0.25", "disappears", ""],
            ["Token edit distance", "open", "–", "–", "–", "open", "two rungs < five"],
        ]
        expect(page.locator("#s2 table")).to_have_count(0)  # not before it is opened


def test_a_link_opens_its_subtask(source: str, tmp_path: Path) -> None:
    with browse(source, tmp_path, fragment="#s3") as page:
        expect(page.locator("#s3 table.numbers tbody tr").first).to_be_visible()
        expect(page.locator("#s1[open]")).to_have_count(1)


def test_a_reader_filters_sorts_and_opens(source: str, tmp_path: Path) -> None:
    with browse(source, tmp_path) as page:
        place = page.locator("#verdicts")
        box, count, heads = place.locator("input"), place.locator("output"), place.locator("thead th")
        chosen = place.locator("select[data-column='3']")

        def column(place: int) -> list[str]:
            return [row[place] for row in texts(page, "#verdicts tbody tr")]

        box.fill("WORDS nll")
        expect(count).to_have_text("1 of 8 rows")
        assert column(2) == ["NLL per token"]
        box.fill("no such thing")
        expect(place.locator("tbody tr")).to_have_count(0)
        box.fill("")
        chosen.select_option("smooth")
        expect(count).to_have_text("2 of 8 rows")
        assert column(2) == ["NLL per token", "Multiple-choice grade"]
        chosen.select_option("any")
        heads.nth(4).locator("button").click()
        expect(heads.nth(4)).to_have_attribute("aria-sort", "ascending")
        assert column(4) == ["0.05", "0.25", "0.25", "1.5", "2", "3.5", "–", "–"]
        heads.nth(4).locator("button").click()
        expect(heads.nth(4)).to_have_attribute("aria-sort", "descending")
        assert column(4) == ["3.5", "2", "1.5", "0.25", "0.25", "0.05", "–", "–"]  # a null is last both ways
        heads.nth(0).locator("button").click()
        expect(place.locator("th[aria-sort]")).to_have_count(1)  # sorted by another column now
        assert column(0) == sorted(column(0))
        for control in place.locator("input, select, thead button").all():
            assert control.evaluate("control => control.tabIndex") == 0
        page.locator("#s2 summary").click()
        expect(page.locator("#s2 table.numbers tbody")).to_have_text("Exact matchflat0.250.250.9<b>flat</b>")
        expect(page.locator("#s2 svg.marks").first).to_be_attached()


def many_verdicts(tables: SimpleNamespace, subtasks: int) -> str:
    rows = [verdict_row(("n", "t", f"t:{n:03}"), "exact_match", "flat") for n in range(subtasks)]
    empty = {name: getattr(tables, name).clear() for name in ("curves", "cliffs", "headline")}
    return render(**empty, verdicts=pl.concat(rows), made_by={}, settings={})


def test_more_than_a_screenful_comes_in_steps(tables: SimpleNamespace, tmp_path: Path) -> None:
    with browse(many_verdicts(tables, 50), tmp_path) as page:
        rows, more = page.locator("#verdicts tbody tr"), page.locator("#verdicts .more")
        for shown in (20, 40):
            expect(rows).to_have_count(shown)
            more.click()
        expect(rows).to_have_count(50)
        expect(more).to_be_hidden()
        expect(page.locator("details.subtask")).to_have_count(50)


def test_the_rest_of_the_matrix_comes_with_a_click(tables: SimpleNamespace, tmp_path: Path) -> None:
    with browse(many_verdicts(tables, 120), tmp_path) as page:
        rows = page.locator("#matrix tbody tr").filter(visible=True)
        expect(rows).to_have_count(100)
        page.locator("#matrix-more").click()
        expect(rows).to_have_count(120)
        expect(page.locator("#matrix-more")).to_have_count(0)
