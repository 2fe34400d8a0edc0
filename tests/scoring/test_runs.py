"""Rows in the order of the examples, and numbers of runs of rows."""

import numpy as np
import polars as pl
import pytest

from rescore.scoring.runs import Runs, filled, find, placed

EXAMPLES = pl.DataFrame({"model": "m", "subtask": ["u", "u", "t"], "example_id": [1, 0, 1]})


def rows(*keys: tuple[str, int], model: str = "m", **columns: object) -> pl.DataFrame:
    frame = pl.DataFrame(list(keys), schema=["subtask", "example_id"], orient="row")
    return frame.with_columns(model=pl.lit(model), **columns)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([("u", 1), ("u", 1), ("u", 0), ("t", 1)], [0, 0, 1, 2]),
        ([("t", 1), ("u", 0), ("t", 1), ("u", 1)], [0, 1, 2, 2]),  # another order, and one example in two places
        ([("u", 1), ("v", 1), ("u", 7), ("t", 1)], [0, 2]),  # of no example
        ([("u", 1), ("t", 1)], [0, 2]),  # same id, another subtask
    ],
)
def test_rows_are_placed_by_subtask_and_id(keys: list[tuple[str, int]], expected: list[int]) -> None:
    found = placed(rows(*keys), EXAMPLES)
    assert found["row"].to_list() == expected
    assert found.select(EXAMPLES.columns).rows() == [EXAMPLES.row(r) for r in expected]


def test_rows_of_another_model_are_of_another_example() -> None:
    examples = pl.concat([EXAMPLES, EXAMPLES.with_columns(model=pl.lit("n"))])
    found = placed(pl.concat([rows(("u", 1), model="n"), rows(("u", 1)), rows(("t", 1), model="n")]), examples)
    assert found.select("model", "row").rows() == [("m", 0), ("n", 3), ("n", 5)]


def test_rows_of_one_example_keep_their_order() -> None:
    found = placed(rows(("t", 1), ("u", 1), ("t", 1), x=pl.Series([3, 2, 1])), EXAMPLES)
    assert found["x"].to_list() == [2, 3, 1]


def test_an_example_without_rows_gets_one_of_nulls() -> None:
    frame = pl.DataFrame({"row": [0, 0, 2], "x": [5, 6, 7]}, schema_overrides={"row": pl.UInt32})
    assert filled(frame, 4).rows() == [(0, 5), (0, 6), (1, None), (2, 7), (3, None)]
    assert filled(frame.filter(pl.col("row") == 9), 2).rows() == [(0, None), (1, None)]


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        ([["a", "b"], ["a"]], [["a", "b"], ["a"]], [0, 1, 2]),
        ([["a", "b", "c"]], [["c", "a", "b"]], [1, 2, 0]),  # the target first, as an extraction has it
        ([["a", "b"], ["b"]], [["b"], ["a", "b"]], [-1, 0, 2]),
        ([["a"], [], ["b"]], [[], ["b"], ["x", "y", "b"]], [-1, 3]),
        ([], [], []),
    ],
)
def test_find(wanted: list[list[str]], offered: list[list[str]], expected: list[int]) -> None:
    flat = [pl.Series([t for texts in side for t in texts], dtype=pl.String) for side in (wanted, offered)]
    counts = [np.array([len(texts) for texts in side], dtype=np.int64) for side in (wanted, offered)]
    assert find(flat[0], counts[0], flat[1], counts[1]).tolist() == expected


def test_find_in_random_order_finds_all() -> None:
    rng = np.random.default_rng(0)
    texts = [[f"{i} {j}" for j in rng.permutation(12)[: rng.integers(1, 12)]] for i in range(60)]
    counts = np.array([len(t) for t in texts])
    mixed = pl.Series([x for t in texts for x in rng.permutation(t)])
    wanted = pl.Series([x for t in texts for x in t])
    assert mixed.gather(find(wanted, counts, mixed, counts)).equals(wanted)


def test_numbers_of_runs() -> None:
    runs = Runs(np.array([2, 1, 3]))
    x = np.array([1.0, 4.0, -2.0, 3.0, 5.0, 5.0])
    assert runs.sum(x).tolist() == [5, -2, 13]
    assert runs.max(x).tolist() == [4, -2, 5]
    assert runs.best(x).tolist() == [1, 2, 4]
    assert runs.first(x == 4).tolist() == [1, 6, 6]
    assert runs.spread(runs.max(x)).tolist() == [4, 4, -2, 5, 5, 5]
    assert Runs.of(pl.Series([0, 0, 1, 2, 2, 2])).lengths.tolist() == [2, 1, 3]
