"""The sandbox shows the chain model of `simulate`, fits it to a run's curves, and works in a browser."""

import copy
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import vl_convert
from lxml import html
from playwright.sync_api import expect
from report_browser import browse, needs_browser
from report_tables import MODELS, WORDS, curve_rows, make_tables
from rescore.report.token_chain import CAPABILITIES, Fit, capability_curves, fit

from rescore.report import render_sandbox
from rescore.report.sandbox_charts import SLIDERS, specs
from rescore.simulate import chain_table, token_probability
from rescore.tables import CLIFFS, CURVES

LADDER = [19.0, 20.0, 21.0, 21.5, 22.0, 22.5, 23.0, 24.0]


@pytest.fixture(scope="module")
def source() -> str:
    """Return the sandbox of the hand-made tables."""
    tables = make_tables()
    return render_sandbox(curves=tables.curves, cliffs=tables.cliffs)


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


RED, GREEN = "#d64541", "#1f9a6d"


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


def test_capabilities_are_chain_models_of_simulate() -> None:
    curves = capability_curves()
    sizes = np.log10(curves["n_params"].unique().sort().to_numpy())
    assert (sizes[0], sizes[-1], len(sizes)) == (pytest.approx(8), pytest.approx(11), 61)
    for name, capability in CAPABILITIES.items():
        curve = curves.filter(capability=name).sort("n_params")
        p = token_probability(sizes, midpoint=capability.midpoint, steepness=capability.steepness)
        np.testing.assert_allclose(curve["exact_match"], p**capability.tokens)
        np.testing.assert_allclose(curve["log_probability"], -np.log10(-np.log(p)) / 2)


def test_at_one_billion_addition_is_under_way_and_the_others_nowhere(tree: Any) -> None:
    assert tree.xpath("string(//output[@id='scale-value'])") == "1.0B"
    rows = {
        row.get("data-capability"): [cell.text for cell in row.xpath("td")]
        for row in tree.xpath("//table[@id='read-outs']/tbody/tr")
    }
    assert rows == {
        "3-digit addition": ["14%", "21%"],
        "chain of thought": ["0%", "0%"],
        "reliable tool calling": ["0%", "0%"],
    }
    assert "Illustrative, not measured" in tree.xpath("string(//section[@id='two'])")
    data = embedded(tree)
    assert (data["stops"][0], data["stops"][20], data["stops"][-1]) == ("100M", "1.0B", "100B")
    assert len(data["stops"]) == 61


def test_controls_have_labels_and_the_asked_reach(tree: Any) -> None:
    controls = tree.xpath("//input[@type='range'] | //select")
    assert [control.get("id") for control in controls] == [*SLIDERS, "scale", "subtask"]
    for control in controls:
        assert len(tree.xpath(f"//label[@for='{control.get('id')}']")) == 1
    tokens = tree.get_element_by_id("tokens")
    assert (tokens.get("min"), tokens.get("max"), tokens.get("step")) == ("1", "20", "1")


def test_table_of_powers(tree: Any) -> None:
    rows = [[c.text_content() for c in row] for row in tree.xpath("//table[@id='powers']//tr")]
    assert rows[0] == ["p", "k = 1", "k = 2", "k = 5", "k = 10", "k = 20"]
    assert rows[1] == ["50%", "50%", "25%", "3.1%", "0.098%", "< 0.01%"]  # 1/2, 1/4, 1/32, 1/1024, 1/1048576
    assert [row[0] for row in rows[1:]] == ["50%", "80%", "90%", "95%", "99%"]
    assert rows[4][-1] == "36%"


@pytest.mark.parametrize(("tokens", "midpoint", "steepness"), [(4, 22.0, 1.5), (0.5, 21.2, 0.8), (30, 20.5, -3.0)])
def test_fit_finds_a_planted_chain(tokens: float, midpoint: float, steepness: float) -> None:
    p = token_probability(np.array(LADDER), midpoint=midpoint, steepness=steepness)
    found = fit(LADDER, (-np.log(p)).tolist(), (p**tokens).tolist())
    assert isinstance(found, Fit)
    assert found.tokens == pytest.approx(tokens, rel=0.006)
    assert found.midpoint == pytest.approx(midpoint, abs=0.05)
    assert found.steepness == pytest.approx(steepness, rel=0.05)
    assert found.residual_rms < 0.005


def test_fit_says_how_far_exact_match_is_from_the_chain() -> None:
    # p = 1/2 for all three: no k fits 0, 1/4 and 1/2 better than p^k = 1/4, and 1/4 is the root of 1/24 off.
    found = fit([20, 21, 22], [math.log(2)] * 3, [0, 0.25, 0.5])
    assert isinstance(found, Fit)
    assert found.tokens == pytest.approx(2, rel=0.006)
    assert found.residual_rms == pytest.approx(math.sqrt(1 / 24), rel=1e-3)


@pytest.mark.parametrize(
    ("nll", "exact", "reason"),
    [
        ([1, 1], [0, 1], "fewer than three models"),
        ([2, 1, 0.5], [0, 0, 0], "the same for all models"),
        ([2, 1, 0.5], [1, 1, 1], "the same for all models"),
        ([2, 2, 2], [1, 1, 0.99], "the best k"),  # exact match far above any power of p
        ([1e-9, 1e-9, 1e-9], [0, 0, 0.1], "the best k"),  # and far below
        ([9, 9.1, 8.9], [1e-6, 0, 2e-6], "far from one half"),
    ],
)
def test_without_a_fit_there_is_a_reason(nll: list[float], exact: list[float], reason: str) -> None:
    found = fit([20, 21, 22][: len(nll)], nll, exact)
    assert isinstance(found, str)
    assert reason in found


def test_overlay_is_the_tables_points_and_their_fit(tree: Any) -> None:
    [run] = embedded(tree)["runs"]  # the choices have no exact match
    assert (run["name"], run["label"]) == ("words", "mirage")
    assert tree.xpath("//select[@id='subtask']/optgroup/@label") == ["mirage"]
    assert [option.text for option in tree.xpath("//option")] == ["words"]
    assert run["points"] == {
        "model": [model for model, _ in MODELS],
        "x": pytest.approx([16, 16, 18, 20]),
        "exact match": [0, 0.1, 0.5, 0.98],
        "token probability": pytest.approx([math.exp(-nll) for nll in (4, 3, 1, 0.25)]),
    }
    [fitted] = run["fitted"]
    assert (fitted["low"], fitted["high"]) == (16, 20)
    assert run["says"].startswith(f"k = {fitted['tokens']:.2g} tokens; token probability: midpoint 10^18.")


def test_the_fitted_curve_is_drawn_through_its_chain() -> None:
    spec = specs()["run"] | {"width": 800}
    fitted = {"low": 20.0, "high": 24.0, "tokens": 3.5, "midpoint": 22.0, "steepness": 2.0}
    spec["datasets"] = {"points": [], "fitted": [fitted]}
    exact, token = marks(vl_convert.vegalite_to_scenegraph(spec)["scenegraph"], "line")
    p = token_probability(np.linspace(20, 24, 81), midpoint=22, steepness=2)
    for items, value in ((exact, p**3.5), (token, p)):
        np.testing.assert_allclose([1.03 - 1.06 * item["y"] / 240 for item in items], value, atol=1e-9)


def test_points_without_a_fit_say_why(tables: SimpleNamespace) -> None:
    zero = curve_rows(WORDS, "exact_match", [(0.0, 0.0)] * 4)
    nll = tables.curves.filter(pl.col("metric") == "nll_nats_per_token", pl.col("task") == "words")
    [run] = embedded(html.fromstring(render_sandbox(curves=pl.concat([zero, nll]), cliffs=CLIFFS.empty())))["runs"]
    assert run["fitted"] == []
    assert run["says"] == "No fit: exact match is the same for all models, so nothing tells k."
    assert len(run["points"]["x"]) == 4


def test_a_run_without_pairs_says_so() -> None:
    tree = html.fromstring(render_sandbox(curves=CURVES.empty(), cliffs=CLIFFS.empty()))
    assert not tree.xpath("//select")
    assert "No subtask of this run" in tree.xpath("string(//section[@id='four'])")


def test_hostile_names_are_text(tables: SimpleNamespace) -> None:
    name = "</script><img src=x onerror=alert(1)>\x00"
    curves = tables.curves.with_columns(model=pl.lit(name), task=pl.lit(name), subtask=pl.lit(name))
    source = render_sandbox(curves=curves.unique(["metric"]), cliffs=CLIFFS.empty())
    tree = html.fromstring(source)
    assert "\x00" not in source
    assert not tree.xpath("//img | //@onerror")
    assert len(tree.xpath("//script")) == 5  # data, specs, themes, Vega, the page's own
    assert [option.text for option in tree.xpath("//option")] == [name.replace("\x00", "\ufffd")]


def test_page_asks_no_host(tree: Any) -> None:
    assert tree.xpath("//@src | //@href | //@srcset | //@action") == ["index.html"]
    [policy] = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    vega, own = tree.xpath("//script[@type='module']")
    assert not re.search(r"fetch|XMLHttpRequest|import|eval\(|innerHTML", own.text)
    rest = html.tostring(tree, encoding="unicode").replace(vega.text, "").replace("http-equiv", "")
    assert len(rest) < 60_000
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
def test_the_page_works_in_a_browser(source: str, tmp_path: Path) -> None:
    with browse(source, tmp_path) as page:
        expect(page.locator(".chart svg.marks")).to_have_count(4)
        expect(page.locator("#run-says")).to_have_text(re.compile("^k = "))
        says = page.locator("#chain-says")
        page.locator("#tokens").fill("5")
        expect(says).to_have_text(
            "Token probability passes one half at 10^22.0 FLOPs, exact match at 10^23.3: 1.3 decades later."
        )
        page.locator("#tokens").fill("1")
        expect(says).to_have_text("The lines coincide: exact match of one token is its probability.")
        page.locator("#log_likelihood").click()
        expect(says).to_have_text(
            "The lines coincide at every k: the mean log-likelihood of a token does not know how many there are."
        )
        page.locator("#scale").fill("60")
        expect(page.locator("#scale-value")).to_have_text("100B")
        assert page.locator("#read-outs td").all_text_contents() == ["89%", "82%", "75%", "92%", "64%", "91%"]
        page.locator("#question input").nth(1).click()
        page.locator("#question button").click()
        expect(page.locator("#feedback")).to_have_text(re.compile(r"^Yes\. "))
        for chart in page.locator(".chart").all():
            expect(chart.locator("svg path").nth(5)).to_be_attached()
