"""Logs of examples that lm-evaluation-harness writes with --log_samples, made by hand in both forms."""

import math
from typing import Any

import polars as pl
import pytest
from imported_rows import scores

from rescore.importing.lm_eval_samples import NO_NUMBER, UNKNOWN, Log, read_log, read_sample, right_choices
from rescore.importing.logged_answers import UNLIKELY
from rescore.importing.tidy import examples
from rescore.tables import EXAMPLES

PLACE = {"where": "f.jsonl", "run": "r.json", "limited": False, "date": None, "subtask": None}
PLACE |= {"model": "m", "task": "t", "shots": 0, "kind": None}


def choice(
    doc: int, target: str, logprobs: list[float], *, texts: tuple[str, ...] = ("ab", "c"), **logged: Any
) -> dict[str, Any]:
    right = {"acc": float(logprobs.index(max(logprobs)) == int(target))} if target.isdigit() else {}
    logged = right | logged
    return {
        "doc_id": doc,
        "target": target,
        "arguments": {f"gen_args_{i}": {"arg_0": f"q{doc}", "arg_1": f" {text}"} for i, text in enumerate(texts)},
        "resps": [[[str(nats), "False"]] for nats in logprobs],
        "filtered_resps": [[str(nats), "False"] for nats in logprobs],
        "filter": "none",
        "metrics": list(logged),
        "doc_hash": f"h{doc}",
        **logged,
    }


def log(samples: list[dict[str, Any]], prefer: str | None = None, *filters: str, model: str = "m") -> Log:
    return read_log(samples, place=PLACE | {"model": model}, filters=filters, prefer=prefer)


def of(samples: list[dict[str, Any]], prefer: str | None = None) -> pl.DataFrame:
    return scores(log(samples, prefer).items)


def right(samples: list[dict[str, Any]]) -> Any:
    return right_choices([read_sample(sample) for sample in samples])


def value(frame: pl.DataFrame, metric: str, example: int = 0) -> tuple[float | None, str | None]:
    return frame.filter(metric=metric, example_id=example).select("score", "reason").row(0)


def test_choices_give_grade_nll_probability_and_brier_score() -> None:
    half = math.log(0.5)
    frame = of([choice(0, "0", [half + math.log(0.6), half + math.log(0.4)]), choice(1, "1", [-1.0, -3.0])])
    assert value(frame, "multiple_choice_grade") == (1.0, None)
    assert value(frame, "multiple_choice_grade", 1) == (0.0, None)
    assert value(frame, "nll_nats_per_answer")[0] == pytest.approx(-math.log(0.3))
    assert value(frame, "nll_nats_per_byte")[0] == pytest.approx(-math.log(0.3) / 3)  # " ab"
    assert value(frame, "target_probability")[0] == pytest.approx(0.3)
    assert value(frame, "choice_probability")[0] == pytest.approx(0.6)
    assert value(frame, "choice_probability", 1)[0] == pytest.approx(math.exp(-3) / (math.exp(-1) + math.exp(-3)))
    assert value(frame, "brier_score")[0] == pytest.approx(0.4**2 + 0.4**2)
    assert value(frame, "nll_nats_per_answer", 1) == (3.0, None)
    assert set(frame["metric"]) == {
        "multiple_choice_grade", "nll_nats_per_answer", "nll_nats_per_byte", "target_probability",
        "choice_probability", "brier_score",
    }  # fmt: skip


def test_an_answer_that_is_scored_alone_gives_exact_match_and_nll() -> None:
    sample = {
        "doc_id": 7,
        "target": "é",
        "arguments": [["q", " é"]],  # as versions up to 0.4.2 write it
        "filtered_resps": [[-6.0, False]],
        "perplexity": -6.0,
        "acc": 0,
    }
    frame = of([sample])
    assert value(frame, "exact_match", 7) == (0.0, None)
    assert value(frame, "nll_nats_per_answer", 7) == (6.0, None)
    assert value(frame, "nll_nats_per_byte", 7) == (2.0, None)  # a space and two bytes
    assert set(frame["metric"]) == {"exact_match", "nll_nats_per_answer", "nll_nats_per_byte", "target_probability"}


def test_a_generated_answer_gives_what_was_logged_under_the_filter_that_counts() -> None:
    def sample(name: str, score: float) -> dict[str, Any]:
        asked = {"gen_args_0": {"arg_0": "q", "arg_1": {"until": ["\n"]}}}
        return {
            "doc_id": 0, "target": "4", "arguments": asked, "resps": [["4"]], "filtered_resps": ["4"], "filter": name,
            "metrics": ["exact_match"], "exact_match": score,
        }  # fmt: skip

    both = [sample("strict", 0.0), sample("flexible", 1.0)]
    assert of(both).rows() == of(both, "strict").rows() == of(both, "no such").rows()
    assert value(of(both), "exact_match") == (0.0, None)
    assert value(of(both, "flexible"), "exact_match") == (1.0, None)


def test_an_answer_without_a_finite_log_probability_is_null_with_a_reason() -> None:
    frame = of([choice(0, "0", [-math.inf, -1.0]), choice(1, "0", [-1.0, -2.0])])
    assert value(frame, "nll_nats_per_answer") == (None, UNLIKELY)
    assert value(frame, "multiple_choice_grade") == (0.0, None)
    assert value(frame, "nll_nats_per_answer", 1) == (1.0, None)


def test_the_right_choice_is_read_as_a_number_or_a_text_whichever_agrees_with_the_accuracy() -> None:
    by_number = [choice(0, "1", [-2.0, -1.0], texts=("2", "1")), choice(1, "1", [-1.0, -2.0], texts=("2", "1"))]
    assert right(by_number) == [[1], [1]]
    # the same targets as texts: "1" is choice 0, and the logged accuracy says so
    by_text = [
        choice(0, "1", [-1.0, -2.0], texts=("1", "2"), acc=1.0),
        choice(1, "1", [-2.0, -1.0], texts=("1", "2"), acc=0.0),
    ]
    assert right(by_text) == [[0], [0]]
    assert right([choice(0, "c", [-1.0, -2.0], acc=0.0)]) == [[1]]
    several = choice(0, "[0, 1]", [-3.0, -1.0], texts=("a", "b", "c")[:2], acc=1.0)
    assert right([several]) == [[0, 1]]
    assert value(of([several]), "nll_nats_per_answer") == (1.0, None)  # the likeliest of the right ones
    assert value(of([several]), "choice_probability")[0] == pytest.approx(1.0)  # both are right
    assert value(of([several]), "brier_score")[0] == pytest.approx(2 * (0.5 - 1 / (1 + math.exp(-2))) ** 2)


def test_where_the_log_does_not_tell_the_right_choice_no_likelihood_is_made_up() -> None:
    # the choices are contexts, the answer scored is one text for all
    sample = choice(0, "the end", [-1.0, -2.0, -3.0], texts=("the end",) * 3, acc=1.0)
    other = choice(1, "the end", [-2.0, -1.0, -3.0], texts=("the end",) * 3, acc=0.0)
    frame = of([sample, other])
    for metric in ("nll_nats_per_answer", "target_probability", "choice_probability", "brier_score"):
        assert value(frame, metric) == (None, UNKNOWN)
    assert value(frame, "multiple_choice_grade", 1) == (0.0, None)
    assert log([sample, other]).choices.is_empty()


def test_of_two_choices_the_accuracy_tells_the_right_one_where_both_are_one_text() -> None:
    # winogrande: " the end" behind two beginnings. Right is the likelier of the first, the other of the second.
    samples = [
        choice(0, "the end", [-1.0, -2.0], texts=("the end",) * 2, acc=1.0),
        choice(1, "the end", [-3.0, -1.0], texts=("the end",) * 2, acc=0.0),
    ]
    frame = of(samples)
    assert [value(frame, "nll_nats_per_answer", i)[0] for i in (0, 1)] == [1.0, 3.0]
    assert value(frame, "choice_probability", 1)[0] == pytest.approx(1 / (1 + math.exp(2)))
    assert examples(log(samples).choices)["target_scores"].to_list() == [[1.0, 0.0], [1.0, 0.0]]


def test_an_accuracy_that_contradicts_one_target_does_not_replace_the_targets() -> None:
    samples = [
        choice(i, target, [-1.0, -2.0], acc=acc) for i, (target, acc) in enumerate([("0", 1), ("0", 0), ("1", 0)])
    ]
    assert right(samples) == [None, None, None]
    texts = [choice(0, "ab", [-1.0, -2.0], acc=0.0), choice(1, "neither", [-1.0, -2.0], acc=1.0)]
    assert right(texts) == [None, None]


def test_an_accuracy_that_is_a_probability_is_the_only_choice_probability() -> None:
    samples = [
        choice(0, "0", [-1.0, -2.0, -3.0], texts=("a", "b", "c"), acc=0.731),
        choice(1, "0", [-1.0, -2.0], acc=0.2),
    ]
    made = read_log(samples, place=PLACE | {"task": "truthfulqa_mc2", "kind": "mass"}, filters=(), prefer=None)
    frame = scores(made.items)
    assert value(frame, "choice_probability") == (0.731, None)
    assert value(frame, "choice_probability", 1) == (0.2, None)
    assert value(frame, "nll_nats_per_answer") == (None, UNKNOWN)


def test_numbers_logged_as_text_are_numbers_and_null_is_null_with_a_reason() -> None:
    asked = {"gen_args_0": {"arg_0": "q", "arg_1": {"until": []}}}
    shared = {
        "target": "4",
        "arguments": asked,
        "filtered_resps": ["4"],
        "metrics": ["exact_match", "bleu"],
        "bleu": [1],
    }
    logged = ("1.0", "False", None, 1)  # as NumPy's float32 and bool are written, and NaN by some
    frame = of([shared | {"doc_id": doc, "exact_match": score, "bleu": [1]} for doc, score in enumerate(logged)])
    assert frame["metric"].unique().to_list() == ["exact_match"]
    assert frame.select("score", "reason").rows() == [(1.0, None), (0.0, None), (None, NO_NUMBER), (1.0, None)]


def test_in_a_log_without_a_list_of_metrics_numbers_and_known_names_are_scores() -> None:
    asked = [["q", {"until": []}]]
    line = {"doc_id": 0, "target": "4", "arguments": asked, "filtered_resps": ["4"], "exact_match": 1}
    assert read_sample(line | {"note": None, "user": "42"}).scores == {"exact_match": 1.0}
    assert read_sample(line | {"exact_match": "0.5"}).scores == {"exact_match": 0.5}
    assert read_sample(line | {"exact_match": None}).scores == {"exact_match": None}


def test_choices_without_their_question_are_no_choices() -> None:
    sample = choice(0, "1", [-1.0, -2.0, -0.1, -0.2], texts=("a", "b", "a", "b"), acc=0.0, acc_mutual_info=1.0)
    assert read_sample(sample)[-3:-1] == ([" a", " b"], [-1.0, -2.0])
    assert value(of([sample]), "nll_nats_per_answer") == (2.0, None)


def test_choices_make_a_table_of_examples_with_what_guessing_scores() -> None:
    samples = [choice(0, "0", [-1.0, -2.0]), choice(1, "2", [-1.0, -2.0, -3.0], texts=("a", "b", "c"))]
    frame = examples(pl.concat(log(samples, model=m).choices for m in "mn"))
    assert frame.select(list(EXAMPLES.columns)).schema == pl.Schema(EXAMPLES.columns)
    assert frame["target_scores"].to_list() == [[1.0, 0.0], [0.0, 0.0, 1.0]]
    assert frame["targets"].to_list() == [[" ab"], [" c"]]
    assert frame["prompt"].to_list() == ["q0", "q1"]


def test_a_log_without_names_of_filters_has_them_in_the_order_of_the_task() -> None:
    def sample(doc: int, score: float) -> dict[str, Any]:
        asked = [["q", {"until": ["\\n"]}]]
        return {"doc_id": doc, "target": "4", "arguments": asked, "filtered_resps": ["4"], "exact_match": score}

    def right_of(found: Log) -> list[float]:
        return found.items.sort("example_id")["value"].to_list()

    blocks = [sample(0, 0.0), sample(1, 0.0), sample(0, 1.0), sample(1, 0.5)]
    both = log(blocks, None, "strict", "flexible")
    assert (right_of(both), both.filter_taken) == ([0.0, 0.0], "strict")
    asked_for = log(blocks, "flexible", "strict", "flexible")
    assert (right_of(asked_for), asked_for.filter_taken) == ([1.0, 0.5], "flexible")
    two_ranks = [blocks[0], blocks[2], blocks[1], blocks[3]]  # of an evaluation on two GPUs
    assert right_of(log(two_ranks, "flexible", "strict", "flexible")) == [1.0, 0.5]
    assert log(blocks[:2], None, "strict", "flexible").filter_taken is None
    assert log(blocks, None).filter_taken == "filter 1"


def test_an_accuracy_of_choices_that_is_neither_right_nor_wrong_is_no_grade() -> None:
    samples = [choice(0, "0", [-1.0, -2.0], acc=0.73), choice(1, "1", [-1.0, -2.0], acc=0.0)]
    frame = of(samples)
    assert value(frame, "acc") == (0.73, None)
    assert "multiple_choice_grade" not in set(frame["metric"])


def test_a_log_without_a_line_is_no_score() -> None:
    assert of([]).is_empty()
