"""`rescore compare`: two runs that differ in the prompt alone, to SCAFFOLD_SHIFT."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from rescore.commands.shared import say

if TYPE_CHECKING:
    import polars as pl

_QUESTIONS = ("seed", "max_examples")
_PROMPT = ("shots", "task_digest", "form")


class _Run(NamedTuple):
    """A run's folder and tables; by task, its prompt's settings and what each model's numbers depend on, if known."""

    folder: Path
    curves: "pl.DataFrame"
    verdicts: "pl.DataFrame"
    seed: Mapping[str, int]
    tasks: Mapping[str, Mapping[str, Any]]


def compare(
    plain: Annotated[Path, typer.Argument(help="Results of the run to start from.", show_default=False)],
    scaffolded: Annotated[Path, typer.Argument(help="Results of the run with the other prompt.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder to write to.", show_default=False)],
) -> None:
    """Say how far another prompt moves each rise.

    Takes two folders that `rescore test` wrote to, of the same models and questions under two prompts (shots, listed
    choices, chain of thought). Writes scaffold_shift to OUT as parquet and CSV; where OUT is one of the two folders,
    `rescore report` shows it.
    """
    from rescore.commands.printing import print_table
    from rescore.planning import scaffold_shift
    from rescore.tables import SCAFFOLD_SHIFT, InputError, write_twins

    first, second = _run(plain), _run(scaffolded)
    _check_models(first, second)
    prompts = _prompts(first, second)
    frame = scaffold_shift(first.curves, second.curves, verdicts=(first.verdicts, second.verdicts), **first.seed)
    if frame.is_empty():
        raise InputError(
            f"{scaffolded / 'curves.parquet'}: has no subtask and tested metric in common with {plain}; "
            "give two runs of the same tasks"
        )
    write_twins(frame, out, SCAFFOLD_SHIFT, {"plain": str(plain), "scaffolded": str(scaffolded), "prompts": prompts})
    told = frame.drop_nulls("shift_decades")
    shown = [name for name, told in SCAFFOLD_SHIFT.described.items() if told.shown]
    print_table(told.select(name for name in shown if name != "ladder" or told["ladder"].n_unique() > 1))
    say(
        f"{told.height} of {frame.height} curves have a shift, in decades of training compute: below 0 those of "
        f"{scaffolded} rise with less. Levels, and why the others have none: {out / 'scaffold_shift.csv'}"
    )


def _run(folder: Path) -> _Run:
    from rescore.tables import CURVES, VERDICTS, provenance, read

    curves = read(folder / "curves.parquet", CURVES)
    verdicts = read(folder / "verdicts.parquet", VERDICTS)
    made_by = provenance(folder / "verdicts.parquet")
    seed = {key: value for key, value in made_by.get("settings", {}).items() if key == "seed"}
    tasks = {task: said for task, said in made_by.get("scores", {}).items() if "task_digest" in said}
    return _Run(folder, curves, verdicts, seed, tasks)


def _check_models(first: _Run, second: _Run) -> None:
    """Refuse runs of other ladders, or of other weights or precision under the same names."""
    from rescore.tables import InputError

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
    from rescore.tables import InputError

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
