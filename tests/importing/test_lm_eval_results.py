"""Results files of lm-evaluation-harness: the flat form, the form with filters, and what each number becomes."""

import math
import re
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from imported_rows import means

from rescore.importing.lm_eval import model_name, questions, results, run_of, tasks_of
from rescore.importing.names import chance, kind_of
from rescore.importing.tidy import FOUND, frame
from rescore.tables import InputError

FLAT = {
    "results": {
        "lambada_openai": {"ppl": 20.0, "ppl_stderr": 0.5, "acc": 0.25, "acc_stderr": 0.04351941398892446},
        "piqa": {"acc": 0.7, "acc_stderr": 0.01, "acc_norm": 0.72, "acc_norm_stderr": 0.01},
    },
    "versions": {"lambada_openai": 0, "piqa": 0},
    "config": {
        "model": "hf-causal",
        "model_args": "pretrained=facebook/opt-125m,use_accelerate=True",
        "num_fewshot": 0,
    },
}
FILTERED = {
    "results": {
        "all": {"acc,none": 0.5, "acc_stderr,none": 0.1, "alias": "all"},
        "letters": {
            "alias": " - letters",
            "name": "letters",
            "sample_len": 40,
            "acc,none": 0.875,
            "acc_stderr,none": 0.05,
            "brier_score,none": 0.5,
            "brier_score_stderr,none": "N/A",
        },
        "words": {
            "perplexity,none": math.e,
            "perplexity_stderr,none": math.e / 4,
            "acc,none": 0.5,
            "acc_stderr,none": 0.1,
        },
        "sums": {
            "exact_match,strict": 0.25,
            "exact_match_stderr,strict": 0.125,
            "exact_match,flexible": 0.5,
            "exact_match_stderr,flexible": 0.25,
        },
        "text": {
            "word_perplexity,none": math.e**3,
            "byte_perplexity,none": math.e,
            "bits_per_byte,none": 1 / math.log(2),
        },
    },
    "groups": {"all": {"acc,none": 0.5}},
    "group_subtasks": {"all": ["letters", "words"], "sums": []},
    "configs": {
        "letters": {"output_type": "multiple_choice", "doc_to_choice": ["A", "B", "C", "D", "E"]},
        "words": {"output_type": "loglikelihood"},
    },
    "n-shot": {"letters": 5, "words": 0},
    "n-samples": {"letters": {"original": 100, "effective": 40}},
    "config": {"model_args": {"pretrained": "some/where/tiny-1m"}},
    "model_name": "some/where/tiny-1m",
}


def found(report: dict[str, Any], prefer: str | None = None) -> pl.DataFrame:
    run = run_of(report, Path("f.json"), "m")
    return frame(results(report, tasks_of(report), run, prefer), FOUND)


def row(report: dict[str, Any], subtask: str, metric: str, prefer: str | None = None) -> dict[str, Any]:
    return means(found(report, prefer)).filter(subtask=subtask, metric=metric).row(0, named=True)


def test_a_perplexity_of_answers_becomes_nats_with_the_delta_methods_error() -> None:
    nll = row(FLAT, "lambada_openai", "nll_nats_per_answer")
    assert nll["mean"] == pytest.approx(2.995732, abs=1e-6)  # log 20
    assert nll["standard_error"] == pytest.approx(0.025)  # .5 / 20
    nll = row(FILTERED, "words", "nll_nats_per_answer")
    assert (nll["mean"], nll["standard_error"]) == (pytest.approx(1.0), pytest.approx(0.25))


def test_an_accuracy_is_exact_match_beside_a_perplexity_and_of_choices_otherwise() -> None:
    assert row(FLAT, "lambada_openai", "exact_match")["mean"] == 0.25
    assert row(FILTERED, "words", "exact_match")["mean"] == 0.5
    assert row(FLAT, "piqa", "multiple_choice_grade")["mean"] == 0.7
    alone = FILTERED | {"results": {"words": {"acc,none": 0.5}}}  # the settings of the task say it too
    assert row(alone, "words", "exact_match")["mean"] == 0.5


def test_n_is_given_or_had_from_the_standard_error_of_zeros_and_ones() -> None:
    assert row(FILTERED, "letters", "multiple_choice_grade")["n"] == 40
    assert row(FLAT, "lambada_openai", "exact_match")["n"] == 100
    assert row(FLAT, "lambada_openai", "nll_nats_per_answer")["n"] == 100  # the same questions
    assert row(FLAT, "piqa", "multiple_choice_grade")["n"] == 2101  # .7 x .3 / .01^2 + 1
    for n in (2, 100, 1319, 5153, 100_000):  # the harness divides by n - 1
        for right in {1, n // 3 or 1, n - 1}:
            m = right / n
            assert questions(m, math.sqrt(m * (1 - m) / (n - 1))) == n
    assert questions(0.5, 0.0437) is None  # 131.9
    assert questions(0.0, 0.0) is None


def test_chance_is_known_from_a_list_of_choices_or_a_known_task() -> None:
    assert row(FILTERED, "letters", "multiple_choice_grade")["chance"] == 0.2
    assert row(FLAT, "piqa", "multiple_choice_grade")["chance"] == 0.5
    assert row(FLAT, "piqa", "acc_norm")["chance"] == 0.5
    assert row(FILTERED, "letters", "brier_score")["chance"] is None
    assert row(FLAT, "lambada_openai", "exact_match")["chance"] is None
    assert [chance(name) for name in ("hendrycksTest-anatomy", "mmlu_anatomy", "MMLU", "arc_easy", "mmlu_pro")] == [
        0.25, 0.25, 0.25, None, None,
    ]  # fmt: skip


def test_groups_are_passed_over_and_what_is_no_metric() -> None:
    every = found(FILTERED)
    assert set(every["task"]) == {"letters", "words", "sums", "text"}
    assert set(every.filter(task="letters")["metric"]) == {"acc", "brier_score"}
    assert row(FILTERED, "letters", "brier_score")["standard_error"] is None  # "N/A"


def test_numbers_written_as_text_are_numbers_and_null_is_no_number() -> None:
    entries = {"acc,none": "0.35", "acc_stderr,none": "0.01", "acc_norm,none": None, "f1,none": " ", "alias": "7"}
    read = found({"results": {"t": entries}})
    assert read.select("metric", "value", "standard_error").rows()[0] == ("acc", 0.35, 0.01)
    assert read["metric"].to_list() == ["acc", "acc_norm"]
    assert math.isnan(read["value"][1])


def test_null_is_passed_over_but_after_the_filter_that_counts() -> None:
    entries = {"exact_match,strict-match": None, "exact_match,flexible-extract": 0.2}
    with pytest.raises(InputError, match=r"^f\.json: null at 'exact_match,strict-match': model 'm', task 'gsm8k'"):
        means(found({"results": {"gsm8k": entries}}))  # else a size would be gone from the curve
    read = found({"results": {"gsm8k": entries}}, "flexible-extract")
    assert read.select("metric", "value").rows() == [("exact_match", 0.2)]


def test_the_filter_that_counts_is_the_first_or_the_one_that_is_asked_for() -> None:
    assert row(FILTERED, "sums", "exact_match")["mean"] == 0.25
    assert row(FILTERED, "sums", "exact_match")["standard_error"] == 0.125
    assert row(FILTERED, "sums", "exact_match,flexible")["mean"] == 0.5
    assert row(FILTERED, "sums", "exact_match", "flexible")["mean"] == 0.5
    assert row(FILTERED, "sums", "exact_match,strict", "flexible")["mean"] == 0.25
    assert row(FILTERED, "letters", "multiple_choice_grade", "flexible")["mean"] == 0.875  # has no such filter


def test_bits_and_perplexities_of_bytes_are_one_number_and_words_another() -> None:
    of_text = means(found(FILTERED)).filter(subtask="text")
    assert sorted(of_text["metric"]) == ["nll_nats_per_byte", "nll_nats_per_word"]
    assert row(FILTERED, "text", "nll_nats_per_byte")["mean"] == pytest.approx(1.0)
    assert row(FILTERED, "text", "nll_nats_per_word")["mean"] == pytest.approx(3.0)


def test_shots_are_those_of_the_task_or_of_the_run() -> None:
    assert {name: told.shots for name, told in tasks_of(FILTERED).items()} == {
        "letters": 5, "words": 0, "sums": None, "text": None,
    }  # fmt: skip
    of_run = {"results": {"t": {"acc": 0.5}}, "config": {"num_fewshot": "25"}}
    assert (tasks_of(FLAT)["piqa"].shots, tasks_of(of_run)["t"].shots) == (0, 25)


@pytest.mark.parametrize(
    ("report", "name"),
    [
        (FLAT, "facebook/opt-125m"),
        (FILTERED, "some/where/tiny-1m"),
        ({"config": {"model_args": {"pretrained": "o/m", "revision": "step1"}}}, "o/m@step1"),
        ({"config": {"model_args": "pretrained=o/m,revision=main"}}, "o/m"),
        ({"config": {"model_args": "dtype=float32, pretrained=o/m"}}, "o/m"),
        ({"config": {"model_args": '{"pretrained": "o/m", "revision": "step1"}'}}, "o/m@step1"),
        ({"config": {"model_args": "pretrained=o/base,peft=o/adapter"}}, "o/adapter"),
        ({"model_name": "o/m"}, "o/m"),
        ({"config": {"model": "hf-causal", "model_args": "pretrained=o/m"}}, "o/m"),
        ({"config": {"model": "o/m"}}, "o/m"),
        ({"config": {"model": "gpt2"}}, "gpt2"),
        ({"config": {"model": "hf", "model_name": "o/m"}}, "o/m"),
        ({"config": {"model": "vllm", "model_args": ""}}, None),
        ({"config": {"model_args": "pretrained=o/m", "model_revision": "step2"}}, "o/m@step2"),
        ({"config": {}}, None),
        ({"config": {"model_args": None}}, None),
    ],
)
def test_a_models_name_is_found_in_every_version(report: dict[str, Any], name: str | None) -> None:
    assert model_name(report) == name


def test_a_group_is_left_out_only_where_its_tasks_are_there() -> None:
    both = {"results": {"g": {"acc,none": 0.5}, "t": {"acc,none": 0.5}}, "group_subtasks": {"g": ["t"]}}
    alone = {"results": {"g": {"acc,none": 0.5}}, "group_subtasks": {"g": ["t"]}, "groups": {"g": {}}}
    assert set(tasks_of(both)) == {"t"}
    assert set(tasks_of(alone)) == {"g"}
    unsaid = {
        "results": {"g": {"acc": 0.5}, "t": {"acc": 0.5}},
        "groups": {"g": {"acc": 0.5}},
    }  # its tasks are not told
    assert set(tasks_of(unsaid)) == {"t"}


def test_a_run_is_limited_by_its_limit_or_by_the_questions_it_asked() -> None:
    def limited(**more: Any) -> bool:
        return tasks_of({"results": {"t": {"acc": 0.5}}, **more})["t"].limited

    assert limited(config={"limit": 10.0})
    assert limited(**{"n-samples": {"t": {"original": 100, "effective": 99}}})
    assert not limited(config={"limit": None}, **{"n-samples": {"t": {"original": 100, "effective": 100}}})


def test_a_number_of_questions_may_be_written_with_a_decimal_point() -> None:
    report = {"results": {"t": {"exact_match,none": 0.5}}, "model_name": "m"}
    counts = {"n-samples": {"t": {"original": 2376.0, "effective": 2376.0}}}
    assert row(report | counts, "t", "exact_match")["n"] == 2376


KINDS = {
    "loglikelihood": [
        "arithmetic_5ds",
        "lambada_openai",
        "lambada_openai_mt_fr",
        "anagrams2",
        "random_insertion",
        "asdiv",
    ],
    "generate_until": ["gsm8k", "GSM8K", "mgsm_de", "math_algebra", "minerva_math_geometry", "babilong_qa3", "drop"],
    "mass": ["truthfulqa_mc2", "truthfulqa_de_mc2", "truthfulqa-multi_mc2_es", "tinyTruthfulQA"],
    "other": ["truthfulqa", "TruthfulQA"],
    None: ["piqa", "arc_challenge", "mathqa", "mmlu_anatomy", "truthfulqa_mc1", "hellaswag", "logiqa2", "xnli_en"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_tasks_of_the_harness_are_known_by_kind(kind: str | None) -> None:
    assert {name: kind_of(name) for name in KINDS[kind]} == dict.fromkeys(KINDS[kind], kind)


def test_the_kinds_are_those_of_the_harness_that_is_installed() -> None:
    tasks = Path(sys.prefix, "peer", "lm_eval", "tasks")
    if not tasks.is_dir():
        pytest.skip(f"{tasks}: no such folder; sh setup.sh --dev makes it")
    alone = {  # answers that are scored alone, with an accuracy
        name
        for path in tasks.rglob("*.yaml")
        if re.search(r"^output_type: loglikelihood$", text := path.read_text(encoding="utf-8"), re.MULTILINE)
        and "metric: acc" in text
        for name in re.findall(r"^task: ([\w-]+)$", text, re.MULTILINE)
    }
    masses = {
        name
        for path in tasks.rglob("*mc2*.yaml")
        for name in re.findall(r"^task: ([\w-]+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {kind_of(name) for name in alone} == {"loglikelihood"}
    assert {kind_of(name) for name in masses} == {"mass"}
    assert len(alone) > 3
    assert len(masses) > 2
