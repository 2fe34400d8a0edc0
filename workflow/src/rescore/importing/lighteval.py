"""Results of lighteval and of version 1 of the Open LLM Leaderboard: tasks are called `suite|task|shots`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rescore.importing.lm_eval import Row, numbers, questions, time_in
from rescore.importing.names import ACCURACY, NORMALISED, chance

_MEAN = "_average"  # ends the names of means over tasks


def is_report(report: Mapping[str, Any]) -> bool:
    """Whether a results file calls its tasks as lighteval does."""
    results = report.get("results")
    return isinstance(results, Mapping) and any("|" in name for name in results)


def model_name(report: Mapping[str, Any]) -> str | None:
    """Name the model of a report; None if it has none.

    >>> model_name({"config_general": {"model_name": "o/m", "model_sha": "0123"}})
    'o/m'
    """
    general = report.get("config_general") or {}
    config = general.get("model_config") or {}
    name = general.get("model_name") or config.get("model_name") or config.get("pretrained")
    revision = config.get("revision") or "main"
    return None if not name else name if revision == "main" else f"{name}@{revision}"


def results(report: Mapping[str, Any], path: Path, model: str) -> list[Row]:
    """Read the rows of FOUND off a report; the entry `all` and averages, which are means over tasks, are passed over.

    A task `arc:challenge` is the subtask `arc:challenge` of `arc`.
    """
    general = report.get("config_general") or {}
    run = {"where": str(path), "run": str(path), "date": time_in(path.name), "model": model}
    run["limited"] = bool(general.get("max_samples"))
    rows = []
    for key, entries in report["results"].items():
        name, shots = _task(key)
        if name is not None and isinstance(entries, Mapping):
            task = name.partition(":")[0]
            place = run | {"task": task, "subtask": name if name != task else None, "shots": shots}
            rows += [place | row for row in _metrics(name, entries, _asked(report, key))]
    return rows


def _task(key: str) -> tuple[str | None, int | None]:
    """Take a key apart: `suite|task|shots`, or `task|shots`; no task where it is a mean.

    >>> _task("harness|arc:challenge|25"), _task("gsm8k|5"), _task("all"), _task("leaderboard|mmlu:_average|5")
    (('arc:challenge', 25), ('gsm8k', 5), (None, None), (None, None))
    """
    parts = key.split("|")
    if len(parts) < 2 or parts[0] == "all":
        return None, None
    at = next((at for at, part in enumerate(parts) if at and part.isdigit()), len(parts))
    name = parts[at - 1]
    return (None, None) if name.endswith(_MEAN) else (name, int(parts[at]) if at < len(parts) else None)


def _metrics(task: str, entries: Mapping[str, Any], n: int | None) -> Iterator[Row]:
    found = numbers(entries)
    for metric, value in found.items():
        if not metric.endswith("_stderr"):
            error = found.get(f"{metric}_stderr")
            listed = metric in ACCURACY | NORMALISED
            yield {
                "metric": metric,
                "value": value,
                "standard_error": error,
                "n": n or (questions(value, error) if listed and error else None),
                "chance": chance(task) if listed else None,
            }


def _asked(report: Mapping[str, Any], key: str) -> int | None:
    tasks = report.get("config_tasks") or {}
    settings = tasks.get(key) or tasks.get(key.rpartition("|")[0]) or {}
    n = settings.get("effective_num_docs") if isinstance(settings, Mapping) else None
    return n if isinstance(n, int) and n > 0 else None
