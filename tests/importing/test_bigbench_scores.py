"""BIG-bench's score files, in the structure that `ResultsFileData` of bigbench/api/results.py writes and reads."""

import math
from typing import Any

import polars as pl
import pytest
from imported_rows import means

from rescore.importing.bigbench_scores import scores
from rescore.importing.shots import choose_shots
from rescore.importing.tidy import FOUND, frame
from rescore.tables import InputError


def entry(subtask: str, shots: int, preferred: str, low: float = 0.0, **score_dict: float) -> dict[str, Any]:
    return {
        "score_dict": score_dict,
        "preferred_score": preferred,
        "number_of_shots": shots,
        "low_score": low,
        "high_score": 1.0,
        "subtask_description": subtask,
    }


def report(*entries: dict[str, Any], task: str = "arithmetic") -> dict[str, Any]:
    model = {
        "model_family": "BIG-G T=0",
        "model_name": "8b",
        "total_params": 8_000_000_000,
        "non_embedding_params": 7_000_000_000,
        "flop_matched_non_embedding_params": 7_000_000_000,
        "training_batch_size": 1,
        "training_steps": 1,
        "description": "",
        "decoding_params": {},
        "additional_details": "",
    }
    return {"scores": list(entries), "task": {"task_name": task}, "model": model}


def found(content: dict[str, Any], n: int | None = None) -> pl.DataFrame:
    return frame(scores(content, where="scores_a.json", n=n), FOUND)


def test_subtasks_and_shots_stay_apart_and_their_mean_is_left_out() -> None:
    content = report(
        entry("arithmetic:1_digit", 0, "exact_str_match", exact_str_match=0.25, bleu=12.0),
        entry("arithmetic:1_digit", 2, "exact_str_match", exact_str_match=0.5),
        entry("arithmetic:2_digit", 0, "exact_str_match", exact_str_match=0.0),
        entry("arithmetic", 0, "normalized_aggregate_score", exact_str_match=0.125, normalized_aggregate_score=12.5),
    )
    frame = means(choose_shots([found(content, n=100)], None)[0])
    assert frame.sort("subtask", "metric").select("subtask", "metric", "mean", "n").rows() == [
        ("arithmetic:1_digit@0-shot", "bleu", 12.0, 100),
        ("arithmetic:1_digit@0-shot", "exact_match", 0.25, 100),
        ("arithmetic:1_digit@2-shot", "exact_match", 0.5, 100),
        ("arithmetic:2_digit", "exact_match", 0.0, 100),
    ]
    two = means(choose_shots([found(content)], 2)[0])
    assert two.select("subtask", "mean", "n").rows() == [("arithmetic:1_digit", 0.5, None)]
    assert set(frame["model"]) == {"BIG-G-T-0-8b"}


def test_a_task_without_subtasks_is_one_and_chance_is_its_low_score() -> None:
    content = report(
        entry("riddle", 0, "multiple_choice_grade", 0.2, multiple_choice_grade=0.4, exact_str_match=0.1), task="riddle"
    )
    frame = means(found(content))
    assert frame.sort("metric").select("task", "subtask", "metric", "chance").rows() == [
        ("riddle", "riddle", "exact_match", None),
        ("riddle", "riddle", "multiple_choice_grade", 0.2),
    ]
    preferred_other = report(entry("riddle", 0, "exact_str_match", 0.2, multiple_choice_grade=0.4), task="riddle")
    assert found(preferred_other)["chance"].to_list() == [None]


def test_a_metric_that_is_not_a_number_is_null_where_it_gets_no_verdict() -> None:
    content = report(entry("arithmetic", 0, "exact_str_match", exact_str_match=0.5, bleurt=math.nan))
    rows = means(found(content)).sort("metric").select("metric", "mean", "reason").rows()
    assert rows == [("bleurt", None, "NaN in the file"), ("exact_match", 0.5, None)]


def test_a_log_likelihood_is_nll_with_the_other_sign() -> None:
    frame = means(found(report(entry("arithmetic", 0, "log_likelihood", log_likelihood=-2.5))))
    assert frame.select("metric", "mean").rows() == [("nll_nats_per_answer", 2.5)]


@pytest.mark.parametrize("lost", ["scores", "task", "model"])
def test_a_file_that_lacks_a_part_is_refused_with_its_name(lost: str) -> None:
    content = report(entry("arithmetic", 0, "exact_str_match", exact_str_match=0.5))
    del content[lost]
    with pytest.raises(InputError, match=rf"^scores_a\.json: no score file of BIG-bench: KeyError '{lost}'$"):
        found(content)


def test_shots_of_minus_one_are_not_said() -> None:
    assert found(report(entry("arithmetic", -1, "bleu", bleu=1.0)))["shots"].to_list() == [None]
