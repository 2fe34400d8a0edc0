"""BIG-bench's published score files, `scores_*.json`, as `bigbench/api/results.py` of its 1.0.0 package defines them.

A file is one model on one task: `task.task_name`, `model` (family, name, parameters), and `scores`, one entry per
subtask and number of shots, with a `score_dict` from metric to number. Scores have the scale on which BIG-bench
computes them: from 0 to 1 for exact match and multiple-choice grade. (Its reader multiplies by 100, its files do not.)
The file does not say how many questions were asked.
"""

import re
from collections.abc import Mapping
from typing import Any

from rescore.tables import InputError

_MEANS = "normalized_aggregate_score"  # over subtasks, of other metrics


def scores(report: Mapping[str, Any], *, where: str, n: int | None) -> list[dict[str, Any]]:
    """Read the rows of FOUND off a file.

    Where the file has subtasks, the entry named after the task is their mean and is left out. If the preferred metric
    is multiple-choice grade, its chance is the entry's `low_score`.

    Parameters
    ----------
    report
        The file's content.
    where
        Its name, for messages.
    n
        Questions of every subtask, where the user knows it.

    Raises
    ------
    InputError
        Names the file and the key that it lacks.
    """
    try:
        task, model, entries = report["task"]["task_name"], model_name(report["model"]), report["scores"]
        leaves = {entry.get("subtask_description") or task for entry in entries}
        return [
            {
                "where": where,
                "model": model,
                "task": task,
                "subtask": None if leaf == task else leaf,
                "shots": None if entry["number_of_shots"] < 0 else int(entry["number_of_shots"]),
                "metric": metric,
                "value": float("nan") if value is None else float(value),
                "standard_error": None,
                "n": n,
                "chance": _chance(entry, metric),
            }
            for entry in entries
            if (leaf := entry.get("subtask_description") or task) != task or leaves == {task}
            for metric, value in entry["score_dict"].items()
            if metric != _MEANS
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: no score file of BIG-bench: {type(error).__name__} {error}") from error


def model_name(model: Mapping[str, Any]) -> str:
    """Name a model by family and name.

    >>> model_name({"model_family": "BIG-G T=0", "model_name": "128b"})
    'BIG-G-T-0-128b'
    """
    return re.sub(r"[^A-Za-z0-9_.]+", "-", f"{model['model_family']}-{model['model_name']}").strip("-")


def _chance(entry: Mapping[str, Any], metric: str) -> float | None:
    if metric != "multiple_choice_grade" or entry["preferred_score"] != metric:
        return None
    return float(entry["low_score"])
