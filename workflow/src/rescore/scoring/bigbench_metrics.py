"""BIG-bench's own metrics, as its reference implementation computes, aggregates and normalises them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from rescore.scoring import bigbench_corpus as corpus
from rescore.scoring import bigbench_text as text
from rescore.scoring.bigbench_aggregate import with_aggregates
from rescore.scoring.bigbench_choice import choice_values
from rescore.scoring.runs import KEYS
from rescore.tables import BIGBENCH

BLEURT = "unsupported: needs a downloaded checkpoint"
NOT_SINGLE = "an example has not one choice of score 1 and all others of sum 0"

_CALIBRATION = ("calibration_multiple_choice_brier_score", "expected_calibration_error")
_CHOICE_MEANS = ("multiple_choice_grade", "weighted_log_probabilities", "weighted_probabilities")
_ROW = {
    "model": pl.String,
    "subtask": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "standard_error": pl.Float64,
    "n": pl.Int64,
    "total": pl.Int64,
    "reason": pl.String,
}
_Asked = Mapping[str, Sequence[str]]


def bigbench_scores(
    examples: pl.DataFrame,
    extractions: pl.DataFrame,
    answers: pl.DataFrame,
    settings: Mapping[str, Mapping[str, Any]],
) -> pl.DataFrame:
    """Score models on the subtasks of a task, or of several, under the metrics that they name.

    As in `api/json_task.py` of the `bigbench` 1.0.0 package, multiple_choice_grade brings the two calibrations, rouge
    is three metrics, and log_likelihood, with one target per example, brings that per word and per character.

    Returns the table BIGBENCH: one row per model, subtask and metric, and one per task and metric (with the task as
    subtask) that aggregates the subtasks in `examples`. `standard_error` is sd / sqrt(n) for a metric that scores
    single examples, and bootstrapped for one that does not. `reason` says why the value is null, or which examples it
    leaves out because they have no score.
    """
    asked = _asked(settings)
    examples = examples.drop("prompt").sort("task", *KEYS)
    choices = choice_values(_of(examples, asked, *_CHOICE_MEANS, *_CALIBRATION, "macro_f1"), extractions)
    texts = text.text_values(_of(examples, asked, *text.TEXT_METRICS, "bleu"), answers)
    means = [_summary(scores) for scores in _example_scores(examples, extractions, choices, texts, asked)]
    unsupported = [
        (model, subtask, "bleurt", None, None, 0, 0, BLEURT)
        for model in examples["model"].unique(maintain_order=True)
        for subtask in asked.get("bleurt", ())
    ]
    rows = pl.concat([*means, pl.DataFrame(_corpus_scores(choices, texts, asked) + unsupported, _ROW, orient="row")])
    left_out = pl.col("total") - pl.col("n")
    some = pl.format("{} of {} examples left out: {}", left_out, "total", "reason")
    rows = rows.with_columns(reason=pl.when(pl.col("n") == 0).then("reason").when(left_out > 0).then(some))
    return with_aggregates(rows, examples, settings).select(list(BIGBENCH.columns))


def _asked(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """By metric, the subtasks that name it, or that get it with another."""
    asked: dict[str, list[str]] = {}
    for subtask, rules in settings.items():
        metrics = dict.fromkeys(rules["metrics"])
        if "multiple_choice_grade" in metrics:
            metrics |= dict.fromkeys(_CALIBRATION)
        for metric in metrics:
            asked.setdefault(metric, []).append(subtask)
    return asked


def _of(frame: pl.DataFrame, asked: _Asked, *metrics: str) -> pl.DataFrame:
    return frame.filter(pl.col("subtask").is_in({s for m in metrics for s in asked.get(m, ())}))


def _example_scores(
    examples: pl.DataFrame, extractions: pl.DataFrame, choices: pl.DataFrame, texts: pl.DataFrame, asked: _Asked
) -> Iterator[pl.DataFrame]:
    """Yield, for each asked metric of single examples: model, subtask, example_id, metric, score, reason."""
    for metric in asked:
        if metric in _CHOICE_MEANS:
            yield _of(choices, asked, metric).select(*KEYS, metric=pl.lit(metric), score=metric, reason="reason")
        elif metric in text.TEXT_METRICS:
            yield from text.text_scores(_of(texts, asked, metric), metric)
        elif metric == "log_likelihood":
            yield from text.log_likelihoods(_of(examples, asked, metric), extractions)


def _summary(scores: pl.DataFrame) -> pl.DataFrame:
    """Rows `_ROW`: the mean over the examples of each model and subtask, for ROUGE the median of bootstrapped means."""
    score = pl.col("score")
    value = score.mean()
    if scores["metric"].is_in(text.ROUGE).any():
        value = score.map_batches(corpus.median_of_means, return_dtype=pl.Float64, returns_scalar=True)
    means = scores.group_by("model", "subtask", "metric").agg(
        value=value,
        standard_error=score.std() / score.count().sqrt(),
        n=score.count(),
        total=pl.len(),
        reason=pl.col("reason").drop_nulls().first(),
    )
    return means.select(pl.col(name).cast(dtype) for name, dtype in _ROW.items())


def _corpus_scores(choices: pl.DataFrame, texts: pl.DataFrame, asked: _Asked) -> list[tuple[Any, ...]]:
    """Rows `_ROW` of calibration, macro_f1 and bleu, computed model by model and subtask by subtask."""
    rows: list[tuple[Any, ...]] = []
    for frame, metrics, statistics in (
        (choices, _CALIBRATION, corpus.calibration),
        (choices, ("macro_f1",), corpus.macro_f1),
        (texts, ("bleu",), corpus.bleu),
    ):
        parts = _of(frame, asked, *metrics).partition_by("model", "subtask", as_dict=True)
        for (model, subtask), part in parts.items():
            defined = part.filter(pl.col("reason").is_null())
            n, reason = defined.height, part["reason"].drop_nulls().first()
            found = corpus.estimate(statistics(defined), n) if n else {}
            for metric in (metric for metric in metrics if subtask in asked.get(metric, ())):
                if metric in found:
                    rows.append((model, subtask, metric, *found[metric], n, part.height, reason))
                else:
                    rows.append((model, subtask, metric, None, None, 0, part.height, NOT_SINGLE if n else reason))
    return rows
