"""BIG-bench's score files and full logs, read together: means, questions, models."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl
from tqdm import tqdm

from rescore.importing import bigbench_ladders, json_files
from rescore.importing.bigbench_ladders import Size
from rescore.importing.bigbench_logs import read_log
from rescore.importing.bigbench_scores import Leaves, model_name, named, rows, text
from rescore.importing.collect import some
from rescore.importing.names import NAMES, Name
from rescore.importing.tidy import CHOICES, FOUND, ITEMS, frame
from rescore.tables import InputError

_LEAF = ["task", "subtask"]
_OF_ITEMS = ("log_likelihood", "brier_score")  # the log's own numbers: of several right answers the sum is another


class Read(NamedTuple):
    """FOUND, ITEMS and CHOICES of all files; the metric each subtask prefers; the models; what the user should know."""

    found: pl.DataFrame
    items: pl.DataFrame
    choices: pl.DataFrame
    preferred: pl.DataFrame
    sizes: dict[str, Size]
    notes: list[str]


def read(files: Sequence[Path], *, n: int | None, leaves: Callable[[str, Path], tuple[Leaves, str | None]]) -> Read:
    """Read files; parameters as of `importers.bigbench_scores`.

    Raises
    ------
    InputError
        A file that is no such file, or a model that two files describe differently.
    """
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
        try:
            task = text(report["task"], "task_name")
            known, problem = leaves(task, path)
            if problem:
                notes[f"{problem}: so its questions were counted in the shipped catalogue"] = None
            means = rows(report, known, where=str(path), n=n)
            preferred |= {(row["task"], _whole(row["task"], row["subtask"])): row["preferred"] for row in means}
            found.append(frame(means, FOUND))
            bigbench_ladders.add(sizes, bigbench_ladders.size(report["model"], where=str(path)))
            log = (
                read_log(report, where=str(path), model=model_name(report["model"])) if report.get("queries") else None
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(f"{path}: no score file of BIG-bench: {type(error).__name__} {error}") from error
        if log:
            unnamed += log.unnamed
            items.append(log.items)
            for key, part in log.choices.partition_by("task", "subtask", "shots", as_dict=True).items():
                choices.setdefault(key, part)
    if unnamed:
        notes[f"{unnamed} logged questions of programmatic tasks name no subtask: their means alone are read"] = None
    logged = pl.concat([frame([], ITEMS), *items])
    every = pl.concat([frame([], FOUND), *found])
    # Tasks were mended between evaluations, so that files differ a little in what guessing scores.
    every = every.with_columns(chance=pl.col("chance").drop_nulls().first().over(*_LEAF, "metric"))
    if uncounted := every.filter(pl.col("n").is_null())["task"].unique(maintain_order=True).to_list():
        notes[f"not judged, as their number of questions is not known (--n): {some(uncounted)}"] = None
    told = pl.DataFrame(
        [(*leaf, metric, NAMES.get(named(metric), Name(named(metric))).metric) for leaf, metric in preferred.items()],
        schema=dict.fromkeys((*_LEAF, "preferred", "metric"), pl.String),
        orient="row",
    )
    return Read(
        _without_items(every, logged),
        logged,
        pl.concat([frame([], CHOICES), *choices.values()]),
        told,
        sizes,
        list(notes),
    )


def _whole(task: str, leaf: str | None) -> str:
    return task if leaf is None else leaf if leaf.startswith(f"{task}:") else f"{task}:{leaf}"


def _without_items(found: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Leave out means that are not those of the logged questions, as they are defined otherwise here."""
    key = ["model", *_LEAF, "shots"]
    there = items.select(key).unique().join(pl.DataFrame({"metric": _OF_ITEMS}), how="cross")
    return found.join(there, on=[*key, "metric"], how="anti", nulls_equal=True, maintain_order="left")
