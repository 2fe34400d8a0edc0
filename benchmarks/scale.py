"""How storage, scoring, testing and the DAG grow: synthetic extractions of BIG-Bench's subtasks at several sizes.

    python benchmarks/scale.py --subtasks 50 100 200

Prints docs/scale.md's tables.
"""

import argparse
import contextlib
import importlib.util
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import polars as pl
import psutil
import yaml

from rescore import cli
from rescore.bigbench.catalogue import JSON_TASK, catalogue
from rescore.commands import score as command
from rescore.config.inputs import slug
from rescore.tables import EXAMPLES, EXTRACTIONS, GENERATIONS, files

ROOT = Path(__file__).parents[1]
LADDER = "model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\n"


class Size(NamedTuple):
    """What a run of some size took."""

    subtasks: int
    examples: int
    megabytes: float
    score: "Cost"
    test: "Cost"


class Cost(NamedTuple):
    """What one step took: wall time, time of a core, peak memory of its processes together."""

    wall_s: float
    core_s: float
    gib: float


def main() -> None:
    """Measure each size in processes of its own and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--subtasks", type=int, nargs="+", default=[100, 300, 1001], help="sizes (%(default)s)")
    parser.add_argument("--models", type=int, default=10, help="models of the ladder (%(default)s)")
    parser.add_argument("--examples", type=int, default=100, help="questions of a subtask (%(default)s)")
    parser.add_argument("--plan", type=int, nargs="+", default=[10, 100, 1540], help="models of dry runs (%(default)s)")
    chosen = parser.parse_args()
    print("| models of the plan | jobs | s | of a core | GiB |")
    print("| ---: " * 5 + "|")
    for n in chosen.plan:
        jobs, cost = dry_run(n)
        print(f"| {n:,} | {jobs:,} | {cost.wall_s:.0f} | {cost.core_s:.0f} | {cost.gib:.2f} |", flush=True)
    print()
    print(
        "| subtasks | questions x models | MB | bytes each | score, s | of a core | GiB | test, s | of a core | GiB |"
    )
    print("| ---: " * 10 + "|")
    for n in chosen.subtasks:
        one = measure(n, chosen.models, chosen.examples)
        each = 1e6 * one.megabytes / one.examples
        speed = " | ".join(f"{cost.wall_s:.0f} | {cost.core_s:.0f} | {cost.gib:.2f}" for cost in (one.score, one.test))
        print(f"| {one.subtasks:,} | {one.examples:,} | {one.megabytes:.1f} | {each:.0f} | {speed} |", flush=True)


def measure(n_subtasks: int, n_models: int, n_examples: int) -> Size:
    """Write extractions of `n_subtasks` subtasks, score them and test the scores."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apart(write, folder, n_subtasks, n_models, n_examples)
        files = [p for kind in ("extractions", "generations") for p in (folder / kind).rglob("*.parquet")]
        size = sum(p.stat().st_size for p in files)
        score, test = apart(score_all, folder), apart(test_all, folder)
    n = n_subtasks * n_examples * n_models
    return Size(n_subtasks, n, size / 1e6, score, test)


def apart(work: object, *arguments: object) -> Cost:
    """Do work in a process of its own; return what it took, its children's part included."""
    receive, send = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=timed, args=(send, work, *arguments))
    process.start()
    send.close()
    most = 0
    while not receive.poll(0.1):
        most = max(most, resident(process.pid))
    try:
        found: Cost = receive.recv()
    except EOFError:
        sys.exit(f"{work} failed")
    process.join()
    return found._replace(gib=max(found.gib, most / 2**30))


def resident(pid: int | None) -> int:
    """Add up the resident memory of a process and its children, bytes; what they share counts each time."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])
    return 0


def timed(send: object, work: object, *arguments: object) -> None:
    """Work, and send what it took; of the memory, what this process alone held at its peak."""
    start = time.perf_counter()
    work(*arguments)  # type: ignore[operator]  # a function of this module, which the process was given
    seconds = time.perf_counter() - start
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    core_s = sum(one.ru_utime + one.ru_stime for one in spent)
    send.send(Cost(seconds, core_s, spent[0].ru_maxrss / 2**20))  # type: ignore[attr-defined]  # a Connection


def write(folder: Path, n_subtasks: int, n_models: int, n_examples: int) -> None:
    """Write examples, extractions and generations of the catalogue's first subtasks, and a ladder."""
    made = load("score")
    rng = np.random.default_rng(0)
    leaves = catalogue().filter(pl.col("kind") == JSON_TASK).head(n_subtasks)
    names = [f"m{i}" for i in range(n_models)]
    rows = [f"{name}\tf\tx\t-\t{10 ** (3 + i / 2):.0f}\t{10**9}\tfloat32\n" for i, name in enumerate(names)]
    (folder / "ladder.tsv").write_text(LADDER + "".join(rows))
    for _, part in leaves.group_by(pl.col("name").str.split(":").list.first(), maintain_order=True):
        task = slug(part["name"][0].partition(":")[0])
        tables = made.joined([made.make(r["name"], n_examples, r["metrics"], rng) for r in part.rows(named=True)])
        rules = {s: r | {"stop_string": None, "output_regex": None} for s, r in tables.settings.items()}
        examples = folder / "examples" / f"{task}.parquet"
        files.write(tables.examples, examples, EXAMPLES, {"subtasks": rules})
        digest = files.digest(tables.examples)
        for i, model in enumerate(names):
            by = {"model": model, "task": task, "examples": digest, "fingerprint": model}
            skill = float(np.clip((i + rng.normal()) / n_models, 0, 1))
            surer = pl.col("logprob_nats").list.eval(pl.element() * (2 - skill))
            spoken = generations(worse(tables.answers, skill, rng))
            extracted = tables.extractions.with_columns(surer)
            files.write(extracted, folder / "extractions" / model / f"{task}.parquet", EXTRACTIONS, by)
            files.write(spoken, folder / "generations" / model / f"{task}.parquet", GENERATIONS, by)


def worse(answers: pl.DataFrame, skill: float, rng: np.random.Generator) -> pl.DataFrame:
    """Keep a share of the answers; let the others be one wrong word."""
    kept = pl.lit(pl.Series(rng.random(answers.height) < skill))
    wrong = pl.lit([0], pl.List(pl.Int32))
    return answers.with_columns(
        answer=pl.when(kept).then("answer").otherwise(pl.lit("w0")),
        answer_token_ids=pl.when(kept).then(pl.col("answer_token_ids").cast(pl.List(pl.Int32))).otherwise(wrong),
    )


def generations(answers: pl.DataFrame) -> pl.DataFrame:
    """Turn answers into the continuations that they would be cut from."""
    empty = pl.col("answer_token_ids").list.len() == 0
    ends = pl.col("answer").str.split(" ").list.eval((pl.element().str.len_chars() + 1).cum_sum() - 1)
    ids = pl.col("answer_token_ids")
    frame = answers.select(
        "subtask",
        "example_id",
        ids.alias("token_ids"),
        text="answer",
        span_ids=ids,
        span_ends=pl.when(empty).then(pl.col("answer_token_ids")).otherwise(ends.cast(pl.List(pl.Int32))),
        finish_reason=pl.lit("eos"),
        logprob_nats=pl.col("answer_token_ids").list.eval(-pl.element().cast(pl.Float32) / 5000),
    )
    return frame.select(pl.col(name).cast(dtype) for name, dtype in GENERATIONS.columns.items())


def score_all(folder: Path) -> None:
    """Score every task, a process a core, as the workflow's jobs do."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        for _ in pool.map(score, sorted((folder / "examples").iterdir())):
            pass


def score(examples: Path) -> None:
    """Score one task."""
    folder = examples.parents[1]
    files = sorted([*folder.glob(f"extractions/*/{examples.name}"), *folder.glob(f"generations/*/{examples.name}")])
    kinds = ("bigbench", "grading", "positions")
    others = {f"{kind}_out": folder / kind / examples.name for kind in kinds}
    command.score(files, examples, folder / "scores" / examples.name, **others)


def test_all(folder: Path) -> None:
    """Test all scores with the shipped settings."""
    settings = yaml.safe_load((ROOT / "config/config.yaml").read_text())["discontinuity"]
    scores = map(str, sorted((folder / "scores").iterdir()))
    sys.argv = ["rescore", "test", "--scores", *scores, "--ladder", str(folder / "ladder.tsv")]
    for kind in ("examples", "grading"):
        sys.argv += [word for path in sorted((folder / kind).iterdir()) for word in (f"--{kind}", str(path))]
    sys.argv += ["--settings", json.dumps(settings), "--out", str(folder)]
    try:
        cli.main()
    except SystemExit as end:
        if end.code:
            raise


def dry_run(n_models: int) -> tuple[int, Cost]:
    """Time Snakemake's dry run of all tasks; return the number of jobs, and the cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [f"m{i}\tf\torg/m{i}\tmain\t{10**8}\t{10**9}\tfloat32\n" for i in range(n_models)]
        (folder / "ladder.tsv").write_text(LADDER + "".join(rows))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--dry-run"]
        command += ["--quiet", "rules", "--cores", "2", "--configfile", str(ROOT / "config/config.yaml")]
        command += ["--config", "ladders=['ladder.tsv']", f"suite={ROOT / 'config/suites/all.tsv'}"]
        start = time.perf_counter()
        with (folder / "said").open("w") as said:
            process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
            _, status, spent = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        lines = (folder / "said").read_text().splitlines()
        totals = [line.split() for line in lines if line.startswith("total")]
        if status or not totals:
            sys.exit("\n".join(lines))
        return int(totals[0][1]), Cost(seconds, spent.ru_utime + spent.ru_stime, spent.ru_maxrss / 2**20)


def load(name: str) -> ModuleType:
    """Import another benchmark by its file's name."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", Path(__file__).parent / f"{name}.py")
    if spec is None or spec.loader is None:
        sys.exit(f"no {name}.py beside this file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
