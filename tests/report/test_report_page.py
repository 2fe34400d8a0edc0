"""The page says what the tables hold, runs nothing of theirs and asks no host."""

import base64
import hashlib
import json
import re
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from lxml import html
from report_tables import CHOICES, WORDS, cliff_row, curve_rows, make_tables, verdict_row

from rescore.report import render
from rescore.report.charts import with_interval
from rescore.schema import CLIFFS, CURVES, VERDICTS


def page(tables: SimpleNamespace, **given: Any) -> str:
    return render(**{"made_by": {}, "settings": {}} | vars(tables) | given)


@pytest.fixture(scope="module")
def tree() -> Any:
    """Return the page of the hand-made tables, parsed."""
    return html.fromstring(page(make_tables()))


def texts(cells: list[Any]) -> list[str]:
    return [cell.text_content().strip() for cell in cells]


def embedded(section: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(section.xpath("script")[0].text)
    return loaded


def test_every_number_is_the_tables(tables: SimpleNamespace, tree: Any) -> None:
    shown = 0
    for section in tree.xpath("//section"):
        key = {name: embedded(section)[name] for name in ("ladder", "task", "subtask")}
        for row in section.xpath(".//table[@class='numbers']/tbody/tr"):
            [expected] = tables.verdicts.filter(**key, metric=row.get("data-metric")).to_dicts()
            cells = row.xpath("td")
            assert texts(cells)[0] == expected["verdict"]
            for cell, column in zip(cells[1:4], ("first_mean", "last_mean", "q_cliff"), strict=True):
                data = cell.xpath("data")
                if expected[column] is None:
                    assert cell.text_content().strip() == "–"
                else:
                    assert float(data[0].get("value")) == expected[column]
                    assert data[0].text == f"{expected[column]:.3g}"
            shown += 1
    assert shown == tables.verdicts.height


def test_a_cliff_has_its_place_and_nothing_else_has(tree: Any) -> None:
    place = {
        (section.get("id"), row.get("data-metric")): texts(row.xpath("td[5]"))[0]
        for section in tree.xpath("//section")
        for row in section.xpath(".//table[@class='numbers']/tbody/tr")
    }
    assert place == {
        ("s1", "exact_match"): "1e+19",
        ("s1", "nll_nats_per_token"): "–",  # the best step of a smooth curve is no place
        ("s1", "token_edit_distance"): "–",
        ("s2", "nll_nats_per_token"): "–",
        ("s2", "multiple_choice_grade"): "–",
        ("s2", "brier_score"): "–",
        ("s2", "bleu"): "1e+18",  # a kink's place, not the jump's
    }


def test_overview_holds_every_verdict(tree: Any) -> None:
    [table] = tree.xpath("//table[@id='overview']")
    assert texts(table.xpath("thead//th")) == [
        "Subtask",
        "Label",
        "Exact match",
        "NLL per token",
        "Token edit distance",
        "Multiple-choice grade",
        "Brier score",
        "bleu",
    ]
    rows = [texts(row.xpath("*")) for row in table.xpath("tbody/tr")]
    assert rows == [
        ["words", "metric artefact", "cliff", "smooth", "unresolved", "–", "–", "–"],
        ["choices:age", "no cliff", "–", "inverse", "–", "smooth", "saturated", "cliff"],
    ]
    assert [a.get("href") for a in table.xpath(".//a")] == ["#s1", "#s2"]


def test_summary_counts_and_shares(tree: Any) -> None:
    [lead] = texts(tree.xpath("//p[@class='lead']"))
    assert lead == (
        "1 of 2 subtasks shows a cliff under exact match or multiple-choice grade. Under NLL it disappears in 1."
    )
    counts = {li.xpath("span")[0].text: li.xpath("strong")[0].text for li in tree.xpath("//ul[@id='counts']/li")}
    assert counts == {"metric artefact": "1", "survives": "0", "unresolved": "0", "no cliff": "1"}
    assert [texts(row.xpath("*")) for row in tree.xpath("//table[@id='headline']/tbody/tr")] == [
        ["NLL per token", "1", "1", "100% (21% to 100%)"],
        ["Brier score", "0", "0", "–"],
    ]


def test_sections_say_label_reason_and_what_becomes_of_the_cliff(tree: Any) -> None:
    words, choices = tree.xpath("//section")
    assert texts(words.xpath("h3/*")) == ["words", "metric artefact"]
    assert texts(choices.xpath("h3/*")) == ["choices:age", "no cliff"]
    assert texts(choices.xpath("p")) == ["no <cliff>"]
    assert texts(words.xpath(".//thead//th"))[-2:] == ["Cliff of exact match", "Why"]
    fates = {row.get("data-metric"): texts(row.xpath("td"))[5:] for row in words.xpath(".//tbody/tr")}
    assert fates == {
        "exact_match": ["–", ""],
        "nll_nats_per_token": ["disappears", ""],
        "token_edit_distance": ["cannot be told", "two rungs < five"],
    }
    assert texts(choices.xpath(".//thead//th"))[-1] == "Cliff at (FLOPs)"  # no cliff to tell the fate of, no reasons


def test_each_section_charts_its_panels(tree: Any) -> None:
    words, choices = (section.xpath(".//*[@data-dataset]/@data-metric") for section in tree.xpath("//section"))
    assert words == ["exact_match", "nll_nats_per_token", "token_edit_distance"]
    assert choices == ["multiple_choice_grade", "nll_nats_per_token", "brier_score"]
    assert set(json.loads(tree.xpath("//script[@id='specs']")[0].text)) == {*words, *choices}
    assert set(json.loads(tree.xpath("//script[@id='themes']")[0].text)) == {"light", "dark"}


def test_a_panel_without_data_says_so(tables: SimpleNamespace) -> None:
    tables.curves = tables.curves.filter(pl.col("metric") != "nll_nats_per_token")
    missing = html.fromstring(page(tables)).xpath("//section[1]//div[contains(@class, 'missing')]")
    assert texts(missing) == ["NLL per token is not defined for this subtask."]


def test_embedded_rows_are_the_curves(tables: SimpleNamespace) -> None:
    tables.curves = tables.curves.with_columns(mean=pl.col("mean") / 3)  # floats that need all their digits
    found = []
    for section in html.fromstring(page(tables)).xpath("//section"):
        data = embedded(section)
        keys = {name: data[name] for name in ("ladder", "task", "subtask")}
        found.append(pl.DataFrame(data["columns"]).with_columns(**{k: pl.lit(v) for k, v in keys.items()}))
    order = ["subtask", "metric", "model"]
    together = pl.concat(found, how="vertical_relaxed").sort(order)
    expected = with_interval(tables.curves).sort(order)
    assert together.select(expected.columns).cast(dict(expected.schema)).equals(expected)


HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "\" onmouseover='alert(1)' {{ 7 * 7 }}",
    "שלום עולם",
    "a\u202eb\x00c\x1b[31m",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(tables: SimpleNamespace, name: str) -> None:
    key = (name, name, name)
    curves = curve_rows(key, "exact_match", [(0.5, 0.1)] * 4).with_columns(model=pl.lit(name))
    hostile = {
        "curves": curves,
        "verdicts": pl.concat([verdict_row(key, m, name, reason=name) for m in ("exact_match", name)]),
        "cliffs": pl.concat([cliff_row(key, name, reason=name), cliff_row(WORDS, "no cliff")]),
        "made_by": {name: name},
        "settings": {"nested": {name: [name]}},
    }
    source = page(tables, **hostile)
    assert not set(source) & set("\x00\x1b\u202e")
    tree = html.fromstring(source)
    plain = re.sub("[\x00\x1b\u202e]", "\ufffd", name)
    assert len(tree.xpath("//script")) == 6  # data of two subtasks, specs, themes, Vega, the page's own
    assert not tree.xpath("//img | //@onmouseover | //@onerror")
    assert sorted(texts(tree.xpath("//section/h3/bdi"))) == sorted([f"{plain} ({plain})", "words (nano)"])
    assert texts(tree.xpath("//dl[@id='made-by']/*")) == [plain, plain]
    [data] = [d for d in map(embedded, tree.xpath("//section")) if d["task"] == name]
    assert data["columns"]["model"] == [name] * 4


def test_page_asks_no_host_and_runs_its_own_scripts_only(tree: Any) -> None:
    for address in tree.xpath("//@src | //@href | //@srcset | //@action | //@data"):
        assert address.startswith("#") or address == "sandbox.html"
    assert not tree.xpath("//link | //iframe | //object | //embed | //base")
    assert not re.search(r"url\(|@import", tree.xpath("//style")[0].text)
    [policy] = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'; ")
    scripts = tree.xpath("//script[@type='module']")
    digests = [base64.b64encode(hashlib.sha256(s.text.encode()).digest()).decode() for s in scripts]
    assert re.search(r"script-src ([^;]*);", policy).group(1).split() == [f"'sha256-{d}'" for d in digests]
    assert all(s.get("type") in ("module", "application/json") for s in tree.xpath("//script"))
    vega, own = scripts
    assert "window.vegaEmbed" in vega.text
    assert not re.search(r"fetch|XMLHttpRequest|import|eval\(|innerHTML", own.text)
    rest = html.tostring(tree, encoding="unicode").replace(vega.text, "").replace("http-equiv", "")
    assert len(rest) < 50_000  # the library is out
    assert "http" not in rest


def test_empty_tables_render(tables: SimpleNamespace) -> None:
    nothing = {"curves": CURVES.empty(), "verdicts": VERDICTS.empty(), "cliffs": CLIFFS.empty()}
    tree = html.fromstring(page(tables, **nothing, headline=tables.headline.clear()))
    assert texts(tree.xpath("//p[@class='lead']")) == ["No subtask was tested."]
    assert not tree.xpath("//section")


def test_without_cliffs_the_curves_are_still_shown(tables: SimpleNamespace) -> None:
    tree = html.fromstring(page(tables, cliffs=CLIFFS.empty()))
    assert texts(tree.xpath("//section/h3")) == [CHOICES[2], WORDS[2]]
    assert [row[1] for row in (texts(r.xpath("*")) for r in tree.xpath("//table[@id='overview']/tbody/tr"))] == [
        "–"
    ] * 2


def test_settings_and_provenance_are_printed(tables: SimpleNamespace) -> None:
    tree = html.fromstring(page(tables, settings={"discontinuity": {"q": 0.05}}, made_by={"code_version": "1.2"}))
    assert texts(tree.xpath("//dl[@id='settings']/*")) == ["discontinuity.q", "0.05"]
    assert texts(tree.xpath("//dl[@id='made-by']/*")) == ["code_version", "1.2"]


def test_two_ladders_are_kept_apart(tables: SimpleNamespace) -> None:
    both = {
        name: pl.concat([frame, frame.with_columns(ladder=pl.lit("other"))])
        for name, frame in vars(tables).items()
        if name != "headline"
    }
    both["curves"] = both["curves"].filter((pl.col("ladder") == "nano") | (pl.col("metric") == "exact_match"))
    tree = html.fromstring(page(tables, **both))
    rows = {
        tuple(d[k] for k in ("ladder", "subtask")): len(d["columns"]["n"])
        for d in map(embedded, tree.xpath("//section"))
    }
    assert rows == {
        ("nano", "words"): 12,
        ("other", "words"): 4,
        ("nano", CHOICES[2]): 16,
        ("other", CHOICES[2]): 4,
    }
    assert texts(tree.xpath("//section/h3/bdi"))[:2] == ["words (nano)", "words (other)"]


def test_same_tables_same_page(tables: SimpleNamespace) -> None:
    shuffled = {
        n: f.sample(fraction=1, shuffle=True, seed=1) for n, f in vars(tables).items() if n in ("verdicts", "cliffs")
    }
    assert page(tables) == page(tables, **shuffled)
