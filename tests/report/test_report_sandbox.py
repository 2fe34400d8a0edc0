"""The sandbox shows the chain model of `simulate`, what the three questions say of it, and works in a browser."""

import copy
import importlib.util
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import vl_convert
from lxml import html
from playwright.sync_api import Browser, expect
from report_browser import browse, needs_browser

from rescore.report import render_sandbox
from rescore.report.charts import GREEN, RED
from rescore.report.sandbox import CAPABILITIES, LENGTHS, SCALES, SLIDERS, STEP, WALKTHROUGH, specs
from rescore.simulate import chain_table, token_probability

PATH = Path(__file__).parents[2] / "benchmarks" / "sandbox_answers.py"


@pytest.fixture(scope="module")
def source() -> str:
    return render_sandbox()


@pytest.fixture(scope="module")
def tree(source: str) -> Any:
    return html.fromstring(source)


def embedded(tree: Any) -> dict[str, Any]:
    [script] = tree.xpath("//script[@id='data']")
    loaded: dict[str, Any] = json.loads(script.text)
    return loaded


def marks(node: Any, kind: str) -> list[list[dict[str, Any]]]:
    """Return the items of each mark of a kind in a scene graph."""
    if node.get("marktype") == kind and node.get("role") == "mark":
        return [node["items"]]
    return [found for item in node.get("items", []) for found in marks(item, kind)]


def drawn(name: str, **values: float) -> dict[str, Any]:
    """Evaluate a chart with its parameters set; the plot is 800 pixels wide."""
    spec = copy.deepcopy(specs()[name]) | {"width": 800}
    for parameter in spec["params"]:
        parameter["value" if "value" in parameter else "expr"] = values.get(
            parameter["name"], parameter.get("value", parameter.get("expr"))
        )
    probe = {"data": {"values": [{}]}, "mark": {"type": "text", "text": {"expr": "'' + half_metric"}}}
    spec["layer"].append(probe)
    graph: dict[str, Any] = vl_convert.vegalite_to_scenegraph(spec)["scenegraph"]
    return graph


def lines(graph: dict[str, Any], low: float, high: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return x (log10 FLOPs) and value of each line by its colour, read off the pixels."""
    found = {}
    for items in marks(graph, "line"):
        x = np.array([18 + 8 * item["x"] / 800 for item in items])
        found[items[0]["stroke"]] = (x, np.array([high - (high - low) * item["y"] / 240 for item in items]))
    return found


@pytest.mark.parametrize(("tokens", "midpoint", "steepness"), [(1, 22, 1.5), (5, 22, 1.5), (20, 20.3, 4.2)])
def test_the_charts_compute_the_chain_model_of_simulate(tokens: int, midpoint: float, steepness: float) -> None:
    setting = {"tokens": tokens, "midpoint": midpoint, "steepness": steepness}
    graph = drawn("exact_match", **setting)
    curves = lines(graph, 0, 1)
    x = curves[RED][0]
    assert (x[0], x[-1], len(x)) == (pytest.approx(18), pytest.approx(26), 161)
    truth = chain_table(k=tokens, midpoint=midpoint, steepness=steepness, draws=1, log10_compute=x.tolist())
    np.testing.assert_allclose(curves[RED][1], truth["exact_match"], atol=1e-9)
    np.testing.assert_allclose(curves[GREEN][1], truth["token_probability"], atol=1e-9)
    soft = lines(drawn("log_likelihood", **setting), -8, 0)
    np.testing.assert_allclose(soft[RED][1], truth["logprob_nats_per_token"], atol=1e-9)
    np.testing.assert_allclose(soft[GREEN][1], soft[RED][1])  # whatever k
    [[probe]] = marks(graph, "text")
    half = token_probability(np.array([float(probe["text"])]), midpoint=midpoint, steepness=steepness)
    assert half[0] ** tokens == pytest.approx(0.5)


def test_lines_are_solid_and_dashed_and_coincide_for_one_token() -> None:
    graph = drawn("exact_match", tokens=1)
    metric, token = marks(graph, "line")
    assert (metric[0]["stroke"], metric[0]["strokeDash"]) == (RED, [1, 0])
    assert (token[0]["stroke"], token[0]["strokeDash"]) == (GREEN, [7, 5])
    assert [item["y"] for item in metric] == [item["y"] for item in token]
    apart = marks(drawn("exact_match", tokens=2), "line")
    assert max(a["y"] - b["y"] for a, b in zip(*apart, strict=True)) == pytest.approx(60)  # p - p^2 at p = 1/2


def test_a_step_is_one_under_both_metrics() -> None:
    setting = {"tokens": 5, "midpoint": 22, "steepness": 1.5, "stepped": True}
    curves = lines(drawn("exact_match", **setting), 0, 1)
    x, exact = curves[RED]
    np.testing.assert_allclose(exact[x < 21.99], STEP[0] ** 5, atol=1e-9)
    np.testing.assert_allclose(exact[x > 22.06], STEP[1] ** 5, atol=1e-9)
    np.testing.assert_allclose(curves[GREEN][1][x < 21.99], STEP[0], atol=1e-9)
    nats = lines(drawn("log_likelihood", **setting), -8, 0)[RED][1]
    assert set(nats.round(6)) == {round(math.log(p), 6) for p in STEP}


def test_capabilities_are_chain_models_of_simulate() -> None:
    sizes = np.linspace(8, 11, 61)
    for name, low, high in (("capability_exact_match", 0, 1), ("capability_log_probability", -0.4, 1)):
        graph = vl_convert.vegalite_to_scenegraph(specs()[name] | {"width": 800})["scenegraph"]
        for capability, items in zip(CAPABILITIES, marks(graph, "line"), strict=True):
            p = token_probability(sizes, midpoint=capability["midpoint"], steepness=capability["steepness"])
            truth = p ** capability["tokens"] if low == 0 else -np.log10(-np.log(p)) / 2
            np.testing.assert_allclose([high - (high - low) * item["y"] / 240 for item in items], truth, atol=1e-9)
            assert {item["stroke"] for item in items} == {RED if low == 0 else GREEN}


def test_controls_have_labels_and_the_asked_reach(tree: Any) -> None:
    controls = tree.xpath("//input[@type='range']")
    assert [control.get("id") for control in controls] == [*SLIDERS, "scale"]
    for control in controls:
        assert len(tree.xpath(f"//label[@for='{control.get('id')}']")) == 1
    tokens = tree.get_element_by_id("tokens")
    assert (tokens.get("min"), tokens.get("max"), tokens.get("step")) == ("1", "20", "1")
    assert "Illustrative, not measured" in tree.xpath("string(//section[@id='four'])")


def test_table_of_powers(tree: Any) -> None:
    rows = [[c.text_content() for c in row] for row in tree.xpath("//table[@id='powers']//tr")]
    assert rows[0] == ["p", "k = 1", "k = 2", "k = 4", "k = 8", "k = 20"]
    assert rows[1] == ["0.50", "50%", "25%", "6.2%", "0.39%", "< 0.01%"]  # 1/2, 1/4, 1/16, 1/256, 1/1048576
    assert [row[0] for row in rows[1:]] == ["0.50", "0.75", "0.90", "0.95", "0.99"]
    assert rows[4][-1] == "36%"


def test_the_walkthrough_is_the_chain_model_of_simulate(tree: Any) -> None:
    rows = [[c.text_content() for c in row] for row in tree.xpath("//table[@id='scales']/tbody/tr")]
    four, twenty = (chain_table(k=k, draws=1, log10_compute=SCALES, **WALKTHROUGH) for k in LENGTHS)
    assert len(rows) == len(SCALES) == 8
    for row, short, long in zip(rows, four.to_dicts(), twenty.to_dicts(), strict=True):
        assert row[0] == f"10{short['log10_compute']:g}"
        shown = [float(cell.strip("<% ")) for cell in row[1:]]
        wanted = [100 * short["token_probability"], short["logprob_nats_per_token"]]
        wanted += [100 * short["exact_match"], 100 * long["exact_match"]]
        assert shown == pytest.approx(wanted, rel=0.051, abs=0.01)


def benchmark() -> Any:
    spec = importlib.util.spec_from_file_location("sandbox_answers", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_answers_of_the_grid_are_those_of_the_three_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    module = benchmark()
    grid = {"tokens": module.TOKENS, "midpoint": module.MIDPOINTS, "steepness": module.STEEPNESSES}
    said = pl.read_csv(module.TABLE, separator="\t")
    assert {name: tuple(said[name].unique(maintain_order=True)) for name in grid} == grid
    assert (module.LOW, module.HIGH) == STEP
    monkeypatch.setattr(module, "TOKENS", (4,))
    monkeypatch.setattr(module, "MIDPOINTS", (22.0,))
    monkeypatch.setattr(module, "STEEPNESSES", (0.0, 1.5))
    step, smooth = module.answers(300).to_dicts()
    assert (step["label"], smooth["label"]) == ("real", "mirage")
    for row in (step, smooth):
        [stored] = said.filter(tokens=4, midpoint=22.0, steepness=row["steepness"]).to_dicts()
        assert stored == {k: pytest.approx(v, abs=1e-3) if isinstance(v, float) else v for k, v in row.items()}


def test_page_asks_no_host(tree: Any) -> None:
    assert tree.xpath("//@src | //@href | //@srcset | //@action") == ["index.html"]
    [policy] = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    vega, own = tree.xpath("//script[@type='module']")
    assert not re.search(r"fetch|XMLHttpRequest|import|eval\(|innerHTML", own.text)
    rest = html.tostring(tree, encoding="unicode").replace(vega.text, "").replace("http-equiv", "")
    assert len(rest) < 70_000
    assert "http" not in rest


def test_one_answer_is_right_and_each_has_feedback(tree: Any) -> None:
    answers = tree.xpath("//form[@id='question']//input")
    feedback = [answer.get("data-feedback") for answer in answers]
    assert [said.startswith("Yes.") for said in feedback] == [False, True, False, False]
    assert {answer.get("name") for answer in answers} == {"answer"}
    assert all(said.startswith(("Yes. ", "No. ")) for said in feedback)
    assert (round(0.8**20, 2), round(0.95**20, 2)) == (0.01, 0.36)  # what question and feedback say
    assert (round(math.log(0.8), 2), round(math.log(0.95), 2)) == (-0.22, -0.05)


@needs_browser
def test_the_page_works_in_a_browser(source: str, browser: Browser, tmp_path: Path) -> None:
    with browse(browser, source, tmp_path) as page:
        expect(page.locator(".chart svg.marks")).to_have_count(3)
        says, questions = page.locator("#chain-says"), page.locator("#questions-say")
        page.locator("#tokens").fill("5")
        expect(says).to_have_text(
            "Token probability passes one half at 10^22.0 FLOPs, exact match at 10^23.3: 1.3 decades later. Exact "
            "match goes from 10% to 90% within 2.2 decades, a single token within 2.9: later, hardly steeper."
        )
        expect(questions).to_have_text(re.compile(r"^At k = 4, midpoint 10\^22, steepness 1\.5: .*Label: mirage\."))
        page.locator("#stepped").click()
        expect(says).to_have_text(re.compile("^The break is there under both metrics"))
        expect(questions).to_have_text(re.compile(r"^At k = 4, midpoint 10\^22, a step: .* yes\. Label: real\."))
        expect(page.locator("#steepness")).to_be_disabled()
        page.locator("#stepped").click()
        page.locator("#tokens").fill("1")
        expect(says).to_have_text("The lines coincide: exact match of one token is its probability.")
        page.locator("#log_likelihood").click()
        expect(says).to_have_text(
            "The lines coincide at every k: the mean log-likelihood of a token does not know how many there are."
        )
        assert page.locator("#read-outs td").all_text_contents() == ["14%", "21%", "0%", "0%", "0%", "0%"]
        expect(page.locator("#scale-value")).to_have_text("1.0B")
        page.locator("#scale").fill("11")
        expect(page.locator("#scale-value")).to_have_text("100B")
        assert page.locator("#read-outs td").all_text_contents() == ["89%", "82%", "75%", "92%", "64%", "91%"]
        page.locator("#question input").nth(1).click()
        page.locator("#question button").click()
        expect(page.locator("#feedback")).to_have_text(re.compile(r"^Yes\. "))
        for chart in page.locator(".chart").all():
            expect(chart.locator("svg path").nth(5)).to_be_attached()
