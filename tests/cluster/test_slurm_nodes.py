"""The workflow on a SLURM of several nodes that share no folder: results travel through an object storage alone."""

import re
import shutil
import tempfile
from pathlib import Path

import pytest
import yaml
from object_storage import BUCKET, PREFIX, object_storage
from slurm_lab import Lab, why_not
from workflow_runs import Runs, kill, one_job_per_model

pytest.importorskip("snakemake_storage_plugin_s3", reason="the storage plugin snakemake-storage-plugin-s3")
pytest.importorskip("moto.server", reason="the S3-compatible server of moto")
pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

# What the nodes share is the software: neither a working directory nor copies of what the storage holds.
NO_SHARED_RESULTS = ["--shared-fs-usage", "software-deployment", "sources", "source-cache"]
QUICK = ["--slurm-init-seconds-before-status-checks", "4", "--max-status-checks-per-second", "2", "--latency-wait", "5"]


def test_nodes_without_a_common_folder_make_the_tables_of_one_machine(tmp_path: Path) -> None:
    here, there = Runs(tmp_path / "here"), Runs(tmp_path / "there")
    models = one_job_per_model(here)
    for runs in (here, there):
        runs.suite("letter_sorting:length_3")
    shutil.copy(here.folder / "config/ladder.tsv", there.folder / "config/ladder.tsv")
    (there.folder / "config/config.yaml").write_text(yaml.safe_dump(there.config))
    nodes = [tmp_path / "nodes" / name for name in ("first", "second")]
    for node in nodes:  # a checkout, without results
        shutil.copytree(there.folder, node, symlinks=True)
    short = Path(tempfile.mkdtemp(prefix="slurm-"))  # the paths of SLURM's sockets have 108 characters at most
    lab = Lab(short, nodes, there.folder)
    local = here.start("test")
    try:
        lab.start()
        with object_storage() as storage:
            options = [*storage.arguments, *NO_SHARED_RESULTS, *QUICK, "--slurm-logdir", str(tmp_path / "logs")]
            env = storage.env | lab.env
            there.finish(*options, "--", "test", profile="slurm", env=env, timeout=500)
            assert not (there.folder / "results").exists()
            storage.download(there.folder)
        assert local.wait(600) == 0, here.log()
    finally:
        lab.stop()
        kill(local)
        shutil.rmtree(short)
    assert there.tables() == here.tables()

    # Each node ran jobs, in its own folder. The tables that jobs name are copies there of what the storage holds.
    for node in nodes:
        assert (node / ".snakemake/storage/s3").is_dir()
        assert not (node / "results").exists()
    logs = [path.read_text() for path in (there.folder / "results/logs").rglob("*.log")]
    assert len(logs) == len(models) + 3  # extractions, prompts, score, test
    named = [re.findall(r"\S+/results\S*", log) for log in logs]
    assert all(named)
    assert {path.partition("/results")[0] for paths in named for path in paths} == {
        f".snakemake/storage/s3/{BUCKET}/{PREFIX}"
    }
