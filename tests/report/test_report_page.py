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

from rescore.report import LENGTHS, render, text
from rescore.report.along import Along
from rescore.report.subtask_charts import specs
from rescore.tables import CLIFFS, CURVES, VERDICTS


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


def subtasks(tree: Any) -> list[Any]:
    found: list[Any] = tree.xpath("//details[@class='subtask']")
    return found


def grid(tree: Any, name: str = "verdicts") -> list[dict[str, Any]]:
    """Read a sortable table as rows by heading, the way the page's script does; subtasks by their name."""
    [place] = tree.xpath(f"//div[@id='{name}']")
    names = texts(tree.xpath("//details[@class='subtask']/summary//bdi"))
    columns = {}
    for heading, column in zip(
        texts(place.xpath(".//thead//th")), json.loads(place.xpath("script")[0].text), strict=True
    ):
        known = column.get("words") or (names if column["kind"] == "subtask" else None)
        columns[heading] = [cell if known is None or cell is None else known[cell] for cell in column["cells"]]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_every_number_is_the_tables(tables: SimpleNamespace, tree: Any) -> None:
    rows = grid(tree)
    assert len(rows) == tables.verdicts.height
    title = {"words": "words", CHOICES[2]: CHOICES[2]}
    for expected in tables.verdicts.to_dicts():
        metric = text.title(expected["metric"])
        [row] = [r for r in rows if (r["Subtask"], r["Metric"]) == (title[expected["subtask"]], metric)]
        for heading, column in {
            "Verdict": "verdict",
            "First mean": "first_mean",
            "Last mean": "last_mean",
            "Draws with a cliff": "p_cliff",
            "Emergence score": "emergence_score",
            "Why": "reason",
        }.items():
            given = expected[column]
            assert row[heading] == (pytest.approx(given, rel=1e-6) if isinstance(given, float) else given)


def test_an_infinite_score_is_not_lost(tables: SimpleNamespace) -> None:
    scores = tables.verdicts.with_columns(emergence_score=pl.lit(float("inf")))
    assert {row["Emergence score"] for row in grid(html.fromstring(page(tables, verdicts=scores)))} == {"Infinity"}


def test_the_table_can_be_filtered_by_every_word_in_it(tree: Any) -> None:
    [place] = tree.xpath("//div[@id='verdicts']")
    columns = json.loads(place.xpath("script")[0].text)
    selects = place.xpath(".//select")
    assert [select.get("data-column") for select in selects] == ["1", "2", "3", "10"]
    for select in selects:
        words = columns[int(select.get("data-column"))]["words"]
        assert [(o.get("value"), o.text) for o in select] == [("", "any"), *((str(n), w) for n, w in enumerate(words))]
    assert place.xpath(".//label//input/@type") == ["search"]
    assert len(place.xpath(".//thead//th/button")) == len(columns)


def test_the_matrix_holds_every_verdict(tree: Any) -> None:
    [table] = tree.xpath("//table[@id='matrix']")
    assert texts(table.xpath("thead//th")) == [
        "Subtask",
        "Exact match",
        "NLL per token",
        "Token edit distance",
        "Multiple-choice grade",
        "Brier score",
        "bleu",
        "Label",
    ]
    rows = [texts(row.xpath("*")) for row in table.xpath("tbody/tr")]
    assert rows == [
        ["words", "C", "S", "?", "–", "–", "–", "mirage"],
        ["choices:age", "–", "I", "–", "S", "T", "C", "no cliff"],
    ]
    assert table.xpath("tbody/tr[1]/td/@title") == ["cliff", "smooth", "open"]
    assert [a.get("href") for a in table.xpath(".//a")] == ["#s1", "#s2"]


def test_a_metric_without_scores_has_no_letter(tables: SimpleNamespace) -> None:
    n_items = pl.when(metric="bleu").then(0).when(metric="brier_score").then(None).otherwise("n_items")
    tree = html.fromstring(page(tables, verdicts=tables.verdicts.with_columns(n_items=n_items)))
    rows = [texts(row.xpath("*"))[1:-1] for row in tree.xpath("//table[@id='matrix']/tbody/tr")]
    assert rows == [["C", "S", "?", "–", "–", "–"], ["–", "I", "–", "S", "T", "–"]]  # an aggregate's number is null


def test_summary_counts_and_answers(tree: Any) -> None:
    [lead] = texts(tree.xpath("//p[@class='lead']"))
    assert lead == (
        "1 of 2 subtasks shows a cliff under exact match or multiple-choice grade. The metric makes 1 of them, does "
        "not make 0, and 0 are open. The skill itself broke in 0, did not in 1, and 0 are open."
    )
    counts = {li.xpath("span")[0].text: li.xpath("strong")[0].text for li in tree.xpath("//ul[@id='counts']/li")}
    assert {label: n for label, n in counts.items() if n != "0"} == {"mirage": "1", "no cliff": "1"}
    assert list(counts) == list(text.LABELS)
    rows = [texts(row.xpath("*")) for row in tree.xpath("//table[@id='headline']/tbody/tr")]
    assert rows[0] == ["Is there a cliff?", "2", "1", "1", "0", "0.062", "1 to 1 of 2", "–"]
    assert [row[0] for row in rows[1:]] == [
        "Does the metric make it?",
        "Did the skill break?",
        "Does it disappear under NLL per token?",
    ]


def test_every_answer_stands_with_its_numbers(tree: Any) -> None:
    words, choices = grid(tree, "answers")
    told = {"Subtask": "words", "Label": "mirage", "Cliff": "yes", "Metric makes it": "yes", "Skill broke": "no"}
    told |= {"Not the likelihood's": "0.625 (0.5 to 0.75)", "Times as fast": "1.25 (1 to ∞)"}
    assert words | told == words
    assert (choices["Label"], choices["Not the likelihood's"], choices["Why"]) == ("no cliff", None, "no <cliff>")


def test_a_curve_without_scores_has_no_row(tables: SimpleNamespace) -> None:
    n_items = pl.when(metric="bleu").then(0).otherwise("n_items")
    tree = html.fromstring(page(tables, verdicts=tables.verdicts.with_columns(n_items=n_items)))
    assert len(grid(tree)) == tables.verdicts.height - 1
    assert "bleu" not in {row["Metric"] for row in grid(tree)}


def test_the_first_explained_cliff_is_drawn_at_the_top(tables: SimpleNamespace, tree: Any) -> None:
    [place] = tree.xpath("//main/div[@data-of]")
    assert (place.get("data-of"), place.get("data-chart")) == ("s1", "exact_match+nll_nats_per_token")
    assert texts(place.xpath("following-sibling::p[1]/*")) == ["words", "mirage"]
    for label in ("open", "no cliff"):  # nothing is explained there
        cliffs = tables.cliffs.with_columns(label=pl.lit(label))
        assert not html.fromstring(page(tables, cliffs=cliffs)).xpath("//*[@data-of]")
    no_nll = tables.curves.filter(pl.col("metric") != "nll_nats_per_token")
    assert not html.fromstring(page(tables, curves=no_nll)).xpath("//*[@data-of]")


def test_the_matrix_of_many_subtasks_waits_for_a_click(tables: SimpleNamespace) -> None:
    rows = [verdict_row(("n", "t", f"t:{n:03}"), "exact_match", "flat") for n in range(101)]
    empty = {name: getattr(tables, name).clear() for name in ("curves", "cliffs", "headline")}
    for many, hidden, said in ((101, [1], ["Show all 101 subtasks"]), (100, [], [])):
        tree = html.fromstring(page(tables, **empty, verdicts=pl.concat(rows[:many])))
        assert len(tree.xpath("//table[@id='matrix']/tbody/tr")) == many
        assert [len(body) for body in tree.xpath("//table[@id='matrix']/tbody[@hidden]")] == hidden
        assert texts(tree.xpath("//button[@id='matrix-more']")) == said


def test_sections_say_label_reason_and_what_becomes_of_the_cliff(tree: Any) -> None:
    words, choices = subtasks(tree)
    assert texts(words.xpath("summary/h3/*")) == ["words", "mirage"]
    assert texts(choices.xpath("summary/h3/*")) == ["choices:age", "no cliff"]
    assert texts(choices.xpath("p")) == ["no <cliff>"]
    assert (words.get("open"), choices.get("open")) == ("", None)  # the first is open, so that a reader sees curves
    fates = {row["Metric"]: row["The hard metric's cliff"] for row in grid(tree) if row["Subtask"] == "words"}
    assert fates == {
        "Exact match": None,
        "NLL per token": "disappears",
        "Token edit distance": "open",
    }


def test_each_section_charts_what_it_measured(tree: Any) -> None:
    words, choices = (embedded(section)["charts"] for section in subtasks(tree))
    assert words == ["exact_match+nll_nats_per_token", "token_edit_distance"]
    assert choices == ["multiple_choice_grade+nll_nats_per_token", "brier_score"]
    drawn = json.loads(tree.xpath("//script[@id='specs']")[0].text)
    assert drawn == json.loads(json.dumps(specs([*words, *choices], Along())))
    assert set(json.loads(tree.xpath("//script[@id='themes']")[0].text)) == {"light", "dark"}


def test_embedded_points_are_the_curves_to_seven_digits(tables: SimpleNamespace) -> None:
    tables.curves = tables.curves.with_columns(mean=pl.col("mean") / 3)
    tree = html.fromstring(page(tables))
    models = json.loads(tree.xpath("//script[@id='models']")[0].text)
    found = []
    for section, subtask in zip(subtasks(tree), ("words", CHOICES[2]), strict=True):
        data = embedded(section)
        ladder = models[data["ladder"]]
        for metric, curve in data["curves"].items():
            points = zip(
                ladder["model"],
                ladder["compute_flops"],
                curve["mean"],
                curve["standard_error"],
                curve["n"],
                strict=True,
            )
            found += [(subtask, metric, *point) for point in points]
    columns = ["subtask", "metric", "model", "compute_flops", "mean", "standard_error", "n"]
    drawn = tables.curves.filter(
        (pl.col("subtask") == "words") | (pl.col("metric") != "exact_match")
    )  # choices have none
    expected = sorted(drawn.select(columns).rows(), key=lambda row: row[:3])
    for row, given in zip(sorted(found, key=lambda row: row[:3]), expected, strict=True):
        assert row[:4] + row[6:] == given[:4] + given[6:]
        for value, exact in zip(row[4:6], given[4:6], strict=True):
            assert value == (None if exact is None else pytest.approx(exact, rel=5e-7))


def test_answer_lengths_are_embedded(tables: SimpleNamespace) -> None:
    lengths = pl.DataFrame([("words", "words", 3, 40), ("words", "words", 5, 24)], schema=dict(LENGTHS), orient="row")
    words, choices = map(embedded, subtasks(html.fromstring(page(tables, lengths=lengths))))
    assert words["charts"][-1] == "lengths"
    assert (words["lengths"]["shortest"], words["lengths"]["questions"]) == ([3, 5], [40, 24])
    assert "lengths" not in choices["charts"]


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
    # Of two subtasks, two grids, pills, models, specs, themes; Vega, the page's own.
    assert len(tree.xpath("//script")) == 10
    assert not tree.xpath("//img | //@onmouseover | //@onerror")
    assert sorted(texts(tree.xpath("//summary/h3/bdi"))) == sorted([f"{plain} ({plain})", "words (nano)"])
    assert texts(tree.xpath("//dl[@id='made-by']/*")) == [plain, plain]
    [data] = [d for d in map(embedded, subtasks(tree)) if d["curves"]]
    models = json.loads(tree.xpath("//script[@id='models']")[0].text)
    assert models[data["ladder"]]["model"] == [plain] * len(models[data["ladder"]]["model"])
    assert {row["Verdict"] for row in grid(tree)} == {row["Why"] for row in grid(tree)} == {plain}


def test_a_name_of_ten_million_characters_is_cut(tables: SimpleNamespace) -> None:
    name = "x" * 10_000_000
    key = ("nano", name, name)
    source = page(
        tables,
        curves=curve_rows(key, "exact_match", [(0.5, 0.1)] * 4),
        verdicts=verdict_row(key, "exact_match", "cliff", reason=name),
        cliffs=cliff_row(key, "real", reason=name),
    )
    assert len(source) < 3_000_000
    assert name[:400] in source


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
    assert len(rest) < 80_000  # the library is out
    assert "http" not in rest


def test_empty_tables_render(tables: SimpleNamespace) -> None:
    nothing = {"curves": CURVES.empty(), "verdicts": VERDICTS.empty(), "cliffs": CLIFFS.empty()}
    tree = html.fromstring(page(tables, **nothing, headline=tables.headline.clear()))
    assert texts(tree.xpath("//p[@class='lead']")) == ["No subtask was tested."]
    assert not subtasks(tree)
    assert not tree.xpath("//table[@id='matrix'] | //div[@id='verdicts']")


def test_without_cliffs_the_curves_are_still_shown(tables: SimpleNamespace) -> None:
    tree = html.fromstring(page(tables, cliffs=CLIFFS.empty()))
    assert texts(tree.xpath("//summary/h3/bdi")) == [CHOICES[2], WORDS[2]]
    assert texts(tree.xpath("//table[@id='matrix']/tbody/tr/td[last()]")) == ["–"] * 2


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
    names = texts(tree.xpath("//summary/h3/bdi"))
    assert names == ["words (nano)", "words (other)", f"{CHOICES[2]} (nano)", f"{CHOICES[2]} (other)"]
    data = [embedded(section) for section in subtasks(tree)]
    assert [d["ladder"] for d in data] == ["nano", "other"] * 2
    assert [sorted(d["curves"]) for d in data] == [
        ["exact_match", "nll_nats_per_token", "token_edit_distance"],
        ["exact_match"],
        ["brier_score", "multiple_choice_grade", "nll_nats_per_token"],
        [],
    ]


def test_same_tables_same_page(tables: SimpleNamespace) -> None:
    shuffled = {
        n: f.sample(fraction=1, shuffle=True, seed=1) for n, f in vars(tables).items() if n in ("verdicts", "cliffs")
    }
    assert page(tables) == page(tables, **shuffled)
