"""Error bars, the choice of panels and charts, what is drawn, the static figures."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import altair as alt
import polars as pl
import pytest
import vl_convert
from lxml import etree
from report_tables import CHOICES, WORDS, cliff_row, curve_rows, verdict_row
from rescore.report.run_charts import elbow, emergence, matrix, nothing

from rescore.report import figures, save_figure
from rescore.report.along import Along
from rescore.report.charts import COLOURS, bare, panel, panels, rows_of
from rescore.report.figures import dual_grid, figure, shown
from rescore.report.subtask_charts import LENGTHS, chosen, dual, length_bins, metrics_of, specs
from rescore.report.text import LETTERS
from rescore.report.text import VERDICTS as VERDICT_WORDS
from rescore.tables import CLIFFS, CURVES, FAMILIES, VERDICTS, InputError
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


def test_specs_name_the_dataset_and_no_host() -> None:
    names = [*COLOURS, "exact_match+nll_nats_per_token", "predicted", LENGTHS]
    for name, spec in specs(names, COMPUTE).items():
        assert spec["data"] == {"name": LENGTHS if name == LENGTHS else "curve"}
        assert all(metric in str(spec) for metric in metrics_of(name))
        assert "http" not in str(spec)
        assert spec["title"]["text"]  # what the page calls the chart


@pytest.mark.parametrize(
    ("measured", "charts"),
    [
        (
            {"exact_match", "nll_nats_per_token", "token_edit_distance", "target_probability", "margin_nats"},
            ("exact_match+nll_nats_per_token", "token_edit_distance", "predicted", "margin_nats"),
        ),
        (
            {"multiple_choice_grade", "nll_nats_per_token", "brier_score", "target_probability"},
            ("multiple_choice_grade+nll_nats_per_token", "brier_score"),
        ),
        ({"exact_match", "nll_nats_per_answer"}, ("exact_match+nll_nats_per_answer",)),  # results of other tools
        ({"nll_nats_per_token"}, ("nll_nats_per_token",)),
        (set(), ()),
    ],
)
def test_a_subtask_has_the_charts_of_what_it_measured(measured: set[str], charts: tuple[str, ...]) -> None:
    assert chosen(measured, lengths=False) == charts
    assert chosen(measured, lengths=True) == (*charts, LENGTHS)
    assert specs(charts, COMPUTE).keys() == set(charts)


def test_the_dual_curve_has_both_metrics_and_nll_upside_down(tables: SimpleNamespace) -> None:
    rows = alt.InlineData(values=of(tables.curves, WORDS).to_dicts())
    spec = dual("exact_match", "nll_nats_per_token", rows, along=COMPUTE).properties(width=300, height=200).to_dict()
    graph = vl_convert.vegalite_to_scenegraph(spec)
    by_colour = {colour: [] for colour in (COLOURS["exact_match"], COLOURS["nll_nats_per_token"])}
    for line in scene(graph, "line"):
        by_colour[line["stroke"]].append((line["x"], line["y"]))
    exact, nll = (sorted(points) for points in by_colour.values())
    assert [x for x, _ in exact] == [x for x, _ in nll]  # one compute axis
    assert [y for _, y in exact] == sorted((y for _, y in exact), reverse=True)  # 0.05, 0.5, 0.98: up the page
    assert [y for _, y in nll] == sorted((y for _, y in nll), reverse=True)  # 3.5, 1, 0.25 nats: up as well
    assert {line["strokeDash"][1] for line in scene(graph, "line")} == {0, 3}  # not told apart by colour alone
    assert {symbol["shape"] for symbol in scene(graph, "symbol")} == {"circle", "diamond"}


def test_lengths_are_counted_in_bars() -> None:
    lengths = pl.DataFrame({"characters": [1, 2, 4], "questions": [30, 10, 15]})
    spec = specs([LENGTHS], COMPUTE)[LENGTHS] | {"width": 300}
    spec["datasets"] = {LENGTHS: length_bins(lengths).to_dicts()}
    bars = sorted(scene(vl_convert.vegalite_to_scenegraph(spec), "rect"), key=lambda bar: bar["x"])
    assert [bar["height"] for bar in bars] == pytest.approx([200, 200 / 3, 100])
    assert [bar["width"] for bar in bars] == pytest.approx([bars[0]["width"]] * 3)


def test_a_single_length_is_labelled_as_one() -> None:
    spec = specs([LENGTHS], COMPUTE)[LENGTHS] | {"width": 300}
    bins = length_bins(pl.DataFrame({"characters": [3], "questions": [200]}))
    drawn = vl_convert.vegalite_to_svg(spec | {"datasets": {LENGTHS: bins.to_dicts()}})
    labels = [text for text in etree.fromstring(drawn).itertext() if text.strip(".0123456789") == ""]
    assert labels[0] == "3"  # not at 2.5 and 3.5, the ends of the bar
    assert all("." not in label for label in labels)


@pytest.mark.parametrize("longest", [1, 20, 21, 1000, 10_000_000])
def test_length_bins_keep_every_question(longest: int) -> None:
    lengths = pl.DataFrame({"characters": sorted({1, longest // 2 + 1, longest})}).with_columns(questions=pl.lit(7))
    bins = length_bins(lengths)
    assert bins["questions"].sum() == 7 * lengths.height
    assert (bins["longest"] - bins["shortest"]).unique().len() == 1
    assert longest <= bins["longest"][-1] <= longest + (longest - 1) // 20 + 1
    assert bins.height <= 20


def titles(spec: dict[str, Any]) -> list[str]:
    return [row["title"]["text"] for row in spec["vconcat"]]


def test_figure_shows_the_cliffs(tables: SimpleNamespace) -> None:
    assert titles(figure(tables.curves, tables.cliffs, COMPUTE)) == ["words: mirage"]


def test_figure_without_a_cliff_shows_the_first(tables: SimpleNamespace) -> None:
    no_cliff = tables.cliffs.with_columns(label=pl.lit("no cliff"), cliff=pl.lit("no"))
    assert shown(no_cliff)["task"].to_list() == ["choices", "words"]


def test_figure_has_at_most_six_rows() -> None:
    cliffs = pl.concat(cliff_row(("nano", "t", f"t:{i}"), "real", cliff="yes") for i in range(8))
    assert shown(cliffs)["subtask"].to_list() == [f"t:{i}" for i in range(6)]


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_a_figure_that_cannot_be_written_is_one_error(ending: str, tmp_path: Path) -> None:
    (tmp_path / f"figure.{ending}").mkdir()
    with pytest.raises(InputError, match=rf"figure\.{ending}: cannot be written \(Is a directory\)"):
        save_figure(bare(nothing()), tmp_path / "figure")


def test_figures_are_written_as_svg_and_png(tables: SimpleNamespace, tmp_path: Any) -> None:
    cliffs = tables.cliffs.with_columns(task=pl.lit("w\x00<b>"), cliff=pl.lit("yes"))
    curves = tables.curves.with_columns(task=pl.lit("w\x00<b>"), model=pl.lit("m\x00"))
    save_figure(figures(curves, tables.verdicts, cliffs, {})["figure"], tmp_path / "new" / "figure")
    text = svg_text(tmp_path / "new" / "figure.svg")
    for words in (
        "w\ufffd<b>:words: mirage",
        "Exact match",
        "NLL per token",
        "nats/token, lower is better",
    ):
        assert words in text
    assert (tmp_path / "new" / "figure.png").read_bytes().startswith(b"\x89PNG")


def svg_text(path: Any) -> str:
    return "".join(etree.parse(path).getroot().itertext())


def test_figures_of_nothing_are_drawn(tmp_path: Any) -> None:
    nothing = {FAMILIES.name: FAMILIES.empty()}
    drawn = figures(CURVES.empty(), VERDICTS.empty(), CLIFFS.empty(), nothing)
    assert set(drawn) == {"figure", "dual", "emergence", "matrix", "elbow"}
    assert "elbow" not in figures(CURVES.empty(), VERDICTS.empty(), CLIFFS.empty(), {})
    for name, chart in drawn.items():
        save_figure(chart, tmp_path / name)
        assert etree.parse(tmp_path / f"{name}.svg").getroot().tag.endswith("svg")


def test_the_dual_grid_shows_the_cliffs_with_both_metrics(tables: SimpleNamespace) -> None:
    [drawn] = dual_grid(tables.curves, tables.cliffs, COMPUTE)["concat"]
    assert drawn["title"] == {"text": "words", "subtitle": "mirage"}
    without = tables.curves.filter(pl.col("metric") != "nll_nats_per_token")
    [nothing] = dual_grid(without, tables.cliffs, COMPUTE)["concat"]
    assert nothing["mark"]["text"] == "nothing to draw"


def drawn_texts(chart: alt.LayerChart) -> list[str]:
    return [item["text"] for item in scene(vl_convert.vegalite_to_scenegraph(chart.to_dict()), "text")]


def test_the_matrix_has_a_letter_a_verdict_and_none_without_scores(tables: SimpleNamespace) -> None:
    assert sorted(drawn_texts(matrix(tables.verdicts, tables.cliffs))) == sorted("CS?SITC")
    no_bleu = tables.verdicts.with_columns(n_items=pl.when(metric="bleu").then(0).otherwise("n_items"))
    assert sorted(drawn_texts(matrix(no_bleu, tables.cliffs))) == sorted("CS?SIT")
    assert set(LETTERS) == set(VERDICT_WORDS)
    assert len(set(LETTERS.values())) == len(LETTERS)


def layer_rows(spec: dict[str, Any]) -> list[list[dict[str, Any]]]:
    return [spec["datasets"][layer["data"]["name"]] for layer in spec["layer"]]


def test_emergence_scores_are_ticks_and_infinite_ones_are_counted() -> None:
    scores = [1.0, 10.0, 100.0, float("inf"), None]
    rows = [verdict_row(("n", "t", f"t:{n}"), "exact_match", "smooth", emergence_score=s) for n, s in enumerate(scores)]
    spec = emergence(pl.concat(rows)).to_dict()
    ticks, median = layer_rows(spec)
    assert [(tick["score"], tick["subtask"]) for tick in ticks] == [([1.0, 10.0, 100.0], ["t:0", "t:1", "t:2"])]
    assert [each["score"] for each in median] == [100.0]  # of 1, 10, 100 and infinity, the upper middle one
    assert "1 infinite" in spec["title"]["subtitle"]


def test_the_elbow_line_is_the_tables_slope_through_the_mean_of_the_points() -> None:
    # k = 1, 10, 100 at 10^20, 10^22, 10^24: 2 decades a decade.
    points = pl.concat(
        cliff_row(
            ("n", "t", f"t:{i}"),
            "mirage",
            hard_metric="exact_match",
            answer_tokens=10.0**i,
            half_log10_x=20.0 + 2 * i,
            half_log10_x_low=19.5 + 2 * i,
        )
        for i in range(3)
    )
    slope = {"ladder": "n", "task": "t", "subtasks": 3, "fitted": 3, "half_slope_decades_per_decade": 2.0}
    row = {name: slope.get(name, 0.0 if name.startswith("answer") else None) for name in FAMILIES.columns}
    lengths = pl.DataFrame([row], schema=dict(FAMILIES.columns))
    line, bars, dots = layer_rows(elbow(points, lengths).to_dict())
    assert [(row["tokens"], row["flops"]) for row in line] == [(1, pytest.approx(1e20)), (100, pytest.approx(1e24))]
    assert [row["flops"] for row in dots] == pytest.approx([1e20, 1e22, 1e24])
    assert [row["high"] for row in bars] == [None] * 3
