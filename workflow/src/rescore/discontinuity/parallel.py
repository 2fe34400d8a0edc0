"""The same work on many subtasks, spread over processes."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice
from typing import TypeVar

from tqdm import tqdm

Job = TypeVar("Job")
Result = TypeVar("Result")

_WORTH = 64  # jobs before other processes are started: fewer take hardly longer than that, about two seconds
_AHEAD = 16  # jobs of a process that wait or are done and not yet asked for: no more than these are held at a time
_BLAS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def each(work: Callable[[Job], Result], jobs: Iterable[Job], *, workers: int, desc: str, unit: str) -> Iterator[Result]:
    """Do `work` on every job and give the results in the order of the jobs, with a progress bar on a terminal.

    Parameters
    ----------
    work
        A function that processes can be sent, with all it depends on among its arguments.
    jobs
        What to do it on; taken as they are needed.
    workers
        Processes at most; none beside this one for a few jobs.
    desc, unit
        What the bar says.
    """
    coming = iter(jobs)
    with tqdm(desc=desc, unit=unit, disable=None, leave=False) as bar:
        for job in islice(coming, None if workers <= 1 else _WORTH):
            yield work(job)
            bar.update()
        following = next(coming, None)
        if following is None:
            return
        with _one_blas_thread(), ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            waiting: deque[Future[Result]] = deque()
            for job in chain([following], coming):
                waiting.append(pool.submit(work, job))
                while len(waiting) >= _AHEAD * workers or (waiting and waiting[0].done()):
                    yield waiting.popleft().result()
                    bar.update()
            while waiting:
                yield waiting.popleft().result()
                bar.update()


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Let processes that are started meanwhile compute on one thread each: they take the place of threads."""
    before = {name: os.environ.get(name) for name in _BLAS}
    os.environ.update(dict.fromkeys(_BLAS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
