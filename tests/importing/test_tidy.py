"""What is the same for all importers: doubles, conflicts, NaN, percent, ranges, shots, names, items beside means."""

import math
from typing import Any

import polars as pl
import pytest
from imported_rows import means, scores

from rescore.importing.finish import combine
from rescore.importing.names import NAMES
from rescore.importing.renames import Renames, apply
from rescore.importing.reruns import choose_shots, fill_shots
from rescore.importing.tidy import FOUND, ITEMS, frame
from rescore.tables import METRICS, SCORES, InputError


def found(*rows: dict[str, Any]) -> pl.DataFrame:
    base = {"where": "f.json", "model": "m", "task": "t", "metric": "exact_match", "value": 0.5}
    return frame([base | row for row in rows], FOUND)


def logged(*rows: dict[str, Any]) -> pl.DataFrame:
    base = {"where": "s.jsonl", "model": "m", "task": "t", "example_id": 0, "metric": "exact_match", "value": 1.0}
    return frame([base | row for row in rows], ITEMS)


REFUSED = {
    "not a number": ({"value": math.nan}, "nan is no finite number; take the entry out, or evaluate again"),
    "infinite": ({"metric": "ppl", "value": math.inf}, "inf is no finite number; take"),
    "no perplexity": ({"metric": "ppl", "value": 0.5}, "a perplexity is at least 1, this one is exp(-0.693147)"),
    "no perplexity at all": ({"metric": "ppl", "value": -1.0}, "nan is no finite number"),
    "percent": ({"value": 35.0}, "35 is no share; where scores are in percent, give --percent"),
    "too large": ({"value": 135.0}, "135 is outside 0 to 1"),
    "negative": ({"value": -0.5}, "-0.5 is outside 0 to 1"),
    "negative error": ({"standard_error": -0.1}, "a standard error is 0 or more, this one is -0.1"),
    "error in percent": (
        {"standard_error": 1.1},
        "a standard error of 1.1 beside 0.5 is in another unit; give both in",
    ),
    "error no percent": (
        {"standard_error": 1e-4},
        "a standard error of 0.0001 beside 0.5 is in another unit; give both",
    ),
    "no question": ({"n": 0}, "n is 0, but the number of questions is at least 1"),
    "chance of one": ({"chance": 1.0}, "chance is 1, not between 0 and 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_result_is_refused_with_file_and_row(case: str) -> None:
    fields, problem = REFUSED[case]
    with pytest.raises(InputError) as refused:
        means(found({"task": "fine"}, fields))
    metric = fields.get("metric", "exact_match")
    assert str(refused.value).startswith(f"f.json: model 'm', task 't', metric '{metric}': {problem}")


def test_a_metric_whose_name_holds_ppl_is_no_perplexity() -> None:
    assert means(found({"metric": "supply_gap", "value": -0.5}, {"metric": "ppl_change", "value": -0.5}))[
        "mean"
    ].to_list() == [-0.5, -0.5]


def test_a_standard_error_that_is_no_number_is_unknown() -> None:
    frame = means(found({"standard_error": math.nan}, {"task": "u", "standard_error": math.inf}))
    assert frame["standard_error"].to_list() == [None, None]


def test_percent_divides_shares_alone_and_is_refused_where_nothing_is_in_percent() -> None:
    rows = found(
        {"value": 35.0, "standard_error": 2.0, "chance": 25.0},
        {"metric": "ppl", "value": 20.0},
        {"metric": "f1", "value": 40.0},
    )
    frame = means(rows, percent=True).sort("metric")
    assert frame["mean"].to_list() == pytest.approx([0.35, 40.0, math.log(20)])
    assert frame.filter(metric="exact_match").select("standard_error", "chance").row(0) == (0.02, 0.25)
    with pytest.raises(InputError, match=r"^--percent: no score that is between 0 and 1 here is above 1 in the files"):
        means(found({"value": 0.35}), percent=True)
    with pytest.raises(InputError, match=r"1\.5 is outside 0 to 1"):
        means(found({"value": 150.0}), percent=True)


def test_a_share_that_rounding_puts_outside_is_0_or_1_and_a_chance_that_is_a_share_stays_one() -> None:
    edge = means(found({"value": 1 + 5e-7}, {"task": "u", "value": -5e-7}))
    assert edge["mean"].to_list() == [1.0, 0.0]
    in_percent = found({"value": 35.0, "chance": 0.25}, {"task": "u", "value": 35.0, "chance": 25.0})
    assert means(in_percent, percent=True)["chance"].to_list() == [0.25, 0.25]


def test_equal_doubles_are_one_row_and_unlike_ones_are_refused_with_both_files() -> None:
    again = {"where": "g.json", "value": 0.5 + 1e-9}
    assert means(found({}, again)).rows() == means(found({})).rows()
    with pytest.raises(InputError) as refused:
        means(found({}, {"where": "g.json", "value": 0.6}))
    assert str(refused.value) == (
        "g.json: model 'm', task 't', metric 'exact_match': 0.6 here, 0.5 in f.json; take out one of the two"
    )


def test_doubles_of_items_are_treated_alike() -> None:
    assert scores(logged({}, {"where": "u.jsonl"})).height == 1
    with pytest.raises(
        InputError, match=r"u\.jsonl: .* example_id 0: 0\.0 here, 1\.0 in s\.jsonl; take out one of the two"
    ):
        scores(logged({}, {"where": "u.jsonl", "value": 0.0}))
    with pytest.raises(InputError, match=r"0\.0 here, 1\.0 in s\.jsonl; take out one of the two"):
        scores(logged({}, {"value": 0.0}))
    with pytest.raises(InputError, match=r"; rename one of the two"):
        scores(logged({"metric": "nll_nats_per_answer"}, {"metric": "ppl", "value": 2.0}))
    with pytest.raises(InputError, match=r"None here, 1\.0 in|1\.0 here, None in"):
        scores(logged({}, {"value": None, "reason": "unknown"}))


def test_models_must_have_answered_the_same_questions() -> None:
    same = logged({"question": "a"}, {"model": "n", "where": "u.jsonl", "question": "a"})
    assert scores(same).height == 2
    with pytest.raises(InputError, match=r"^u\.jsonl: task 't', example_id 0 is another question than in s\.jsonl"):
        scores(logged({"question": "a"}, {"model": "n", "where": "u.jsonl", "question": "b"}))


def test_every_name_leads_to_a_metric_that_says_its_unit() -> None:
    assert {*NAMES.values()} - set(METRICS) == {"nll_nats_per_word"}  # of no task with an answer


def test_subtasks_carry_their_tasks_name_once() -> None:
    rows = found(*({"subtask": s, "task": "t", "metric": f"x{i}"} for i, s in enumerate((None, "t", "a", "t:a"))))
    assert means(rows)["subtask"].to_list() == ["t", "t", "t:a", "t:a"]


def test_several_numbers_of_shots_become_subtasks_and_one_stays_as_it_is() -> None:
    rows = found({"shots": 0}, {"shots": 5, "value": 0.7}, {"task": "u", "shots": 5})
    apart, of_items = choose_shots([rows, logged({"shots": 5}, {"task": "u", "shots": 5})], None)
    assert means(apart)["subtask"].to_list() == ["t:0-shot", "t:5-shot", "u"]
    assert scores(of_items)["subtask"].to_list() == ["t:5-shot", "u"]  # as the means are called
    [chosen] = choose_shots([rows], 5)
    chosen = means(chosen)
    assert chosen.select("subtask", "mean").rows() == [("t", 0.7), ("u", 0.5)]


def test_names_are_changed_before_metrics_are_told_apart() -> None:
    names = {"m": "big", "score": "acc", "task perplexity": "ppl", "t": "words"}
    rows = found({"metric": "score"}, {"metric": "task perplexity", "value": math.e})
    frame = means(apply(rows, Renames(names=names), {"m": "m"})).sort("metric")
    assert frame.select("model", "task", "metric", "mean").rows() == [
        ("big", "words", "exact_match", 0.5),
        ("big", "words", "nll_nats_per_answer", 1.0),
    ]


def test_a_metric_is_renamed_in_one_task_alone_and_keeps_its_chance() -> None:
    rows = found(
        {"task": "piqa", "metric": "acc_norm", "chance": 0.5, "value": 0.7},
        {"task": "piqa", "metric": "acc", "chance": 0.5, "value": 0.6},
        {"task": "sciq", "metric": "acc_norm", "value": 0.8},
        {"task": "sciq", "metric": "acc", "value": 0.9},
    )
    names = Renames(metrics={("piqa", "acc"): "raw", ("piqa", "acc_norm"): "acc"})
    frame = means(apply(rows, names, {}))
    assert frame.sort("task", "metric").select("task", "metric", "mean", "chance").rows() == [
        ("piqa", "multiple_choice_grade", 0.7, 0.5),
        ("piqa", "raw", 0.6, 0.5),
        ("sciq", "acc_norm", 0.8, None),
        ("sciq", "multiple_choice_grade", 0.9, None),
    ]


def test_two_metrics_of_a_file_that_would_be_one_keep_apart_where_they_differ() -> None:
    rows = found({"metric": "exact_match"}, {"metric": "em", "value": 0.25}, {"model": "n", "metric": "em"})
    assert means(rows).sort("model", "metric").select("model", "metric", "mean").rows() == [
        ("m", "em", 0.25), ("m", "exact_match", 0.5), ("n", "em", 0.5),
    ]  # fmt: skip
    chosen = Renames(metrics={("piqa", "acc_norm"): "multiple_choice_grade"})
    pair = found({"task": "piqa", "metric": "acc"}, {"task": "piqa", "metric": "acc_norm", "value": 0.75})
    assert dict(means(apply(pair, chosen, {})).select("metric", "mean").rows()) == {
        "acc": 0.5, "multiple_choice_grade": 0.75,
    }  # fmt: skip
    examples = logged({}, {"metric": "em", "value": 0.0}, {"example_id": 1}, {"example_id": 1, "metric": "em"})
    assert set(scores(examples)["metric"]) == {"exact_match", "em"}


def test_acc_norm_is_the_grade_where_it_is_the_only_accuracy_of_any_model() -> None:
    alone = found({"metric": "acc_norm", "chance": 0.25})
    assert means(alone).select("metric", "chance").rows() == [("multiple_choice_grade", 0.25)]
    two = found({"metric": "acc_norm"}, {"metric": "acc_bytes"})
    assert set(means(two)["metric"]) == {"acc_norm", "acc_bytes"}  # which of them is meant is not known
    beside = found({"metric": "acc_norm"}, {"model": "n", "metric": "acc"})
    assert dict(means(beside).select("model", "metric").rows()) == {"m": "acc_norm", "n": "multiple_choice_grade"}


def test_what_gets_no_verdict_is_null_with_a_reason_where_it_cannot_be_used() -> None:
    rows = found(
        {"metric": "bleurt", "value": math.nan},
        {"metric": "f1", "value": 0.3, "where": "a.json"},
        {"metric": "f1", "value": 0.4, "where": "b.json"},
    )
    assert means(rows).sort("metric").select("metric", "mean", "reason").rows() == [
        ("bleurt", None, "NaN in the file"),
        ("f1", None, "two numbers, in a.json and b.json"),
    ]
    pair = logged({"metric": "f1", "value": 0.3}, {"metric": "f1", "value": 0.4, "where": "b.jsonl"})
    assert scores(pair).select("score", "reason").rows() == [(None, "two numbers, in s.jsonl and b.jsonl")]


def test_unstated_shots_are_those_of_the_other_models() -> None:
    rows = found({"shots": 0}, {"model": "n"}, {"model": "o"}, {"task": "u", "model": "n"})
    [filled], lines = fill_shots([rows])
    assert filled["shots"].to_list() == [0, 0, 0, None]
    assert lines == ["no shots stated by 2 models for t: taken for 0-shot, as the others are"]
    for kept in (found({"shots": 0}, {"shots": 5}, {"model": "n"}), found({"shots": 0}, {"value": 0.6})):
        assert fill_shots([kept])[0][0].rows() == kept.rows()  # of two numbers, or the model's own


def test_items_stand_for_the_mean_that_they_make() -> None:
    items = scores(logged({}, {"example_id": 1, "value": 0.0}))
    tables = combine(items, means(found({}, {"model": "n", "value": 0.75}, {"metric": "f1"})))
    assert tables.scores.select(list(SCORES.columns)).height == 2
    assert tables.aggregates.select("model", "metric").rows() == [("m", "f1"), ("n", "exact_match")]
    with pytest.raises(InputError) as refused:
        combine(items, means(found({"value": 0.6})))
    assert str(refused.value) == (
        "s.jsonl: model 'm', task 't': the mean of exact_match over its examples is 0.5, in f.json 0.6; "
        "keep files of one run"
    )
