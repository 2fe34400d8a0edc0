"""Kill -9 at any moment: what is run again ends with the tables of a run that was never disturbed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import psutil
import pytest
from workflow_runs import TABLES, Runs, kill

from rescore.tables import CURVES, EXTRACTIONS, GENERATIONS, read, write

STAGES = ("fetch", "extract", "score", "test", "report")
ROUNDS = int(os.environ.get("RESCORE_KILL_ROUNDS", "1"))  # five kills each


class Fetching(Runs):
    """Runs that fetch a task too, from a folder in the Hub's format."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.folder / "data").unlink()
        (self.folder / "data").mkdir()
        for name in ("ladders", "tasks"):
            (self.folder / "data" / name).symlink_to(Path(__file__).parents[2] / "data" / name)
        rows = {
            "idx": range(8),
            "inputs": [f"Q: {i} + 1\nA:" for i in range(8)],
            "targets": [[str(i + 1)] for i in range(8)],
        }
        (self.folder / "hub/arithmetic").mkdir(parents=True)
        pl.DataFrame(rows).write_parquet(self.folder / "hub/arithmetic/train-00000-of-00001.parquet")
        self.config["bigbench"]["hub"] = {"source": "hub", "revision": None}
        self.suite("letter_sorting:length_3", "arithmetic")
        self.env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(self.folder / "hf"), "OMP_NUM_THREADS": "1"}

    def seconds(self, stage: str) -> float:
        """How long the stage's first job took."""
        found = sorted((self.folder / "results/benchmarks").rglob(f"{stage}*.tsv")) or sorted(
            (self.folder / "results/benchmarks" / stage).glob("*.tsv")
        )
        return float(pl.read_csv(found[0], separator="\t")["s"][0])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Fetching:
    runs = Fetching(tmp_path_factory.mktemp("undisturbed"))
    runs.finish(env=runs.env)
    return runs


def stage_of(run: subprocess.Popen, stage: str) -> psutil.Process | None:
    """Find the process of a stage among those of a run."""
    for process in psutil.Process(run.pid).children(recursive=True):
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        if "python" in Path(command[0] if command else "").name and stage in command[1:3]:
            return process
    return None


def await_stage(run: subprocess.Popen, stage: str, log: Path) -> psutil.Process | None:
    """Wait for a stage's process; None where the run ended without one."""
    end = time.monotonic() + 600
    while run.poll() is None:
        found = stage_of(run, stage)
        if found is not None:
            return found
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)
    return None


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_run_that_is_killed_in_every_stage_ends_as_an_undisturbed_one(
    undisturbed: Fetching, tmp_path: Path, seed: int
) -> None:
    runs = Fetching(tmp_path)
    kill_in_every_stage(runs, undisturbed, seed, env=runs.env)
    runs.finish("--nolock", env=runs.env)
    assert runs.tables() == undisturbed.tables()


def kill_in_every_stage(runs: Fetching, undisturbed: Fetching, seed: int, *arguments: str, env: dict[str, str]) -> None:
    """Start a run five times, and kill it at some moment of the first, second ... stage."""
    moments = random.Random(seed)  # noqa: S311 - when to kill
    for stage in STAGES:
        run = runs.start("--nolock", *arguments, env=env)  # the one before died with the lock in hand
        try:
            process = await_stage(run, stage, runs.folder / "snakemake.log")
            assert process is not None, f"{stage} never ran: {runs.log()}"
            try:
                process.wait(moments.uniform(0, undisturbed.seconds(stage)))
            except psutil.TimeoutExpired:
                if moments.random() < 0.5:  # the stage alone, as when memory runs out, and then the machine
                    process.kill()
                    time.sleep(moments.uniform(0, 1))
        finally:
            kill(run)


def test_a_run_killed_when_all_is_fetched_is_no_fetch_alone_the_next_time(
    undisturbed: Fetching, tmp_path: Path
) -> None:
    (tmp_path / "python").mkdir()
    (tmp_path / "python/sitecustomize.py").write_text(
        "import atexit, sys, time\natexit.register(lambda: 'fetch' in sys.argv[1:2] and time.sleep(600))\n"
    )
    runs = Fetching(tmp_path / "run")
    path = os.pathsep.join([str(tmp_path / "python"), os.environ.get("PYTHONPATH", "")])
    run = runs.start("--until", "score", env=runs.env | {"PYTHONPATH": path})
    end = time.monotonic() + 300
    while not list((runs.folder / "data/downloads").rglob("task.json")):
        assert run.poll() is None, runs.log()
        assert time.monotonic() < end, runs.log()
        time.sleep(0.02)
    kill(run)
    runs.finish("--nolock", "--until", "score", env=runs.env)
    made = runs.tables()
    assert made == {p: digest for p, digest in undisturbed.tables().items() if Path(p).parts[0] in TABLES}


def test_two_extractions_of_the_same_tables_at_once_leave_one_that_is_right(
    undisturbed: Fetching, tmp_path: Path
) -> None:
    results = undisturbed.folder / "results"
    examples = results / "examples/letter_sorting.length_3.parquet"
    command = [str(Path(sys.executable).parent / "rescore"), "extract", str(examples), "--ladder", "config/ladder.tsv"]
    command += ["--model", "nano-w2-s0", "--out", str(tmp_path), "--threads", "1"]
    both = [subprocess.Popen(command, cwd=undisturbed.folder, stderr=subprocess.PIPE) for _ in range(2)]
    said = [one.communicate(timeout=600)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    for kind, table in (("extractions", EXTRACTIONS), ("generations", GENERATIONS)):
        mine = tmp_path / kind / "nano-w2-s0" / examples.name
        assert read(mine, table).equals(read(results / mine.relative_to(tmp_path), table))
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


def test_what_a_killed_writer_leaves_is_taken_for_no_table(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    code = f"""
import os, signal
import polars as pl
from pathlib import Path
from rescore.tables import CURVES, write
os.replace = None
Path.replace = lambda *_: os.kill(os.getpid(), {int(signal.SIGKILL)})
write(CURVES.empty(), Path({str(path)!r}), CURVES, {{}})
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    assert len(list(tmp_path.iterdir())) == 1  # whole, under another name
    write(CURVES.empty(), path, CURVES, {})
    assert list(tmp_path.glob("*.parquet")) == [path]
