"""The calibration plants what it says and counts rightly."""

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.special import expit

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
planted = importlib.import_module("planted")
curves = importlib.import_module("calibration_curves")
kinds = importlib.import_module("calibration_kinds")
counted = importlib.import_module("calibration_goals")
pages = importlib.import_module("calibration_page")
calibration = importlib.import_module("calibration")

X = 18 + np.linspace(0, 4, 9)
PLAIN = planted.Law(concentration=0.0, noise=0.0, greedy=False, positions=np.zeros(1))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def law(tokens: int = 1, **settings: Any) -> Any:
    return planted.Law(**{"concentration": 0.0, "noise": 0.0, "greedy": False} | settings, positions=np.zeros(tokens))


def skill(logits: Any, models: int = 1, **settings: Any) -> Any:
    curve = np.broadcast_to(np.asarray(logits, float), X.shape)
    return planted.Skill(logit=np.repeat(curve[:, None], models, axis=1), **settings)


def items(task: Any, stage: int) -> NDArray[np.float64]:
    """Scores of the first model; [rungs, items]."""
    return np.stack([rung[stage, 0] for rung in task.rungs])


# Items, tokens and models


def test_the_first_three_stages_follow_from_each_other() -> None:
    one = planted.plant(X, skill(np.linspace(-2, 2, 9)), PLAIN, n_items=50, rng=rng())
    assert np.exp(items(one, 0)) == pytest.approx(items(one, 1))  # of one token
    assert items(one, 1) == pytest.approx(items(one, 2))
    many = planted.plant(X, skill(np.linspace(-2, 2, 9), tokens=4), law(4), n_items=50, rng=rng())
    assert np.exp(4 * items(many, 0)) == pytest.approx(items(many, 2))  # the chain rule
    assert (items(many, 1) >= items(many, 2)).all()


def test_a_drawn_answer_is_right_as_often_as_it_is_likely() -> None:
    task = planted.plant(X, skill(1.5, tokens=2), law(2), n_items=20_000, rng=rng())
    assert items(task, 3).mean(1) == pytest.approx(items(task, 2).mean(1), abs=5 * 0.5 / np.sqrt(20_000))
    assert task.means[3] == pytest.approx(task.means[2])


def test_the_likeliest_token_beats_its_threshold() -> None:
    sure, none = (planted.plant(X, skill(level), law(greedy=True), n_items=40, rng=rng()) for level in (12.0, -12.0))
    assert (items(sure, 3).min(), items(none, 3).max()) == (1, 0)  # thresholds are .15 to .5


@pytest.mark.parametrize("concentration", [3.0, 8.0])
def test_probabilities_by_a_beta_law_have_its_mean(concentration: float) -> None:
    score = rng().standard_normal(200_000)
    for level in (-2.0, 0.0, 1.5):
        p = expit(planted.token_logits(np.full(score.shape, level), score, concentration))
        assert p.mean() == pytest.approx(expit(level), abs=0.005)
        variance = expit(level) * expit(-level) / (concentration + 1)
        assert p.var() == pytest.approx(variance, rel=0.05)


def test_luck_and_noise_are_no_part_of_the_truth() -> None:
    luck = np.where(np.arange(9) == 8, 3.0, 0.0)
    lucky = planted.plant(X, skill(-1.0, luck=luck), law(noise=0.3), n_items=500, rng=rng())
    assert lucky.means[2] == pytest.approx(np.full(9, lucky.means[2].mean()), abs=0.02)
    assert items(lucky, 2)[8].mean() > items(lucky, 2)[:8].mean() + 0.3


def test_a_floor_is_added_to_the_loss() -> None:
    task = planted.plant(X, skill(14.0, tokens=3, floor_nats=0.2), law(3), n_items=4_000, rng=rng())
    assert -items(task, 0).mean() == pytest.approx(0.2, abs=0.01)


def test_an_answer_of_the_right_form_is_as_likely_as_a_guess() -> None:
    task = planted.plant(
        X, skill(-30.0, tokens=2, form=np.where(X < 20, 0.5, 1.0), guesses=10), law(2), n_items=300, rng=rng()
    )
    assert -items(task, 0)[-1].mean() == pytest.approx(task.guess_nats, abs=1e-6)
    assert items(task, 0)[0] == pytest.approx(items(task, 0)[-1] + np.log(0.5))
    assert 1.5 < task.guess_nats < np.log(10) + 0.1  # some tokens are commoner than others


def test_a_choice_of_two_starts_at_a_half() -> None:
    task = planted.plant(X, skill(0.0, options=2, form=np.full(9, 0.25)), PLAIN, n_items=4_000, rng=rng())
    assert items(task, 3).mean() == pytest.approx(0.5, abs=0.02)
    assert items(task, 1) == pytest.approx(0.25 * items(task, 2))
    assert (task.tokens, task.options, task.accuracy) == (1, 2, [])
    right = planted.plant(X, skill(20.0, options=5), PLAIN, n_items=20, rng=rng())
    assert (items(right, 3) == 1).all()


def test_items_are_learned_one_by_one_at_once() -> None:
    still = planted.LUCK_SD
    task = planted.plant(X, skill(np.linspace(-6, 6, 9), flips_at=20.0, flips_sd=0.7), PLAIN, n_items=200, rng=rng())
    logits = np.log(np.expm1(-items(task, 0)) ** -1)
    steps = np.diff(logits, axis=0)
    assert ((np.abs(steps) > 12 - 6 * still).sum(0) <= 1).all()
    assert (np.abs(steps) > 12 - 6 * still).sum() > 150
    assert len(set(steps.argmax(0))) >= 4


def test_only_some_items_move() -> None:
    task = planted.plant(X, skill(np.where(X < 20, -4, 4), moving=0.4), PLAIN, n_items=4_000, rng=rng())
    assert (items(task, 2)[-1] > 0.5).mean() == pytest.approx(0.4, abs=0.03)


# Kinds


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_every_kind_is_planted_on_every_ladder(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "NUMBERS", 1)  # the fewest items for the truth
    for ladder, sizes in kinds.LADDERS.items():
        task = kinds.draw(kinds.Design(kind=kind, ladder=ladder, n_items=20), seed=3)
        again = kinds.draw(kinds.Design(kind=kind, ladder=ladder, n_items=20), seed=3)
        assert len(task.x) in sizes
        assert (np.diff(task.x) > 0).all()
        assert 2.5 <= np.ptp(task.x) <= 5
        for rung, same in zip(task.rungs, again.rungs, strict=True):
            assert rung.shape == (4, task.facts["models"], 20)
            assert np.isfinite(rung).all()
            assert (rung[0] <= 0).all()
            assert ((rung[1:] >= 0) & (rung[1:] <= 1)).all()
            assert np.array_equal(rung, same)
        assert task.means.shape == (4, len(task.x))
    assert not np.array_equal(kinds.draw(kinds.Design(kind=kind, n_items=20), seed=4).means, task.means)


def place(models: int = 1) -> Any:
    return curves.Place(X - 18, 4.0, models)


@pytest.mark.parametrize("seed", range(20))
def test_steps_leave_two_sizes_on_each_side(seed: int) -> None:
    share = curves.in_gap(place(), rng(seed))
    assert set(share) == {0, 1}
    assert 2 <= share.sum() <= 7
    half = curves.at_size(place(), rng(seed))
    assert ((half > 0) & (half < 1)).sum() == 1
    assert (np.diff(half) >= 0).all()
    wide = curves.over_two(place(), rng(seed))
    assert sorted(set(wide)) == [0, 0.5, 1]
    assert 2 <= (wide == 0).sum() <= 6


def test_a_hinge_is_level_and_then_rises() -> None:
    for seed in range(10):
        slopes = np.diff(curves.bend(place(), rng(seed))) / 0.5
        assert slopes[0] <= 0.25
        assert slopes[-1] >= 1.5
        assert (np.diff(slopes) >= -1e-9).all()


def test_each_model_of_a_lottery_breaks_or_does_not() -> None:
    logits = kinds.lottery(place(5), rng(1)).logit
    low, high = logits < 1.2, logits > 2.4
    assert (low | high).all()
    assert any(row.any() and not row.all() for row in high)
    assert high.mean(1)[-1] > high.mean(1)[0]


def test_late_by_hand() -> None:
    # A third of the way is between the third and the fourth size.
    p = np.array([0.01, 0.01, 0.01, 0.05, 0.2, 0.3, 0.5, 0.7, 0.9])
    assert kinds.is_late(place(), skill(np.log(p / (1 - p))))
    assert not kinds.is_late(place(), skill(np.linspace(-2, 2, 9)))  # of one token: a third of it is no late rise
    assert not kinds.is_late(place(), skill(0.0))  # no rise


# Counting


def test_wilson_by_hand() -> None:
    low, high = counted.Rate(3, 10).interval()
    z = 1.959964
    centre, half = (0.3 + z**2 / 20) / (1 + z**2 / 10), z / (1 + z**2 / 10) * np.sqrt(0.021 + z**2 / 400)
    assert (low, high) == pytest.approx((100 * (centre - half), 100 * (centre + half)), abs=1e-4)
    assert str(counted.Rate(3, 10)) == "3 of 10, 30.0 (10.8–60.3)"
    assert counted.Rate(8, 1000).met(1, most=True) == "yes, within error"
    assert counted.Rate(50, 100).met(95, most=False) == "**no**"


def test_area_and_threshold_by_hand() -> None:
    scores, truth = pl.Series([1.0, 2.0, 2.0, 5.0]), pl.Series([False, False, True, True])
    assert counted.auc(scores, truth) == pytest.approx(3.5 / 4)  # one tie of four pairs
    assert counted.best_threshold(scores, truth) == (1.0, 0.75)
    assert counted.auc(scores, pl.Series([True] * 4)) is None


def rows(
    kind: str, n: int, *, found: int, skill: str = "open", metric: str = "open", **other: Any
) -> list[dict[str, Any]]:
    """Tasks of one kind that have a cliff, the first `found` of them found."""
    row = {
        "kind": kind,
        "ladder": "8",
        "rungs": 8,
        "n_items": 500,
        "models": 3,
        "mixed": 1,
        "seeds": "unclear",
        "true_cliff": True,
        "true_break": 0.0,
        "true_acceleration": 0.0,
        "true_acceleration_low": 0.0,
        "true_metric_share": 0.5,
        "true_chain_share": 0.4,
        "label": "open",
        "reason": "a cliff; skill open: the likelihood grew 4.0 times as fast as before (2.0 to 9.1 times)",
        "first_label": "unresolved",
        "emergence": 5.0,
        "emergence_nll": float("inf"),
        "acceleration": 0.1,
    }
    for number in ("metric_share", "acceleration"):
        row |= {f"{number}_low": -0.2, f"{number}_high": 0.3}
    row |= other
    return [
        row | {"index": i, "cliff": "yes" if i < found else "open", "skill": skill, "metric": metric} for i in range(n)
    ]


@pytest.fixture
def tasks() -> pl.DataFrame:
    broken = {"true_acceleration": 0.9, "true_acceleration_low": 0.8, "true_break": 0.9, "true_metric_share": 0.0}
    return pl.DataFrame(
        rows("logistic", 20, found=15, skill="no", metric="yes")
        + rows("power", 20, found=4, skill="yes", metric="yes", n_items=100)
        + rows("items one by one", 10, found=10, skill="open", metric="no", **broken)
        + rows("step", 20, found=18, skill="yes", metric="no", **broken)
        + rows("step over two gaps", 10, found=5, skill="no", metric="no", **broken)
        + rows("lottery", 10, found=0, seeds="lottery", **broken),
        infer_schema_length=None,
    )


def test_goals_are_held_against_what_was_counted(tasks: pl.DataFrame) -> None:
    held = {goal.what: goal.rate for goal in counted.goals(tasks)}
    Rate = counted.Rate
    assert held["no break, skill *yes*"] == Rate(4, 15 + 4 + 10)
    # The 4 of power are too few for a cell; of cells without a hit the one with the most tasks is named.
    assert held["no break, skill *yes*, worst cell (logistic, R 8, n 500)"] == Rate(0, 15)
    assert held["a break in the window, skill *no*"] == Rate(5, 18 + 5)  # items one by one never count as broken
    assert held["steps there, skill *yes*"] == Rate(18, 20)
    assert held["steps found, skill *yes*"] == Rate(18, 18)
    assert held["steps over two gaps there, skill *yes*"] == Rate(0, 10)
    assert held["lotteries named"] == Rate(10, 10)
    assert held["others called a lottery"] == Rate(0, 80)
    assert held["late chains found, metric *yes*"] == Rate(19, 19)
    assert held["late chains there, found (n = 500, R ≥ 8)"] == Rate(15, 20)  # 100 items are not held to it
    assert held["90% interval covers M, all kinds"] == Rate(50, 90)  # .5 is outside, 0 inside
    assert held["90% interval covers alpha, all kinds"] == Rate(40, 90)


def test_open_breaks_are_counted_by_reason_without_their_numbers() -> None:
    broken = {"true_acceleration": 0.9, "true_acceleration_low": 0.8, "true_break": 0.9}
    tasks = pl.DataFrame(rows("step", 10, found=6, **broken) + rows("hinge", 4, found=4, skill="yes", **broken))
    assert pages.why_open(tasks).splitlines()[2:] == [
        "| the likelihood grew … times as fast as before | 6 of 10, 60.0 (31.3–83.2) |"
    ]


def test_goals_that_are_missed_are_named(tasks: pl.DataFrame) -> None:
    said = pages.goals_met(tasks).replace("\n", " ")
    for goal in counted.goals(tasks):
        rate = goal.rate
        if rate.trials:
            good = rate.percent <= goal.bound if goal.most else rate.percent >= goal.bound
            assert (goal.what in said) is not good


def test_a_grid_has_every_cell_once() -> None:
    designs = list(kinds.grid(2))
    assert len(designs) == len(set(designs)) == 2 * len(kinds.KINDS) * len(kinds.LADDERS) * len(kinds.ITEMS)


def test_the_page_says_what_was_counted(tasks: pl.DataFrame) -> None:
    text = pages.page(tasks, command="the command", run="the run", commit="abc")
    assert "    the command\n\nthe run; 90 tasks in all." in text
    assert "| step | 18 of 20 | 0 | 0 | 20 of 20 | 18 / 0 / 0 | 0 / 0 / 18 | 1.00 | .00 |" in text
    assert "| skill *no*, a break in the window | 5 of 23, 21.7 (9.7–41.9) | step over two gaps 5 |" in text
    assert "commit abc" in text
    assert " goals are met.** Not met: " in text
    assert "nan" not in text.lower().replace("name", "")
    assert "first edition" not in pages.page(tasks, command="c", run="r")


def test_a_planted_task_is_judged_by_the_product() -> None:
    designs = [kinds.Design(kind=kind, ladder="12 to 13", index=1) for kind in ("step", "flat")]
    found = calibration.run(designs, seed=1)
    assert found["true_cliff"].to_list() == [True, False]
    assert found["cliff"].to_list() == ["yes", "no"]
    assert found["skill"][0] == "yes"
    assert found.equals(calibration.run(designs, seed=1))
