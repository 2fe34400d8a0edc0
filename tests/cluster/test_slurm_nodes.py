"""The workflow on a SLURM of several nodes that share no folder: results travel through an object storage alone."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from object_storage import object_storage
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
    lab = Lab(tmp_path / "slurm", nodes, there.folder)
    local = here.start("test")
    try:
        lab.start()
        with object_storage() as storage:
            options = [*storage.arguments, *NO_SHARED_RESULTS, *QUICK, "--slurm-logdir", str(tmp_path / "logs")]
            env = storage.env | lab.env
            there.finish(*options, "--printshellcmds", "--", "test", profile="slurm", env=env, timeout=500)
            assert not (there.folder / "results").exists()
            storage.download(there.folder)
        assert local.wait(600) == 0, here.log()
    finally:
        lab.stop()
        kill(local)
    assert there.tables() == here.tables()

    # Each node ran jobs, in its own folder. What a job names is staged there, or part of the checkout.
    for node in nodes:
        assert (node / ".snakemake/storage/s3").is_dir()
        assert not (node / "results").exists()
    logs = "".join(log.read_text() for log in (tmp_path / "logs").rglob("*.log"))
    commands = re.findall(r"^\s*rescore (?:extract|score|test) .*$", logs, re.MULTILINE)
    assert {model for line in commands for model in re.findall(r"--model=(\S+)", line)} == set(models)
    named = {word.partition("=")[2] or word for line in commands for word in line.split() if "/" in word}
    assert named
    assert not [path for path in named if not path.startswith((".snakemake/storage/", "config/"))]
