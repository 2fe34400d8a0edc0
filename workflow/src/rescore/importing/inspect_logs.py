"""Logs of inspect_ai, `.json` or `.eval`: one task of one model; the means of its scorers."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rescore.importing.json_files import text
from rescore.importing.lm_eval import Row
from rescore.importing.names import Kind

RIGHT_OR_WRONG: dict[str, Kind] = {
    "choice": "multiple_choice",
    **dict.fromkeys(("match", "exact", "pattern", "answer", "math"), "generate_until"),
}
"""Scorers of inspect_ai whose accuracy is a grade or an exact match; others judge otherwise and keep their name."""


def is_log(value: Mapping[str, Any]) -> bool:
    """Whether a value is a log or its header."""
    run = value.get("eval")
    return isinstance(run, Mapping) and "task" in run and "model" in run


def model_name(log: Mapping[str, Any]) -> str:
    """Name the model, without the provider that stands before `org/name`.

    >>> model_name({"eval": {"model": "hf/EleutherAI/pythia-70m", "task": "t"}})
    'EleutherAI/pythia-70m'
    """
    given = log["eval"].get("model_args") or {}
    name = text(given, "model_path") if given.get("model_path") else text(log["eval"], "model")
    provider, _, rest = name.partition("/")
    return rest if provider in ("hf", "vllm", "sglang", "ollama") and rest else name


def problem(log: Mapping[str, Any]) -> str | None:
    """Say why a log gives no result; None where it does."""
    status = log.get("status")
    if status not in (None, "success"):
        return f"a log of inspect_ai of status '{status}'"
    return None if (log.get("results") or {}).get("scores") else "a log of inspect_ai without scores"


def results(log: Mapping[str, Any], path: Path) -> list[Row]:
    """Read the rows of FOUND off a log: `accuracy` of its first scorer of right or wrong, else `scorer.metric`."""
    run, found = log["eval"], log["results"]
    asked, config = run.get("task_args") or {}, run.get("config") or {}
    given = (asked.get(key) for key in ("fewshot", "num_fewshot", "shots"))
    place = {
        "where": str(path),
        "run": str(path),
        "date": datetime.fromisoformat(run["created"]).timestamp() if run.get("created") else None,
        "limited": bool(config.get("limit")),
        "model": model_name(log),
        "task": text(run, "task").rpartition("/")[2],
        "shots": next((n for n in given if isinstance(n, int) and not isinstance(n, bool)), None),
    }
    rows: list[Row] = []
    for score in found["scores"]:
        scorer = str(score.get("scorer") or score["name"])
        kind = RIGHT_OR_WRONG.get(scorer.rpartition("/")[2])
        reducer, metrics = score.get("reducer"), score["metrics"]
        reducer = None if reducer == "mean" else reducer  # of the answers of several epochs
        error = (metrics.get("stderr") or {}).get("value")
        for metric, told in metrics.items():
            if metric == "stderr" or not isinstance(told.get("value"), int | float):
                continue
            is_accuracy = metric == "accuracy"
            plain = is_accuracy and kind and not reducer and all(row["metric"] != metric for row in rows)
            rows.append(
                place
                | {
                    "kind": kind,
                    "metric": metric if plain else ".".join(filter(None, (score["name"], reducer, metric))),
                    "value": float(told["value"]),
                    "standard_error": float(error) if is_accuracy and isinstance(error, int | float) else None,
                    "n": score.get("scored_samples") or found.get("completed_samples"),
                }
            )
    return rows
