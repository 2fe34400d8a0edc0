"""The first edition of the method on the same planted tasks; `calibration.py` runs this with that edition's code.

    PYTHONPATH=OLD/workflow/src python benchmarks/calibration_first.py --replicates 2 --seed 0 --out first.parquet

OLD holds the repository as it was at the commit `COMMIT`. The first edition reads exact match, NLL per token and the
share of right tokens, of a choice its grade less chance, and decides a single subtask on unadjusted p-values.
"""

import importlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import polars as pl
import typer
from calibration_kinds import KEY, Design, draw, grid
from planted import Task

COMMIT = "f2863fb"
REPOSITORY = Path(__file__).parents[1]
NLL, EXACT, ACCURACY, GRADE = "nll_nats_per_token", "exact_match", "token_accuracy", "multiple_choice_grade"


def first_edition(replicates: int, seed: int, python: str = sys.executable) -> pl.DataFrame:
    """Judge the grid with the code of `COMMIT`, in a process of its own."""
    with TemporaryDirectory() as folder:
        git = ["git", "-C", str(REPOSITORY), "archive", COMMIT, "workflow/src/rescore"]
        archive = subprocess.run(git, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        out = Path(folder) / "first.parquet"
        arguments = ["--replicates", str(replicates), "--seed", str(seed), "--out", str(out)]
        environment = os.environ | {"PYTHONPATH": str(Path(folder) / "workflow/src")}
        subprocess.run([python, __file__, *arguments], check=True, env=environment)
        return pl.read_parquet(out)


def judge_first(design: Design, seed: int) -> dict[str, Any]:
    """Return the first edition's label of a task, and its verdict of the hard metric's curve."""
    of = {name: importlib.import_module(f"rescore.discontinuity.{name}") for name in ("curve", "subtask", "task")}
    settings = importlib.import_module("rescore.discontinuity").Settings(draws_tail=999, decades_min=1.5)
    task = draw(design, seed)
    curves = {name: of["curve"].curve_from_items(*scores) for name, scores in _scores(task).items()}
    if GRADE in curves:
        above = importlib.import_module("rescore.discontinuity.chance").above_chance
        curves[GRADE] = above(curves[GRADE], 1 / task.options)
    scales = of["subtask"].analyse_subtask(curves, settings, names=tuple(map(str, (repr(design), seed))))
    labels = of["subtask"].label_subtask(scales, settings, reference=NLL)
    verdicts, reasons = ({m: getattr(cell, part) for m, cell in labels.items()} for part in ("verdict", "reason"))
    hard, gain = of["task"].hard_metric(verdicts), None
    if verdicts[hard] == "cliff":
        gain = of["subtask"].p_gain(scales[hard], scales[NLL], settings)
    label = of["task"].label_task(verdicts, reasons, p_gain=gain, alpha=settings.alpha).label
    return {name: getattr(design, name) for name in KEY} | {"first_label": label, "first_verdict": verdicts[hard]}


def _scores(task: Task) -> dict[str, Any]:
    hard = EXACT if task.accuracy else GRADE
    scores = {hard: [rung[3] for rung in task.rungs], NLL: [-rung[0] for rung in task.rungs]}
    if task.accuracy:
        scores[ACCURACY] = task.accuracy
    return {metric: (task.x, rungs) for metric, rungs in scores.items()}


def main(replicates: Annotated[int, typer.Option(min=1)], out: Annotated[Path, typer.Option()], seed: int = 0) -> None:
    """Judge the grid and write one row per task."""
    pl.DataFrame([judge_first(design, seed) for design in grid(replicates)]).write_parquet(out)


if __name__ == "__main__":
    typer.run(main)
