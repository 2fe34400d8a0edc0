"""Logs of examples that lm-evaluation-harness writes with --log_samples, made by hand in both forms."""

import math
from typing import Any

import polars as pl
import pytest

from rescore import tables as schema
from rescore.importing import examples, items
from rescore.importing.lm_eval_samples import UNKNOWN, UNLIKELY, answers, choices, right_choices, scores, task_of

COMMON = {"model": "m", "task": "t", "subtask": None, "shots": 0}


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


def of(samples: list[dict[str, Any]], prefer: str | None = None) -> pl.DataFrame:
    return items(scores(samples, where="f.jsonl", common=COMMON, prefer=prefer), percent=False)


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
    assert value(frame, "brier_score")[0] == pytest.approx(0.4**2 + 0.4**2)
    assert value(frame, "nll_nats_per_answer", 1) == (3.0, None)
    assert set(frame["metric"]) == {
        "multiple_choice_grade", "nll_nats_per_answer", "nll_nats_per_byte", "target_probability", "brier_score",
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
    assert right_choices(by_number) == [[1], [1]]
    # the same targets as texts: "1" is choice 0, and the logged accuracy says so
    by_text = [
        choice(0, "1", [-1.0, -2.0], texts=("1", "2"), acc=1.0),
        choice(1, "1", [-2.0, -1.0], texts=("1", "2"), acc=0.0),
    ]
    assert right_choices(by_text) == [[0], [0]]
    assert right_choices([choice(0, "c", [-1.0, -2.0], acc=0.0)]) == [[1]]
    several = choice(0, "[0, 1]", [-3.0, -1.0], texts=("a", "b", "c")[:2], acc=1.0)
    assert right_choices([several]) == [[0, 1]]
    assert value(of([several]), "nll_nats_per_answer") == (1.0, None)  # the likeliest of the right ones
    assert value(of([several]), "brier_score")[0] == pytest.approx(2 * (0.5 - 1 / (1 + math.exp(-2))) ** 2)


def test_where_the_log_does_not_tell_the_right_choice_no_likelihood_is_made_up() -> None:
    # as in winogrande: the choices are contexts, the answer scored is one text for both
    sample = choice(0, "the end", [-1.0, -2.0], texts=("the end", "the end"), acc=1.0)
    other = choice(1, "the end", [-2.0, -1.0], texts=("the end", "the end"), acc=0.0)
    frame = of([sample, other])
    assert value(frame, "nll_nats_per_answer") == (None, UNKNOWN)
    assert value(frame, "multiple_choice_grade", 1) == (0.0, None)
    assert choices([sample, other], where="f", common=COMMON, prefer=None).is_empty()


def test_choices_without_their_question_are_no_choices() -> None:
    sample = choice(0, "1", [-1.0, -2.0, -0.1, -0.2], texts=("a", "b", "a", "b"), acc=0.0, acc_mutual_info=1.0)
    assert answers(sample) == ([" a", " b"], [-1.0, -2.0])
    assert value(of([sample]), "nll_nats_per_answer") == (2.0, None)


def test_choices_make_a_table_of_examples_with_what_guessing_scores() -> None:
    samples = [choice(0, "0", [-1.0, -2.0]), choice(1, "2", [-1.0, -2.0, -3.0], texts=("a", "b", "c"))]
    frame = examples(pl.concat(choices(samples, where="f", common=COMMON | {"model": m}, prefer=None) for m in "mn"))
    assert frame.select(list(schema.EXAMPLES.columns)).schema == pl.Schema(schema.EXAMPLES.columns)
    assert frame["target_scores"].to_list() == [[1.0, 0.0], [0.0, 0.0, 1.0]]
    assert frame["targets"].to_list() == [[" ab"], [" c"]]
    assert frame["prompt"].to_list() == ["q0", "q1"]


def test_a_logs_name_is_split_at_the_time_of_its_results() -> None:
    stamp = "2025-01-02T03-04-05.678901"
    assert task_of(f"samples_mmlu_world_{stamp}.jsonl", [stamp, "2024-01-01T00-00-00.1"]) == ("mmlu_world", stamp)
    assert task_of("samples_mmlu_world_2023.jsonl", [stamp]) is None


def test_a_log_without_a_line_is_no_score() -> None:
    assert of([]).is_empty()
