"""Accuracy by position in the answer: by hand, and in agreement with the metrics of whole answers."""

import math

import numpy as np
import polars as pl
import pytest
from score_tables import Row, candidate, example, of, of_model, scores

from rescore.scoring.token_errors import token_errors
from rescore.scoring.tokens import answer_tokens, positions
from rescore.tables import EXAMPLES, EXTRACTIONS, POSITIONS


def tokens(examples: list[Row], candidates: list[Row]) -> pl.DataFrame:
    return answer_tokens(
        of_model(pl.DataFrame(examples, schema=dict(EXAMPLES.columns))),
        of_model(pl.DataFrame(candidates, schema=dict(EXTRACTIONS.columns))),
    )


def test_positions_by_hand() -> None:
    halves, quarter = math.log(0.5), math.log(0.25)
    examples = [example(0, ["ab"]), example(1, ["abc"]), example(2, ["x"], subtask="u")]
    candidates = [
        candidate(0, "ab", [halves, quarter], ids=[5, 6], firsts=[5, 7]),
        candidate(1, "abc", [quarter, quarter, halves], ids=[5, 6, 8], firsts=[5, 6, 9]),
        candidate(2, "x", [halves], ids=[1], firsts=[2], subtask="u"),
    ]
    found = positions(tokens(examples, candidates))
    assert found.schema == pl.Schema(dict(POSITIONS.columns))
    assert found.select("subtask", "position", "n_items", "accuracy").rows() == [
        ("t", 1, 2, 1.0),
        ("t", 2, 2, 0.5),
        ("t", 3, 1, 0.0),  # one answer alone is three tokens long
        ("u", 1, 1, 0.0),
    ]
    assert set(found["model"]) == {"m"}


def test_of_several_targets_the_likeliest_counts_and_choices_do_not() -> None:
    rows = [
        candidate(0, "no", [-3.0, -3.0], ids=[1, 2], firsts=[1, 2]),
        candidate(0, "yes", [-1.0], ids=[3], firsts=[4]),
        candidate(0, "all", [-0.1], ids=[5], firsts=[5], target=False, choice=True),
    ]
    found = tokens([example(0, ["no", "yes"])], rows)
    assert found["right"].to_list() == [[0]]


def test_an_answer_without_a_token_is_told_not_counted() -> None:
    found = tokens([example(0, [""]), example(1, [])], [candidate(0, "", [])])
    assert found["right"].to_list() == [[], []]
    assert positions(found).equals(POSITIONS.empty())


def test_positions_average_to_the_metrics_of_whole_answers() -> None:
    rng = np.random.default_rng(2)
    examples = [example(i, ["w"]) for i in range(40)]
    rows = [candidate(i, "w", (-rng.exponential(1, 3)).tolist(), firsts=rng.permutation(3) + 1) for i in range(40)]
    told, whole = tokens(examples, rows), scores(examples, rows)
    assert positions(told)["accuracy"].mean() == pytest.approx(np.mean(of(whole, "token_accuracy")))
    correlation = token_errors(told)["token_correlation"].item()
    assert positions(told)["token_correlation"].to_list() == [correlation] * 3
