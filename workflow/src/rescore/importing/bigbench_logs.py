"""BIG-bench's full logs, `full-log_*.json`: score files with `queries`, every question that the model was asked.

`bigbench/api/results.py` of its 1.0.0 package defines three kinds. Choices (MultipleChoiceQuery) hold a log-probability
and a target score per choice, and the grade; targets (ScoringQuery) a log-probability per target; texts
(GenerativeQuery) the model's answer after post-processing, and the targets. Only JSON tasks name their subtask.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl
from rapidfuzz.distance import Levenshtein

from rescore.importing.logged_answers import OF_ANSWER, Scores, chosen, nats, scored
from rescore.importing.tidy import CHOICES, ITEMS, frame

NORMALISED = "the log has the probabilities among the choices alone"

_PROGRAMMATIC = "programmatic"  # what the reference calls queries of tasks that name none
_SUM_TO_ONE = 1e-4  # log-probabilities whose probabilities do so to here are among the choices


class Log(NamedTuple):
    """ITEMS and CHOICES of a file, and how many of its questions name no subtask and were left out."""

    items: pl.DataFrame
    choices: pl.DataFrame
    unnamed: int


def read_log(report: Mapping[str, Any], *, where: str, model: str) -> Log:
    """Score the questions of one file; an example's number is its place among those of the subtask and its shots.

    Of choices: multiple_choice_grade as logged, choice_probability, brier_score, and of the first choice with the
    highest target score NLL per answer and per byte and its probability. Of targets: NLL and probability of the
    likeliest. Of texts: exact_match, 1 where the answer is a target letter for letter, and char_edit_distance, the
    Levenshtein distance to the nearest target over the longer length.
    """
    task = report["task"]["task_name"]
    seen: Counter[tuple[Any, ...]] = Counter()
    items, choices, unnamed = [], [], 0
    of_choices = {(q.get("task"), q.get("shots")) for q in report["queries"] if any(map(_listed, q["samples"]))}
    for query in report["queries"]:
        samples, leaf, shots = query["samples"], query.get("task") or _PROGRAMMATIC, query.get("shots")
        if leaf == _PROGRAMMATIC != task:
            unnamed += len(samples)
            continue
        place = {"where": where, "model": model, "task": task, "subtask": None if leaf == task else leaf}
        place["shots"] = None if shots is None or shots < 0 else shots
        for sample in samples:
            key = (leaf, place["shots"], query["function"], _listed(sample))
            digest = hashlib.sha256(sample["input"].encode("utf-8", "surrogatepass")).hexdigest()[:16]
            of = place | {"example_id": seen[key], "question": digest}
            seen[key] += 1
            if query["function"] == "generate_text":
                found = _of_text(sample)
            elif _listed(sample):
                found = _of_choices(sample, query)
                texts, values = sample["targets"], _target_scores(sample)
                best = texts[values.index(max(values))]
                example = {"targets": [best], "choices": texts, "target_scores": values, "seed": 0}
                choices.append(of | example | {"prompt": sample["input"]})
            elif (leaf, shots) in of_choices:
                continue  # the target is one of the choices, whose log-probabilities are there
            else:
                found = _of_targets(sample, query, range(len(sample["targets"])))
            items += [of | {"metric": metric, "value": v, "reason": why} for metric, (v, why) in found.items()]
    return Log(frame(items, ITEMS), frame(choices, CHOICES), unnamed)


def _listed(sample: Mapping[str, Any]) -> bool:
    return "target_values" in sample


def _absolute(sample: Mapping[str, Any], query: Mapping[str, Any]) -> list[float] | None:
    """Return the log-probabilities of whole answers; None where the log has those among its answers alone."""
    if known := sample.get("absolute_scores"):
        return nats(known)
    among = nats(sample["scores"])
    one = abs(sum(map(math.exp, among)) - 1) <= _SUM_TO_ONE  # else not normalised, whatever the query says
    return None if one and not query["absolute_normalization"] else among


def _of_targets(sample: Mapping[str, Any], query: Mapping[str, Any], at: Sequence[int]) -> Scores:
    known = _absolute(sample, query)
    return scored(sample["targets"], known, at) if known else dict.fromkeys(OF_ANSWER, (None, NORMALISED))


def _of_choices(sample: Mapping[str, Any], query: Mapping[str, Any]) -> Scores:
    scores = _target_scores(sample)
    found: Scores = {"multiple_choice_grade": (float(sample["correct"]), None)}
    found |= _of_targets(sample, query, [scores.index(max(scores))])
    return found | chosen(nats(sample["scores"]), scores)


def _of_text(sample: Mapping[str, Any]) -> Scores:
    """Grade an answer; nothing where the log holds no target."""
    targets, answer = list(sample.get("targets") or ()), sample["output"]
    if not targets:
        return {}
    distance = min(Levenshtein.normalized_distance(answer, target) for target in targets)
    return {"exact_match": (float(answer in targets), None), "char_edit_distance": (distance, None)}


def _target_scores(sample: Mapping[str, Any]) -> list[float]:
    return [float(sample["target_values"][choice]) for choice in sample["targets"]]
