"""A slice of the calibration with a fixed seed: a dozen planted tasks of known truth, and what is said of them."""

import importlib
import sys
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
calibration = importlib.import_module("calibration")
kinds = importlib.import_module("calibration_kinds")

BROKEN = {"step": 3, "hinge": 1}
WHOLE = {"long logistic": 3, "one token": 1, "lucky last size": 2, "items one by one": 1, "flat": 1}


@pytest.fixture(scope="module")
def tasks() -> pl.DataFrame:
    designs = [
        kinds.Design(kind=kind, ladder="9 to 11", n_items=500, index=index)
        for kind, n in (BROKEN | WHOLE).items()
        for index in range(n)
    ]
    found: pl.DataFrame = calibration.run(designs, seed=0)
    assert found.height == 12
    return found


def test_no_skill_is_said_to_have_broken_that_did_not(tasks: pl.DataFrame) -> None:
    whole = tasks.filter(pl.col("kind").is_in(list(WHOLE)))
    assert "yes" not in whole["skill"].to_list()
    assert not {"real", "both"} & set(whole["label"])


def test_no_break_is_denied_and_steps_are_found(tasks: pl.DataFrame) -> None:
    broken = tasks.filter(pl.col("kind").is_in(list(BROKEN)))
    assert "no" not in broken["skill"].to_list()
    assert broken.filter(kind="step").select("cliff", "metric", "skill").rows() == [("yes", "no", "yes")] * 3


def test_long_answers_of_a_skill_that_grows_evenly_are_mirages_where_a_cliff_is_found(tasks: pl.DataFrame) -> None:
    chains = tasks.filter(kind="long logistic", cliff="yes")
    assert chains.height
    assert set(chains["label"]) == {"mirage"}


def test_lucky_last_sizes_and_flat_curves_are_no_cliffs(tasks: pl.DataFrame) -> None:
    luck = tasks.filter(pl.col("kind").is_in(["lucky last size", "flat"]))
    assert "yes" not in luck["cliff"].to_list()


def test_questions_2_and_3_are_asked_of_cliffs_alone(tasks: pl.DataFrame) -> None:
    other = tasks.filter(pl.col("cliff") != "yes")
    assert other["metric"].null_count() == other["skill"].null_count() == other.height > 0
