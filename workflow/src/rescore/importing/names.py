"""Other tools' names of metrics: what they are called here, on which scale they stand, and what `acc` means."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import polars as pl

from rescore.importing.kinds import chance, kind_of
from rescore.tables import METRICS

Scale = Literal["as it is", "negative", "log", "bits"]


class Name(NamedTuple):
    """A metric's name here, and how its numbers come to be in its unit.

    With m the number and e its standard error: "negative" is -m, e; "log" is log m, e/m (delta method); "bits" is
    m log 2, e log 2.
    """

    metric: str
    scale: Scale = "as it is"


ACCURACY = frozenset({"acc", "accuracy"})
"""What it is the accuracy of depends on the task: see `meanings`."""

NORMALISED = frozenset({"acc_norm", "acc_bytes"})
"""Accuracies of listed choices, by log-probability per character or byte."""

ANSWER_PERPLEXITY = frozenset({"ppl", "perplexity"})
"""exp of the mean over examples of minus the log-probability of the answer in full."""

NAMES: dict[str, Name] = {
    **dict.fromkeys(ACCURACY, Name("multiple_choice_grade")),
    **dict.fromkeys(ANSWER_PERPLEXITY, Name("nll_nats_per_answer", "log")),
    "em": Name("exact_match"),
    "exact_str_match": Name("exact_match"),
    "extractive_match": Name("exact_match"),
    "mc1": Name("multiple_choice_grade"),
    "truthfulqa_mc1": Name("multiple_choice_grade"),
    "mc2": Name("choice_probability"),
    "truthfulqa_mc2": Name("choice_probability"),
    "answer_perplexity": Name("nll_nats_per_answer", "log"),
    "token_perplexity": Name("nll_nats_per_token", "log"),
    "word_perplexity": Name("nll_nats_per_word", "log"),
    "byte_perplexity": Name("nll_nats_per_byte", "log"),
    "bits_per_byte": Name("nll_nats_per_byte", "bits"),
    "log_likelihood": Name("nll_nats_per_answer", "negative"),
}
"""By a tool's name; any other keeps the name that it has."""

PERPLEXITIES = [name for name, new in NAMES.items() if new.scale == "log"]

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
_FACTOR = {"as it is": 1.0, "negative": -1.0, "log": 1.0, "bits": math.log(2)}


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
    metric = pl.col("metric").replace({name: new.metric for name, new in NAMES.items()})
    factors = {name: _FACTOR[new.scale] for name, new in NAMES.items()}
    found = (
        found.join(
            meant.drop("why"), on=["task", "subtask", "metric"], how="left", nulls_equal=True, maintain_order="left"
        )
        .with_columns(was="metric", metric=pl.coalesce("meaning", metric))
        .with_columns(factor=pl.col("was").replace_strict(factors, default=1.0, return_dtype=pl.Float64))
    )
    log = pl.col("was").is_in(PERPLEXITIES)
    changed = {"value": pl.when(log).then(pl.col("value").log()).otherwise(pl.col("value") * pl.col("factor"))}
    if "standard_error" in found.columns:
        per = pl.when(log).then(1 / pl.col("value")).otherwise(pl.col("factor").abs())
        changed["standard_error"] = pl.col("standard_error") * per
    return found.with_columns(**changed).drop("factor", "meaning")
