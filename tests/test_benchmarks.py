"""The benchmark's plain loop is a second, independent computation of every score."""

import importlib.util
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from rescore.scoring import score

PATH = Path(__file__).parents[1] / "benchmarks" / "score.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_scoring", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_scores_are_those_of_the_plain_loop(benchmark: ModuleType) -> None:
    assert benchmark.beside_a_loop(400, 1) > 0


def test_a_wrong_score_ends_the_benchmark(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*tables: object) -> pl.DataFrame:
        nudge = pl.when(pl.col("metric") == "margin_nats").then(1e-6).otherwise(0.0)
        return score(*tables).with_columns(pl.col("score") + nudge)

    monkeypatch.setattr(benchmark, "score", wrong)
    with pytest.raises(SystemExit, match="margin_nats"):
        benchmark.beside_a_loop(40, 1)
