"""Charts, headings and texts follow the axis of the verdicts; checkpoints of one size are training progress."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from lxml import html
from report_tables import MODELS, PLACES
from test_report_page import embedded, page, subtasks

from rescore.commands.report import report
from rescore.report import figures
from rescore.report.along import Along, along, ladder_lines, rung_means
from rescore.tables import CLIFFS, CURVES, HEADLINE, VERDICTS, InputError, write

TITLES = {
    "compute_flops": ["Training compute (FLOPs)"],
    "n_params": ["Parameters"],
    "pretraining_loss_nats": ["Pretraining loss (nats/token)", "reversed: lower is further right"],
}
LOSS = "pretraining_loss_nats"


def with_axis(tables: SimpleNamespace, axis: str) -> SimpleNamespace:
    verdicts = tables.verdicts.with_columns(axis=pl.lit(axis))
    return SimpleNamespace(**vars(tables) | {"verdicts": verdicts})


def checkpoints(curves: pl.DataFrame) -> pl.DataFrame:
    return curves.with_columns(n_params=pl.lit(6592.0))


def encodings(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every encoding of a specification that has a place on the ladder."""
    if isinstance(node, list):
        for each in node:
            yield from encodings(each)
    elif isinstance(node, dict):
        encoding = node.get("encoding", {})
        if encoding.get("x", {}).get("field") in TITLES:
            yield encoding
        for each in node.values():
            yield from encodings(each)


@pytest.mark.parametrize("axis", TITLES)
def test_every_chart_of_the_page_runs_along_the_axis(tables: SimpleNamespace, axis: str) -> None:
    tree = html.fromstring(page(with_axis(tables, axis)))
    found = list(encodings(json.loads(tree.xpath("//script[@id='specs']")[0].text)))
    assert len(found) >= 9  # bars, line and points of three curves and more
    for encoding in found:
        assert encoding["x"]["field"] == axis
        assert encoding["x"]["title"] == TITLES[axis]
        assert encoding["x"]["scale"]["type"] == "log"
        assert encoding["x"]["scale"]["reverse"] == (axis == LOSS)
        if any(each["field"] == "model" for each in encoding.get("tooltip", [])):
            assert [axis] == [each["field"] for each in encoding["tooltip"] if each["field"] in TITLES]


@pytest.mark.parametrize("axis", TITLES)
def test_the_static_figures_run_along_the_axis(tables: SimpleNamespace, axis: str) -> None:
    given = with_axis(tables, axis)
    drawn = figures(given.curves, given.verdicts, given.cliffs, {})
    for name in ("figure", "cliffs"):
        spec = drawn[name]
        found = list(encodings(spec))
        assert {encoding["x"]["field"] for encoding in found} == {axis}
        assert {tuple(e["x"]["title"]) for e in found if e["x"]["title"]} == {tuple(TITLES[axis])}
        places = {MODELS[n][0]: (MODELS[n][1], *PLACES[MODELS[n][0]])[list(TITLES).index(axis)] for n in range(4)}
        rows = [row for rows in spec["datasets"].values() for row in rows]
        assert {row["model"]: row[axis] for row in rows} == places


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("compute_flops", "0 to 1, against log training compute."),
        ("n_params", "0 to 1, against log parameters."),
        (
            LOSS,
            "0 to 1, against log pretraining loss, lower loss further right.",
        ),
    ],
)
def test_headings_texts_and_points_are_of_the_axis(tables: SimpleNamespace, axis: str, said: str) -> None:
    tree = html.fromstring(page(with_axis(tables, axis)))
    text = " ".join(tree.text_content().split())
    assert said in text
    name = said.removeprefix("0 to 1, against log ").rstrip(".").partition(",")[0]
    assert f"Curves are judged along {name}, on a log scale" in text
    assert ("of the highest and the lowest loss" in text) == (axis == LOSS)
    [ladder] = json.loads(tree.xpath("//script[@id='shared']")[0].text)["models"].values()
    assert set(ladder) == {"model", axis}
    values = ladder[axis]
    assert values == sorted(values, reverse=axis == LOSS)  # the order of the points: towards the better model
    words = embedded(subtasks(tree)[0])["curves"]["exact_match"]["mean"]
    assert dict(zip(ladder["model"], words, strict=True)) == {
        "small-0": 0,
        "small-1": 0.1,
        "middle": 0.5,
        "large": 0.98,
    }


def test_the_ladders_are_said_at_the_top(tables: SimpleNamespace) -> None:
    expected = "Ladder nano: 4 models of 3 sizes, 1e16 to 1e20 FLOPs of compute (4 decades), "
    expected += "1M to 100M parameters (2 decades), 4 to 2 nats/token of pretraining loss."
    assert ladder_lines(tables.curves) == [expected]
    tree = html.fromstring(page(tables))
    assert [line.text_content() for line in tree.xpath("//p[@class='ladder']")] == [expected]
    unknown = tables.curves.with_columns(n_params=None, pretraining_loss_nats=None)
    assert ladder_lines(unknown) == ["Ladder nano: 4 models, 1e16 to 1e20 FLOPs of compute (4 decades)."]


def test_checkpoints_of_one_size_are_training_progress(tables: SimpleNamespace) -> None:
    steps = checkpoints(tables.curves.with_columns(pretraining_loss_nats=None))
    assert ladder_lines(steps) == [
        "Ladder nano: training progress, 4 checkpoints of one size, 1e16 to 1e20 FLOPs of compute (4 decades), "
        "6.59k parameters."
    ]
    tree = html.fromstring(page(tables, curves=steps))
    found = list(encodings(json.loads(tree.xpath("//script[@id='specs']")[0].text)))
    assert {tuple(encoding["x"]["title"]) for encoding in found} == {("Training progress (FLOPs)",)}
    assert "against log training progress (compute)" in tree.text_content()


@pytest.mark.parametrize("axis", TITLES)
def test_rung_means_are_of_a_sizes_models_from_the_worst_to_the_best(tables: SimpleNamespace, axis: str) -> None:
    found = rung_means(tables.curves, Along(axis)).filter(subtask="words", metric="exact_match")
    assert found["mean"].to_list() == pytest.approx([0.05, 0.5, 0.98])
    assert found["x"].is_sorted()


def test_beside_a_ladder_of_sizes_the_axis_is_compute(tables: SimpleNamespace) -> None:
    steps = checkpoints(tables.curves).with_columns(ladder=pl.lit("steps"))
    both = pl.concat([tables.curves, steps])
    assert along(both, tables.verdicts) == Along("compute_flops", progress=False)
    assert along(steps, tables.verdicts) == Along("compute_flops", progress=True)
    assert along(CURVES.empty(), VERDICTS.empty()) == Along()
    assert [line.split(",")[0] for line in ladder_lines(both)][1] == "Ladder steps: training progress"


@pytest.mark.parametrize("axes", [["compute_flops", "n_params"], ["n_tokens"]])
def test_verdicts_along_several_axes_are_refused(tables: SimpleNamespace, tmp_path: Path, axes: list[str]) -> None:
    place = pl.int_range(pl.len()) % len(axes)
    verdicts = tables.verdicts.with_columns(
        axis=place.replace_strict(dict(enumerate(axes)), return_dtype=pl.String), reason=pl.lit("")
    )
    verdicts = verdicts.with_columns(pl.lit(0.5).alias(c) for c in VERDICTS.columns if c == "decades")
    for frame, table in (
        (tables.curves, CURVES),
        (verdicts, VERDICTS),
        (tables.cliffs, CLIFFS),
        (tables.headline, HEADLINE),
    ):
        write(frame, tmp_path / f"{table.name}.parquet", table, {"settings": {}})
    with pytest.raises(InputError) as caught:
        report(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'verdicts.parquet'}: column 'axis': holds {', '.join(axes)}; ")
    assert "\n" not in str(caught.value)


def test_a_ladder_whose_compute_is_not_known_runs_along_parameters(tables: SimpleNamespace) -> None:
    curves = tables.curves.with_columns(compute_flops=pl.lit(None, pl.Float64))
    tree = html.fromstring(page(with_axis(tables, "n_params"), curves=curves))
    [line] = tree.xpath("//p[@class='ladder']")
    assert line.text_content().startswith("Ladder nano: 4 models of 3 sizes, 1M to 100M parameters")
