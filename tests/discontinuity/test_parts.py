"""Scores that are read a task at a time: the same result, however they are spread over files."""

from pathlib import Path

import polars as pl
import pytest

from rescore import tables as schema
from rescore.discontinuity import Settings, analyse
from rescore.simulate import Truth, simulated_ladder, simulated_scores
from rescore.stages import verdicts
from rescore.stages.parts import Parts, read_all

QUICK = {"draws": 99}
LADDER = simulated_ladder(rungs=6)


@pytest.fixture(scope="module")
def scores() -> pl.DataFrame:
    """Three tasks; some items are not scored, and one model lacks a task."""
    truths = {task: Truth(shape="chain", tokens=n) for task, n in (("a", 3), ("b", 2), ("c", 1))}
    every = simulated_scores(truths, LADDER, n_items=40, seed=3)
    lost = (pl.col("task") == "b") & (pl.col("example_id") % 7 == 0)
    lacks = (pl.col("task") == "c") & (pl.col("model") == LADDER["model"][2])
    return every.filter(~lost | (pl.col("model") != LADDER["model"][0]), ~lacks)


def spread(scores: pl.DataFrame, folder: Path, *keys: str) -> list[Path]:
    """Write the scores to a file for each value of the keys."""
    paths = []
    for names, part in scores.partition_by(keys, as_dict=True, maintain_order=True).items():
        paths.append(folder / f"{'-'.join(map(str, names))}.parquet")
        schema.write(part, paths[-1], schema.SCORES, {})
    return paths


def test_parts_are_whole_tasks_each_once(scores: pl.DataFrame, tmp_path: Path) -> None:
    for keys in (["task"], ["model"], ["model", "task"], ["metric"]):
        folder = tmp_path / "-".join(keys)
        parts = Parts.of(spread(scores, folder, *keys))
        for _ in range(2):  # they can be gone through again
            frames = list(parts)
            assert [frame["task"].unique().to_list() for frame in frames] == [["a"], ["b"], ["c"]], keys
            by = ["task", "model", "metric", "example_id"]
            assert pl.concat(frames).sort(by).equals(scores.sort(by))
        assert parts.metrics == set(scores["metric"])


def test_files_of_one_task_are_read_together_and_others_apart(scores: pl.DataFrame, tmp_path: Path) -> None:
    a, b, c = spread(scores, tmp_path, "task")
    both = tmp_path / "both.parquet"
    first = scores.filter(pl.col("model") == LADDER["model"][0], pl.col("task").is_in(["a", "c"]))
    schema.write(first, both, schema.SCORES, {})
    assert Parts.of([a, b, c]).files == [[a], [b], [c]]
    assert Parts.of([a, b, c, both]).files == [[b], [a, c, both]]


def test_parts_give_what_the_whole_gives(scores: pl.DataFrame) -> None:
    settings = Settings(**QUICK)  # type: ignore[arg-type]
    whole = analyse(scores, LADDER, settings)
    parts = analyse(scores.sort("task", descending=True).partition_by("task"), LADDER, settings)
    assert whole.cliffs.height == 3
    assert all(mine.equals(theirs) for mine, theirs in zip(parts, whole, strict=True))


def test_tables_hang_on_no_layout_of_the_files(scores: pl.DataFrame, tmp_path: Path) -> None:
    rows = LADDER.select("model", "compute_flops").with_columns(
        family=pl.lit("f"), source=pl.lit("."), revision=pl.lit("r"), n_params=1, n_tokens=1, dtype=pl.lit("float32")
    )
    rows.write_csv(tmp_path / "simulated.tsv", separator="\t")
    found = []
    for keys in (["task"], ["model"], ["metric", "task"]):
        folder = tmp_path / "-".join(keys)
        paths = spread(scores, folder, *keys)
        verdicts.test(paths, [tmp_path / "simulated.tsv"], folder / "out", QUICK, threads=1)
        found.append({path.name: path.read_bytes() for path in sorted((folder / "out").glob("*.csv"))})
    assert found[0] == found[1] == found[2]
    assert {"verdicts.csv", "rises.csv"} <= set(found[0])


def test_columns_that_are_not_asked_for_are_not_kept(scores: pl.DataFrame, tmp_path: Path) -> None:
    paths = spread(scores, tmp_path, "task")
    assert read_all(paths, schema.SCORES, columns=["score"]).equals(
        scores.sort("task", maintain_order=True)["score"].to_frame()
    )
    assert read_all([], schema.SCORES, columns=["score"]).schema == {"score": pl.Float64}
