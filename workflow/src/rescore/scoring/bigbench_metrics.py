"""BIG-bench's own metrics, as its reference implementation computes, aggregates and normalises them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
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
MANY_TARGETS = "an example has several targets"

_CALIBRATION = ("calibration_multiple_choice_brier_score", "expected_calibration_error")
_CHOICE_MEANS = ("multiple_choice_grade", "weighted_log_probabilities", "weighted_probabilities")
_CHOICE = (*_CHOICE_MEANS, *_CALIBRATION, "macro_f1")
_TEXT = (*text.MATCHES, *text.FUNCTIONS, "bleu")
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


def bigbench_scores(
    examples: pl.DataFrame,
    extractions: pl.DataFrame,
    answers: pl.DataFrame,
    settings: Mapping[str, Mapping[str, Any]],
) -> pl.DataFrame:
    """Score models on the subtasks of a task, or of several, under the metrics that they name.

    As `api/json_task.py` of the `bigbench` 1.0.0 package, a subtask that names multiple_choice_grade also gets the
    calibration_multiple_choice_brier_score and the expected_calibration_error, one that names rouge the rouge1, rouge2
    and rougeLsum, and one that names log_likelihood, with one target an example, the log_likelihood_per_word and
    _per_char. `absolute_normalization` changes none of these numbers, as it changes none there: see `choice_values`.

    Parameters
    ----------
    examples, extractions
        As `rescore.tables.EXAMPLES` and `EXTRACTIONS`, with `model`: the examples once for each.
    answers
        model, subtask, example_id, answer, reason, as `rescore.bigbench.answers` gives them.
    settings
        By subtask, its `metrics` and `preferred_score`, as `rescore.bigbench.settings` gives them.

    Returns
    -------
    polars.DataFrame
        As `rescore.tables.BIGBENCH`: one row a model, subtask and metric, and one a task and metric (its subtask is the
        task) that aggregates the task's subtasks, those in `examples`. `n` counts the examples behind the value.
        `standard_error` is sd / sqrt(n) for a metric that scores single examples, bootstrapped for one that does not.
        `reason` says why the value is null, or which examples it leaves out because they have no score.
    """
    asked = _asked(settings)
    examples = examples.drop("prompt").sort("task", *KEYS)
    choices = choice_values(_of(examples, asked, *_CHOICE), extractions)
    texts = text.text_values(_of(examples, asked, *_TEXT), answers)
    means = map(_summary, chain(_example_scores(choices, texts, asked), _log_likelihoods(examples, extractions, asked)))
    models = examples["model"].unique(maintain_order=True)
    unsupported = [
        (model, subtask, "bleurt", None, None, 0, 0, BLEURT) for model in models for subtask in asked.get("bleurt", ())
    ]
    left_out = pl.col("total") - pl.col("n")
    some = pl.format("{} of {} examples left out: {}", left_out, "total", "reason")
    rows = pl.concat(
        [*means, _corpus_scores(choices, texts, asked), pl.DataFrame(unsupported, schema=_ROW, orient="row")]
    ).with_columns(reason=pl.when(pl.col("n") == 0).then("reason").when(left_out > 0).then(some))
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


def _of(frame: pl.DataFrame, asked: Mapping[str, Sequence[str]], *metrics: str) -> pl.DataFrame:
    """Keep the rows of subtasks that name one of the metrics."""
    return frame.filter(pl.col("subtask").is_in({s for m in metrics for s in asked.get(m, ())}))


def _example_scores(
    choices: pl.DataFrame, texts: pl.DataFrame, asked: Mapping[str, Sequence[str]]
) -> Iterator[pl.DataFrame]:
    """Yield, metric by metric that is asked for: model, subtask, example_id, metric, score, reason."""
    for metric in (m for m in _CHOICE_MEANS if m in asked):
        yield _of(choices, asked, metric).select(*KEYS, metric=pl.lit(metric), score=metric, reason="reason")
    for metric, match in ((m, match) for m, match in text.MATCHES.items() if m in asked):
        score = pl.when(pl.col("reason").is_null()).then(match.cast(pl.Float64))
        yield _of(texts, asked, metric).select(*KEYS, metric=pl.lit(metric), score=score, reason="reason")
    for metric, function in ((m, function) for m, function in text.FUNCTIONS.items() if m in asked):
        frame = _of(texts, asked, metric)
        if metric == text.NUMERIC_MATCH:  # undefined in the reference, which stops here
            several = pl.when(pl.col("targets").list.len() > 1).then(pl.lit(MANY_TARGETS))
            frame = frame.with_columns(reason=pl.coalesce("reason", several))
        defined = frame.filter(pl.col("reason").is_null())
        for name, values in function(defined["answer"].to_list(), defined["targets"].to_list()).items():
            given = defined.select(*KEYS, score=pl.Series(values, dtype=pl.Float64))
            yield frame.join(given, on=KEYS, how="left", maintain_order="left").select(
                *KEYS, metric=pl.lit(name), score="score", reason="reason"
            )


def _log_likelihoods(
    examples: pl.DataFrame, extractions: pl.DataFrame, asked: Mapping[str, Sequence[str]]
) -> Iterator[pl.DataFrame]:
    if "log_likelihood" in asked:
        yield from text.log_likelihoods(_of(examples, asked, "log_likelihood"), extractions)


def _summary(scores: pl.DataFrame) -> pl.DataFrame:
    """Take the mean over the examples of each model and subtask that have a score, and its standard error sd / sqrt(n).

    Of ROUGE, the median of bootstrapped means.
    """
    score = pl.col("score")
    rows = (
        scores.group_by("model", "subtask", "metric")
        .agg(
            value=score.mean(),
            standard_error=score.std() / score.count().sqrt(),
            n=score.count(),
            total=pl.len(),
            reason=pl.col("reason").drop_nulls().first(),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in _ROW.items())
    )
    if rows.filter(pl.col("metric").is_in(text.ROUGE), pl.col("n") > 0).is_empty():
        return rows
    parts = scores.drop_nulls("score").partition_by("model", "subtask", as_dict=True)
    medians = [(*names, corpus.median_of_means(part["score"].to_numpy())) for names, part in parts.items()]
    schema = {name: _ROW[name] for name in ("model", "subtask", "value")}
    return (
        rows.drop("value")
        .join(pl.DataFrame(medians, schema, orient="row"), on=["model", "subtask"], how="left")
        .select(list(_ROW))
    )


def _corpus_scores(choices: pl.DataFrame, texts: pl.DataFrame, asked: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Return the rows of calibration, macro_f1 and bleu, computed model by model and subtask by subtask."""
    rows: list[tuple[Any, ...]] = []
    for frame, metrics, statistics in (
        (choices, _CALIBRATION, corpus.calibration),
        (choices, ("macro_f1",), corpus.macro_f1),
        (texts, ("bleu",), corpus.bleu),
    ):
        if asked.keys().isdisjoint(metrics):
            continue
        parts = _of(frame, asked, *metrics).partition_by("model", "subtask", as_dict=True)
        for (model, subtask), part in parts.items():
            total = part.height
            defined = part.filter(pl.col("reason").is_null())
            n = defined.height
            reason = part["reason"].drop_nulls().first()
            found = corpus.estimate(statistics(defined), n) if n else {}
            for metric in metrics:
                if subtask not in asked.get(metric, ()):
                    continue
                if metric in found:
                    rows.append((model, subtask, metric, *found[metric], n, total, reason))
                else:
                    rows.append((model, subtask, metric, None, None, 0, total, NOT_SINGLE if n else reason))
    return pl.DataFrame(rows, schema=_ROW, orient="row")
