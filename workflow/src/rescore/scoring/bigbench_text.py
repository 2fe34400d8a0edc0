"""BIG-bench's metrics of the answer's text and of the targets' likelihood, example by example."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import polars as pl

from rescore.scoring.exact import IS_TARGET, NO_ANSWER
from rescore.scoring.likelihood import TOTAL_NATS
from rescore.scoring.runs import KEYS, Runs

NO_LIKELIHOOD = "a target has no token, or no finite log-probability"
MANY_TARGETS = "an example has several targets"
ROUGE = ("rouge1", "rouge2", "rougeLsum")
NUMERIC_MATCH = "numeric_match_with_0_1_relative_error"
RELATIVE_ERROR = 0.1

_SPACE = "".join(c for c in map(chr, range(0x3001)) if c.isspace())
"""What Python's `str.strip` and `str.split` take for white space; U+001C to U+001F are none to Rust."""
_WORD = r"[^\s\x1c-\x1f]+"


def text_values(examples: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Put the answer beside the targets of every example, or the reason why there is none."""
    return (
        examples.select(*KEYS, "targets")
        .join(answers.select(*KEYS, "answer", "reason"), on=KEYS, how="left", maintain_order="left")
        .with_columns(reason=pl.when(pl.col("answer").is_null()).then(pl.col("reason").fill_null(NO_ANSWER)))
    )


def text_scores(texts: pl.DataFrame, metric: str) -> Iterator[pl.DataFrame]:
    """Score answers, as `text_values` returns them, under one of `TEXT_METRICS`; rouge is three."""
    if metric in _MATCHES:
        score = pl.when(pl.col("reason").is_null()).then(_MATCHES[metric].cast(pl.Float64))
        yield texts.select(*KEYS, metric=pl.lit(metric), score=score, reason="reason")
        return
    if metric == NUMERIC_MATCH:  # undefined in the reference, which stops here
        several = pl.when(pl.col("targets").list.len() > 1).then(pl.lit(MANY_TARGETS))
        texts = texts.with_columns(reason=pl.coalesce("reason", several))
    defined = texts.filter(pl.col("reason").is_null())
    if metric == "rouge":
        found = _rouge(defined)
    else:
        pairs = defined.select("answer", pl.col("targets").list.first()).iter_rows()
        found = {metric: [_PAIRWISE[metric](answer, target) for answer, target in pairs]}
    for name, values in found.items():
        scored = defined.select(*KEYS, score=pl.Series(values, dtype=pl.Float64))
        yield texts.join(scored, on=KEYS, how="left", maintain_order="left").select(
            *KEYS, metric=pl.lit(name), score="score", reason="reason"
        )


def _plain(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars(_SPACE).str.to_lowercase()


_PLAIN_TARGETS = pl.col("targets").list.eval(_plain(pl.element()))
_MATCHES: Mapping[str, pl.Expr] = {
    "exact_str_match": IS_TARGET,
    "case_insensitive_str_match": _PLAIN_TARGETS.list.contains(_plain(pl.col("answer"))),
}
"""Whether the answer is a target: letter for letter; or both without white space at the ends and in lower case."""


def numeric_match(answer: str, target: str) -> float:
    """1 where the answer reads as a number within a tenth of the target, relatively, else 0.

    `numeric_match_with_0_1_relative_error`: |answer - target| / target <= 0.1, or |answer| <= 0.1 for a target of 0.
    The reference divides by the target with its sign, so that every number matches a target below 0.

    >>> numeric_match(" 108 ", "100"), numeric_match("111", "100"), numeric_match("7", "-100")
    (1.0, 0.0, 1.0)
    """
    try:
        value, true = float(answer), float(target)
    except ValueError:
        return 0.0
    return float(abs(value - true) / (true if true != 0 else 1) <= RELATIVE_ERROR)


def sequence_f1(answer: str, target: str) -> float:
    """Share of the target's labels, split at single spaces, that are in the same place of the answer, times 100.

    An answer that is too long is cut, one that is too short is filled up with the label O. Despite its name, no F1.

    >>> sequence_f1("B O B B B", "B O O O"), sequence_f1("B", "B O B O")
    (50.0, 75.0)
    """
    labels = target.split(" ")
    given = answer.split(" ")[: len(labels)]
    given += ["O"] * (len(labels) - len(given))
    return 100 * (sum(g == t for g, t in zip(given, labels, strict=True)) / len(labels))


_PAIRWISE: Mapping[str, Callable[[str, str], float]] = {NUMERIC_MATCH: numeric_match, "sequence_f1": sequence_f1}
"""Scores of an answer against the first target."""

TEXT_METRICS = (*_MATCHES, *_PAIRWISE, "rouge")


def _rouge(texts: pl.DataFrame) -> dict[str, list[float]]:
    """ROUGE-1, -2 and -Lsum F-measures (Lin 2004, W04-1013), times 100, each of its best target.

    No stemming; a full stop between spaces ends a sentence.
    """
    from rouge_score.rouge_scorer import RougeScorer  # takes two seconds, which most subtasks need not wait

    scorer = RougeScorer(ROUGE)
    found: dict[str, list[float]] = {kind: [] for kind in ROUGE}
    for answer, targets in texts.select("answer", "targets").iter_rows():
        scores = [scorer.score(*(t.replace(" . ", " .\n") for t in (target, answer))) for target in targets]
        for kind in ROUGE:
            found[kind].append(100 * max(score[kind].fmeasure for score in scores))
    return found


def log_likelihoods(examples: pl.DataFrame, extractions: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Log-likelihood of the targets of every example, in nats; higher is better.

    - log_likelihood = log sum over targets of P(target);
    - log_likelihood_per_word, log_likelihood_per_char: the same over the target's length, in words between white space
      or in characters, for the subtasks in which every example has one target.
    """
    listed = (
        examples.select(*KEYS, "targets")
        .explode("targets")
        .join(
            extractions.filter("is_target").select(*KEYS, targets="candidate", total_nats=TOTAL_NATS),
            on=[*KEYS, "targets"],
            how="left",
            maintain_order="left",
        )
    )
    runs, total_nats = Runs(examples["targets"].list.len().to_numpy().astype(np.int64)), listed["total_nats"].to_numpy()
    scored = np.isfinite(runs.sum(total_nats))
    joint = np.logaddexp.reduceat(np.where(runs.spread(scored), total_nats, 0.0), runs.starts)
    joint = np.where(scored, joint, np.nan)
    frame = examples.select(*KEYS, "targets", score=pl.Series(joint, dtype=pl.Float64, nan_to_null=True))
    frame = frame.with_columns(reason=pl.when(pl.col("score").is_null()).then(pl.lit(NO_LIKELIHOOD)))
    yield frame.select(*KEYS, pl.lit("log_likelihood").alias("metric"), "score", "reason")
    frame = frame.filter((pl.col("targets").list.len() == 1).all().over("subtask"))
    target = pl.col("targets").list.first()
    for unit, length in {"word": target.str.count_matches(_WORD), "char": target.str.len_chars()}.items():
        yield frame.select(
            *KEYS,
            metric=pl.lit(f"log_likelihood_per_{unit}"),
            score=pl.when(length > 0).then(pl.col("score") / length),
            reason=pl.when(length > 0).then("reason").otherwise(pl.lit(f"the target holds no {unit}")),
        )
