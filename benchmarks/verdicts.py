"""How fast curves are tested, and what a second process brings.

`python benchmarks/verdicts.py` makes the scores of a ladder on as many subtasks as BIG-Bench has, under six metrics
that are tested, of skill of every shape that `rescore.simulate` knows, and tests them: from the table of scores to the
tables of curves, verdicts and cliffs. Then a part of them with one process and with several in turns, which must find
the same. Making the scores is not timed. Seconds of processor are those of all processes, their start included: where
other programs keep the machine busy they tell more than the clock.
"""

import argparse
import os
import resource
import sys
import time
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one process is to be one thread, as those that it starts are

import numpy as np
import polars as pl

from rescore.discontinuity import Analysis, analyse
from rescore.simulate import Shape, Truth, simulated_items, simulated_ladder
from rescore.tables import SCORES

SHAPES: tuple[Shape, ...] = ("chain", "power", "step", "hinge", "flat", "inverse")


def main() -> None:
    """Run the benchmark and print what it finds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--subtasks", type=int, default=1001, help="subtasks in all (%(default)s)")
    parser.add_argument("--part", type=int, default=200, help="subtasks that are tested in turns (%(default)s)")
    parser.add_argument("--rungs", type=int, default=10, help="models, each a size (%(default)s)")
    parser.add_argument("--items", type=int, default=100, help="questions of a subtask (%(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="processes (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="timings of the part (%(default)s)")
    chosen = parser.parse_args()
    ladder = simulated_ladder(rungs=chosen.rungs, decades=4)
    found, clock, processor = timed(make(ladder, chosen.subtasks, chosen.items), ladder, chosen.threads)
    verdicts = found.verdicts
    print(
        f"{chosen.subtasks:,} subtasks, {verdicts.height:,} curves of {chosen.rungs} rungs, {chosen.items} questions"
        f", {chosen.threads} processes: {clock:.1f} s, {verdicts.height / clock:.0f} curves a second, "
        f"{processor:.1f} s of processor"
    )
    print(", ".join(f"{n:,} {verdict}" for verdict, n in verdicts["verdict"].value_counts(sort=True).iter_rows()))
    one, several = in_turns(make(ladder, chosen.part, chosen.items), ladder, chosen.threads, chosen.repeats)
    print(
        f"{chosen.part} subtasks: {one:.1f} s with 1 process, {several:.1f} s with {chosen.threads}, "
        f"{one / several:.2f} times as fast (medians of {chosen.repeats})"
    )


def in_turns(scores: pl.DataFrame, ladder: pl.DataFrame, threads: int, repeats: int) -> tuple[float, float]:
    """Test the same scores with one process and with several; return the medians of their seconds.

    Stops where they find different tables.
    """
    seconds: dict[int, list[float]] = {1: [], threads: []}
    tables: list[Analysis] = []
    for _ in range(repeats):
        for number in seconds:
            found, clock, _ = timed(scores, ladder, number)
            seconds[number].append(clock)
            tables.append(found)
    if not all(one.equals(two) for again in tables[1:] for one, two in zip(tables[0], again, strict=True)):
        sys.exit("the verdicts depend on the number of processes")
    return median(seconds[1]), median(seconds[threads])


def timed(scores: pl.DataFrame, ladder: pl.DataFrame, threads: int) -> tuple[Analysis, float, float]:
    """Test scores; return what was found, the seconds it took, and those of processor."""
    start, busy = time.perf_counter(), processor_seconds()
    found = analyse(scores, ladder, workers=threads)
    return found, time.perf_counter() - start, processor_seconds() - busy


def processor_seconds() -> float:
    """Seconds of processor of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def make(ladder: pl.DataFrame, subtasks: int, n_items: int) -> pl.DataFrame:
    """Scores of a ladder on `subtasks` subtasks, all shapes in turn."""
    return pl.concat(
        [table(f"task{i:04}", truth(i), ladder, n_items, np.random.default_rng([0, i])) for i in range(subtasks)]
    )


def truth(i: int) -> Truth:
    """Return a skill of the i-th shape, of 1 to 8 tokens, at a height and place that differ from task to task."""
    u = i * 0.618 % 1
    return Truth(shape=SHAPES[i % len(SHAPES)], tokens=1 + i % 8, top_logit=1 + 3 * u, at=0.3 + 0.4 * u)


def table(task: str, truth: Truth, ladder: pl.DataFrame, n_items: int, rng: np.random.Generator) -> pl.DataFrame:
    """Scores of one task under six tested metrics: the four that are simulated, and two that are made of them."""
    scores = simulated_items(truth, np.log10(ladder["compute_flops"].to_numpy()), n_items=n_items, rng=rng)
    scores["multiple_choice_grade"] = np.maximum(scores["exact_match"], rng.random(scores["exact_match"].shape) < 0.25)
    scores["target_probability"] = np.exp(-truth.tokens * scores["nll_nats_per_token"])
    own = {
        "model": np.repeat(ladder["model"].to_list(), n_items),
        "example_id": np.tile(np.arange(n_items), len(ladder)),
    }
    frames = [
        pl.DataFrame({**own, "task": task, "subtask": task, "metric": metric, "score": values.ravel(), "reason": None})
        for metric, values in scores.items()
    ]
    return pl.concat(frames).select(pl.col(name).cast(dtype) for name, dtype in SCORES.columns.items())


if __name__ == "__main__":
    main()
