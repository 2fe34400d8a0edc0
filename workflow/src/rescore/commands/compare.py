"""`rescore compare`: runs that differ in the prompt alone, to SCAFFOLD_SHIFT and PROMPT_STABILITY."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from rescore.commands.shared import check_tested, say

if TYPE_CHECKING:
    import polars as pl

_QUESTIONS = ("seed", "max_examples")
_PROMPT = ("shots", "task_digest", "form")


class _Run(NamedTuple):
    """A run's folder and tables; by task, its prompt's settings and what each model's numbers depend on, if known."""

    folder: Path
    curves: "pl.DataFrame"
    verdicts: "pl.DataFrame"
    cliffs: "pl.DataFrame"
    rises: "pl.DataFrame"
    axis: str
    seed: Mapping[str, int]
    tasks: Mapping[str, Mapping[str, Any]]


def compare(
    plain: Annotated[Path, typer.Argument(help="Results of the run to start from.", show_default=False)],
    others: Annotated[
        list[Path], typer.Argument(help="Results of runs with other prompts, one or more.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.", show_default=False)],
) -> None:
    """Say how far other prompts move each rise, and how stable answers are.

    Takes two folders or more that `rescore test` wrote to, of the same models and questions under as many prompts
    (shots, listed choices, chat template, reasoning). Writes scaffold_shift (each against the first) and
    prompt_stability (over all) to OUT as parquet and CSV; where OUT is one of the folders, `rescore report` shows them.
    """
    import polars as pl

    from rescore.commands.printing import print_table
    from rescore.planning import PromptSetting, prompt_stability, scaffold_shift
    from rescore.tables import PROMPT_STABILITY, SCAFFOLD_SHIFT, InputError, write_twins

    first, *rest = runs = [_run(folder) for folder in (plain, *others)]
    changed = {}
    for one, other in combinations(runs, 2):
        _check_models(one, other)
        found = _prompts(one, other)
        if one is first:
            changed[str(other.folder)] = found
    parts = []
    for run in rest:
        both = (first.verdicts, run.verdicts)
        part = scaffold_shift(first.curves, run.curves, verdicts=both, setting=str(run.folder), **first.seed)
        if part.is_empty():
            raise InputError(
                f"{run.folder / 'curves.parquet'}: has no subtask and tested metric in common with {plain}; "
                "give runs of the same tasks"
            )
        parts.append(part)
    shifts = pl.concat(parts)
    stability = prompt_stability([PromptSetting(run.verdicts, run.cliffs, run.rises) for run in runs], shifts)
    made_by = {"plain": str(plain), "others": list(changed), "prompts": changed}
    write_twins(shifts, out, SCAFFOLD_SHIFT, made_by)
    write_twins(stability, out, PROMPT_STABILITY, made_by)
    several = {"ladder": shifts["ladder"].n_unique() > 1, "setting": len(rest) > 1}
    for table, frame in (
        (SCAFFOLD_SHIFT, shifts.drop_nulls("shift_decades")),
        (PROMPT_STABILITY, stability.drop_nulls("stable")),
    ):
        print_table(
            frame.select(name for name, told in table.described.items() if told.shown and several.get(name, True))
        )
    say(
        f"{shifts['shift_decades'].count()} of {shifts.height} curves have a shift, in decades of training compute: "
        f"below 0 the other prompt rises with less than {plain}. Levels, and why the others have none: "
        f"{out / 'scaffold_shift.csv'}"
    )
    asked = stability["stable"].drop_nulls()
    say(
        f"{asked.sum()} of {len(asked)} curves keep all three answers under {len(runs)} prompts; every metric's "
        f"verdict and elbow: {out / 'prompt_stability.csv'}"
    )


def _run(folder: Path) -> _Run:
    from rescore.tables import CLIFFS, CURVES, RISES, VERDICTS, InputError, provenance, read

    check_tested(folder)
    curves, verdicts, cliffs, rises = (read(folder / t.file, t) for t in (CURVES, VERDICTS, CLIFFS, RISES))
    if verdicts.is_empty():
        raise InputError(f"{folder / VERDICTS.file}: holds no curve; give a run that `rescore test` tested")
    made_by = provenance(folder / "verdicts.parquet")
    seed = {key: value for key, value in made_by.get("settings", {}).items() if key == "seed"}
    tasks = {task: said for task, said in made_by.get("scores", {}).items() if "task_digest" in said}
    axis = ", ".join(verdicts["axis"].unique().sort())
    return _Run(folder, curves, verdicts, cliffs, rises, axis, seed, tasks)


def _check_models(first: _Run, second: _Run) -> None:
    """Refuse runs of other ladders, or of other weights or precision under the same names."""
    from rescore.tables import InputError

    if first.axis != second.axis:
        raise InputError(
            f"{second.folder / 'verdicts.parquet'}: column 'axis': {second.axis}, in {first.folder} {first.axis}; "
            "test both along the same"
        )
    models, others = (set(run.curves.select("ladder", "model", "compute_flops").iter_rows()) for run in (first, second))
    for mine, theirs, run, other in ((models, others, first, second), (others, models, second, first)):
        for ladder, model, _ in sorted(mine - theirs, key=str):
            raise InputError(
                f"{run.folder / 'curves.parquet'}: model '{model}' of ladder '{ladder}' is not in {other.folder}, "
                "or there with another compute; give runs of the same ladder tables"
            )
    for task in first.tasks.keys() & second.tasks.keys():
        here, there = (run.tasks[task].get("models", {}) for run in (first, second))
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
            f"{second.folder / 'verdicts.parquet'}: the prompts are those of {first.folder} (same shots, tasks and "
            "form); compare runs whose prompts differ"
        )
    return changed
