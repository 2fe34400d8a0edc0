"""A job of the rule `extract`: what it runs, what it asks of a cluster, and which tables it leaves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class ExtractJob(NamedTuple):
    """One extraction job, which runs its models one after the other, and what it asks a cluster for.

    Attributes
    ----------
    reasoned
        Those of the tasks that let models reason before the answer.
    mem_mb
        Main memory, megabytes.
    gpus
        GPUs; 0 for models small enough for a processor.
    runtime_min
        Wall time, minutes.
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


def lost_tables(jobs: Mapping[str, ExtractJob], done: str, results: str) -> dict[str, list[str]]:
    """By name of an extraction job that is done: those of its tables that are gone.

    Parameters
    ----------
    done
        The folder where each job that is done has left a file of its name.
    results
        The folder of the tables.
    """
    lost = {}
    for name, job in jobs.items():
        if Path(done, name).exists():
            tables = job.tables(results)
            there = {str(path) for folder in {Path(table).parent for table in tables} for path in folder.glob("*")}
            gone = [table for table in tables if table not in there]
            if gone:
                lost[name] = gone
    return lost
