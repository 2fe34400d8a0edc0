"""Results in the schema of Every Eval Ever, which HELM, inspect_ai and lm-evaluation-harness are converted to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rescore.importing.inspect_logs import RIGHT_OR_WRONG
from rescore.importing.json_files import text
from rescore.importing.lm_eval import Row
from rescore.importing.names import ACCURACY, KNOWN, NORMALISED, chance, spelled


def is_record(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("evaluation_results"), list) and isinstance(value.get("model_info"), Mapping)


def model_name(record: Mapping[str, Any]) -> str:
    """Name the model by the record's `id`, with its revision where that is not main.

    >>> model_name({"model_info": {"id": "o/m", "additional_details": {"revision": "step1"}}})
    'o/m@step1'
    """
    info = record["model_info"]
    revision = (info.get("additional_details") or {}).get("revision") or "main"
    name = text(info, "id" if info.get("id") else "name")
    return name if revision == "main" else f"{name}@{revision}"


def results(record: Mapping[str, Any], where: str, path: Path) -> list[Row]:
    """Read the rows of FOUND off a record of a file."""
    library = str((record.get("eval_library") or {}).get("name") or record["source_metadata"].get("source_name"))
    place = {"where": where, "run": str(path), "date": _date(record), "model": model_name(record)}
    rows: list[Row] = [place | _row(entry, library) for entry in record["evaluation_results"]]
    first: dict[tuple[str, str], str] = {}  # of several filters of answers the first counts
    for row in rows:
        metric = row["metric"].partition(",")[0]
        if first.setdefault((row["task"], metric), row["metric"]) == row["metric"]:
            row["metric"] = metric
    return rows


def _row(entry: Mapping[str, Any], library: str) -> Row:
    score, config = entry["score_details"], entry["metric_config"]
    uncertain = score.get("uncertainty") or {}
    place = _place(entry, library)
    details = (entry.get("generation_config") or {}).get("additional_details") or {}
    source = entry.get("source_data")
    n = uncertain.get("num_samples") or (source.get("samples_number") if isinstance(source, Mapping) else None)
    unit = 100 if config.get("max_score") == 100 and place["metric"] in KNOWN else 1
    error = (uncertain.get("standard_error") or {}).get("value")
    listed = place["metric"] in ACCURACY | NORMALISED
    return place | {
        "shots": int(details["num_fewshot"]) if str(details.get("num_fewshot")).isdigit() else None,
        "value": float(score["score"]) / unit,
        "standard_error": None if error is None else float(error) / unit,
        "n": n if n is None or isinstance(n, int) else _whole(n),
        "chance": chance(place["task"]) if listed else None,
    }


def _whole(number: Any) -> int:
    if not float(number).is_integer():
        raise ValueError(f"num_samples is {number!r}, not a whole number")
    return int(float(number))


def _place(entry: Mapping[str, Any], library: str) -> Row:
    """Tell the task from the metric.

    What HELM was converted to is called `metric split on dataset`; of inspect_ai by the scorer, with the task's name as
    that of the dataset; anything else by the task, or `task/filter` where answers are filtered.
    """
    name, config, source = text(entry, "evaluation_name"), entry["metric_config"], entry.get("source_data")
    dataset = str(source.get("dataset_name") or "") if isinstance(source, Mapping) else ""
    said = str(config.get("metric_name") or config.get("metric_id") or config.get("evaluation_description") or "score")
    metric = next((m for word in (said, *said.split()) if (m := spelled(word)) in KNOWN), said)
    if dataset and name.endswith(f" on {dataset}"):
        split = (entry["score_details"].get("details") or {}).get("split")
        return {"task": dataset, "subtask": None if split in (None, "test") else split, "metric": metric}
    if dataset and "inspect" in library.lower():
        kind = RIGHT_OR_WRONG.get(name)
        return {"task": dataset, "metric": metric if kind else f"{name}.{said}", "kind": kind}
    filtered = name.removeprefix(f"{dataset}/") if dataset else name
    if filtered != name:
        return {"task": dataset, "metric": f"{metric},{filtered}"}
    return {"task": name, "metric": metric}


def _date(record: Mapping[str, Any]) -> float | None:
    try:
        return float(record.get("evaluation_timestamp") or record["retrieved_timestamp"])
    except (KeyError, TypeError, ValueError):
        return None
