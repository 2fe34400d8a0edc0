"""What is the same for all importers: doubles, conflicts, NaN, percent, ranges, shots, names, items beside means."""

import math
from typing import Any

import polars as pl
import pytest

from rescore import tables as schema
from rescore.importing import FOUND, ITEMS, aggregates, choose_shots, combine, items, listed, model_names, renamed
from rescore.importing.names import NAMES
from rescore.tables import METRICS, InputError


def found(*rows: dict[str, Any]) -> pl.DataFrame:
    base = {"where": "f.json", "model": "m", "task": "t", "metric": "exact_match", "value": 0.5}
    return pl.DataFrame([dict.fromkeys(FOUND) | base | row for row in rows], schema=dict(FOUND))


def logged(*rows: dict[str, Any]) -> pl.DataFrame:
    base = {"where": "s.jsonl", "model": "m", "task": "t", "example_id": 0, "metric": "exact_match", "value": 1.0}
    return pl.DataFrame([dict.fromkeys(ITEMS) | base | row for row in rows], schema=dict(ITEMS))


REFUSED = {
    "not a number": ({"value": math.nan}, "nan is no finite number; take the entry out, or evaluate again"),
    "infinite": ({"metric": "ppl", "value": math.inf}, "inf is no finite number; take"),
    "no perplexity": ({"metric": "ppl", "value": 0.5}, "a perplexity is at least 1, this one is exp(-0.693147)"),
    "no perplexity at all": ({"metric": "word_perplexity", "value": -1.0}, "nan is no finite number"),
    "percent": ({"value": 35.0}, "35 is no share; where scores are in percent, give --percent"),
    "too large": ({"value": 135.0}, "135 is outside 0 to 1"),
    "negative": ({"value": -0.5}, "-0.5 is outside 0 to 1"),
    "negative error": ({"standard_error": -0.1}, "a standard error is 0 or more, this one is -0.1"),
    "no question": ({"n": 0}, "n is 0, but the number of questions is at least 1"),
    "chance of one": ({"chance": 1.0}, "chance is 1, not between 0 and 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_result_is_refused_with_file_and_row(case: str) -> None:
    fields, problem = REFUSED[case]
    with pytest.raises(InputError) as refused:
        aggregates(found({"task": "fine"}, fields), percent=False)
    metric = fields.get("metric", "exact_match")
    assert str(refused.value).startswith(f"f.json: model 'm', task 't', metric '{metric}': {problem}")


def test_a_standard_error_that_is_no_number_is_unknown() -> None:
    frame = aggregates(found({"standard_error": math.nan}, {"task": "u", "standard_error": math.inf}), percent=False)
    assert frame["standard_error"].to_list() == [None, None]


def test_percent_divides_shares_alone_and_is_refused_where_nothing_is_in_percent() -> None:
    rows = found(
        {"value": 35.0, "standard_error": 2.0, "chance": 25.0},
        {"metric": "ppl", "value": 20.0},
        {"metric": "f1", "value": 40.0},
    )
    frame = aggregates(rows, percent=True).sort("metric")
    assert frame["mean"].to_list() == pytest.approx([0.35, 40.0, math.log(20)])
    assert frame.filter(metric="exact_match").select("standard_error", "chance").row(0) == (0.02, 0.25)
    with pytest.raises(InputError, match=r"^--percent: no score that is between 0 and 1 here is above 1 in the files"):
        aggregates(found({"value": 0.35}), percent=True)
    with pytest.raises(InputError, match=r"1\.5 is outside 0 to 1"):
        aggregates(found({"value": 150.0}), percent=True)


def test_equal_doubles_are_one_row_and_unlike_ones_are_refused_with_both_files() -> None:
    again = {"where": "g.json", "value": 0.5 + 1e-9}
    assert aggregates(found({}, again), percent=False).rows() == aggregates(found({}), percent=False).rows()
    with pytest.raises(InputError) as refused:
        aggregates(found({}, {"where": "g.json", "value": 0.6}), percent=False)
    assert str(refused.value) == (
        "g.json: model 'm', task 't', metric 'exact_match': 0.6 here, 0.5 in f.json; take one of the two out"
    )


def test_doubles_of_items_are_treated_alike() -> None:
    assert items(logged({}, {"where": "u.jsonl"}), percent=False).height == 1
    with pytest.raises(
        InputError, match=r"u\.jsonl: .* example 0: 0\.0 here, 1\.0 in s\.jsonl; take one of the two out"
    ):
        items(logged({}, {"where": "u.jsonl", "value": 0.0}), percent=False)
    with pytest.raises(InputError, match=r"None here, 1\.0 in|1\.0 here, None in"):
        items(logged({}, {"value": None, "reason": "unknown"}), percent=False)


def test_models_must_have_answered_the_same_questions() -> None:
    same = logged({"question": "a"}, {"model": "n", "where": "u.jsonl", "question": "a"})
    assert items(same, percent=False).height == 2
    with pytest.raises(InputError, match=r"^u\.jsonl: task 't', example 0 is another question than in s\.jsonl"):
        items(logged({"question": "a"}, {"model": "n", "where": "u.jsonl", "question": "b"}), percent=False)


def test_every_name_leads_to_a_metric_that_says_its_unit() -> None:
    assert {new.metric for new in NAMES.values()} - set(METRICS) == {"nll_nats_per_word"}  # of no task with an answer
    for name, new in NAMES.items():
        assert (new.scale in ("log", "bits", "negative")) == new.metric.startswith("nll_nats"), name


def test_subtasks_carry_their_tasks_name_once() -> None:
    rows = found(*({"subtask": s, "task": "t", "metric": f"x{i}"} for i, s in enumerate((None, "t", "a", "t:a"))))
    assert aggregates(rows, percent=False)["subtask"].to_list() == ["t", "t", "t:a", "t:a"]


def test_several_numbers_of_shots_become_subtasks_and_one_stays_as_it_is() -> None:
    rows = found({"shots": 0}, {"shots": 5, "value": 0.7}, {"task": "u", "shots": 5})
    apart, of_items = choose_shots([rows, logged({"shots": 5}, {"task": "u", "shots": 5})], None)
    assert aggregates(apart, percent=False)["subtask"].to_list() == ["t:0-shot", "t:5-shot", "u"]
    assert items(of_items, percent=False)["subtask"].to_list() == ["t:5-shot", "u"]  # as the means are called
    [chosen] = choose_shots([rows], 5)
    chosen = aggregates(chosen, percent=False)
    assert chosen.select("subtask", "mean").rows() == [("t", 0.7), ("u", 0.5)]


def test_names_are_changed_before_metrics_are_told_apart() -> None:
    rows = renamed(found({"metric": "score"}, {"metric": "task perplexity", "value": math.e}), {
        "m": "big", "score": "acc", "task perplexity": "ppl", "t": "words",
    })  # fmt: skip
    frame = aggregates(rows, percent=False).sort("metric")
    assert frame.select("model", "task", "metric", "mean").rows() == [
        ("big", "words", "exact_match", 0.5),
        ("big", "words", "nll_nats_per_answer", 1.0),
    ]


LADDER = pl.DataFrame(
    [("a-s1", "o/a", "step1"), ("a", "o/a", "step2"), ("b", "o/B", "main"), ("c", "data/c", "-")],
    schema=["model", "source", "revision"],
    orient="row",
)


def test_models_find_their_row_by_source_and_revision_else_by_name() -> None:
    names = model_names(["o/a@step1", "o/B", "/elsewhere/c/", "o/new", "o/B@other"], LADDER)
    assert names == {
        "o/a@step1": "a-s1", "o/B": "b", "/elsewhere/c/": "c", "o/new": "new", "o/B@other": "B-other",
    }  # fmt: skip
    assert model_names(["o/a"], LADDER) == {"o/a": "a"}  # two rows have this source, one has the name
    twice = pl.concat([LADDER, LADDER])  # a model of two ladders
    assert model_names(["o/a@step1", "o/B"], twice) == {k: names[k] for k in ("o/a@step1", "o/B")}
    assert listed(names, LADDER) == (["B-other", "new"], ["a"])


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match=r"^models 'o/x' and 'p/x' would both be 'x'; tell them apart with --rename"):
        model_names(["o/x", "p/x"], None)


def test_items_stand_for_the_mean_that_they_make() -> None:
    scores = items(logged({}, {"example_id": 1, "value": 0.0}), percent=False)
    means = aggregates(found({}, {"model": "n", "value": 0.75}, {"metric": "f1"}), percent=False)
    tables = combine(scores, means)
    assert tables.scores.select(list(schema.SCORES.columns)).height == 2
    assert tables.aggregates.select("model", "metric").rows() == [("m", "f1"), ("n", "exact_match")]
    with pytest.raises(InputError) as refused:
        combine(scores, aggregates(found({"value": 0.6}), percent=False))
    assert str(refused.value) == (
        "s.jsonl: model 'm', task 't': the mean of exact_match over its examples is 0.5, in f.json 0.6; "
        "keep files of one run"
    )
