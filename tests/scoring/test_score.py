"""The table of scores as a whole: every metric once an example, in range, and null only with a reason."""

import numpy as np
import polars as pl
from score_tables import answer, candidate, example, scores

from rescore.tables import METRICS, SCORES, write
from rescore.tables.metrics import IMPORTED_METRICS


def every_kind(rng: np.random.Generator) -> pl.DataFrame:
    """Examples with and without choices, answers and tokens, under two subtasks that share their example ids."""
    asked, rows, told = [], [], []
    for subtask in ("t:one", "t:two"):
        for i in range(40):
            targets = [f"target {n}"[: rng.integers(0, 9)] for n in range(rng.integers(1, 3))]
            choices = {f"choice {n}": float(rng.random()) for n in range(rng.integers(2, 4))} | {targets[0]: 1.0}
            given = choices if i % 2 else None
            asked.append(example(i, targets, given, subtask=subtask))
            for text in dict.fromkeys([*targets, *(given or [])]):
                n = len(text) if i % 5 else 0
                rows.append(
                    candidate(i, text, (-rng.exponential(0.5, n)).tolist(), target=text in targets,
                              firsts=rng.integers(0, 9, n).tolist(), choice=text in (given or []), subtask=subtask)
                )  # fmt: skip
            text = targets[0] if i % 3 else "something else"
            told.append(
                answer(i, None, None, "too slow", subtask=subtask)
                if i % 7 == 0
                else answer(i, text, range(len(text)), subtask=subtask)
            )
    return scores(asked, rows, told)


def test_the_table_is_whole(tmp_path: object) -> None:
    found = every_kind(np.random.default_rng(1))
    assert found.height == 80 * (len(METRICS) - len(IMPORTED_METRICS))
    assert found.select("subtask", "example_id", "metric").is_unique().all()
    assert set(found["metric"]) == set(METRICS) - set(IMPORTED_METRICS)
    assert set(found["task"]) == {"t"}
    assert set(found["model"]) == {"m"}
    assert (found["score"].is_null() == found["reason"].is_not_null()).all()
    assert 0.05 < found["score"].is_null().mean() < 0.5
    for name in set(found["metric"]):
        metric = METRICS[name]
        values = found.filter(metric=name)["score"].drop_nulls()
        assert values.len() > 10
        assert values.is_between(metric.low, metric.high).all(), name
        assert values.is_finite().all(), name
    write(found, tmp_path / "scores.parquet", SCORES, {})


def test_what_an_example_lacks_is_null_with_its_reason() -> None:
    asked = [example(0, ["a"], {"a": 1.0, "b": 0.0}), example(1, ["a"], {"a": 1.0, "b": 0.0})]
    rows = [candidate(0, "a", [-1.0], choice=True), candidate(0, "b", [-2.0], target=False, choice=True)]
    found = scores(asked, rows, [answer(0, "a", [1]), answer(1, "a", [1])])
    lacking = found.filter(example_id=1)
    assert lacking.filter(pl.col("score").is_not_null())["metric"].to_list() == [
        "exact_match",
        "exact_match_trimmed",
        "char_edit_distance",
    ]
    assert (lacking["score"].is_null() == lacking["reason"].is_not_null()).all()
    alone = found.filter(pl.col("score").is_null(), example_id=0)
    assert alone.select("metric", "reason").rows() == [
        ("guess_nats_per_token", "no other item's target has as many tokens")
    ]
    unanswered = scores(asked[:1], rows, [answer(1, "a", [1])]).filter(metric="exact_match")
    assert unanswered["reason"].to_list() == ["the model gave no answer"]
