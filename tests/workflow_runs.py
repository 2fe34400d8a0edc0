"""Runs of the workflow in a folder of their own, in the background, and what they left."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import yaml
from test_workflow import REPOSITORY, Checkout

TASKS = ("letter_sorting:length_3", "letter_reversal:length_3")
TABLES = ("examples", "extractions", "generations", "scores", "bigbench", "grading", "positions")


class Runs(Checkout):
    """A checkout of two shipped models and two small tasks, whose runs can be killed."""

    def __init__(self, folder: Path, n_models: int = 2) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, n_models)
        self.suite(*TASKS)

    def start(self, *arguments: str, profile: str = "default", env: dict[str, str] | None = None) -> subprocess.Popen:
        """Start Snakemake in a session of its own, its output in `snakemake.log`."""
        (self.folder / "config/config.yaml").write_text(yaml.safe_dump(self.config))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
        command += ["--workflow-profile", str(REPOSITORY / "workflow/profiles/default")]
        command += (
            ["--cores", "2"] if profile == "default" else ["--profile", str(REPOSITORY / "workflow/profiles" / profile)]
        )
        with (self.folder / "snakemake.log").open("a") as log:
            return subprocess.Popen(
                [*command, *arguments], cwd=self.folder, env=env, stdout=log, stderr=log, start_new_session=True
            )

    def finish(
        self, *arguments: str, profile: str = "default", env: dict[str, str] | None = None, timeout: float = 900
    ) -> None:
        """Run to the end; fail with the log where that is not a good one."""
        run = self.start(*arguments, profile=profile, env=env)
        try:
            status = run.wait(timeout)
        finally:
            kill(run)
        assert status == 0, self.log()

    def log(self) -> str:
        return (self.folder / "snakemake.log").read_text()

    def tables(self) -> dict[str, str]:
        """Digest of every table that a run leaves."""
        results = self.folder / "results"
        files = [*results.glob("*.parquet"), *results.glob("*.csv")]
        files += [path for kind in TABLES for path in (results / kind).rglob("*.parquet")]
        return {str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}

    def leftovers(self) -> list[Path]:
        """Find what a writer left beside the tables."""
        return [path for path in (self.folder / "results").rglob(".*") if path.name != ".snakemake_timestamp"]

    def rows(self) -> dict[str, int]:
        return {
            path: pl.scan_parquet(self.folder / "results" / path).select(pl.len()).collect().item()
            for path in self.tables()
            if path.endswith(".parquet")
        }


def one_job_per_model(runs: Runs) -> list[str]:
    """Let each small model pass for a large one, with a job and a GPU of its own; return their names."""
    ladder = runs.folder / "config/ladder.tsv"
    header, *rows = [line.split("\t") for line in ladder.read_text().splitlines()]
    for row in rows:
        row[header.index("n_params")] = "10000000"
    ladder.write_text("".join("\t".join(row) + "\n" for row in [header, *rows]))
    return [row[header.index("model")] for row in rows]


def kill(run: subprocess.Popen) -> None:
    """Kill what is left of a run, its children too, as a machine that goes down does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
