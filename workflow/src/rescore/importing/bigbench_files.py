"""BIG-bench's score files and full logs, read together: means, questions, models."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl
from tqdm import tqdm

from rescore.importing import bigbench_ladders, json_files
from rescore.importing.bigbench_ladders import Size
from rescore.importing.bigbench_logs import read_log
from rescore.importing.bigbench_scores import Leaves, model_name, named, rows
from rescore.importing.finish import Options, Written, finish
from rescore.importing.names import NAMES
from rescore.importing.renames import read_renames
from rescore.importing.tidy import CHOICES, FOUND, ITEMS, Collected, frame, stack, whole_name
from rescore.tables import InputError, some

_NAMED = re.compile(r"(scores|full-log)_.*\.json(\.gz)?")
_LEAF = ["task", "subtask"]
_OF_ITEMS = ("log_likelihood", "brier_score")  # the log's own numbers: of several right answers the sum is another


class Published(NamedTuple):
    written: Written
    ladders: Sequence[Path]
    axis: str | None  # along which all models of the ladders have a place; None where the user gave the ladders
    preferred: pl.DataFrame  # task, subtask (whole), preferred (a metric, as BIG-bench calls it), metric (ours)


def bigbench_scores(
    paths: Sequence[Path], options: Options, *, n: int | None, leaves: Callable[[str, Path], tuple[Leaves, str | None]]
) -> Published:
    """Import score files and full logs of BIG-bench; of a folder, all in it and in the folders in it.

    Without `options.ladders` these are made of the files, in the folder `ladders` of `options.out`.

    Parameters
    ----------
    n
        Questions of every subtask; what `leaves` says if None.
    leaves
        Says of a task and a file of its results what is known of its subtasks, and what is wrong with its own files.

    Raises
    ------
    InputError
        There are no files, one is broken, or two describe a model differently.
    """
    files = []
    for path in paths:
        every = sorted(path.rglob("*.json*")) if path.is_dir() else []
        files += [file for file in every if _NAMED.fullmatch(file.name)] if path.is_dir() else [path]
    files.sort(key=lambda file: file.name.startswith("full-log_"))  # the first file of a task decides where they differ
    if not files:
        raise InputError(f"{paths[0]}: holds no scores_*.json and no full-log_*.json")
    collected, preferred, sizes = _read(files, n, leaves)
    axis = None
    if not options.ladders:
        made = bigbench_ladders.write(sizes, options.out / "ladders")
        options, axis = replace(options, ladders=made.paths), made.axis
        collected.notes.extend(made.notes)
    names = read_renames(options.rename)
    written = finish(collected, names, options, source=some(map(str, paths)), tool="bigbench-scores")
    return Published(written, options.ladders, axis, preferred)


def _read(
    files: Sequence[Path], n: int | None, leaves: Callable[[str, Path], tuple[Leaves, str | None]]
) -> tuple[Collected, pl.DataFrame, dict[str, Size]]:
    """Return what was collected, the metric that each subtask prefers, and the models."""
    found, items = [], []
    choices: dict[tuple[object, ...], pl.DataFrame] = {}
    preferred: dict[tuple[str, str], str] = {}
    sizes: dict[str, Size] = {}
    notes: dict[str, None] = {}
    unnamed = 0
    for path in tqdm(files, desc="reading", unit="file", disable=None, leave=False):
        content = json_files.content(path)
        if content.problem or content.several:
            raise InputError(f"{path}: {content.problem or 'several values, expected one'}")
        report = content.value
        with json_files.refusing(path, "no score file of BIG-bench"):
            task = json_files.text(report["task"], "task_name")
            known, problem = leaves(task, path)
            if problem:
                notes[f"{problem}: so its questions were counted in the shipped catalogue"] = None
            means = rows(report, known, where=str(path), n=n)
            preferred |= {(row["task"], whole_name(row["task"], row["subtask"])): row["preferred"] for row in means}
            found.append(frame(means, FOUND))
            bigbench_ladders.add(sizes, bigbench_ladders.size(report["model"], where=str(path)))
            if report.get("queries"):
                log = read_log(report, where=str(path), model=model_name(report["model"]))
                unnamed += log.unnamed
                items.append(log.items)
                for key, part in log.choices.partition_by("task", "subtask", "shots", as_dict=True).items():
                    if key not in choices or part.height > choices[key].height:
                        choices[key] = part
    if unnamed:
        notes[f"{unnamed} logged questions of programmatic tasks name no subtask: their means alone are read"] = None
    logged = stack(items, ITEMS)
    # Tasks were mended between evaluations, so that files differ a little in what guessing scores.
    every = stack(found, FOUND).with_columns(chance=pl.col("chance").drop_nulls().first().over(*_LEAF, "metric"))
    if uncounted := every.filter(pl.col("n").is_null())["task"].unique(maintain_order=True).to_list():
        notes[f"not judged, as their number of questions is not known (--n): {some(uncounted)}"] = None
    told = pl.DataFrame(
        [(*leaf, metric, NAMES.get(named(metric), named(metric))) for leaf, metric in preferred.items()],
        schema=dict.fromkeys((*_LEAF, "preferred", "metric"), pl.String),
        orient="row",
    )
    of_choices = stack(choices.values(), CHOICES)
    # Means that are not those of the logged questions, as they are defined otherwise here, are left out.
    place = ["model", *_LEAF, "shots"]
    there = logged.select(place).unique().join(pl.DataFrame({"metric": _OF_ITEMS}), how="cross")
    every = every.join(there, on=[*place, "metric"], how="anti", nulls_equal=True, maintain_order="left")
    return Collected(every, logged, of_choices, list(notes)), told, sizes
