"""The edge: `rescore test` writes every table of the contract, and `rescore show` prints it."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from diagnostic_tables import curves, expit

from rescore import planning as of
from rescore.commands import test as command
from rescore.commands.report import report
from rescore.commands.show import Format, show
from rescore.simulate import Truth, simulated_ladder, simulated_scores
from rescore.tables import (
    CLIFFS,
    CURVES,
    DIAGNOSTICS,
    FAMILIES,
    FLAGS,
    GRADING,
    RISES,
    SCORES,
    SEEDS,
    InputError,
    Table,
    provenance,
    read,
    write,
)

LADDER = simulated_ladder(rungs=5)


def chains() -> pl.DataFrame:
    """SCORES of a task whose answers have two tokens."""
    return simulated_scores({"task": Truth(shape="chain", tokens=2)}, LADDER, n_items=50)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diagnosed")
    rows = LADDER.select("model", "compute_flops").with_columns(
        family=pl.lit("f"),
        source=pl.lit("."),
        revision=pl.lit("r"),
        n_params=pl.lit(1),
        n_tokens=pl.lit(1),
        dtype=pl.lit("float32"),
    )
    rows.write_csv(folder / "simulated.tsv", separator="\t")
    write(chains(), folder / "scores.parquet", SCORES, {})
    grading = pl.DataFrame(
        [("size00-seed0", "task", "task", 50, 50, 5, 0.1, 0)], schema=dict(GRADING.columns), orient="row"
    )
    write(grading, folder / "grading.parquet", GRADING, {})
    command.test(
        [folder / "simulated.tsv"],
        folder / "out",
        scores=[folder / "scores.parquet"],
        grading=[folder / "grading.parquet"],
        threads=1,
    )
    return folder / "out"


@pytest.mark.parametrize("table", DIAGNOSTICS, ids=lambda table: table.name)
def test_a_table_is_written_in_both_forms_and_shown(
    table: Table, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = read(results / f"{table.name}.parquet", table)
    show(table.name, results, all_columns=True, form=Format.csv)
    assert capsys.readouterr().out == (results / f"{table.name}.csv").read_text() == frame.write_csv()
    assert provenance(results / f"{table.name}.parquet")["settings"]["confidence"] == 0.9


def test_the_tables_hold_what_the_scores_say(results: Path) -> None:
    assert read(results / "cliffs.parquet", CLIFFS)["answer_tokens"].to_list() == [pytest.approx(2)]
    assert read(results / "flags.parquet", FLAGS)["flag"].to_list() == ["grader rejects right answers"]
    rises = read(results / "rises.parquet", RISES)
    exact = rises.filter(metric="exact_match").row(0, named=True)
    assert 18 < exact["start_log10_x"] < exact["half_log10_x"] < exact["end_log10_x"] < 22
    assert read(results / "seeds.parquet", SEEDS).is_empty()  # one seed a size
    assert read(results / "families.parquet", FAMILIES).is_empty()  # one length


def test_a_ladder_without_compute_is_left_out_of_what_is_by_compute(tmp_path: Path) -> None:
    """Beside one with compute: along parameters both have curves and verdicts, and the report is written."""
    sizes = LADDER.with_columns(n_params=(10 ** (pl.int_range(pl.len()) / 2 + 6)).cast(pl.Int64))
    rows = sizes.select("model", "n_params").with_columns(
        family=pl.lit("f"), source=pl.lit("."), revision=pl.lit("r"), dtype=pl.lit("float32")
    )
    rows.write_csv(tmp_path / "unknown.tsv", separator="\t")
    known = rows.with_columns(pl.col("model") + "-known", n_tokens=10**9)
    known.write_csv(tmp_path / "known.tsv", separator="\t")
    every = pl.concat([chains(), chains().with_columns(pl.col("model") + "-known")])
    write(every, tmp_path / "scores.parquet", SCORES, {})
    ladders = [tmp_path / "known.tsv", tmp_path / "unknown.tsv"]
    with pytest.raises(InputError, match=r"unknown.tsv: row 2: key 'n_tokens': missing, so 'size00-seed0' has"):
        command.test(ladders, tmp_path / "out", scores=[tmp_path / "scores.parquet"], threads=1)
    by_size = json.dumps({"axis": "n_params"})
    command.test(ladders, tmp_path / "out", scores=[tmp_path / "scores.parquet"], settings=by_size, threads=1)
    found = {t.name: read(tmp_path / f"out/{t.name}.parquet", t) for t in (*DIAGNOSTICS, CURVES)}
    of = {name: set(table["ladder"]) for name, table in found.items() if not table.is_empty()}
    assert of["forecasts"] == {"known"}
    assert of["curves"] == of["rises"] == {"known", "unknown"}
    assert found["curves"].filter(ladder="unknown")["compute_flops"].null_count() == 5 * 6  # metrics
    report(tmp_path / "out")
    assert (tmp_path / "out/report/figure.svg").stat().st_size > 1000


def judged(folder: Path, ladder: pl.DataFrame, *parts: pl.DataFrame) -> None:
    """Run `rescore test` on parts of scores, each in a file s0.parquet, s1.parquet ..."""
    rows = ladder.select("model", "compute_flops").with_columns(
        family=pl.lit("f"), source=pl.lit("."), revision=pl.lit("r"), n_params=pl.lit(1), dtype=pl.lit("float32")
    )
    rows.write_csv(folder / "L.tsv", separator="\t")
    paths = [folder / f"s{i}.parquet" for i in range(len(parts))]
    for part, path in zip(parts, paths, strict=True):
        part.write_parquet(path)
    command.test([folder / "L.tsv"], folder / "out", scores=paths, threads=1)


def test_a_row_that_cannot_be_used_is_named_by_file_and_place(tmp_path: Path) -> None:
    scores = chains()
    first = scores.filter(metric="exact_match")
    rest = scores.filter(pl.col("metric") != "exact_match")
    named = "model size00-seed0, subtask task, metric exact_match, example_id 7"
    with pytest.raises(InputError) as twice:
        judged(tmp_path, LADDER, first, pl.concat([rest, first[7:8]]))
    files = f"{tmp_path}/s0.parquet: row 7; {tmp_path}/s1.parquet: row {rest.height}"
    assert str(twice.value) == f"{files}: {named}: is given twice; keep one row"
    place = pl.int_range(pl.len())
    for value, problem in (
        (1.5, "1.5 is outside 0 to 1"),
        (float("inf"), "inf is no finite number; make an undefined"),
    ):
        spoiled = first.with_columns(score=pl.when(place == 7).then(value).otherwise("score"))
        with pytest.raises(InputError) as wrong:
            judged(tmp_path, LADDER, rest, spoiled)
        assert str(wrong.value).startswith(f"{tmp_path}/s1.parquet: row 7: {named}: {problem}")


def test_models_that_no_ladder_lists_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judged(tmp_path, LADDER[:4], chains())
    said = capsys.readouterr().err
    assert said.startswith(
        "1 model of the scores left out, in no ladder table: size04-seed0; add their rows to test them\n"
    )
    judged(tmp_path, LADDER, chains())
    assert "left out" not in capsys.readouterr().err


def test_aggregates_without_their_items_are_forecast() -> None:
    """An importer may know neither scores nor how many items there were."""
    x = np.linspace(18, 24, 10)
    table = curves(x, {("sub", "exact_match"): expit(2 * (x - 21))}, n=None)
    assert of.forecasts(table)["forecast"].null_count() == 0
