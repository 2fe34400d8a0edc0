"""BIG-bench's metrics against the values of the reference implementation."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from score_tables import ANSWERS, answer, candidate, example, of_model

from rescore.scoring.bigbench_metrics import bigbench_scores
from rescore.tables import EXAMPLES, EXTRACTIONS

ROUGE = ("rouge1", "rouge2", "rougeLsum")
EXTRA = {"log_likelihood_per_word", "log_likelihood_per_char", *ROUGE}


def exactly(number: float) -> list[float]:
    """Split a log-probability into two numbers of single precision whose sum is it to 1e-14."""
    high = float(np.float32(number))
    return [high, float(np.float32(number - high))]


def frames(case: dict[str, Any]) -> dict[str, Any]:
    """Turn a case into our tables: the choices and the targets of an example are apart, as their numbers are."""
    examples, candidates, answers = [], [], []
    name = case["subtask"]
    for i, sample in enumerate(case["samples"]):
        examples.append(example(i, sample["target"], sample.get("target_scores"), subtask=name))
        chosen = zip(sample.get("choice", ()), sample.get("absolute_log_prob", ()), strict=True)
        candidates += [candidate(i, t, exactly(x), target=False, choice=True, subtask=name) for t, x in chosen]
        generated = zip(sample["target"], sample["log_prob_gen"], strict=True)
        candidates += [candidate(i, t, exactly(x), subtask=name) for t, x in generated]
        answers.append(answer(i, sample["generative_response"], subtask=name))
    named = [m for m in case["expected"] if m not in EXTRA] + ["rouge"] * ("rouge1" in case["expected"])
    rules = {"metrics": named, "preferred_score": named[0]}
    return {
        "examples": of_model(pl.DataFrame(examples, schema=dict(EXAMPLES.columns))),
        "extractions": of_model(pl.DataFrame(candidates, schema=dict(EXTRACTIONS.columns))),
        "answers": of_model(pl.DataFrame(answers, schema=ANSWERS)),
        "settings": {name: rules},
    }


@pytest.fixture(scope="module")
def cases(reference: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((reference / "metrics.json").read_text(encoding="utf-8"))["cases"]
    return found


def test_every_metric_of_every_case_equals_the_reference(cases: list[dict[str, Any]]) -> None:
    assert len(cases) == 78
    for case in cases:
        rows = bigbench_scores(**frames(case)).filter(subtask=case["subtask"])
        found = dict(
            rows.filter(pl.col("metric") != "normalized_aggregate_score").select("metric", "value").iter_rows()
        )
        assert set(found) == set(case["expected"]), case["subtask"]
        for metric, expected in case["expected"].items():
            tolerance = 0.5 if metric in ROUGE else 1e-6
            assert found[metric] == pytest.approx(expected, rel=0, abs=tolerance), f"{case['subtask']}: {metric}"
