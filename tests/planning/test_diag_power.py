"""What a ladder would answer: on a good ladder, on a short one, and kept from run to run."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from diagnostic_tables import curves

from rescore.commands import power as command
from rescore.discontinuity import Settings
from rescore.planning import planted, power
from rescore.planning.planted import _truth, smallest
from rescore.tables import PLANTED, POWER, InputError, read

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
    # A model without scores, at the bottom of the ladder, has n = 0: it is no size, and not the number of items.
    absent = (
        many.filter(pl.col("n") > 0)
        .unique("subtask")
        .with_columns(
            n=pl.lit(0, many.schema["n"]),
            mean=pl.lit(None, pl.Float64),
            model=pl.lit("absent"),
            compute_flops=pl.lit(1e16),
        )
    )
    found = planted(pl.concat([absent, few, many, likelihoods, short], how="vertical_relaxed"), QUICK)
    assert found.schema == PLANTED.empty().schema
    assert found.select("ladder", "n_items", "replicates").unique().rows() == [("ladder", 300, 3)]
    assert found["truth"].to_list() == ["mirage", "step", "step over two gaps"]
    assert all(right >= 2 for right in found["right"].to_list()[:2])  # clear cases on ten sizes over four decades


def test_a_check_takes_no_more_questions_than_change_an_answer() -> None:
    """Means of a thousand million questions each are of 5,000 to the check, which has room for these."""
    endless = curves(np.linspace(18, 20, 5), {("a", "exact_match"): [0.5] * 5}, n=10**9)
    assert planted(endless, QUICK)["n_items"].to_list() == [5000] * 3


def test_the_planted_truths_by_hand() -> None:
    """Token probabilities on ten even sizes: sigma(-1.5) and sigma(4.5) at the ends; steps from .3 to .95."""
    x = np.linspace(18.0, 22.5, 10)
    logits = {truth: _truth(truth, x).token_logit(x) for truth in ("mirage", "step", "step over two gaps")}
    assert logits["mirage"] == pytest.approx(np.linspace(-1.5, 4.5, 10))
    low, high = np.log(0.3 / 0.7), np.log(0.95 / 0.05)
    assert logits["step"] == pytest.approx(np.repeat([low, high], 5))
    many = np.linspace(18.0, 22.5, 30)  # a step stays in its gap where that is narrow
    assert _truth("step", many).token_logit(many) == pytest.approx(np.repeat([low, high], 15))
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
    command.power([tmp_path / "L.tsv"], [50, 20, 50], 0, tmp_path)
    first = capsys.readouterr().out
    path = tmp_path / "power.parquet"
    assert read(path, POWER)["n_items"].to_list() == [20] * 3 + [50] * 3
    before = path.stat().st_mtime_ns
    command.power([tmp_path / "L.tsv"], [20, 50], 0, tmp_path)
    assert capsys.readouterr().out == first
    assert path.stat().st_mtime_ns == before
    command.power([tmp_path / "L.tsv"], [20, 50], 0, tmp_path, settings='{"seed": 1}')
    assert path.stat().st_mtime_ns != before


def test_a_ladder_is_continued_at_its_own_gap_and_with_its_last_seeds() -> None:
    """Gaps .5, .5, 2: the median is .5; two seeds of the last size."""
    places = [18.0, 18.5, 19.0, 21.0, 21.0]
    row = power("L", places, 20, QUICK, added=2, replicates=1).row(0, named=True)
    facts = ("sizes_added", "sizes", "models", "top_log10_x", "decades", "reason")
    assert [row[name] for name in facts] == [2, 6, 9, 22.0, 4.0, None]
    now = power("L", places, 20, QUICK, replicates=1).row(0, named=True)
    assert [now[name] for name in facts[:4]] == [0, 4, 5, 21.0]
    assert now["reason"].startswith("the ladder is too short")  # one more size would do
    with pytest.raises(ValueError, match="one size"):
        power("L", [18.0], 20, QUICK, added=1)


def test_the_smallest_ladder_that_answers_does_so_for_every_truth() -> None:
    shares = {5: (1.0, None, 0.9), 6: (0.9, 0.79, 1.0), 7: (0.8, 0.9, 0.85), 8: (1.0, 1.0, 1.0)}
    rows = [
        dict.fromkeys(POWER.columns)
        | {"ladder": "L", "n_items": n, "sizes": sizes, "truth": str(i), "right_share": share}
        for n in (100, 20)
        for sizes, of in shares.items()
        for i, share in enumerate(of)
    ]
    table = pl.DataFrame(rows, schema=dict(POWER.columns))
    found = smallest(table.sample(fraction=1, shuffle=True, seed=1).filter(pl.col("n_items") == 100))
    assert found.select("ladder", "n_items", "sizes", "right_share").rows() == [("L", 100, 7, 0.8)]
    assert smallest(table.filter(pl.col("sizes") < 7, pl.col("n_items") == 100)).is_empty()
    lucky = table.with_columns(right_share=pl.when(pl.col("sizes") == 5).then(1.0).otherwise("right_share"))
    assert smallest(lucky)["sizes"].to_list() == [7, 7]  # 5 do by luck: 6 do not


def test_a_plan_says_from_how_many_sizes_on_a_ladder_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype"]
    rows += [f"m{i}\tf\t.\tr\t{10**i}\t1\tfloat32" for i in range(4)]
    (tmp_path / "L.tsv").write_text("\n".join(rows) + "\n")
    command.power([tmp_path / "L.tsv"], [20], 1, tmp_path, settings='{"draws": 99}')
    assert read(tmp_path / "power.parquet", POWER)["sizes_added"].to_list() == [0] * 3 + [1] * 3
    assert "L, 20 items: 80% of each truth is answered rightly by no ladder here\n" in capsys.readouterr().err
    (tmp_path / "one.tsv").write_text("\n".join(rows[:2]) + "\n")
    with pytest.raises(InputError, match="--more: ladder 'one' has one size"):
        command.power([tmp_path / "one.tsv"], [20], 1, tmp_path / "other")
