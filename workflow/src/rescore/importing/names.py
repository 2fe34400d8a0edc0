"""Other tools' names of metrics: what they are called here, on which scale they stand, and what `acc` means."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from rescore.importing.kinds import chance, kind_of
from rescore.tables import METRICS

ACCURACY = frozenset({"acc", "accuracy"})
"""What it is the accuracy of depends on the task: see `meanings`."""

NORMALISED = frozenset({"acc_norm", "acc_bytes"})
"""Accuracies of listed choices, by log-probability per character or byte."""

ANSWER_PERPLEXITY = frozenset({"ppl", "perplexity"})
"""exp of the mean over examples of minus the log-probability of the answer in full."""

PERPLEXITIES = {
    **dict.fromkeys((*ANSWER_PERPLEXITY, "answer_perplexity"), "nll_nats_per_answer"),
    "token_perplexity": "nll_nats_per_token",
    "word_perplexity": "nll_nats_per_word",
    "byte_perplexity": "nll_nats_per_byte",
}
"""By a tool's name, what the logarithm is called here; of a number m with the standard error e: log m, e / m."""

NAMES = {
    **dict.fromkeys(ACCURACY, "multiple_choice_grade"),
    **PERPLEXITIES,
    **dict.fromkeys(("em", "exact_str_match", "extractive_match"), "exact_match"),
    **dict.fromkeys(("mc1", "truthfulqa_mc1"), "multiple_choice_grade"),
    **dict.fromkeys(("mc2", "truthfulqa_mc2"), "choice_probability"),
    "bits_per_byte": "nll_nats_per_byte",
    "log_likelihood": "nll_nats_per_answer",
}
"""By a tool's name, the name here; any other metric keeps the name that it has."""

_FACTORS = {"bits_per_byte": math.log(2), "log_likelihood": -1.0}  # of the number, and of its standard error

KNOWN = frozenset(NAMES) | frozenset(METRICS) | NORMALISED

_BY_KIND = {
    "multiple_choice": "multiple_choice_grade",
    "loglikelihood": "exact_match",
    "generate_until": "exact_match",
    "mass": "choice_probability",
}
_MOST_TELLING = pl.Enum(["mass", "other", "loglikelihood", "generate_until", "multiple_choice"])  # where files differ
_FROM_NAME = "a task of lm-evaluation-harness of this kind"
_TAKEN = "another metric of the task has the name that it would get"


def spelled(metric: str) -> str:
    """Spell a metric's name as the table of names does, if it is in there: `Exact Match` is exact_match.

    >>> spelled("Accuracy"), spelled("EM"), spelled("Exact Match"), spelled("ROUGE-L")
    ('accuracy', 'em', 'exact_match', 'ROUGE-L')
    """
    plain = metric.strip().lower().replace(" ", "_").replace("-", "_")
    return plain if plain in KNOWN else metric


def meanings(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Say what each accuracy of each subtask is called here, alike for all models.

    `acc` is multiple-choice grade, exact match, the probability of the right choices, or remains what it is.
    `acc_norm` is multiple-choice grade where it is the only accuracy. Takes FOUND and ITEMS; returns task, subtask,
    metric, `meaning` and `why`.
    """
    subtask = ["task", "subtask"]
    every = pl.concat(frame.select(*subtask, "metric", "kind").unique() for frame in frames).unique()
    kind = pl.col("kind").cast(_MOST_TELLING).drop_nulls().min().cast(pl.String)
    one = every.group_by(*subtask, "metric").agg(kind).sort(*subtask, "metric")
    accuracy, normalised = (pl.col("metric").is_in(list(names)) for names in (ACCURACY, NORMALISED))
    one = one.with_columns(
        perplexity=pl.col("metric").is_in(list(ANSWER_PERPLEXITY)).any().over(subtask),
        normalised=normalised.any().over(subtask),
        alone=~accuracy.any().over(subtask) & (normalised.sum().over(subtask) == 1),
        named=pl.col("metric").implode().over(subtask, mapping_strategy="join"),
    ).filter(accuracy | (normalised & pl.col("alone")))
    told = []
    for row in one.iter_rows(named=True):
        meaning, why = _meaning(row)
        taken = meaning != row["metric"] and meaning in row["named"]
        told.append((row["metric"], _TAKEN) if taken else (meaning, why))
    columns = pl.DataFrame(told, schema={"meaning": pl.String, "why": pl.String}, orient="row")
    return one.select(*subtask, "metric").hstack(columns)


def _meaning(row: Mapping[str, Any]) -> tuple[str, str]:
    """Say what an accuracy is, and how that is known."""
    metric, kind = row["metric"], row["kind"]
    if metric in NORMALISED:
        return "multiple_choice_grade", "no other accuracy of the task"
    names = [name for name in (row["subtask"], row["task"]) if name]
    by_name = next(filter(None, map(kind_of, names)), None)
    if by_name in ("mass", "other"):  # the files call these tasks multiple_choice or generate_until too
        kind = None
    told = kind or by_name
    if told == "other":
        return metric, "its accuracy is of several kinds, or not right or wrong"
    if told:
        return _BY_KIND[told], "the file gives the output type" if kind else _FROM_NAME
    if row["perplexity"]:
        return "exact_match", "a perplexity stands beside it"
    if row["normalised"]:
        return "multiple_choice_grade", "an accuracy of choices by their length stands beside it"
    known = any(chance(name) for name in names)
    return "multiple_choice_grade", _FROM_NAME if known else "assumed, as nothing says otherwise"


def standard(found: pl.DataFrame, meant: pl.DataFrame) -> pl.DataFrame:
    """Give metrics their names here, and `value` and `standard_error` their units, by what `meanings` tells.

    Adds `was`, the metric's name in the file. The logarithm of a perplexity that is not positive is NaN or infinite.
    """
    key = ["task", "subtask", "metric"]
    found = found.join(meant.drop("why"), on=key, how="left", nulls_equal=True, maintain_order="left")
    found = found.with_columns(was="metric", metric=pl.coalesce("meaning", pl.col("metric").replace(NAMES)))
    factor = pl.col("was").replace_strict(_FACTORS, default=1.0, return_dtype=pl.Float64)
    log = pl.col("was").is_in(list(PERPLEXITIES))
    changed = {"value": pl.when(log).then(pl.col("value").log()).otherwise(pl.col("value") * factor)}
    if "standard_error" in found.columns:
        per = pl.when(log).then(1 / pl.col("value")).otherwise(factor.abs())
        changed["standard_error"] = pl.col("standard_error") * per
    return found.with_columns(**changed).drop("meaning")
