"""Scores that are read a task at a time: the same result, however they are spread over files."""

from pathlib import Path

import polars as pl
import pytest

from rescore import tables
from rescore.commands import test as command
from rescore.commands.test import by_task
from rescore.discontinuity import Settings, analyse
from rescore.simulate import Truth, simulated_ladder, simulated_scores

QUICK = {"draws": 99}
NEEDED = ["model", "task", "subtask", "example_id", "metric", "score"]
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
        tables.write(part, paths[-1], tables.SCORES, {})
    return paths


def test_parts_are_whole_tasks_each_once(scores: pl.DataFrame, tmp_path: Path) -> None:
    for keys in (["task"], ["model"], ["model", "task"], ["metric"]):
        frames = list(by_task(spread(scores, tmp_path / "-".join(keys), *keys)))
        assert [frame["task"].unique().to_list() for frame in frames] == [["a"], ["b"], ["c"]], keys
        by = ["task", "model", "metric", "example_id"]
        assert pl.concat(frames).sort(by).equals(scores.select(NEEDED).sort(by))


def test_each_file_is_read_once_and_files_that_share_a_task_together(
    scores: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = spread(scores, tmp_path, "task")
    both = tmp_path / "both.parquet"
    first = scores.filter(pl.col("model") == LADDER["model"][0], pl.col("task").is_in(["a", "c"]))
    tables.write(first, both, tables.SCORES, {})
    opened, whole = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (opened.append(path), whole(path))[1])
    parts = by_task([a, b, c, both])
    assert next(parts)["task"][0] == "b"
    assert opened == [b]
    assert sorted(part["task"][0] for part in parts) == ["a", "c"]
    assert opened == [b, a, c, both]


def test_parts_give_what_the_whole_gives(scores: pl.DataFrame) -> None:
    settings = Settings(**QUICK)  # type: ignore[arg-type]
    whole = analyse(scores, LADDER, settings)
    parts = analyse(scores.sort("task", descending=True).partition_by("task"), LADDER, settings)
    assert whole.cliffs.height == 3
    assert all(mine.equals(theirs) for mine, theirs in zip(parts, whole, strict=True))


def test_tables_do_not_depend_on_the_layout_of_the_files(scores: pl.DataFrame, tmp_path: Path) -> None:
    rows = LADDER.select("model", "compute_flops").with_columns(
        family=pl.lit("f"), source=pl.lit("."), revision=pl.lit("r"), n_params=1, n_tokens=1, dtype=pl.lit("float32")
    )
    rows.write_csv(tmp_path / "simulated.tsv", separator="\t")
    found = []
    for keys in (["task"], ["model"], ["metric", "task"]):
        folder = tmp_path / "-".join(keys)
        paths = spread(scores, folder, *keys)
        command.test([tmp_path / "simulated.tsv"], folder / "out", scores=paths, settings='{"draws": 99}', threads=1)
        found.append({path.name: path.read_bytes() for path in sorted((folder / "out").glob("*.csv"))})
    assert found[0] == found[1] == found[2]
    assert {"verdicts.csv", "rises.csv"} <= set(found[0])


def test_columns_that_are_not_asked_for_are_not_kept(scores: pl.DataFrame, tmp_path: Path) -> None:
    paths = spread(scores, tmp_path, "task")
    assert tables.read_all(paths, tables.SCORES, columns=["score"]).equals(
        scores.sort("task", maintain_order=True)["score"].to_frame()
    )
    assert tables.read_all([], tables.SCORES, columns=["score"]).schema == {"score": pl.Float64}
