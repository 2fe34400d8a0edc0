"""Work spread over processes: the same results in the same order."""

import os

import pytest

from rescore.discontinuity import Settings, analyse, parallel
from rescore.discontinuity.parallel import each
from rescore.simulate import Truth, simulated_ladder, simulated_scores


def whose(job: int) -> tuple[int, int]:
    """The job, and the process that did it."""
    return job, os.getpid()


def test_jobs_keep_their_order_in_processes() -> None:
    done = list(each(whose, range(140), workers=2, desc="", unit="job"))
    assert [job for job, _ in done] == list(range(140))
    own = [os.getpid() == process for _, process in done]
    assert own == [True] * 64 + [False] * 76  # so many before others are started


def test_jobs_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []
    done = each(whose, (taken.append(job) or job for job in range(500)), workers=2, desc="", unit="job")
    for _ in range(65):
        next(done)
    assert len(taken) <= 64 + 2 * 16
    assert [job for job, _ in done] == list(range(65, 500))


@pytest.mark.parametrize(("jobs", "workers"), [(0, 2), (1, 8), (64, 8), (128, 1)])
def test_few_jobs_and_a_single_worker_start_no_process(jobs: int, workers: int) -> None:
    done = each(whose, range(jobs), workers=workers, desc="", unit="job")
    assert list(done) == [(job, os.getpid()) for job in range(jobs)]


def test_verdicts_do_not_depend_on_the_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    truths = {f"t{i:02d}": Truth(shape=("step", "chain", "flat")[i % 3], tokens=1 + i % 3) for i in range(10)}
    ladder = simulated_ladder(rungs=6)
    scores = simulated_scores(truths, ladder, n_items=20)
    alone = analyse(scores, ladder, Settings(draws=99))
    monkeypatch.setattr(parallel, "_WORTH", 2)
    spread = analyse(scores, ladder, Settings(draws=99), workers=2)
    for one, two in zip(alone, spread, strict=True):
        assert two.equals(one)
