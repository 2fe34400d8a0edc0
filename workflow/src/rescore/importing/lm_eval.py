"""Results of lm-evaluation-harness: flat keys as versions up to 0.3 write them, `acc,none` after."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from rescore.importing.json_files import as_number
from rescore.importing.names import ACCURACY, NORMALISED, chance

_NO_METRICS = frozenset({"alias", "name", "sample_len", "sample_count", "samples", "bypass"})
_CHOSEN = ACCURACY | NORMALISED | {"mc1"}  # accuracies of listed choices, unless the kind of the task says otherwise
_SHARES = _CHOSEN | {"exact_match", "em"}  # of questions, each right or wrong
_MASS = "mc2"  # in the name of the function that sums the probability of the right choices
_WHOLE = 1e-3  # a number of questions this near a whole one is one
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d[-:]\d\d[-:]\d\d(?:\.\d+)?")
# What `config.model` may be where it names a way to load models: --model of 0.4.13 and of 0.3.0.
_LOADERS = re.compile(
    r"hf(-.*)?|huggingface|vllm(-vlm)?|sglang(-generate)?|gguf|ggml|dummy|steered|mamba_ssm|megatron_lm|nemo_lm|neuronx"
    r"|optimum-causal|onnxruntime(-genai)?|openvino|habana|ipex|textsynth|trtllm|winml|watsonx_llm|litellm.*|gpt3|cohere"
    r"|(anthropic|openai|azure-openai|local|azure).*"
)

Row = dict[str, Any]


class Task(NamedTuple):
    """What a results file says about a task beside its numbers."""

    shots: int | None = None
    kind: str | None = None  # a `names.Kind`
    filters: tuple[str, ...] = ()  # of answers, in their order
    n: int | None = None  # questions asked
    limited: bool = False  # whether there are more questions than that


def model_name(report: Mapping[str, Any]) -> str | None:
    """Name the model of a report: `org/name` or a folder, with `@revision` where that is not main; None if it has none.

    >>> model_name({"config": {"model_args": "pretrained=EleutherAI/pythia-70m,revision=step1000,dtype=float"}})
    'EleutherAI/pythia-70m@step1000'
    """
    config = report.get("config") or {}
    given = _arguments(config.get("model_args") or {})
    keys = ("peft", "delta", "pretrained", "model", "path", "engine")
    name = next((given[key] for key in keys if given.get(key)), None)
    name = name or report.get("model_name") or config.get("model_name")
    if not name and not _LOADERS.fullmatch(str(config.get("model") or "hf")):
        name = config["model"]
    revision = given.get("revision") or config.get("model_revision") or "main"
    return None if not name else name if revision == "main" else f"{name}@{revision}"


def _arguments(given: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """Read the arguments of a model: an object, one as text, or `name=value` by commas."""
    if not isinstance(given, str):
        return given
    if given.lstrip().startswith("{"):
        return dict(json.loads(given))
    return {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in given.split(","))}


def run_of(report: Mapping[str, Any], path: Path, model: str) -> Row:
    """Say which run a report is of: its file, its time and its model."""
    date = report.get("date")
    time = float(date) if isinstance(date, int | float) else time_in(path.name)
    return {"where": str(path), "run": str(path), "date": time, "model": model}


def time_in(name: str) -> float | None:
    """Read the time in a file's name, in seconds since 1970; None where there is none.

    >>> time_in("results_2025-03-01T09-00-00.5.json")
    1740819600.5
    """
    found = _STAMP.search(name)
    if not found:
        return None
    day, _, clock = found.group().partition("T")
    return datetime.fromisoformat(f"{day}T{clock.replace('-', ':')}").replace(tzinfo=UTC).timestamp()


def results(report: Mapping[str, Any], tasks: Mapping[str, Task], run: Row, prefer: str | None) -> list[Row]:
    """Read the rows of FOUND off a report, given what `tasks_of` and `run_of` give.

    Where a task has several filters of answers, that of `prefer` counts, else the first in the file. Scores after
    another filter keep the filter in their name, `exact_match,flexible-extract`. Null is passed over where the metric
    has a number after another filter; else `where` names its key.
    """
    rows = []
    for name, told in tasks.items():
        place = run | {"task": name, "shots": told.shots, "kind": told.kind, "limited": told.limited}
        for key, row in _metrics(report, name, told.n, prefer):
            null = report["results"][name][key] is None
            rows.append(place | row | ({"where": f"{run['where']}: null at '{key}'"} if null else {}))
    return rows


def tasks_of(report: Mapping[str, Any]) -> dict[str, Task]:
    """Read what a report says about its tasks; groups, which are means over tasks, are passed over."""
    members, groups = report.get("group_subtasks") or {}, report.get("groups") or {}
    means = {group for group, tasks in members.items() if any(task in report["results"] for task in tasks)}
    means |= {group for group in groups if not members.get(group)}
    every = report["results"].items()
    return {name: _task(report, name) for name, entries in every if name not in means and isinstance(entries, Mapping)}


def _task(report: Mapping[str, Any], name: str) -> Task:
    settings, config = (report.get("configs") or {}).get(name) or {}, report.get("config") or {}
    filters = settings.get("filter_list") or []
    named = [f.get("name") for f in filters if isinstance(f, Mapping)]
    if not named:  # in the order of their results
        keys = (key.partition(",")[2] for key in report["results"].get(name) or {})
        named = list(dict.fromkeys(key for key in keys if key))
    kind = settings.get("output_type")
    if _MASS in str(settings.get("process_results") or ""):
        kind = "mass"
    known = kind in ("multiple_choice", "loglikelihood", "generate_until", "mass")
    counts = (report.get("n-samples") or {}).get(name) or {}
    n, every = _whole(counts.get("effective")), _whole(counts.get("original"))
    limited = bool(config.get("limit")) or (n is not None and every is not None and n < every)
    said = ((report.get("n-shot") or {}).get(name), config.get("num_fewshot"), settings.get("num_fewshot"))
    shots = next((str(n) for n in said if n is not None), "")
    stated = int(shots) if re.fullmatch(r"\d+", shots) else None
    return Task(stated, kind if known else None, tuple(map(str, named)), n, limited)


def _whole(n: Any) -> Any:
    """Turn a whole number that was written as 2376.0 into an integer; leave anything else, for the table to refuse."""
    return int(n) if isinstance(n, float) and n.is_integer() else n


def _metrics(report: Mapping[str, Any], task: str, n: int | None, prefer: str | None) -> Iterator[tuple[str, Row]]:
    entries, settings = report["results"][task], (report.get("configs") or {}).get(task) or {}
    found = numbers(entries)
    errors = {k.replace("_stderr", "", 1): v for k, v in found.items() if "_stderr" in k}
    scores = {k: v for k, v in found.items() if "_stderr" not in k and k.partition(",")[0] not in _NO_METRICS}
    if n is None:
        shares = ((v, errors[k]) for k, v in scores.items() if k in errors and k.partition(",")[0] in _SHARES)
        n = next((q for mean, error in shares if (q := questions(mean, error))), None)
    guess = chance(task, settings.get("doc_to_choice"))
    for key, value in scores.items():
        metric, _, kind = key.partition(",")
        twins = [k for k in scores if k.partition(",")[0] == metric]
        kinds = [k.partition(",")[2] for k in twins]
        counts = kind == (prefer if prefer in kinds else kinds[0])
        if entries[key] is None and not counts:
            continue
        yield (
            key,
            {
                "metric": metric if counts else key,
                "value": value,
                "standard_error": errors.get(key),
                "n": n,
                "chance": guess if metric in _CHOSEN else None,
            },
        )


def numbers(entries: Mapping[str, Any]) -> dict[str, float]:
    """Keep the entries that are numbers; null, as which other writers of JSON give NaN, is NaN."""
    found = {k: math.nan if v is None else as_number(v) for k, v in entries.items() if not isinstance(v, bool)}
    return {k: v for k, v in found.items() if v is not None}


def questions(mean: float, standard_error: float) -> int | None:
    """Number of questions behind a mean of zeros and ones, from its standard error sqrt(m (1 - m) / (n - 1)).

    None where that is no whole number, so that the scores were others or the error was made otherwise.

    >>> questions(0.25, 0.04351941398892446)
    100
    """
    square = standard_error**2
    n = mean * (1 - mean) / square + 1 if square else 0.0
    return round(n) if 1 <= n < 2**63 and abs(n - round(n)) < _WHOLE else None
