"""Exact match: of the greedy answer, and by teacher forcing."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from rescore.scoring.runs import KEYS, filled, placed

NO_TEXT = "the task asks for no text: all its metrics are multiple-choice"
NO_ANSWER = "the model gave no answer"
IS_TARGET = pl.col("targets").list.contains(pl.col("answer"))
"""Whether the answer is a target, letter for letter."""


def exact_match(
    examples: pl.DataFrame, answers: pl.DataFrame, settings: Mapping[str, Mapping[str, Any]]
) -> pl.DataFrame:
    """1 where the answer equals a target, letter for letter, else 0; higher is better.

    BIG-bench's `exact_str_match` (`api/task_metrics.py`). White space counts. Returns examples, answers, metric, score
    and reason.
    """
    answers = answers.pipe(placed, examples).pipe(filled, examples.height).drop("row", *KEYS)
    unanswered = pl.when(pl.col("answer").is_null()).then(pl.coalesce("reason", pl.lit(NO_ANSWER)))
    asked = pl.col("subtask").is_in([subtask for subtask, rules in settings.items() if rules["asks_text"]])
    answered = examples.hstack(answers).with_columns(
        metric=pl.lit("exact_match"), reason=pl.when(asked).then(unanswered).otherwise(pl.lit(NO_TEXT))
    )
    return answered.with_columns(score=pl.when(pl.col("reason").is_null()).then(IS_TARGET.cast(pl.Float64)))


def trimmed(answered: pl.DataFrame) -> pl.DataFrame:
    """`exact_match` with the white space around answer and targets taken off; higher is better.

    For comparing ladders: whether an answer begins with a space is often a matter of the tokenizer. BIG-bench has no
    such metric.
    """
    targets = pl.col("targets").list.eval(pl.element().str.strip_chars())
    equal = targets.list.contains(pl.col("answer").str.strip_chars())
    score = pl.when(pl.col("reason").is_null()).then(equal.cast(pl.Float64))
    return answered.select(metric=pl.lit("exact_match_trimmed"), score=score, reason="reason")


def teacher_forced(targets: pl.DataFrame) -> pl.DataFrame:
    """1 where, for some target, the model's first choice is right at every token given the true tokens before it.

    For a single target that ends in EOS this is what greedy decoding without post-processing gives. Higher is better.
    """
    right = (pl.col("token_accuracy") == 1).cast(pl.Float64)
    found = targets.group_by("row", maintain_order=True).agg(score=right.max())
    none = pl.when(pl.col("score").is_null()).then(pl.lit("no target has a token"))
    return found.select(metric=pl.lit("exact_match_teacher_forced"), score="score", reason=none)
