"""A job of the rule `extract`: what it runs, what it asks of a cluster, and which tables it leaves."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class ExtractJob(NamedTuple):
    """One extraction job, which runs its models one after the other, and what it asks a cluster for.

    `reasoned` are those of the tasks that let models reason before the answer. Memory is in megabytes, `gpus` 0 for
    models small enough for a processor, wall time in minutes.
    """

    models: Sequence[str]
    tasks: Sequence[str]
    reasoned: Sequence[str]
    mem_mb: int
    gpus: int
    runtime_min: int

    def tables(self, results: str = "results") -> list[str]:
        """Name the tables that it leaves."""
        kinds = {"extractions": self.tasks, "generations": self.tasks, "reasoning": self.reasoned}
        models = [(kind, tasks, model) for kind, tasks in kinds.items() for model in self.models]
        return [f"{results}/{kind}/{model}/{task}.parquet" for kind, tasks, model in models for task in tasks]


_SKEW_S = 60  # clocks of a cluster's machines differ


def forget_changed(jobs: Mapping[str, ExtractJob], done: str, results: str) -> None:
    """Remove the mark of each finished job whose tables are gone, or were replaced since, so that it runs again.

    Snakemake sees neither, as no rule names the tables. The job makes again what is missing or does not fit. `done` is
    the folder where each finished job has left a file of its name.
    """
    for name, job in jobs.items():
        mark = Path(done, name)
        if mark.exists():
            tables = job.tables(results)
            folders = [folder for folder in {Path(table).parent for table in tables} if folder.is_dir()]
            times = {entry.path: entry.stat().st_mtime for folder in folders for entry in os.scandir(folder)}
            latest = mark.stat().st_mtime + _SKEW_S
            if any(times.get(table, math.inf) > latest for table in tables):
                mark.unlink()
