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

from rescore.report import render, text
from rescore.report.along import Along
from rescore.report.subtask_charts import spec
from rescore.tables import CLIFFS, CURVES, FLAGS, VERDICTS


def page(tables: SimpleNamespace, **given: Any) -> str:
    return render(**{"made_by": {}, "settings": {}} | vars(tables) | given)


@pytest.fixture(scope="module")
def tree() -> Any:
    """Return the page of the hand-made tables, parsed."""
    return html.fromstring(page(make_tables()))


def texts(cells: list[Any]) -> list[str]:
    return [cell.text_content().strip() for cell in cells]


def embedded(section: Any) -> dict[str, Any]:
    lines = section.xpath("//script[@id='details']")[0].text.splitlines()
    loaded: dict[str, Any] = json.loads(lines[int(section.get("id")[1:]) - 1])
    return loaded


def subtasks(tree: Any) -> list[Any]:
    found: list[Any] = tree.xpath("//details[@class='subtask']")
    return found


def grid(tree: Any, name: str = "cliffs") -> list[dict[str, Any]]:
    """Read a sortable table as rows by heading, the way the page's script does; subtasks by their name."""
    [place] = tree.xpath(f"//div[@id='{name}']")
    names = texts(tree.xpath("//details[@class='subtask']/summary//bdi"))
    columns = {}
    for heading, column in zip(
        texts(place.xpath(".//thead//th")), json.loads(place.xpath("script")[0].text), strict=True
    ):
        known = column.get("words") or (names if column["kind"] == "subtask" else None)
        cells = [cell if known is None or cell is None else known[cell] for cell in column["cells"]]
        columns[heading] = column.get("said", cells)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_every_number_of_a_verdict_is_the_tables(tables: SimpleNamespace, tree: Any) -> None:
    found = [
        [name, *row]
        for name, section in zip(("words", CHOICES[2]), subtasks(tree), strict=True)
        for row in embedded(section)["verdicts"]
    ]
    assert len(found) == tables.verdicts.height
    for expected in tables.verdicts.to_dicts():
        [row] = [r for r in found if r[:2] == [expected["subtask"], text.title(expected["metric"])]]
        for value, column in zip(row[2:5], ("verdict", "first_mean", "last_mean"), strict=True):
            given = expected[column]
            assert value == (pytest.approx(given, rel=5e-4) if isinstance(given, float) else given)
        assert row[-1] == expected["reason"]


def test_the_table_can_be_filtered_by_every_word_that_differs(tree: Any) -> None:
    [place] = tree.xpath("//div[@id='cliffs']")
    columns = json.loads(place.xpath("script")[0].text)
    selects = place.xpath(".//select")
    assert [select.get("data-column") for select in selects] == ["1", "2", "3", "4"]
    for select in selects:
        words = columns[int(select.get("data-column"))]["words"]
        assert [(o.get("value"), o.text) for o in select] == [("", "any"), *((str(n), w) for n, w in enumerate(words))]
    assert place.xpath(".//label//input/@type") == ["search"]
    assert len(place.xpath(".//thead//th/button")) == len(columns)


def test_the_matrix_holds_every_verdict(tree: Any) -> None:
    words, choices = grid(tree, "matrix")
    assert words == {"Subtask": "words", "Label": "mirage", "Exact match": "cliff", "NLL per token": "smooth"} | {
        "Token edit distance": "open",
        "Multiple-choice grade": None,
        "Brier score": None,
        "bleu": None,
    }
    assert list(choices.values()) == ["choices: age", "no cliff", None, "inverse", None, "smooth", "saturated", "cliff"]
    assert set(text.LETTERS) == set(text.VERDICTS)
    assert len(set(text.LETTERS.values())) == len(text.LETTERS)
    shared = json.loads(tree.xpath("//script[@id='shared']")[0].text)
    assert (shared["letters"], shared["labels"]) == (text.LETTERS, text.GROUPS)


def test_a_metric_without_scores_has_no_letter_and_no_row(tables: SimpleNamespace) -> None:
    n_items = pl.when(metric="bleu").then(0).when(metric="brier_score").then(None).otherwise("n_items")
    tree = html.fromstring(page(tables, verdicts=tables.verdicts.with_columns(n_items=n_items)))
    [_, choices] = grid(tree, "matrix")
    assert (choices["Brier score"], choices["bleu"]) == ("saturated", None)  # an aggregate's number is null
    assert "bleu" not in {row[0] for section in subtasks(tree) for row in embedded(section)["verdicts"]}
    unmeasured = tables.verdicts.with_columns(n_items=None, first_mean=None)
    rows = grid(html.fromstring(page(tables, verdicts=unmeasured)), "matrix")
    assert {verdict for row in rows for verdict in list(row.values())[2:]} == {None}


def test_the_first_screen_answers(tree: Any) -> None:
    [headline] = texts(tree.xpath("//h1"))
    assert headline == "1 of 2 subtasks rises suddenly. The metric makes the cliff; the skill itself did not break."
    assert not tree.xpath("//header/p[@class='rest']")
    counts = {words.split()[1]: int(words.split()[0]) for words in texts(tree.xpath("//section/h2"))}
    assert counts == {"Mirage": 1, "Both": 0, "Real": 0, "Ordinary": 0, "No": 1}
    panels = {
        panel.get("href"): texts(panel.xpath("*[not(self::*[local-name()='svg'])]"))
        for panel in tree.xpath("//section//a[contains(@class, 'panel')]")
    }
    assert panels == {"#s1": ["words", "", "metric 62% skill 1.2x"], "#s2": ["age", "choices", "25% to 70%"]}
    contents = [link for link in tree.xpath("//nav/a/@href") if link.startswith("#")]
    assert all(tree.xpath(f"//*[@id='{link[1:]}']") for link in contents)
    assert contents == ["#numbers", "#partial", "#matrix-heading", "#subtasks", "#method", "#data"]


def test_the_panels_show_the_hard_metric_by_size(tree: Any) -> None:
    words, choices = tree.xpath("//section//a[contains(@class, 'panel')]//*[local-name()='svg']")
    [hard] = words.xpath("*[local-name()='polyline']")  # no token probability was measured
    assert (hard.get("class"), hard.get("points")) == ("hard", "2,43.8 60,24 118,2.88")  # means of .05, .5, .98
    assert [line.get("class") for line in choices] == ["hard"]


def test_the_level_of_chance_is_a_line_where_there_are_choices(tables: SimpleNamespace) -> None:
    chance = pl.when(pl.col("metric") == "multiple_choice_grade").then(0.25)
    tree = html.fromstring(page(tables, verdicts=tables.verdicts.with_columns(chance=chance)))
    words, choices = tree.xpath("//section//a[contains(@class, 'panel')]//*[local-name()='svg']")
    assert [line.get("class") for line in words] == ["hard"]
    assert (choices[0].get("class"), choices[0].get("points")) == ("chance", "2,35 118,35")  # 46 - 44 / 4
    [panel] = tree.xpath("//h2[@id='partial']/following-sibling::div[1]//a")
    assert panel.xpath(".//*/@class") == ["chance", "partial", "hard"]
    assert [embedded(section)["chance"] for section in subtasks(tree)] == [None, 0.25]
    assert "Guessing among the choices scores 25%." in embedded(subtasks(tree)[1])["notes"][0]
    assert "Chance where there are choices" in " ".join(tree.text_content().split())


def test_the_counts_stand_in_a_table(tree: Any) -> None:
    rows = grid(tree, "headline")
    assert list(rows[0].values()) == ["Is there a cliff?", 2, 1, 1, 0, 0.0625, "–"]
    assert [row["Question"] for row in rows[1:]] == [
        "Does the metric make it?",
        "Did the skill break?",
        "Does it disappear under NLL per token?",
    ]


def test_what_was_not_asked_has_no_number(tables: SimpleNamespace) -> None:
    numbers = {"metric_share": 1.0, "acceleration_factor": 1.0, "likelihood_part": 0.0}
    cliffs = tables.cliffs.with_columns(pl.col(name).fill_null(value) for name, value in numbers.items())
    tree = html.fromstring(page(tables, cliffs=cliffs))
    _, choices = grid(tree)
    told = {"Metric makes it": "not asked", "Skill broke": "not asked", "Metric share": "–"}
    told |= {"Times as fast": "–"}
    assert choices | told == choices
    words, choices = (embedded(section) for section in subtasks(tree))
    assert choices["parts"] == []
    assert words["parts"] != []


def test_every_answer_stands_with_its_numbers(tree: Any) -> None:
    words, choices = grid(tree)
    told = {"Subtask": "words", "Label": "mirage", "Cliff": "yes", "Metric makes it": "yes", "Skill broke": "no"}
    told |= {"Metric share": "62% (50% to 75%)", "Times as fast": "1.2x (1x to >20x)"}
    assert words | told == words
    assert (choices["Label"], choices["Metric share"], choices["Why"]) == ("no cliff", "–", "no <cliff>")


def test_sections_say_label_answers_reason_and_what_becomes_of_the_cliff(tables: SimpleNamespace) -> None:
    settings = {
        "conventions": {
            "cliff_confidence": 0.95,
            "cliff_without": 0.8,
            "metric_share_min": 0.25,
            "confidence": 0.9,
            "acceleration_min": 0.5,
            "break_slack": 0.05,
        }
    }
    words, choices = subtasks(html.fromstring(page(tables, settings=settings)))
    assert texts(words.xpath("summary/h3/*")) == ["words", "mirage"]
    assert texts(choices.xpath("summary/*")) == ["choices: age no cliff", "choices:age"]
    assert embedded(choices)["reason"] == "no <cliff>"
    assert embedded(words)["replies"] == [
        ["yes", ""],
        ["yes", "the metric makes 62% (50% to 75%) of the climb"],
        ["no", "the likelihood grew 1.2x (1x to >20x) as fast in the cliff as before"],
    ]
    asked = json.loads(words.xpath("//script[@id='shared']")[0].text)["questions"]
    assert [question for question, _ in asked] == list(text.QUESTIONS.values())
    assert [bar.split(",")[0] for _, bar in asked] == ["yes from 95%", "yes from 25%", "yes from 3x"]
    assert asked[0][1] == "yes from 95%, and 80% with any one size left out"
    fates = {row[0]: row[4] for row in embedded(words)["verdicts"]}
    assert fates == {
        "Exact match": None,
        "NLL per token": "disappears",
        "Token edit distance": "open",
    }


def test_what_is_known_of_an_open_subtask_stands_on_screen_and_card(tables: SimpleNamespace) -> None:
    undecided = {"label": pl.lit("open"), "skill_broke": pl.lit("open")}
    cliffs = tables.cliffs.with_columns(
        pl.when(task="words").then(v).otherwise(c).alias(c) for c, v in undecided.items()
    )
    tree = html.fromstring(page(tables, cliffs=cliffs))
    [group] = tree.xpath("//section[@aria-label='mirage or both']")
    known = "the metric makes the cliff; whether the skill broke too is open"
    assert [texts(group.xpath("h2/small")), texts(group.xpath(".//a/b"))] == [[known], ["words"]]
    words, choices = (embedded(section)["meaning"] for section in subtasks(tree))
    assert words == f"Open (mirage or both): {known}."
    assert choices == "No cliff: rises by 10 points or more, but not suddenly."
    assert grid(tree)[0]["Label"] == "open"  # as in the table


def test_each_section_charts_what_it_measured(tree: Any) -> None:
    words, choices = (embedded(section)["charts"] for section in subtasks(tree))
    assert words == ["exact_match", "nll_nats_per_token", "token_edit_distance"]
    assert choices == ["multiple_choice_grade", "nll_nats_per_token", "brier_score"]
    drawn = json.loads(tree.xpath("//script[@id='specs']")[0].text)
    assert drawn.keys() == {*words, *choices, "map", "waterfall", "parts"}
    assert all(drawn[name] == json.loads(json.dumps(spec(name, Along(), seeded=False))) for name in [*words, *choices])
    assert set(json.loads(tree.xpath("//script[@id='themes']")[0].text)) == {"light", "dark"}


def test_embedded_points_are_the_curves_to_four_digits(tables: SimpleNamespace) -> None:
    tables.curves = tables.curves.with_columns(mean=pl.col("mean") / 3)
    tree = html.fromstring(page(tables))
    models = json.loads(tree.xpath("//script[@id='shared']")[0].text)["models"]
    found = []
    for section, subtask in zip(subtasks(tree), ("words", CHOICES[2]), strict=True):
        data = embedded(section)
        ladder = models[data["ladder"]]
        for metric, curve in data["curves"].items():
            points = zip(ladder["model"], ladder["compute_flops"], curve["mean"], curve["standard_error"], strict=True)
            found += [(subtask, metric, *point, curve["n"]) for point in points]  # one number of questions for all
    columns = ["subtask", "metric", "model", "compute_flops", "mean", "standard_error", "n"]
    drawn = tables.curves.filter(
        (pl.col("subtask") == "words") | (pl.col("metric") != "exact_match")
    )  # choices have none
    expected = sorted(drawn.select(columns).rows(), key=lambda row: row[:3])
    for row, given in zip(sorted(found, key=lambda row: row[:3]), expected, strict=True):
        assert row[:4] + row[6:] == given[:4] + given[6:]
        for value, exact in zip(row[4:6], given[4:6], strict=True):
            assert value == (None if exact is None else pytest.approx(exact, rel=5e-4))


def test_the_parts_of_a_climb_are_the_tables(tables: SimpleNamespace) -> None:
    parts = {"likelihood_part": 0.36, "probability_part": 0.12, "answer_part": -0.02, "argmax_part": 0.54}
    cliffs = tables.cliffs.with_columns(pl.lit(value).alias(name) for name, value in parts.items())
    words, _ = (embedded(section) for section in subtasks(html.fromstring(page(tables, cliffs=cliffs))))
    assert [part["share"] for part in words["parts"]] == list(parts.values())
    assert words["parts"][0]["part"] == "skill: the likelihood"


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
    # Headline, answers, matrix, details, shared, specs, themes; Vega, the page's own.
    assert len(tree.xpath("//script")) == 9
    assert not tree.xpath("//img | //@onmouseover | //@onerror")
    spaced = plain.replace("_", " ")
    assert sorted(texts(tree.xpath("//summary/h3/bdi"))) == sorted([f"{spaced} ({plain})", "words (nano)"])
    assert texts(tree.xpath("//dl[@id='made-by']/*")) == [plain, plain]
    [data] = [d for d in map(embedded, subtasks(tree)) if d["curves"]]
    models = json.loads(tree.xpath("//script[@id='shared']")[0].text)["models"]
    assert models[data["ladder"]]["model"] == [plain] * len(models[data["ladder"]]["model"])
    assert {row[1] for row in data["verdicts"]} == {row[-1] for row in data["verdicts"]} == {plain}
    assert {row["Why"] for row in grid(tree)} == {plain, ""}


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
        assert address.startswith(("#", "../")) or address == "sandbox.html"
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
    assert len(rest) < 90_000  # the library is out
    assert "http" not in rest


def test_empty_tables_render(tables: SimpleNamespace) -> None:
    nothing = {"curves": CURVES.empty(), "verdicts": VERDICTS.empty(), "cliffs": CLIFFS.empty()}
    tree = html.fromstring(page(tables, **nothing, headline=tables.headline.clear()))
    assert texts(tree.xpath("//h1")) == ["No subtask was tested."]
    assert not subtasks(tree)
    assert not tree.xpath("//div[@id='matrix'] | //div[@id='cliffs']")


def test_without_cliffs_the_curves_are_still_shown(tables: SimpleNamespace) -> None:
    tree = html.fromstring(page(tables, cliffs=CLIFFS.empty()))
    assert texts(tree.xpath("//summary/h3/bdi")) == ["choices: age", WORDS[2]]
    assert [row["Label"] for row in grid(tree, "matrix")] == [None] * 2
    assert len(tree.xpath("//section[@aria-label='no label']//a")) == 2


def test_settings_and_provenance_are_printed(tables: SimpleNamespace) -> None:
    tree = html.fromstring(page(tables, settings={"discontinuity": {"q": 0.05}}, made_by={"code_version": "1.2"}))
    assert texts(tree.xpath("//dl[@id='settings']/*")) == ["discontinuity.q", "0.05"]
    assert texts(tree.xpath("//dl[@id='made-by']/*")) == ["code_version", "1.2"]


def test_the_tables_are_linked(tables: SimpleNamespace) -> None:
    tree = html.fromstring(page(tables, diagnosed={"flags": FLAGS.empty()}))
    links = tree.xpath("//h2[@id='data']/following-sibling::p[1]/a/@href")
    assert links == [f"../{name}.csv" for name in ("cliffs", "verdicts", "curves", "headline", "flags")]


def test_two_ladders_are_kept_apart(tables: SimpleNamespace) -> None:
    both = {
        name: pl.concat([frame, frame.with_columns(ladder=pl.lit("other"))])
        for name, frame in vars(tables).items()
        if name != "headline"
    }
    both["curves"] = both["curves"].filter((pl.col("ladder") == "nano") | (pl.col("metric") == "exact_match"))
    tree = html.fromstring(page(tables, **both))
    names = texts(tree.xpath("//summary/h3/bdi"))
    assert names == ["words (nano)", "words (other)", "choices: age (nano)", "choices: age (other)"]
    [headline] = texts(tree.xpath("//h1"))
    assert headline.startswith("2 sudden rises in 2 subtasks on 2 ladders. The metric makes 2 of 2 cliffs; ")
    assert len(tree.xpath("//p[@class='ladder']")) == 2
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
