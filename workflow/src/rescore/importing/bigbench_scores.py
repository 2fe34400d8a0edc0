"""BIG-bench's published score files, `scores_*.json`, as `bigbench/api/results.py` of its 1.0.0 package defines them.

A file is one model on one task: `task.task_name`, `model` (family, name, parameters, batch, steps), and `scores`, one
entry per subtask and number of shots, with a `score_dict` from metric to number. Scores have the scale on which
BIG-bench computes them: from 0 to 1 for exact match and multiple-choice grade. (Its reader multiplies by 100, its files
do not.) The file does not say how many questions were asked, nor how many choices they have.
"""

import re
from collections.abc import Mapping
from typing import Any

from rescore.importing.json_files import text
from rescore.importing.names import KNOWN, spelled

BRIER = "calibration_multiple_choice_brier_score"
"""BIG-bench's Brier score: its squares are averaged over all choices of all questions, not summed over a question's."""

_METRICS = frozenset({"exact_str_match", "multiple_choice_grade", "log_likelihood"})  # those that have a name here
_MEANS = "normalized_aggregate_score"  # over subtasks, of other metrics

Leaves = Mapping[str, tuple[int | None, float | None]]
"""By `task` or `task:subtask`, its number of questions, and of choices on average where each has one right choice."""


def rows(report: Mapping[str, Any], leaves: Leaves, *, where: str, n: int | None) -> list[dict[str, Any]]:
    """Read the rows of FOUND off a file, with `preferred`, BIG-bench's name of the metric that the subtask prefers.

    Where the file has subtasks, the entry named after the task is their mean and is left out. If the preferred metric
    is multiple-choice grade, its chance is the entry's `low_score`. BIG-bench's Brier score times the mean number of
    choices is the mean of ours, sum_c (p_c - y_c)^2, where each question has one right choice; else it keeps its name.
    `leaves` tells how many questions a subtask has, or `n` of every subtask, where the user knows it better.
    """
    task, entries = report["task"]["task_name"], report["scores"]
    model = model_name(report["model"])
    names = {entry.get("subtask_description") or task for entry in entries}
    found = []
    for entry in entries:
        leaf = text(entry, "subtask_description") if entry.get("subtask_description") else task
        if leaf == task and names != {task}:
            continue
        questions, choices = leaves.get(leaf) or leaves.get(f"{task}:{leaf}") or (None, None)
        shots, preferred = entry["number_of_shots"], text(entry, "preferred_score")
        place = {
            "where": where,
            "model": model,
            "task": task,
            "subtask": None if leaf == task else leaf,
            "shots": None if shots is None or shots < 0 else int(shots),
            "n": n or questions,
            "preferred": preferred,
        }
        for metric, value in entry["score_dict"].items():
            if metric == _MEANS:
                continue
            number = float("nan") if value is None else float(value)
            if metric == BRIER and choices:
                found.append(place | {"metric": "brier_score", "value": number * choices})
            else:
                chance = float(entry["low_score"]) if metric == preferred == "multiple_choice_grade" else None
                found.append(place | {"metric": named(metric), "value": number, "chance": chance})
    return found


def named(metric: str) -> str:
    """Keep a programmatic task's own `accuracy` or `perplexity` apart from what other tools mean by these.

    >>> named("exact_str_match"), named("rougeLsum"), named("Accuracy")
    ('exact_str_match', 'rougeLsum', "the task's own Accuracy")
    """
    return metric if metric in _METRICS or spelled(metric) not in KNOWN else f"the task's own {metric}"


def model_name(model: Mapping[str, Any]) -> str:
    """Name a model by family and name.

    >>> model_name({"model_family": "BIG-G T=0", "model_name": "128b"})
    'BIG-G-T-0-128b'
    """
    return slug(f"{text(model, 'model_family')}-{text(model, 'model_name')}")


def slug(text: str) -> str:
    """Spell a name as a ladder table does: letters, digits, `_`, `.` and `-`, the first a letter or digit."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-_.")[:100]
