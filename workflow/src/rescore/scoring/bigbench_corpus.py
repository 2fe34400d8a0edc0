"""BIG-bench's metrics of a whole subtask: no mean over examples, so their standard error is bootstrapped."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
import polars as pl
from sacrebleu.metrics.bleu import BLEU

DRAWS = 200
ROUGE_DRAWS = (1_000, 20_000)
ROUGE_NUMBERS = 2**24
AT_ONCE = 2**20
"""Numbers that a block of resamples holds, so that many examples need no more memory than some."""

SEED = 42
N_BUCKETS = 15

Statistic = Callable[[np.ndarray], np.ndarray]
"""A metric, by resample, of examples that count `weights` times each: [resamples, examples] -> [resamples]."""


def estimate(statistics: Mapping[str, Statistic], n: int) -> dict[str, tuple[float, float | None]]:
    """Values of metrics of the same `n` examples, and their standard errors: None with fewer than two examples.

    A standard error is the standard deviation over `DRAWS` resamples of the examples (the bootstrap, Efron 1979), the
    same ones for all metrics and calls. It leaves the upward bias of the calibration error as it is.
    """
    if not statistics:
        return {}
    values = {metric: float(statistic(np.ones((1, n)))[0]) for metric, statistic in statistics.items()}
    if n < 2:
        return {metric: (value, None) for metric, value in values.items()}
    resamples, at_once = _resamples(n), max(1, AT_ONCE // n)
    blocks = (resamples[start : start + at_once].astype(float) for start in range(0, DRAWS, at_once))
    drawn = np.concatenate([np.column_stack([of(block) for of in statistics.values()]) for block in blocks])
    errors = np.std(drawn, axis=0, ddof=1).tolist()  # drawn is [DRAWS, metrics]
    return {metric: (values[metric], error) for metric, error in zip(values, errors, strict=True)}


def median_of_means(series: pl.Series) -> float | None:
    """Median over resamples of the examples of the mean score, which the reference reports for ROUGE; None if n = 0.

    With few examples it is not the mean: with 24 examples it may differ by 0.7 of 100. In the reference it is random,
    with 1000 resamples; here the seed is fixed, and few examples get more resamples, so that the median settles.
    """
    scores = series.drop_nulls().to_numpy()
    n = len(scores)
    if n == 0:
        return None
    rng = np.random.default_rng(SEED)
    draws = min(max(ROUGE_NUMBERS // n, ROUGE_DRAWS[0]), ROUGE_DRAWS[1])
    at_once = max(1, AT_ONCE // n)
    blocks = [min(at_once, draws - done) for done in range(0, draws, at_once)]
    return float(np.median(np.concatenate([scores[rng.integers(n, size=(b, n))].mean(axis=1) for b in blocks])))


@lru_cache(maxsize=1)
def _resamples(n: int) -> np.ndarray:
    """Draw `n` of `n` examples with replacement, always the same: how often each was drawn, [DRAWS, examples].

    In a byte each: nobody is drawn 256 times of so many.
    """
    rng = np.random.default_rng(SEED)
    return np.array([np.bincount(rng.integers(n, size=n), minlength=n).astype(np.uint8) for _ in range(DRAWS)])


def calibration(choices: pl.DataFrame) -> dict[str, Statistic]:
    """Brier score and expected calibration error; lower is better.

    - calibration_multiple_choice_brier_score: sum of `brier_total` over sum of `n_choices`, so that an example's weight
      is its number of choices;
    - expected_calibration_error = sum over buckets b of |sum over examples in b of right - confidence| / n, with 15
      buckets of equal width, each without its upper end (Naeini et al. 2015).
    """
    brier, n_choices = choices["brier_total"].to_numpy(), choices["n_choices"].to_numpy().astype(np.float64)
    confidence = choices["confidence"].to_numpy()
    gap = choices["right"].to_numpy() - confidence
    bucket = np.searchsorted(np.arange(1, N_BUCKETS) / N_BUCKETS, confidence, side="right")

    def calibration_error(weights: np.ndarray) -> np.ndarray:
        gaps = np.array([np.abs(np.bincount(bucket, one)).sum() for one in weights * gap])
        error: np.ndarray = gaps / weights.sum(1)
        return error

    def brier_score(weights: np.ndarray) -> np.ndarray:
        # No dot product: numpy hands long ones to threads that wait for each other where cores are busy.
        score: np.ndarray = (weights * brier).sum(1) / (weights * n_choices).sum(1)
        return score

    return {
        "calibration_multiple_choice_brier_score": brier_score,
        "expected_calibration_error": calibration_error,
    }


def macro_f1(choices: pl.DataFrame) -> dict[str, Statistic]:
    """Mean over classes of 2 true positives / (times predicted + times correct); higher is better.

    The classes are the choices' texts that are correct or predicted at least once. As in the reference, the metric does
    not exist where an example has not exactly one choice of score 1 with all scores summing to 1.
    """
    if choices["correct"].null_count():
        return {}
    classes = pl.Enum(pl.concat([choices["predicted"], choices["correct"]]).unique(maintain_order=True))
    predicted, correct = (choices[c].cast(classes).to_physical().to_numpy() for c in ("predicted", "correct"))
    n_classes = len(classes.categories)

    def mean(weights: np.ndarray) -> float:
        named = np.bincount(predicted, weights, n_classes) + np.bincount(correct, weights, n_classes)
        hits = np.bincount(correct, weights * (predicted == correct), n_classes)
        return float((2 * hits[named > 0] / named[named > 0]).mean())

    return {"macro_f1": lambda weights: np.array([mean(one) for one in weights])}


def bleu(texts: pl.DataFrame) -> dict[str, Statistic]:
    """BLEU-4 in [0, 100] (Papineni et al. 2002) from the summed counts of n-grams; higher is better.

    sacrebleu's corpus score with its `intl` tokens and `exp` smoothing, as the reference calls it.
    """
    scorer = BLEU(tokenize="intl", force=True)  # force: no warning at answers that end in a lone full stop
    counts = np.zeros((texts.height, 10))
    for row, (answer, targets) in zip(counts, texts.select("answer", "targets").iter_rows(), strict=True):
        found = scorer.corpus_score([answer], [[target] for target in targets])
        row[:] = *found.counts, *found.totals, found.sys_len, found.ref_len

    def score(weights: np.ndarray) -> float:
        sums = [round(x) for x in (weights @ counts).tolist()]
        return float(
            BLEU.compute_bleu(sums[:4], sums[4:8], sums[8], sums[9], smooth_method="exp", smooth_value=0.0).score
        )

    return {"bleu": lambda weights: np.array([score(one) for one in weights])}
