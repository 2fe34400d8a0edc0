"""Error bars, the choice of panels and charts, what is drawn, the paper figures."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import altair as alt
import polars as pl
import pytest
import vl_convert
from lxml import etree
from report_tables import CHOICES, WORDS, cliff_row, curve_rows

from rescore.report import figures, save_figure
from rescore.report.along import Along
from rescore.report.charts import BLUE, GREEN, RED, bare, colour, nothing, panel, panels, rows_of
from rescore.report.figures import figure, shown, small_multiples
from rescore.report.subtask_charts import chosen, metrics_of, spec
from rescore.tables import CLIFFS, CURVES, METRICS, VERDICTS, InputError
from rescore.tables.axes import AXES

COMPUTE = Along()


@pytest.mark.parametrize(
    ("metric", "mean", "error", "low", "high"),
    [
        ("exact_match", 0.5, 0.1, 0.304, 0.696),
        ("exact_match", 0.98, 0.05, 0.882, 1.0),  # 1.078 is out of range
        ("exact_match", 0.02, 0.05, 0.0, 0.118),
        ("exact_match", 0.5, None, None, None),
        ("brier_score", 1.9, 0.1, 1.704, 2.0),  # its range ends at 2
        ("nll_nats_per_token", 3.0, 0.5, 2.02, 3.98),
        ("nll_nats_per_token", 1.0, 1.0, 0.1, 2.96),  # -0.96 has no place on a log axis
        ("margin_nats", -1.0, 0.5, -1.98, -0.02),
    ],
)
def test_interval_is_196_standard_errors_within_range(
    metric: str, mean: float, error: float | None, low: float | None, high: float | None
) -> None:
    rows = curve_rows(WORDS, metric, [(mean, error), *[(None, None)] * 3]).to_dicts()
    probe = alt.Chart(alt.InlineData(values=rows)).mark_text().encode(text="ends:N")
    ends = alt.CalculateTransform(calculate="datum.low + ' ' + datum.high", **{"as": "ends"})
    spec = probe.properties(transform=[*rows_of(metric), ends]).to_dict()
    [said] = scene(vl_convert.vegalite_to_scenegraph(spec), "text")
    found = [None if end == "null" else float(end) for end in said["text"].split()]
    assert found == [end if end is None else pytest.approx(end) for end in (low, high)]


def scene(node: Any, kind: str) -> list[dict[str, Any]]:
    """Return the items of the marks of a kind in a scene graph (axes have other roles)."""
    if isinstance(node, list):
        return [item for each in node for item in scene(each, kind)]
    if not isinstance(node, dict):
        return []
    own = node["items"] if node.get("role") == "mark" and node.get("marktype") == kind else []
    return own + [item for value in node.values() for item in scene(value, kind)]


def of(curves: pl.DataFrame, key: tuple[str, str, str]) -> pl.DataFrame:
    return curves.filter(pl.col("subtask") == key[2])


def test_panels_stand_in_where_a_metric_is_null(tables: SimpleNamespace) -> None:
    assert panels(of(tables.curves, WORDS)) == ("exact_match", "nll_nats_per_token", "token_edit_distance")
    assert panels(of(tables.curves, CHOICES)) == (
        "multiple_choice_grade",
        "nll_nats_per_token",
        "brier_score",
    )
    assert panels(CURVES.empty()) == ("exact_match", "nll_nats_per_token", "token_edit_distance")


def marks(curves: pl.DataFrame, metric: str, axis: Along = COMPUTE) -> dict[str, list[dict[str, Any]]]:
    """Draw a panel and return the items of its marks by kind: rule, line, symbol (axes have other roles)."""
    graph = vl_convert.vegalite_to_scenegraph(
        panel(metric, alt.InlineData(values=curves.to_dicts()), along=axis, width=300, height=200).to_dict()
    )
    return {kind: scene(graph, kind) for kind in ("rule", "line", "symbol")}


@pytest.mark.parametrize("axis", AXES)
def test_points_bars_and_line_are_the_curve(tables: SimpleNamespace, axis: str) -> None:
    drawn = marks(of(tables.curves, WORDS), "exact_match", Along(axis))
    y = {item["x"]: [] for item in drawn["symbol"]}
    for item in drawn["symbol"]:
        y[item["x"]].append(item["y"])
    assert len(drawn["symbol"]) == 4
    assert len(drawn["rule"]) == 4
    assert [len(heights) for _, heights in sorted(y.items())] == [2, 1, 1]  # two seeds share a rung
    for point in drawn["line"]:
        assert point["y"] == pytest.approx(sum(y[point["x"]]) / len(y[point["x"]]))  # through the rung mean
    x = sorted(y)
    assert x[1] - x[0] == pytest.approx(x[2] - x[1])  # 1e16, 1e18, 1e20 on a log axis; 4, 2.8, 2 nats
    assert y[x[2]][0] < y[x[1]][0]  # up is more, and the better model is further right


def test_nulls_are_not_drawn(tables: SimpleNamespace) -> None:
    drawn = marks(of(tables.curves, WORDS), "token_edit_distance")
    assert len(drawn["symbol"]) == 3
    assert len(drawn["line"]) == 2
    bars = [bar for bar in drawn["rule"] if bar.get("y") != bar.get("y2")]
    assert len(bars) == 2  # the middle model has a mean and no standard error


def test_nll_is_on_a_log_axis_without_its_zeros() -> None:
    points = [(4.0, 0.1), (4.0, 0.1), (2.0, 0.1), (1.0, 0.1)]
    drawn = marks(curve_rows(WORDS, "nll_nats_per_token", points), "nll_nats_per_token")
    high, middle, low = sorted({item["y"] for item in drawn["symbol"]})
    assert middle - high == pytest.approx(low - middle)  # 4, 2, 1
    with_zero = curve_rows(WORDS, "nll_nats_per_token", [*points[:3], (0.0, 0.0)])
    assert len(marks(with_zero, "nll_nats_per_token")["symbol"]) == 3


def test_a_colour_has_one_meaning() -> None:
    assert {metric for metric in METRICS if colour(metric) == BLUE} == {"token_edit_distance", "brier_score"}
    red = {"exact_match", "multiple_choice_grade", "target_probability", "choice_probability"}
    assert red < {metric for metric in METRICS if colour(metric) == RED}
    assert {colour(metric) for metric in ("nll_nats_per_token", "token_probability")} == {GREEN}


STAGED = "exact_match+token_probability+target_probability"


def test_specs_name_the_dataset_and_no_host() -> None:
    names = [STAGED, "multiple_choice_grade", "nll_nats_per_token", "token_edit_distance", "brier_score"]
    for name in names:
        drawn = spec(name, COMPUTE)
        assert drawn["data"] == {"name": "curve"}
        assert all(metric in str(drawn) for metric in metrics_of(name))
        assert "http" not in str(drawn)
        assert drawn["title"]["text"]  # what the page calls the chart


@pytest.mark.parametrize(
    ("measured", "charts"),
    [
        (
            {"exact_match", "nll_nats_per_token", "token_edit_distance", "target_probability", "token_probability"},
            (STAGED, "nll_nats_per_token", "token_edit_distance"),
        ),
        (
            {"multiple_choice_grade", "nll_nats_per_token", "brier_score", "target_probability"},
            ("multiple_choice_grade+target_probability", "nll_nats_per_token", "brier_score"),
        ),
        ({"exact_match", "nll_nats_per_answer"}, ("exact_match", "nll_nats_per_answer")),  # results of other tools
        ({"nll_nats_per_token"}, ("nll_nats_per_token",)),
        (set(), ()),
    ],
)
def test_a_subtask_has_the_charts_of_what_it_measured(measured: set[str], charts: tuple[str, ...]) -> None:
    assert chosen(measured) == charts


def test_the_stages_share_an_axis_and_the_seeds_stand_above() -> None:
    means = {"exact_match": 0.25, "token_probability": 0.75, "target_probability": 0.5}
    rows = pl.concat(curve_rows(WORDS, metric, [(mean, 0.0)] * 4) for metric, mean in means.items()).to_dicts()
    seeds = [{"compute_flops": 1e18, "share": "1/3", "said": ""}]
    given = {"width": 300, "datasets": {"curve": rows, "seeds": seeds}}
    graph = vl_convert.vegalite_to_scenegraph(spec(STAGED, COMPUTE) | given)
    heights = {(line["stroke"], tuple(line["strokeDash"])): line["y"] for line in scene(graph, "line")}
    assert heights.keys() == {(RED, (1, 0)), (GREEN, (6, 4)), (RED, (1, 3))}
    exact, token, whole = (heights[key] for key in ((RED, (1, 0)), (GREEN, (6, 4)), (RED, (1, 3))))
    assert whole - token == pytest.approx(exact - whole)  # 0.25, 0.5, 0.75 on one axis
    assert token < whole
    assert {symbol["shape"] for symbol in scene(graph, "symbol")} == {"circle", "diamond"}
    assert [(text["text"], text["y"] < 0) for text in scene(graph, "text")] == [("1/3", True)]


def test_seeds_are_said_to_stand_above_where_there_are_any() -> None:
    said = [spec(STAGED, COMPUTE, seeded=seeded)["title"]["subtitle"] for seeded in (True, False)]
    assert said[0] == [*said[1], "above: seeds past half of the rise"]
    assert said[1] == ["dashed: token probability, dotted: target probability"]


def titles(spec: dict[str, Any]) -> list[str]:
    return [row["title"]["text"] for row in spec["vconcat"]]


def test_figure_shows_the_cliffs(tables: SimpleNamespace) -> None:
    assert titles(figure(tables.curves, tables.cliffs, COMPUTE)) == ["a  words: mirage"]


def test_figure_without_a_cliff_shows_the_first(tables: SimpleNamespace) -> None:
    no_cliff = tables.cliffs.with_columns(label=pl.lit("no cliff"), cliff=pl.lit("no"))
    assert shown(no_cliff)["task"].to_list() == ["choices", "words"]


def test_figure_has_at_most_six_rows() -> None:
    cliffs = pl.concat(cliff_row(("nano", "t", f"t:{i}"), "real", cliff="yes") for i in range(8))
    assert shown(cliffs)["subtask"].to_list() == [f"t:{i}" for i in range(6)]


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_a_figure_that_cannot_be_written_is_one_error(ending: str, tmp_path: Path) -> None:
    (tmp_path / f"figure.{ending}").mkdir()
    with pytest.raises(InputError, match=rf"figure\.{ending}: cannot be written \(Is a directory\)"):
        save_figure(bare(nothing()), tmp_path / "figure")


def test_figures_are_written_as_svg_pdf_and_png(tables: SimpleNamespace, tmp_path: Any) -> None:
    cliffs = tables.cliffs.with_columns(task=pl.lit("w\x00<b>"), cliff=pl.lit("yes"))
    curves = tables.curves.with_columns(task=pl.lit("w\x00<b>"), model=pl.lit("m\x00"))
    save_figure(figures(curves, tables.verdicts, cliffs, {})["figure"], tmp_path / "new" / "figure")
    text = svg_text(tmp_path / "new" / "figure.svg")
    for words in (
        "w\ufffd<b>: words: mirage",
        "Exact match",
        "NLL per token",
        "nats/token, lower is better",
    ):
        assert words in text
    png = (tmp_path / "new" / "figure.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    at = png.index(b"pHYs") + 4
    assert int.from_bytes(png[at : at + 4], "big") == pytest.approx(300 / 0.0254, abs=1)  # pixels per metre
    assert (tmp_path / "new" / "figure.pdf").read_bytes().startswith(b"%PDF")


def svg_text(path: Any) -> str:
    return "".join(etree.parse(path).getroot().itertext())


def test_figures_of_nothing_are_drawn(tmp_path: Any) -> None:
    drawn = figures(CURVES.empty(), VERDICTS.empty(), CLIFFS.empty(), {})
    assert list(drawn) == ["figure", "cliffs", "map", "waterfall", "lengths"]
    for name, chart in drawn.items():
        save_figure(chart, tmp_path / name)
        assert etree.parse(tmp_path / f"{name}.svg").getroot().tag.endswith("svg")


def test_points_of_a_figure_have_no_label_for_screen_readers(tables: SimpleNamespace, tmp_path: Any) -> None:
    save_figure(figure(tables.curves, tables.cliffs, COMPUTE), tmp_path / "figure")
    assert not etree.parse(tmp_path / "figure.svg").xpath("//*[local-name()='path']/@aria-label")


def test_rows_of_the_figure_have_the_same_nll_axis() -> None:
    keys = [("nano", "t", f"t:{n}") for n in range(2)]
    nll = [[(4.0, 0.1)] * 3 + [(1.0, 0.1)], [(2.0, 0.1)] * 3 + [(0.5, 0.1)]]
    curves = pl.concat(curve_rows(key, "nll_nats_per_token", points) for key, points in zip(keys, nll, strict=True))
    cliffs = pl.concat(cliff_row(key, "real", cliff="yes") for key in keys)
    rows = figure(curves, cliffs, COMPUTE)["vconcat"]
    scales = [layer["encoding"]["y"]["scale"] for row in rows for layer in row["hconcat"][1]["layer"]]
    assert {tuple(scale["domain"]) for scale in scales} == {(0.45, 4.4)}


def test_small_multiples_have_letters_names_and_labels(tables: SimpleNamespace) -> None:
    [drawn] = small_multiples(tables.curves, tables.cliffs, COMPUTE)["concat"]
    assert (drawn["title"]["text"], drawn["title"]["subtitle"]) == ("a  words", ["mirage"])
    without = tables.curves.filter(pl.col("metric") != "exact_match")
    [empty] = small_multiples(without, tables.cliffs, COMPUTE)["concat"]
    assert empty["mark"]["text"] == "nothing to draw"
