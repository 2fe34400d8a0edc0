"""Runs on an object storage, through its faults, end with the tables of a run on this machine's disk."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("snakemake_storage_plugin_s3", reason="the storage plugin snakemake-storage-plugin-s3")
pytest.importorskip("moto.server", reason="the S3-compatible server of moto")

from object_storage import BUCKET, PREFIX, ObjectStorage, object_storage
from test_kill import Fetching, kill_in_every_stage
from test_workflow import OPERATIONS
from workflow_runs import Runs, kill

ROUNDS = int(os.environ.get("RESCORE_STORAGE_KILL_ROUNDS", "0"))  # five kills each; the slow tests run from 1 on
RETRIES = re.findall(r"--storage-s3-retries (\d+)", OPERATIONS.read_text())[0]


@pytest.fixture
def storage() -> Iterator[ObjectStorage]:
    with object_storage() as storage:
        yield storage


def tables(runs: Runs, storage: ObjectStorage) -> dict[str, str]:
    """Download what a run left, and digest its tables."""
    assert not (runs.folder / "results").exists(), "a job wrote to a place that is in no storage"
    storage.download(runs.folder)
    return runs.tables()


def test_uploads_cut_off_a_damaged_object_and_an_outage_change_no_number(
    storage: ObjectStorage, tmp_path: Path
) -> None:
    here, there = Runs(tmp_path / "here"), Runs(tmp_path / "there")
    local = here.start("test")
    try:
        # The run is killed while it uploads the second of a job's tables.
        storage.held = "extractions/nano-w2-s1"
        run = there.start(*storage.arguments, env=storage.env)
        assert storage.holding.wait(300), there.log()
        kill(run)
        storage.held = None
        assert storage.keys("/extractions/")
        assert not storage.keys("extractions/nano-w2-s1") + storage.keys("/done/extract/")
        assert local.wait(600) == 0, here.log()
    finally:
        storage.held = None
        kill(local)

    # A storage that writes no object whole or not at all has half of one.
    [examples, *_] = storage.keys("/examples/")
    storage.put(examples, storage.get(examples)[:-200])
    run = there.start("--nolock", *storage.arguments, env=storage.env)
    assert run.wait(300) == 1
    log = storage.get(f"{PREFIX}/results/logs/extract/nano-w2-s0.log").decode()
    assert "letter_reversal.length_3.parquet: not a parquet file" in log
    storage.client.delete_object(Bucket=BUCKET, Key=examples)

    # The storage is away while the scores are uploaded, and comes back.
    run = there.start("--nolock", *storage.arguments, "--storage-s3-retries", RETRIES, env=storage.env)
    try:
        while not storage.keys("/scores/"):
            assert run.poll() is None, there.log()
            time.sleep(0.1)
        storage.out_until = time.monotonic() + 5
        assert run.wait(600) == 0, there.log()
    finally:
        kill(run)
    assert storage.refused
    assert tables(there, storage) == here.tables()
    assert not [path for path in there.folder.rglob("*.parquet") if ".snakemake" in path.parts]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Fetching:
    runs = Fetching(tmp_path_factory.mktemp("undisturbed"))
    runs.finish(env=runs.env)
    return runs


@pytest.mark.skipif(not ROUNDS, reason="long: RESCORE_STORAGE_KILL_ROUNDS=4 kills twenty times")
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_run_that_is_killed_in_every_stage_ends_as_an_undisturbed_one(
    undisturbed: Fetching, storage: ObjectStorage, tmp_path: Path, seed: int
) -> None:
    runs = Fetching(tmp_path)
    env = runs.env | storage.env
    kill_in_every_stage(runs, undisturbed, seed, *storage.arguments, env=env)
    runs.finish("--nolock", *storage.arguments, env=env)
    assert tables(runs, storage) == undisturbed.tables()


@pytest.mark.skipif(not ROUNDS, reason="long: RESCORE_STORAGE_KILL_ROUNDS=1 takes the storage away for a minute")
@pytest.mark.parametrize("retries", ["1", RETRIES])
def test_a_minute_without_the_storage_is_waited_for_or_ends_the_run(
    undisturbed: Fetching, storage: ObjectStorage, tmp_path: Path, retries: str
) -> None:
    runs = Fetching(tmp_path)
    env = runs.env | storage.env
    run = runs.start(*storage.arguments, "--storage-s3-retries", retries, env=env)
    try:
        while not storage.keys("/extractions/"):
            assert run.poll() is None, runs.log()
            time.sleep(0.1)
        storage.out_until = time.monotonic() + 60
        assert (run.wait(600) == 0) == (retries == RETRIES), runs.log()
    finally:
        kill(run)
    time.sleep(max(0, storage.out_until - time.monotonic()))
    runs.finish("--nolock", *storage.arguments, env=env)
    assert tables(runs, storage) == undisturbed.tables()


@pytest.mark.skipif(not ROUNDS, reason="long: RESCORE_STORAGE_KILL_ROUNDS=1 changes a model between runs")
def test_tables_of_a_changed_model_whose_upload_is_cut_off_are_not_mixed_with_the_old(
    storage: ObjectStorage, tmp_path: Path
) -> None:
    here, there = Runs(tmp_path / "here"), Runs(tmp_path / "there")
    there.finish(*storage.arguments, "--", "test", env=storage.env)
    for runs in (here, there):
        ladder = runs.folder / "config/ladder.tsv"
        ladder.write_text(ladder.read_text().replace("float32", "bfloat16", 1))
    old = {key: storage.get(key) for key in storage.keys("/extractions/")}
    storage.held = "extractions/nano-w2-s1"
    run = there.start(*storage.arguments, "--", "test", env=storage.env)
    try:
        assert storage.holding.wait(300), there.log()
    finally:
        kill(run)
        storage.held = None
    left = storage.keys("/extractions/")
    assert left
    assert len(left) < len(old)
    there.finish("--nolock", *storage.arguments, "--", "test", env=storage.env)
    here.finish("--", "test")
    assert tables(there, storage) == here.tables()
    assert [key for key, content in old.items() if storage.get(key) != content]
