"""BIG-bench's metrics of the answer's text and of the targets' likelihood, example by example."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from rescore.scoring.exact import NO_ANSWER
from rescore.scoring.likelihood import TOTAL_NATS
from rescore.scoring.runs import KEYS, Runs

NO_LIKELIHOOD = "a target has no token, or no finite log-probability"
ROUGE = ("rouge1", "rouge2", "rougeLsum")
NUMERIC_MATCH = "numeric_match_with_0_1_relative_error"
RELATIVE_ERROR = 0.1

_SPACE = "".join(c for c in map(chr, range(0x3001)) if c.isspace())
"""What Python's `str.strip` and `str.split` take for white space; U+001C to U+001F are none to Rust."""
_WORD = r"[^\s\x1c-\x1f]+"


def text_values(examples: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Put the answer beside the targets of every example.

    Parameters
    ----------
    examples
        As `rescore.tables.EXAMPLES`, with `model`: once for each.
    answers
        model, subtask, example_id, answer, reason, as `rescore.bigbench.answers` gives them.

    Returns
    -------
    polars.DataFrame
        model, subtask, example_id, targets, answer, reason: why the answer is null. One row an example, in their order.
    """
    return (
        examples.select(*KEYS, "targets")
        .join(answers.select(*KEYS, "answer", "reason"), on=KEYS, how="left", maintain_order="left")
        .with_columns(reason=pl.when(pl.col("answer").is_null()).then(pl.col("reason").fill_null(NO_ANSWER)))
    )


def _plain(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars(_SPACE).str.to_lowercase()


MATCHES: Mapping[str, pl.Expr] = {
    "exact_str_match": pl.col("targets").list.contains(pl.col("answer")),
    "case_insensitive_str_match": pl.col("targets")
    .list.eval(_plain(pl.element()))
    .list.contains(_plain(pl.col("answer"))),
}
"""Whether the answer is a target: letter for letter; or both stripped of white space at the ends and in lower case."""


def numeric_match(answer: str, target: str) -> float:
    """1 where the answer reads as a number within a tenth of the target, relatively, else 0.

    `numeric_match_with_0_1_relative_error`: |answer - target| / target <= 0.1, or |answer| <= 0.1 for a target of 0.
    The reference divides by the target with its sign, so that a target below 0 is matched by every number.

    Examples
    --------
    >>> numeric_match(" 108 ", "100"), numeric_match("111", "100"), numeric_match("about 100", "100")
    (1.0, 0.0, 0.0)
    >>> numeric_match("7", "-100")
    1.0
    """
    try:
        value, true = float(answer), float(target)
    except ValueError:
        return 0.0
    return float(abs(value - true) / (true if true != 0 else 1) <= RELATIVE_ERROR)


def sequence_f1(answer: str, target: str) -> float:
    """Share of the target's labels, split at single spaces, that stand in the same place of the answer, times 100.

    An answer that is too long is cut, one that is too short filled up with the label O. No F1, whatever its name.

    Examples
    --------
    >>> sequence_f1("B O B B B", "B O O O")
    50.0
    >>> sequence_f1("B", "B O B O")
    75.0
    """
    labels = target.split(" ")
    given = answer.split(" ")[: len(labels)]
    given += ["O"] * (len(labels) - len(given))
    return 100 * (sum(g == t for g, t in zip(given, labels, strict=True)) / len(labels))


def rouge(answers: Sequence[str], targets: Sequence[Sequence[str]]) -> dict[str, list[float]]:
    """ROUGE-1, -2 and -Lsum F-measures (Lin 2004, W04-1013), times 100, each of its best target.

    No stemming; a full stop between spaces ends a sentence. Of a subtask the reference reports no mean of
    these: see `bigbench_corpus.median_of_means`.
    """
    from rouge_score.rouge_scorer import RougeScorer  # takes two seconds, of which most subtasks need none

    scorer = RougeScorer(ROUGE)
    found: dict[str, list[float]] = {kind: [] for kind in ROUGE}
    for answer, accepted in zip(answers, targets, strict=True):
        scores = [scorer.score(_sentences(target), _sentences(answer)) for target in accepted]
        for kind in ROUGE:
            found[kind].append(100 * max(s[kind].fmeasure for s in scores))
    return found


def _sentences(text: str) -> str:
    return text.replace(" . ", " .\n")


def _numeric_matches(answers: Sequence[str], targets: Sequence[Sequence[str]]) -> dict[str, list[float]]:
    return {NUMERIC_MATCH: [numeric_match(a, t[0]) for a, t in zip(answers, targets, strict=True)]}


def _sequence_f1s(answers: Sequence[str], targets: Sequence[Sequence[str]]) -> dict[str, list[float]]:
    return {"sequence_f1": [sequence_f1(a, t[0]) for a, t in zip(answers, targets, strict=True)]}


FUNCTIONS = {NUMERIC_MATCH: _numeric_matches, "sequence_f1": _sequence_f1s, "rouge": rouge}
"""By the name under which a task asks for it, what scores answers against their targets: scores by metric."""


def log_likelihoods(examples: pl.DataFrame, extractions: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Log-likelihood of the targets of every example, in nats; higher is better.

    - log_likelihood = log sum over targets of P(target);
    - log_likelihood_per_word, log_likelihood_per_char: the same over the target's length, in words between white space
      or in characters, for the subtasks of which every example has one target.

    Yields
    ------
    polars.DataFrame
        model, subtask, example_id, metric, score, reason: why the score is null.
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
    lengths = examples["targets"].list.len().to_numpy().astype(np.int64)
    joint = pl.Series(
        "score", _log_sum(listed["total_nats"].to_numpy(), Runs(lengths)), dtype=pl.Float64, nan_to_null=True
    )
    frame = examples.select(*KEYS, "targets").with_columns(joint, metric=pl.lit("log_likelihood"))
    frame = frame.with_columns(reason=pl.when(pl.col("score").is_null()).then(pl.lit(NO_LIKELIHOOD)))
    yield frame.select(*KEYS, "metric", "score", "reason")
    frame = frame.filter((pl.col("targets").list.len() == 1).all().over("subtask"))
    target = pl.col("targets").list.first()
    units = {"word": target.str.count_matches(_WORD), "char": target.str.len_chars()}
    for unit, length in units.items():
        yield frame.select(
            *KEYS,
            metric=pl.lit(f"log_likelihood_per_{unit}"),
            score=pl.when(length > 0).then(pl.col("score") / length),
            reason=pl.when(length > 0).then("reason").otherwise(pl.lit(f"the target holds no {unit}")),
        )


def _log_sum(total_nats: np.ndarray, runs: Runs) -> np.ndarray:
    """Log of the summed exponentials of each run of numbers; not a number where one of them is not finite."""
    scored = np.isfinite(runs.sum(total_nats))
    total = np.where(runs.spread(scored), total_nats, 0.0)
    top = runs.max(total)
    joint = top + np.log(runs.sum(np.exp(total - runs.spread(top))))
    return np.where(scored, joint, np.nan)
