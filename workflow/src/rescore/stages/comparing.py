"""Two runs that differ in the prompt alone: how far each rise moves."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rescore import tables as schema
from rescore.tables import InputError

_QUESTIONS = ("seed", "max_examples")
_PROMPT = ("shots", "task_digest")
_NUMBERS = ("shift_decades", "shift_low", "shift_high")


@dataclass(frozen=True)
class _Run:
    folder: Path
    curves: pl.DataFrame
    verdicts: pl.DataFrame
    made_by: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "_Run":
        verdicts = folder / "verdicts.parquet"
        return cls(
            folder,
            schema.read(folder / "curves.parquet", schema.CURVES),
            schema.read(verdicts, schema.VERDICTS),
            schema.provenance(verdicts),
        )

    @property
    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """By task, its prompt's settings, and of each model what its numbers hang on; empty where not known."""
        scores: Mapping[str, Mapping[str, Any]] = self.made_by.get("scores", {})
        return {task: said for task, said in scores.items() if "task_digest" in said}


def compare(plain: Path, scaffolded: Path, out: Path) -> None:
    """Write SCAFFOLD_SHIFT of two runs to `out` as parquet and CSV, and print it in short.

    Parameters
    ----------
    plain, scaffolded
        Folders that `rescore test` wrote to: under the prompt to start from, and under the other one.
    out
        The folder to write to.

    Raises
    ------
    InputError
        A table is missing; or the runs differ in their models or questions, have the same prompts, or have no curve in
        common. What the tables do not tell, as those of imported means, is not checked.
    """
    from rescore.planning import scaffold_shift
    from rescore.stages.reporting import print_table

    first, second = _Run.read(plain), _Run.read(scaffolded)
    _check_models(first, second)
    prompts = _prompts(first, second)
    tested = first.made_by.get("settings", {})
    frame = scaffold_shift(
        first.curves,
        second.curves,
        verdicts=(first.verdicts, second.verdicts),
        **{key: tested[key] for key in ("seed",) if key in tested},
    )
    if frame.is_empty():
        raise InputError(
            f"{scaffolded / 'curves.parquet'}: has no subtask and tested metric in common with {plain}; "
            "give two runs of the same tasks"
        )
    made_by = {"plain": str(plain), "scaffolded": str(scaffolded), "prompts": prompts}
    schema.write_twins(frame, out, schema.SCAFFOLD_SHIFT, made_by)
    told = frame.drop_nulls("shift_decades")
    ladder = ["ladder"] if frame["ladder"].n_unique() > 1 else []
    print_table(told.select(*ladder, "subtask", "metric", pl.col(_NUMBERS).round(3)))
    print(  # noqa: T201
        f"{told.height} of {frame.height} curves have a shift, in decades of training compute: below 0 those of "
        f"{scaffolded} rise with less. Levels, and why the others have none: {out / 'scaffold_shift.csv'}",
        file=sys.stderr,
    )


def _check_models(first: _Run, second: _Run) -> None:
    """Refuse runs of other ladders, or of other weights or precision under the same names."""
    models, others = (set(run.curves.select("ladder", "model", "compute_flops").iter_rows()) for run in (first, second))
    for mine, theirs, run, other in ((models, others, first, second), (others, models, second, first)):
        for ladder, model, _ in sorted(mine - theirs, key=str):
            raise InputError(
                f"{run.folder / 'curves.parquet'}: model '{model}' of ladder '{ladder}' is not in {other.folder}, "
                "or there with another compute; give two runs of the same ladder tables"
            )
    for task in first.tasks.keys() & second.tasks.keys():
        here, there = first.tasks[task]["models"], second.tasks[task]["models"]
        for model in here.keys() & there.keys():
            for key in ("model_identity", "dtype"):
                if here[model].get(key) != there[model].get(key):
                    raise InputError(
                        f"{second.folder / 'verdicts.parquet'}: task '{task}': model '{model}' has another {key} "
                        f"than in {first.folder}; the runs must differ in the prompt alone"
                    )


def _prompts(first: _Run, second: _Run) -> dict[str, dict[str, tuple[Any, Any]]]:
    """Tell by task how its prompt differs; refuse runs of other questions, or whose every prompt is the same."""
    both = sorted(first.tasks.keys() & second.tasks.keys())
    changed: dict[str, dict[str, tuple[Any, Any]]] = {}
    for task in both:
        here, there = first.tasks[task], second.tasks[task]
        for key in _QUESTIONS:
            if here.get(key) != there.get(key):
                raise InputError(
                    f"{second.folder / 'verdicts.parquet'}: task '{task}': {key} is {there.get(key)}, "
                    f"in {first.folder} {here.get(key)}; both runs must ask the same questions"
                )
        changed[task] = {key: (here.get(key), there.get(key)) for key in _PROMPT if here.get(key) != there.get(key)}
    if both and not any(changed.values()):
        raise InputError(
            f"{second.folder / 'verdicts.parquet'}: has the prompts of {first.folder}, shots and tasks being the same; "
            "give a run with others"
        )
    return changed
