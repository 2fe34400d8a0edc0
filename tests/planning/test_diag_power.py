"""What a ladder would answer: on a good ladder, on a short one, and kept from run to run."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from diagnostic_tables import curves

from rescore.commands import power as command
from rescore.discontinuity import Settings
from rescore.planning import planted, power
from rescore.planning.planted import _truth
from rescore.tables import PLANTED, POWER, read

QUICK = Settings(draws=199)


def test_a_good_ladder_answers_right() -> None:
    found = power("L", np.repeat(np.linspace(18, 22, 10), 3), 300, QUICK, replicates=4)
    assert found.schema == POWER.empty().schema
    assert found["truth"].to_list() == ["mirage", "step", "step over two gaps"]
    assert found.select("models", "sizes", "decades", "replicates").unique().rows() == [(30, 10, 4.0, 4)]
    assert found["cliff_found"].to_list() == [4, 4, 4]
    assert found["right_share"].min() >= 0.75
    mirage = found.filter(truth="mirage")
    assert mirage.select("metric_yes", "metric_no", "skill_yes", "skill_no").row(0) == (4, 0, 0, 4)
    # Wilson's interval of 4 in 4 reaches down to n / (n + z^2)
    assert mirage.select("right_share", "right_low", "right_high").row(0) == pytest.approx(
        (1, 4 / (4 + 1.959964**2), 1)
    )


def test_a_run_is_checked_on_simulated_subtasks_of_its_own_ladders() -> None:
    x = np.linspace(18, 22, 10)
    flat = [0.5] * 10
    few = curves(x, {("a", "exact_match"): flat}, n=100)
    many = curves(x, {("b", "exact_match"): flat, ("c", "exact_match"): flat}, n=300)
    likelihoods = curves(x, {("d", "nll_nats_per_token"): flat}, n=9999)
    short = curves(x[:3], {("a", "exact_match"): flat[:3]}).with_columns(ladder=pl.lit("short"))
    found = planted(pl.concat([few, many, likelihoods, short]), QUICK)
    assert found.schema == PLANTED.empty().schema
    assert found.select("ladder", "n_items", "replicates").unique().rows() == [("ladder", 300, 3)]
    assert found["truth"].to_list() == ["mirage", "step", "step over two gaps"]
    assert all(right >= 2 for right in found["right"].to_list()[:2])  # clear cases on ten sizes over four decades


def test_the_planted_truths_by_hand() -> None:
    """Token probabilities on ten even sizes: sigma(-1.5) and sigma(4.5) at the ends; steps from .3 to .95."""
    x = np.linspace(18.0, 22.5, 10)
    logits = {truth: _truth(truth, x).token_logit(x) for truth in ("mirage", "step", "step over two gaps")}
    assert logits["mirage"] == pytest.approx(np.linspace(-1.5, 4.5, 10))
    low, high = np.log(0.3 / 0.7), np.log(0.95 / 0.05)
    assert logits["step"] == pytest.approx(np.repeat([low, high], 5))
    assert logits["step over two gaps"] == pytest.approx([*[low] * 5, (low + high) / 2, *[high] * 4])
    assert {_truth(truth, x).tokens for truth in logits} == {10}


def test_a_ladder_that_is_too_short_says_so() -> None:
    found = power("L", [18.0, 19.0, 20.0], 100, QUICK, replicates=4)
    assert found["right_share"].null_count() == 3
    assert found["reason"].str.starts_with("the ladder is too short").all()


def test_what_is_there_is_not_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype"]
    rows += [f"m{i}\tf\t.\tr\t{10**i}\t1\tfloat32" for i in range(4)]
    (tmp_path / "L.tsv").write_text("\n".join(rows) + "\n")
    command.power([tmp_path / "L.tsv"], [50, 20, 50], tmp_path)
    first = capsys.readouterr().out
    path = tmp_path / "power.parquet"
    assert read(path, POWER)["n_items"].to_list() == [20] * 3 + [50] * 3
    before = path.stat().st_mtime_ns
    command.power([tmp_path / "L.tsv"], [20, 50], tmp_path)
    assert capsys.readouterr().out == first
    assert path.stat().st_mtime_ns == before
    command.power([tmp_path / "L.tsv"], [20, 50], tmp_path, settings='{"seed": 1}')
    assert path.stat().st_mtime_ns != before
