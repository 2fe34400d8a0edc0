"""The same work on many subtasks, spread over processes."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import TypeVar

from tqdm import tqdm

Job = TypeVar("Job")
Result = TypeVar("Result")

_WORTH = 64  # jobs before other processes are started: fewer take hardly longer than that, about two seconds
_AHEAD = 8  # jobs of a process in one batch; two batches are held at a time


def each(work: Callable[[Job], Result], jobs: Iterable[Job], *, workers: int, desc: str, unit: str) -> Iterator[Result]:
    """Do `work` on every job and yield the results in the order of the jobs, with a progress bar on a terminal.

    `work` must be a function that can be pickled. Jobs are taken as they are needed. Up to `workers` processes are
    started, none for a few jobs.
    """
    yield from tqdm(_each(work, iter(jobs), workers), desc=desc, unit=unit, disable=None, leave=False)


def _each(work: Callable[[Job], Result], jobs: Iterator[Job], workers: int) -> Iterator[Result]:
    yield from map(work, islice(jobs, None if workers <= 1 else _WORTH))
    batch = list(islice(jobs, _AHEAD * workers))
    if not batch:
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = pool.map(work, batch)
        while batch:
            batch = list(islice(jobs, _AHEAD * workers))  # made while the one before is worked on
            following = pool.map(work, batch)
            yield from running
            running = following
