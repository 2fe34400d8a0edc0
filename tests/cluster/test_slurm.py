"""The workflow on a real SLURM, started here for the length of the test, through its faults.

One run after another over the same folder, since each job of the cluster takes seconds to start: a test of its own for
each fault would take many minutes. Runs in about four.
"""

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_lab import Lab, wait, why_not
from workflow_runs import TASKS, Runs, kill, one_job_per_model

SLURM = Path(__file__).parents[2] / "workflow/profiles/slurm/config.yaml"
# Jobs of this test take seconds, and files of one machine are seen at once.
QUICK = ["--slurm-init-seconds-before-status-checks", "6", "--latency-wait", "5"]

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("slurm"))
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()


def extraction(lab: Lab, *, state: str) -> str | None:
    """Find the newest extraction job in this state."""
    found = [job for job, what in lab.jobs().items() if what == state and "Comment=rule_extract" in lab.describe(job)]
    return max(found, key=int, default=None)


def test_a_cluster_and_its_faults_change_no_number(lab: Lab, tmp_path: Path) -> None:
    here, there = Runs(tmp_path / "here"), Runs(tmp_path / "there")
    models = one_job_per_model(here)
    shutil.copy(here.folder / "config/ladder.tsv", there.folder / "config/ladder.tsv")
    local = here.start("test")

    # A job is cancelled: it is tried again, with twice the memory.
    run = there.start(*QUICK, profile="slurm", env=lab.env)
    try:
        wait(lambda: extraction(lab, state="RUNNING") is not None, 300, "no extraction ran: " + there.log())
        cancelled = str(extraction(lab, state="RUNNING"))
        before = lab.describe(cancelled)
        assert "gres:gpu:1" in before
        lab.call("scancel", cancelled)
        wait(lambda: "Trying to restart job" in there.log(), 300, "not tried again")
        wait(lambda: any(int(job) > int(cancelled) for job in lab.jobs()), 120, "not tried again")
        again = lab.describe(str(max(map(int, lab.jobs()))))
        memory = re.compile(r"MinMemoryNode=(\d+)M")
        assert int(memory.search(again)[1]) == 2 * int(memory.search(before)[1])

        # The controller goes away for half a minute while jobs run: nothing is lost.
        lab.stop_controller()
        time.sleep(30)
        assert run.poll() is None
        lab.start_controller()

        # Snakemake itself is killed while a job runs, and started again beside that orphan.
        wait(lambda: bool(lab.jobs()), 300, "no job to leave behind: " + there.log())
        kill(run)
        assert lab.jobs(), "no job was left behind"
        assert local.wait(600) == 0, here.log()
    finally:
        kill(run)
        kill(local)
    locked = there.start(*QUICK, profile="slurm", env=lab.env)
    assert locked.wait(300) != 0
    assert "--unlock" in there.log()
    there.finish("--unlock")
    there.finish(*QUICK, profile="slurm", env=lab.env, timeout=900)
    expected = here.tables()
    assert len([path for path in expected if path.startswith("extractions/")]) == len(models) * len(TASKS)
    assert there.tables() == expected
    assert there.leftovers() == []


def test_an_interrupt_cancels_its_jobs_and_unlocks(lab: Lab, tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    run = runs.start(*QUICK, profile="slurm", env=lab.env)
    try:
        wait(lambda: bool(lab.jobs()), 300, "no job was sent")
        os.kill(run.pid, signal.SIGINT)
        run.wait(120)
    finally:
        kill(run)
    wait(lambda: not lab.jobs(), 60, "jobs left behind")
    runs.finish("--dry-run")  # would say that the folder is locked
