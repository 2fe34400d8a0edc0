"""BIG-bench's own metrics on numbers worked out by hand, and what must hold for any numbers."""

from collections.abc import Mapping, Sequence
from math import exp, log, sqrt
from typing import Any

import numpy as np
import polars as pl
import pytest
from score_tables import ANSWERS, Row, answer, candidate, example, of_model

from rescore.scoring import bigbench_corpus as corpus
from rescore.scoring.bigbench_aggregate import with_aggregates
from rescore.scoring.bigbench_corpus import median_of_means
from rescore.scoring.bigbench_metrics import BLEURT, bigbench_scores
from rescore.scoring.bigbench_text import NO_LIKELIHOOD, numeric_match
from rescore.scoring.choice import UNSCORED
from rescore.tables import BIGBENCH, EXAMPLES, EXTRACTIONS, write

LN2 = log(2)


def table(
    examples: Sequence[Row],
    candidates: Sequence[Row] = (),
    answers: Sequence[Row] = (),
    *,
    metrics: Mapping[str, Sequence[str]] | Sequence[str],
    preferred: str | None = None,
) -> dict[str, Any]:
    """Return the arguments of a scoring; `metrics` by subtask, or for the one subtask `t`."""
    named = metrics if isinstance(metrics, Mapping) else {"t": metrics}
    return {
        "examples": of_model(pl.DataFrame(list(examples), schema=dict(EXAMPLES.columns))),
        "extractions": of_model(pl.DataFrame(list(candidates), schema=dict(EXTRACTIONS.columns))),
        "answers": of_model(pl.DataFrame(list(answers), schema=ANSWERS)),
        "settings": {s: {"metrics": list(m), "preferred_score": preferred or m[0]} for s, m in named.items()},
    }


def row(arguments: dict[str, Any], metric: str, subtask: str = "t") -> dict[str, Any]:
    return bigbench_scores(**arguments).row(
        by_predicate=(pl.col("metric") == metric) & (pl.col("subtask") == subtask), named=True
    )


def choices(example_id: int, logprobs_nats: Mapping[str, float], *, subtask: str = "t") -> list[Row]:
    return [
        candidate(example_id, text, [x], target=False, choice=True, subtask=subtask)
        for text, x in logprobs_nats.items()
    ]


def two_questions(metrics: Sequence[str]) -> dict[str, Any]:
    """Of choices as likely as 3/4 : 1/4 and 1/4 : 3/4 among themselves, the first is right in both."""
    return table(
        [example(0, ["a"], {"a": 1.0, "b": 0.0}), example(1, ["a"], {"a": 1.0, "b": 0.0})],
        [
            *choices(0, {"a": log(0.3), "b": log(0.1)}),
            *choices(1, {"a": log(0.1), "b": log(0.3)}),
        ],
        metrics=metrics,
    )


@pytest.mark.parametrize(
    ("metric", "value", "standard_error"),
    [
        ("multiple_choice_grade", 0.5, 0.5),  # scores 1 and 0: sd sqrt(1/2), over sqrt 2
        ("weighted_probabilities", 0.2, 0.1),  # 0.3 and 0.1, not normalised
        ("weighted_log_probabilities", (log(0.3) + log(0.1)) / 2, (log(0.3) - log(0.1)) / 2),
    ],
)
def test_means_over_examples(metric: str, value: float, standard_error: float) -> None:
    found = row(two_questions([metric]), metric)
    assert found["value"] == pytest.approx(value, rel=1e-6)
    assert found["standard_error"] == pytest.approx(standard_error, rel=1e-6)
    assert (found["n"], found["reason"]) == (2, None)


def test_brier_score_is_averaged_over_choices() -> None:
    # A question of two choices, p = 3/4 and 1/4 with the first right: 1/16 + 1/16. One of three equal choices, one
    # right: 4/9 + 1/9 + 1/9. Over five choices, where the mean of the questions' means would be 0.1424.
    arguments = table(
        [example(0, ["a"], {"a": 1.0, "b": 0.0}), example(1, ["a"], {"a": 2.0, "b": 0.0, "c": 0.0})],
        [*choices(0, {"a": log(0.75), "b": log(0.25)}), *choices(1, {"a": -1.0, "b": -1.0, "c": -1.0})],
        metrics=["calibration_multiple_choice_brier_score"],
    )
    found = row(arguments, "calibration_multiple_choice_brier_score")
    assert found["value"] == pytest.approx((2 / 16 + 6 / 9) / 5, abs=1e-7)


def test_calibration_error_by_buckets() -> None:
    # Confidence 3/4 twice (bucket 11 of 15), right once: |1 - 1.5| = 0.5. Confidence 0.9 once, wrong: 0.9. Over three.
    arguments = table(
        [example(i, ["a"], {"a": 1.0, "b": 0.0}) for i in range(3)],
        [
            *choices(0, {"a": log(0.75), "b": log(0.25)}),
            *choices(1, {"a": log(0.25), "b": log(0.75)}),
            *choices(2, {"a": log(0.1), "b": log(0.9)}),
        ],
        metrics=["expected_calibration_error"],
    )
    assert row(arguments, "expected_calibration_error")["value"] == pytest.approx(1.4 / 3, abs=1e-7)


def calibrated(*asked: tuple[Mapping[str, float], str]) -> float:
    """The calibration error of questions, each of its choices' probabilities and the right one."""
    arguments = table(
        [example(i, [right], {c: float(c == right) for c in p}) for i, (p, right) in enumerate(asked)],
        [row for i, (p, _) in enumerate(asked) for row in choices(i, {c: log(x) for c, x in p.items()})],
        metrics=["expected_calibration_error"],
    )
    return float(row(arguments, "expected_calibration_error")["value"])


def test_buckets_are_fifteenths_without_their_upper_end() -> None:
    # 0.61 and 0.68 lie on both sides of ten fifteenths: right 1 - 0.61, wrong 0.68. 1/3 begins a bucket, 0.3 is below.
    apart = calibrated(({"a": 0.61, "b": 0.39}, "a"), ({"a": 0.68, "b": 0.32}, "b"))
    assert apart == pytest.approx((0.39 + 0.68) / 2, abs=1e-6)
    third = {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}
    edge = calibrated((third, "a"), ({"a": 0.3, "b": 0.25, "c": 0.25, "d": 0.2}, "b"))
    assert edge == pytest.approx((2 / 3 + 0.3) / 2, abs=1e-6)


def test_the_grade_brings_both_calibrations_and_ties_go_to_the_first() -> None:
    arguments = table(
        [example(0, ["a"], {"b": 0.25, "a": 1.0})],
        choices(0, {"a": -1.0, "b": -1.0}),
        metrics=["multiple_choice_grade"],
    )
    found = bigbench_scores(**arguments)
    assert set(found["metric"]) == {
        "multiple_choice_grade",
        "calibration_multiple_choice_brier_score",
        "expected_calibration_error",
        "normalized_aggregate_score",
    }
    assert row(arguments, "multiple_choice_grade")["value"] == 0.25


def test_a_question_without_correct_choice_has_target_probabilities_of_0() -> None:
    arguments = table(
        [example(0, ["a"], {"a": 0.0, "b": 0.0})],
        choices(0, {"a": log(0.75), "b": log(0.25)}),
        metrics=["calibration_multiple_choice_brier_score", "expected_calibration_error"],
    )
    # p^2 summed over two; and of the two equal zeros the first counts as the right one
    assert row(arguments, "calibration_multiple_choice_brier_score")["value"] == pytest.approx(
        (9 + 1) / 16 / 2, abs=1e-7
    )
    assert row(arguments, "expected_calibration_error")["value"] == pytest.approx(0.25, abs=1e-7)


def graded(pairs: Sequence[tuple[str, str]], scores: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Questions of three choices by what is correct and what the model says."""
    names = ("x", "y", "z")
    return table(
        [example(i, [c], dict(scores or {n: float(n == c) for n in names})) for i, (c, _) in enumerate(pairs)],
        [r for i, (_, said) in enumerate(pairs) for r in choices(i, {n: -float(n != said) for n in names})],
        metrics=["macro_f1"],
    )


def test_macro_f1_over_the_classes_that_occur() -> None:
    # x: named 2 + 3 times, 2 hits: 4/5. y: named 2 + 1, 1 hit: 2/3. z never occurs.
    found = row(graded([("x", "x"), ("x", "x"), ("x", "y"), ("y", "y")]), "macro_f1")
    assert found["value"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert found["standard_error"] > 0


def test_a_class_that_a_resample_leaves_out_is_not_wrong() -> None:
    found = row(graded([("x", "x"), ("y", "y")]), "macro_f1")
    assert (found["value"], found["standard_error"]) == (1, 0)  # all are right in every resample


@pytest.mark.parametrize("scores", [{"x": 1.0, "y": 1.0, "z": 0.0}, {"x": 1.0, "y": 0.5, "z": 0.0}])
def test_macro_f1_needs_one_correct_choice(scores: dict[str, float]) -> None:
    found = row(graded([("x", "x")], scores), "macro_f1")
    assert found["value"] is None
    assert "one choice of score 1" in found["reason"]


def texts(answers: Sequence[str | None], targets: Sequence[Sequence[str]], metric: str) -> dict[str, Any]:
    return table(
        [example(i, t) for i, t in enumerate(targets)],
        answers=[answer(i, a, reason=None if a is not None else "too slow") for i, a in enumerate(answers)],
        metrics=[metric],
    )


@pytest.mark.parametrize(
    ("metric", "text", "targets", "score"),
    [
        ("exact_str_match", "Oslo", ["Bergen", "Oslo"], 1),
        ("exact_str_match", " Oslo", ["Oslo"], 0),
        ("exact_str_match", "oslo", ["Oslo"], 0),
        ("case_insensitive_str_match", "\x1f oSLO\n", ["Bergen", "Oslo\u3000"], 1),
        ("case_insensitive_str_match", "os lo", ["Oslo"], 0),
        ("numeric_match_with_0_1_relative_error", "110", ["100"], 1),
        ("numeric_match_with_0_1_relative_error", "110.1", ["100"], 0),
        ("numeric_match_with_0_1_relative_error", "1_0.9e1", ["100"], 1),
        ("numeric_match_with_0_1_relative_error", "-0.1", ["0"], 1),
        ("numeric_match_with_0_1_relative_error", "nan", ["0"], 0),
        ("numeric_match_with_0_1_relative_error", "ten", ["10"], 0),
        ("numeric_match_with_0_1_relative_error", "7", ["-100"], 1),  # the reference divides by -100
        # "a b" is right, no longer piece: 3- and 4-grams count as 1/2 of 2 and 1/4 of 1 (exp smoothing); 4 words of 5
        ("bleu", "a b x y", ["a b c d e"], 100 * exp(1 - 5 / 4) * (2 / 4 * 1 / 3 * 1 / 4 * 1 / 4) ** 0.25),
        ("bleu", "a,b c.d e", ["f", "a , b c . d e"], 100.0),  # punctuation stands alone, wherever the spaces are
        ("sequence_f1", "O B", ["O B O B"], 75.0),
        ("sequence_f1", "B  O B", ["B O B"], 100 / 3),  # between two spaces stands an empty label
        ("rouge1", "the cat sat", ["a dog", "the cat"], 80.0),  # precision 2/3, recall 1
        ("rouge2", "the cat sat", ["a dog", "the cat"], 200 / 3),  # precision 1/2, recall 1
        # The longest common subsequence of the whole texts has 3 words; sentence by sentence all 4 are found.
        ("rougeLsum", "one two . three four", ["three four . one two"], 100.0),
    ],
)
def test_text_metrics(metric: str, text: str, targets: Sequence[str], score: float) -> None:
    found = row(texts([text], [targets], "rouge" if metric.startswith("rouge") else metric), metric)
    assert found["value"] == pytest.approx(score)
    assert (found["n"], found["standard_error"]) == (1, None)


def test_bleu_sums_counts_over_the_corpus() -> None:
    # "a b c d e" of "a b c d f": 4/5, 3/4, 2/3, 1/2. Then "g", right: 5/6, 3/4, 2/3, 1/2; both as long as the targets.
    one = row(texts(["a b c d e"], [["a b c d f"]], "bleu"), "bleu")["value"]
    assert one == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    both = row(texts(["a b c d e", "g"], [["a b c d f"], ["h", "g"]], "bleu"), "bleu")
    assert both["value"] == pytest.approx(100 * (5 / 6 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    assert both["standard_error"] > 0
    # One word too short of two: brevity penalty e^(1 - 6/5).
    short = row(texts(["a b c d e"], [["a b c d e f"]], "bleu"), "bleu")["value"]
    assert short == pytest.approx(100 * exp(1 - 6 / 5))


def test_rouge_of_a_subtask_is_the_median_of_resampled_means() -> None:
    # Scores 100, 100 and 50, mean 83.3. A resample of three has a mean of 100 in 8 of 27 cases, 83.3 in 12, less in 7.
    assert row(texts(["a", "a", "a c c"], [["a"]] * 3, "rouge"), "rouge1")["value"] == pytest.approx(250 / 3)


def test_few_examples_have_the_median_of_all_their_resamples() -> None:
    # In sixths, with a mean of 119 / 24: the sum of 24 draws has the 24-fold convolution of one draw's distribution.
    sixths = np.repeat([0, 3, 4, 6], [3, 1, 2, 18])
    one = np.bincount(sixths, minlength=7) / 24
    every = one
    for _ in range(23):
        every = np.convolve(every, one)
    below, median = np.cumsum(every), int(np.argmax(np.cumsum(every) > 0.5))
    assert below[median - 1] < 0.495
    assert median == 120
    assert median_of_means(pl.Series(sixths.astype(float))) == median / 24


def test_log_likelihood_per_word_and_character() -> None:
    arguments = table(
        [example(0, ["ab c"]), example(1, ["d\x1ce\u3000f"])],
        [candidate(0, "ab c", [-1.0, -3.0]), candidate(1, "d\x1ce\u3000f", [-6.0])],
        metrics=["log_likelihood"],
    )
    assert row(arguments, "log_likelihood")["value"] == -5.0
    assert row(arguments, "log_likelihood_per_word")["value"] == (-4 / 2 - 6 / 3) / 2
    assert row(arguments, "log_likelihood_per_char")["value"] == pytest.approx((-4 / 4 - 6 / 5) / 2)


def test_log_likelihood_sums_the_probabilities_of_several_targets() -> None:
    arguments = table(
        [example(0, ["a", "b"]), example(1, ["c"])],
        [candidate(0, "a", [-2.0]), candidate(0, "b", [-2.0]), candidate(1, "c", [-4.0])],
        metrics=["log_likelihood"],
    )
    assert row(arguments, "log_likelihood")["value"] == pytest.approx((LN2 - 2 - 4) / 2)
    assert "log_likelihood_per_word" not in bigbench_scores(**arguments)["metric"]


def test_what_is_undefined_is_null_with_its_reason(tmp_path: Any) -> None:
    arguments = table(
        [
            example(0, ["a"], {"a": 1.0, "": 0.0}, subtask="t:token"),
            example(1, [""], subtask="t:text"),
            example(2, ["a", "b"], subtask="t:many"),
            example(3, ["a"], subtask="t:learned"),
            example(4, ["a"], subtask="t:bare"),
            example(5, ["a", ""], subtask="t:silent"),
        ],
        [
            *choices(0, {"a": -1.0}, subtask="t:token"),
            candidate(0, "", [], target=False, choice=True, subtask="t:token"),
            candidate(1, "", [-1.0], subtask="t:text"),
            candidate(5, "a", [-1.0], subtask="t:silent"),
            candidate(5, "", [], subtask="t:silent"),
        ],
        [answer(2, "1", subtask="t:many"), answer(3, None, reason="too slow", subtask="t:learned")],
        metrics={
            "t:token": ["multiple_choice_grade", "macro_f1"],
            "t:text": ["log_likelihood"],
            "t:many": ["numeric_match_with_0_1_relative_error", "bleu"],
            "t:learned": ["bleurt", "bleu", "rouge"],
            "t:silent": ["log_likelihood"],
            "t:bare": ["multiple_choice_grade", "exact_str_match"],
        },
    )
    found = bigbench_scores(**arguments)
    write(found, tmp_path / "bigbench.parquet", BIGBENCH, {})
    reasons = {
        (subtask.partition(":")[2], metric): reason
        for subtask, metric, value, reason in found.select("subtask", "metric", "value", "reason").iter_rows()
        if value is None
    }
    for metric in ("multiple_choice_grade", "expected_calibration_error", "macro_f1"):
        assert reasons["token", metric] == UNSCORED
    assert reasons["text", "log_likelihood_per_char"] == "the target holds no char"
    assert reasons["silent", "log_likelihood"] == NO_LIKELIHOOD
    assert reasons["many", "numeric_match_with_0_1_relative_error"] == "an example has several targets"
    assert reasons["learned", "bleurt"] == BLEURT
    assert reasons["learned", "bleu"] == reasons["learned", "rouge2"] == "too slow"
    assert reasons["bare", "multiple_choice_grade"] == "the example has no choices"
    assert reasons["bare", "exact_str_match"] == "the model gave no answer"
    assert reasons["", "multiple_choice_grade"] == "t:bare: the example has no choices"
    assert reasons["", "normalized_aggregate_score"] == "t:bare: the example has no choices"
    assert found.filter(pl.col("value").is_null() & pl.col("reason").is_null()).is_empty()
    assert found.filter(pl.col("value").is_null() & pl.col("standard_error").is_not_null()).is_empty()


def test_an_example_without_score_is_left_out_and_counted() -> None:
    found = row(texts(["a", None, "b"], [["a"]] * 3, "exact_str_match"), "exact_str_match")
    assert (found["value"], found["n"]) == (0.5, 2)
    assert found["standard_error"] == pytest.approx(0.5)  # of 1 and 0: sqrt(1/2) over sqrt(2)
    assert found["reason"] == "1 of 3 examples left out: too slow"
    assert row(texts(["a", None], [["a"]] * 2, "bleu"), "bleu")["reason"] == "1 of 2 examples left out: too slow"


def test_a_task_is_the_mean_of_its_subtasks() -> None:
    examples = [
        example(0, ["a"], {"a": 1.0, "b": 0.0}, subtask="t:two"),
        example(1, ["a"], {"a": 1.0, "b": 0.0}, subtask="t:two"),
        example(0, ["a"], {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0}, subtask="t:four"),
    ]
    candidates = [
        *choices(0, {"a": -1.0, "b": -2.0}, subtask="t:two"),
        *choices(1, {"a": -2.0, "b": -1.0}, subtask="t:two"),
        *choices(0, {"a": -1.0, "b": -2.0, "c": -2.0, "d": -2.0}, subtask="t:four"),
    ]
    arguments = table(
        examples, candidates, metrics={"t:two": ["multiple_choice_grade"], "t:four": ["multiple_choice_grade"]}
    )
    two, four, task = (row(arguments, "multiple_choice_grade", s) for s in ("t:two", "t:four", "t"))
    assert (two["normalized"], four["normalized"]) == (0.0, 100.0)  # (1/2 - 1/2) / (1/2); (1 - 1/4) / (3/4)
    assert (task["value"], task["n"]) == (0.75, 3)
    assert task["normalized"] == pytest.approx(100 * (0.75 - 0.375) / (1 - 0.375))
    assert row(arguments, "normalized_aggregate_score")["value"] == 50.0
    assert row(arguments, "normalized_aggregate_score")["normalized"] is None
    assert row(arguments, "expected_calibration_error")["normalized"] is None


def test_a_task_of_mixed_metrics_is_normalized_by_its_aggregate() -> None:
    arguments = table(
        [example(0, ["a"], subtask="t:text"), example(1, ["a"], subtask="t:text"), example(0, ["b"], subtask="t:odds")],
        [candidate(0, "b", [-2.5], subtask="t:odds")],
        [answer(0, "a", subtask="t:text"), answer(1, "b", subtask="t:text")],
        metrics={"t:text": ["exact_str_match"], "t:odds": ["log_likelihood"]},
    )
    assert row(arguments, "log_likelihood", "t:odds")["normalized"] == 75.0  # from -10 to 0
    assert row(arguments, "exact_str_match")["value"] == 0.5  # of the one subtask that has it
    assert row(arguments, "exact_str_match")["normalized"] is None
    total = row(arguments, "normalized_aggregate_score")
    assert total["value"] == total["normalized"] == (50 + 75) / 2
    assert total["standard_error"] is None  # one subtask has one example


def test_standard_errors_of_subtasks_add_as_independent() -> None:
    names = ("t:u", "t:v")
    arguments = table(
        [example(i, ["a"], subtask=s) for s in names for i in range(2)],
        answers=[answer(i, "ab"[i], subtask=s) for s in names for i in range(2)],
        metrics={s: ["exact_str_match"] for s in names},
    )
    assert row(arguments, "exact_str_match")["standard_error"] == pytest.approx(0.5 / sqrt(2))
    assert row(arguments, "normalized_aggregate_score")["standard_error"] == pytest.approx(50 / sqrt(2))


def test_a_normalised_score_is_of_the_whole_files_chance_and_its_error_on_the_same_scale() -> None:
    """The two choices given score .25 on average, those of the file .1; log-likelihoods go from -10 to 0."""
    asked = [example(0, ["a"], {"a": 0.5, "b": 0.0})]
    arguments = table(asked, choices(0, {"a": -1.0, "b": -2.0}), metrics=["multiple_choice_grade"])
    arguments["settings"]["t"]["chance"] = 0.1
    assert row(arguments, "multiple_choice_grade")["normalized"] == pytest.approx(100 * (0.5 - 0.1) / 0.9)
    odds = table(
        [example(i, ["a"]) for i in range(2)],
        [candidate(i, "a", [nats]) for i, nats in enumerate((-2.0, -4.0))],
        metrics=["log_likelihood"],
    )
    total = row(odds, "normalized_aggregate_score")
    assert (total["value"], total["standard_error"]) == pytest.approx((70, 10))  # -3 with an error of sqrt(2) / sqrt(2)


def test_a_task_without_value_has_the_reason_of_the_subtask_that_lacks_one() -> None:
    names = ("t:first", "t:second")
    arguments = table(
        [example(i, ["a"], subtask=s) for s in names for i in range(2)],
        answers=[
            answer(0, "a", subtask="t:first"),
            *(answer(i, None, reason="lost", subtask="t:second") for i in range(2)),
        ],
        metrics={s: ["exact_str_match"] for s in names},
    )
    assert (
        row(arguments, "exact_str_match", "t:first")["reason"] == "1 of 2 examples left out: the model gave no answer"
    )
    assert row(arguments, "exact_str_match")["value"] is None
    assert row(arguments, "exact_str_match")["reason"] == "t:second: lost"


def test_a_task_without_subtasks_keeps_its_rows() -> None:
    arguments = texts(["a", "b"], [["a"], ["a"]], "exact_str_match")
    found = bigbench_scores(**arguments)
    assert found["metric"].to_list() == ["exact_str_match", "normalized_aggregate_score"]
    assert found["value"].to_list() == [0.5, 50.0]
    assert found["normalized"].to_list() == [50.0, None]


@pytest.mark.parametrize("preferred", ["bleu", "rouge"])
def test_a_preferred_score_that_is_not_there(preferred: str) -> None:
    arguments = texts(["a"], [["a"]], "exact_str_match")
    arguments["settings"]["t"]["preferred_score"] = preferred
    found = row(arguments, "normalized_aggregate_score")
    assert found["value"] is None
    assert found["reason"] == "t: its preferred score is none of its metrics"


def test_a_grade_that_chance_cannot_miss_has_no_normalized_score() -> None:
    arguments = table([example(0, ["a"], {"a": 1.0})], choices(0, {"a": -1.0}), metrics=["multiple_choice_grade"])
    assert row(arguments, "multiple_choice_grade")["normalized"] is None
    assert "no low score below the high one" in row(arguments, "normalized_aggregate_score")["reason"]


METRICS = (
    "multiple_choice_grade",
    "weighted_probabilities",
    "macro_f1",
    "exact_str_match",
    "bleu",
    "rouge",
    "log_likelihood",
)


def random_task(n: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    words = np.array(["one", "two", "three", "four", "five"])
    examples, candidates, answers = [], [], []
    for i in range(n):
        right, said = " ".join(rng.choice(words, 5)), " ".join(rng.choice(words, 5))
        examples.append(example(i, [right], {w: float(w == words[i % 3]) for w in words[:3]}))
        candidates += choices(i, dict(zip(words[:3].tolist(), rng.uniform(-4, 0, 3).tolist(), strict=True)))
        candidates.append(candidate(i, right, [-float(rng.uniform(0, 9))]))
        answers.append(answer(i, right if rng.random() < 0.5 else said))
    return table(examples, candidates, answers, metrics=METRICS)


def test_the_order_of_rows_changes_nothing() -> None:
    arguments = random_task(30, 1)
    shuffled = {
        k: v.sample(fraction=1, shuffle=True, seed=7) if isinstance(v, pl.DataFrame) else v
        for k, v in arguments.items()
    }
    assert bigbench_scores(**shuffled).equals(bigbench_scores(**arguments))


def test_models_scored_together_get_what_each_gets_alone() -> None:
    alone = [random_task(30, seed) for seed in (1, 2)]
    together = alone[0] | {
        name: pl.concat([alone[0][name], of_model(alone[1][name], "n")])
        for name in ("examples", "extractions", "answers")
    }
    apart = [bigbench_scores(**alone[0]), of_model(bigbench_scores(**alone[1]), "n").select(list(BIGBENCH.columns))]
    assert apart[0].height == 14
    assert bigbench_scores(**together).equals(pl.concat(apart))


def test_standard_errors_shrink_with_the_root_of_n() -> None:
    few, many = (
        bigbench_scores(**random_task(n, 2)).filter(pl.col("metric") != "normalized_aggregate_score")
        for n in (100, 900)
    )
    assert few["metric"].to_list() == many["metric"].to_list()
    ratio = few["standard_error"] / many["standard_error"]
    assert ratio.to_numpy() == pytest.approx(3, rel=0.3), dict(zip(few["metric"], ratio, strict=True))


def test_resamples_in_blocks_are_the_same_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = random_task(30, 3)
    whole = bigbench_scores(**arguments)
    monkeypatch.setattr(corpus, "AT_ONCE", 700)  # 23 resamples of 30
    assert bigbench_scores(**arguments).equals(whole)


def test_bootstrapped_errors_equal_the_known_ones() -> None:
    # With two choices each and all of them as likely, the Brier score is a mean of equal weights: sd / sqrt(n).
    rng = np.random.default_rng(3)
    p = rng.uniform(0.05, 0.95, 400)
    arguments = table(
        [example(i, ["a"], {"a": 1.0, "b": 0.0}) for i in range(400)],
        [r for i, x in enumerate(p) for r in choices(i, {"a": log(x), "b": log(1 - x)})],
        metrics=["calibration_multiple_choice_brier_score"],
    )
    found = row(arguments, "calibration_multiple_choice_brier_score")
    scores = (1 - p) ** 2
    assert found["value"] == pytest.approx(scores.mean(), rel=1e-6)
    assert found["standard_error"] == pytest.approx(scores.std(ddof=1) / 20, rel=0.15)


def test_only_weighted_metrics_see_whether_log_probabilities_are_normalised_over_choices() -> None:
    metrics = ["multiple_choice_grade", "macro_f1", "weighted_probabilities", "weighted_log_probabilities"]
    pairs = [("x", "y"), ("x", "x"), ("z", "z")]
    plain = graded(pairs)
    plain["settings"]["t"]["metrics"] = metrics
    constant = pl.col("logprob_nats").list.eval(pl.element() - 2.0)
    shifted = plain | {"extractions": plain["extractions"].with_columns(constant)}
    before, after = (dict(bigbench_scores(**a).select("metric", "value").iter_rows()) for a in (plain, shifted))
    moved = {m for m, value in before.items() if value is not None and after[m] != pytest.approx(value, abs=1e-6)}
    assert moved == {"weighted_probabilities", "weighted_log_probabilities"}


RANGES = {  # the scores that BIG-bench normalises to 0 and 100 (`SCORE_RANGES` of its api/task_metrics.py)
    (0, 1): (
        "exact_str_match",
        "case_insensitive_str_match",
        "numeric_match_with_0_1_relative_error",
        "calibration_multiple_choice_brier_score",
        "expected_calibration_error",
        "macro_f1",
    ),
    (0, 100): ("sequence_f1", "bleu", "rouge1", "rouge2", "rougeLsum"),
    (-0.1, 1.1): ("bleurt",),
    (-10, 0): ("log_likelihood", "weighted_log_probabilities"),
    (-1, 1): ("weighted_probabilities",),
}


def test_preferred_scores_are_normalised_by_the_ranges_of_the_reference() -> None:
    expected = {(m, v): n for (low, high), ms in RANGES.items() for m in ms for v, n in ((low, 0), (high, 100))}
    names = {f"t:{i}": metric for i, (metric, _) in enumerate(expected)}
    rows = pl.DataFrame(
        [("m", subtask, *key, None, 1, None) for subtask, key in zip(names, expected, strict=True)],
        schema={"model": pl.String, "subtask": pl.String, "metric": pl.String, "value": pl.Float64}
        | {"standard_error": pl.Float64, "n": pl.Int64, "reason": pl.String},
        orient="row",
    )
    examples = pl.DataFrame([example(0, ["a"], subtask=name) for name in names], schema=dict(EXAMPLES.columns))
    found = with_aggregates(rows, of_model(examples), {s: {"preferred_score": metric} for s, metric in names.items()})
    leaves = {row["subtask"]: row["normalized"] for row in found.iter_rows(named=True)}
    assert [leaves[name] for name in names] == pytest.approx(list(expected.values()), abs=1e-9)


@pytest.mark.parametrize(
    ("answer", "target", "expected"), [("0.1", "0", 1), ("0.15", "0", 0), ("110", "100", 1), ("90", "100", 1)]
)
def test_a_number_within_a_tenth_of_the_target_matches(answer: str, target: str, expected: int) -> None:
    assert numeric_match(answer, target) == expected
