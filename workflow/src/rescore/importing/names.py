"""Other tools' names of metrics: what they are called here, on which scale they stand, and what `acc` means."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl

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


Kind = Literal["multiple_choice", "loglikelihood", "generate_until", "mass", "other"]
"""The output types of lm-evaluation-harness, and two more that its files never name.

"mass" is the share of probability that the right choices have; "other" is a mean that is neither right or wrong per
question nor such a share.
"""

# Read off the tasks of lm-evaluation-harness: 0.4.13 by the keys output_type, metric_list and process_results of its
# task files, 0.3.0 by the classes in lm_eval/tasks. Nearly every task with `acc` lists choices (8,205 of 8,401 in
# 0.4.13), so that only the others stand here.
_NAMES: tuple[tuple[str, Kind], ...] = (
    (r".*mc_?2(_.*)?|tiny_?truthfulqa", "mass"),
    (r"truthfulqa(_mc)?|truthful_qa|masakhapos_.*|longproc_.*", "other"),  # two accuracies in one; shares of an answer
    (r"arithmetic(_.*)?|lambada.*|(math_)?asdiv.*", "loglikelihood"),
    (r"(anagrams[12]|cycle_letters|random_insertion|reversed_words|unscramble)(_.*)?", "loglikelihood"),
    (r"triviaqa|trivia_qa|webqs|naturalqs|nq(_open)?", "loglikelihood"),
    (r"gsm_?8k(_.*)?|gsm_plus(_.*)?|mgsm(_.*)?|.*_mgsm|drop|coqa|squad.*|babilong(_.*)?", "generate_until"),
    (r"(minerva_|hendrycks_|leaderboard_)?math(_(algebra|count|geom|inter|num|pre|hard|lvl|500).*)?", "generate_until"),
    (r"agieval_(math|gaokao_mathcloze)|bbq_generate.*|mmmu_.*|pisa_.*|super_glue_wsc_t5_prompt", "generate_until"),
    (r"humaneval.*|mbpp.*", "generate_until"),
)
_PATTERNS = tuple((re.compile(pattern), kind) for pattern, kind in _NAMES)

_CHOICES = {
    **dict.fromkeys(("boolq", "copa", "piqa", "rte", "wic", "winogrande", "wsc", "wsc273"), 2),
    **dict.fromkeys(("hellaswag", "logiqa", "openbookqa", "race", "sciq", "mmlu"), 4),
    "commonsense_qa": 5,
}
_FOUR_CHOICES = ("hendryckstest_", "mmlu_")  # families of tasks of four choices each
_NOT_FOUR = ("mmlu_pro", "mmlu_redux")


def kind_of(task: str) -> Kind | None:
    """Say how a task is scored, if its name tells that it does not list choices.

    >>> kind_of("arithmetic_2da"), kind_of("truthfulqa_mc2"), kind_of("GSM8K"), kind_of("piqa")
    ('loglikelihood', 'mass', 'generate_until', None)
    """
    name = _plain(task)
    return next((kind for pattern, kind in _PATTERNS if pattern.fullmatch(name)), None)


def chance(task: str, offered: object = None) -> float | None:
    """Return what guessing among the choices scores; None where their number is not known.

    `offered` is the list of choices in the task's settings; anything else is no list.
    """
    if isinstance(offered, list) and offered:
        return 1 / len(offered)
    name = _plain(task)
    if name.startswith(_FOUR_CHOICES) and not name.startswith(_NOT_FOUR):
        return 1 / 4
    return 1 / _CHOICES[name] if name in _CHOICES else None


def _plain(task: str) -> str:
    """Spell a name as the harness does: `ARC-Easy` is arc_easy."""
    return re.sub(r"\W+", "_", task.lower()).strip("_")


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
