"""Results of lighteval, the Open LLM Leaderboard, inspect_ai and Every Eval Ever, made by hand."""

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pytest
from imported_files import Import, lines

from rescore.tables import InputError

STAMP = "2024-06-27T12-00-01.123456"


def test_version_1_of_the_leaderboard_and_lighteval(imported: Import) -> None:
    tasks = {
        "harness|arc:challenge|25": {"acc": 0.375, "acc_stderr": 0.5, "acc_norm": 0.5},
        "harness|hendrycksTest-anatomy|5": {"acc": 0.25},
        "harness|truthfulqa:mc|0": {"mc1": 0.3, "mc2": 0.45},
        "harness|gsm8k|5": {"acc": 0.125},
        "all": {"acc": 0.4},
    }
    lighter = {
        "lighteval|gsm8k|0": {"extractive_match": 0.75, "extractive_match_stderr": 0.01},
        "leaderboard|mmlu:anatomy|5": {"acc": 0.5},
        "leaderboard|mmlu:_average|5": {"acc": 0.5},
        "all": {"acc": 0.5},
    }
    config = {"model_config": {"model_name": "o/n"}, "max_samples": None}
    counts = {"lighteval|gsm8k": {"effective_num_docs": 1319}}
    found = imported({
        "results_2023-09-01T00-00-00.1.json": {"results": tasks, "config_general": {"model_name": "o/m"}},
        f"results_{STAMP}.json": {"results": lighter, "config_general": config, "config_tasks": counts},
    })  # fmt: skip
    columns = found.means.select("model", "subtask", "metric", "mean", "n", "chance").rows()
    assert columns == [
        ("m", "arc:challenge", "acc_norm", 0.5, None, None),
        ("m", "arc:challenge", "multiple_choice_grade", 0.375, None, None),
        ("m", "gsm8k:5-shot", "exact_match", 0.125, None, None),
        ("m", "hendrycksTest-anatomy", "multiple_choice_grade", 0.25, None, 0.25),
        ("m", "truthfulqa:mc", "choice_probability", 0.45, None, None),
        ("m", "truthfulqa:mc", "multiple_choice_grade", 0.3, None, None),
        ("n", "gsm8k:0-shot", "exact_match", 0.75, 1319, None),
        ("n", "mmlu:anatomy", "multiple_choice_grade", 0.5, None, 0.25),
    ]


def inspect_log(**more: Any) -> dict[str, Any]:
    def score(scorer: str, **metrics: float) -> dict[str, Any]:
        told = {name: {"name": name, "value": value} for name, value in metrics.items()}
        return {"name": scorer, "scorer": scorer, "metrics": told}

    run = {"task": "inspect_evals/arc_easy", "model": "hf/EleutherAI/pythia-14m", "config": {"limit": None}}
    scores = [score("choice", accuracy=0.25, stderr=0.0125), score("model_graded_qa", accuracy=0.5)]
    return {
        "version": 2,
        "status": "success",
        "eval": run,
        "results": {"completed_samples": 1200, "scores": scores},
    } | more


def test_logs_of_inspect_ai_are_read_in_both_forms(imported: Import, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "b.eval", "w") as archive:
        other = inspect_log()
        archive.writestr(
            "header.json", json.dumps(other | {"eval": other["eval"] | {"model": "hf/EleutherAI/pythia-70m"}})
        )
    smoke = inspect_log(eval=inspect_log()["eval"] | {"config": {"limit": 10}}, results={"scores": []})
    smoke["results"] = {"scores": [{"name": "choice", "metrics": {"accuracy": {"value": 0.75}}}]}
    found = imported({"a.json": inspect_log(), "smoke.json": smoke, "failed.json": inspect_log(status="error")})
    columns = found.means.select("model", "task", "metric", "mean", "standard_error", "n").rows()
    assert columns == [
        (model, "arc_easy", metric, mean, error, 1200)
        for model in ("pythia-14m", "pythia-70m")
        for metric, mean, error in (("model_graded_qa.accuracy", 0.5, None), ("multiple_choice_grade", 0.25, 0.0125))
    ]
    assert "passed over, a log of inspect_ai of status 'error': failed.json" in found.said


def test_of_several_scorers_and_reducers_the_first_mean_is_the_accuracy(imported: Import) -> None:
    told = [("match", "mean", 0.25), ("match", "at_least_1", 0.75), ("pattern", "mean", 0.5)]
    scores = [{"name": name, "reducer": r, "metrics": {"accuracy": {"value": v}}} for name, r, v in told]
    found = imported({"a.json": inspect_log(results={"completed_samples": 9, "scores": scores})})
    assert found.means.select("metric", "mean").rows() == [
        ("exact_match", 0.25), ("match.at_least_1.accuracy", 0.75), ("pattern.accuracy", 0.5),
    ]  # fmt: skip


def record(library: str, *results: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": "0.2.1",
        "evaluation_timestamp": "1700000000",
        "source_metadata": {"source_name": library, "source_type": "evaluation_run"},
        "eval_library": {"name": library, "version": "1"},
        "model_info": {"name": "pythia-14m", "id": "EleutherAI/pythia-14m"},
        "evaluation_results": list(results),
    }


def entry(name: str, dataset: str, metric: str, score: float, **more: Any) -> dict[str, Any]:
    return {
        "evaluation_name": name,
        "source_data": {"dataset_name": dataset, "source_type": "hf_dataset"},
        "metric_config": {"evaluation_description": metric, "lower_is_better": False},
        "score_details": {"score": score, **more},
    }


def test_every_eval_ever_is_read_from_whatever_it_was_converted(imported: Import) -> None:
    sure = {"uncertainty": {"standard_error": {"value": 0.01}, "num_samples": 1319}}
    percent = entry("MMLU", "cais/mmlu", "Accuracy on MMLU", 50.0)
    percent["metric_config"] |= {"min_score": 0, "max_score": 100}
    strict, flexible = "exact_match (filter: strict)", "exact_match (filter: flexible)"
    found = imported({
        "lm.json": record(
            "lm-evaluation-harness",
            entry("gsm8k/strict", "gsm8k", strict, 0.25, **sure),
            entry("gsm8k/flexible", "gsm8k", flexible, 0.5, **sure),
            entry("piqa", "piqa", "acc", 0.75),
            entry("lambada_openai", "lambada_openai", "perplexity", 20.0),
        ),
        "helm.json": record(
            "HELM",
            entry("exact_match test on narrative_qa", "narrative_qa", "exact_match", 0.125, details={"split": "test"}),
            entry("exact_match valid on narrative_qa", "narrative_qa", "exact_match", 0.25, details={"split": "valid"}),
        ),
        "inspect.json": record("inspect_ai", entry("choice", "ai2_arc", "accuracy", 0.375)),
        "board.jsonl": lines(record("a leaderboard", percent)),
    })  # fmt: skip
    assert found.means.select("task", "metric", "mean", "standard_error", "n").rows() == [
        ("MMLU", "multiple_choice_grade", 0.5, None, None),
        ("ai2_arc", "multiple_choice_grade", 0.375, None, None),
        ("gsm8k", "exact_match", 0.25, 0.01, 1319),
        ("gsm8k", "exact_match,flexible", 0.5, 0.01, 1319),
        ("lambada_openai", "nll_nats_per_answer", pytest.approx(math.log(20)), None, None),
        ("narrative_qa", "exact_match", 0.125, None, None),
        ("narrative_qa", "exact_match", 0.25, None, None),
        ("piqa", "multiple_choice_grade", 0.75, None, None),
    ]
    assert set(found.means["model"]) == {"pythia-14m"}
    assert found.means.filter(task="narrative_qa")["subtask"].to_list() == ["narrative_qa", "narrative_qa:valid"]


def test_results_without_a_part_that_their_tool_writes_are_named(imported: Import) -> None:
    with pytest.raises(InputError, match=r"/a\.json: no record of Every Eval Ever \('score_details' is missing\)"):
        imported({"a.json": record("lm_eval", {"evaluation_name": "x", "metric_config": {}})})


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("num_samples", 2.5, "num_samples is 2.5, not a whole number"),
        ("num_samples", math.inf, "num_samples is inf, not a whole number"),  # as which JSON's 1e999 is read
        ("num_samples", 10**30, "n: found value of type Int128"),
        ("evaluation_name", ["t"], "evaluation_name is ['t'], not a text"),
        ("id", {"a": 1}, "id is {'a': 1}, not a text"),
    ],
)
def test_a_part_of_another_kind_is_refused_with_its_record(
    imported: Import, part: str, value: object, said: str
) -> None:
    content = record("lm_eval", entry("t", "t", "acc", 0.5, uncertainty={"num_samples": 4}))
    places = {"evaluation_name": content["evaluation_results"][0], "id": content["model_info"]}
    places.get(part, content["evaluation_results"][0]["score_details"]["uncertainty"])[part] = value
    with pytest.raises(InputError) as refused:
        imported({"a.jsonl": lines(record("lm_eval", entry("u", "u", "acc", 0.5)), content)})
    assert "/a.jsonl: record 2: no record of Every Eval Ever (" in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("results", ["scores"], "results that cannot be read (AttributeError: "),
        ("eval", {"task": None, "model": "m"}, "results that cannot be read (TypeError: task is None, not a text)"),
    ],
)
def test_a_log_of_inspect_ai_of_another_kind_is_refused(imported: Import, part: str, value: object, said: str) -> None:
    with pytest.raises(InputError) as refused:
        imported({"a.json": inspect_log(**{part: value})})
    assert f"/a.json: {said}" in str(refused.value)
