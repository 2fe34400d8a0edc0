"""Questions 2 and 3 at their thresholds, from chances that are set by hand."""

from typing import Any

import numpy as np
import pytest

from rescore.discontinuity import CONVENTIONS
from rescore.discontinuity.evidence import Evidence, evidence
from rescore.discontinuity.resampling import Bootstrap, Estimate

SHARE = Estimate(0.4, 0.3, 0.5)
FACTOR = Estimate(4.0, 2.5, 21.0)


def found(**chances: Any) -> Evidence:
    """A break that is seen, and a share that is open."""
    given = {
        "p_metric": 0.5,
        "p_metric_without_first": None,
        "p_capped": 0.95,
        "p_faster": 0.95,
        "factor_low": Estimate(2.0, 1.5, 2.8),
        "p_below": 0.0,
        "p_without": 0.9,
        "p_anywhere": 0.95,
        "p_from_turn": None,
        "got_worse_first": False,
        "synchrony": 0.9,
        "four_stages": True,
    }
    estimates = {"metric_share": SHARE, "acceleration_factor": FACTOR, "break_contrast": Estimate(0.4, 0.2, 0.6)}
    return Evidence(estimates=estimates, **(given | chances))


@pytest.mark.parametrize(
    ("chances", "reply"),
    [
        ({"p_metric": 0.9}, "yes"),
        ({"p_metric": 0.89}, "open"),
        ({"p_metric": 0.11}, "open"),
        ({"p_metric": 0.099}, "no"),
        ({"p_metric": 0.95, "p_metric_without_first": 0.05}, "open"),  # it turns round without the first size
        ({"p_metric": 0.95, "p_metric_without_first": 0.5}, "yes"),
        ({"p_metric": 0.05, "p_metric_without_first": 0.95}, "open"),
    ],
)
def test_the_metric_makes_it_from_nine_tenths_on(chances: dict[str, Any], reply: str) -> None:
    assert found(**chances).metric(CONVENTIONS)[0] == reply


def test_an_open_share_is_told_with_its_interval() -> None:
    assert found().metric(CONVENTIONS)[1] == "the likelihood shares 60% of the climb (50% to 70%)"
    assert found(p_metric=1.0, four_stages=False).metric(CONVENTIONS)[1] == (
        "the likelihood shares 60% of the climb, by the likelihood alone"
    )


@pytest.mark.parametrize(
    ("chances", "reply", "p", "why"),
    [
        ({}, "yes", 0.95, "the likelihood grew 4.0 times as fast as before"),
        ({"p_faster": 0.85}, "yes", 0.85, ""),
        ({"p_faster": 0.84, "p_capped": 0.84}, "open", 0.84, "(2.5 to over 20 times, a break from 3 on)"),
        ({"p_faster": 0.8}, "open", 0.8, "2.0 times (1.5 to 2.8 times) without the guessing floor"),
        ({"p_without": 0.5}, "yes", 0.95, ""),
        ({"p_without": 0.49}, "open", 0.95, "depends on one of the sizes"),
        ({"p_faster": 0.3, "p_capped": 0.3, "p_below": 0.95}, "yes", 0.95, "broke below the window"),
        ({"p_faster": 0.3, "p_capped": 0.3, "p_below": 0.94}, "open", 0.3, "(2.5 to"),
        ({"p_without": 0.1, "p_below": 0.96}, "yes", 0.96, "broke below the window"),
        ({"synchrony": 0.75}, "yes", 0.95, ""),
        ({"synchrony": 0.74}, "open", 0.95, "items change at different sizes"),
        ({"synchrony": None}, "open", 0.95, "not known without them"),
        ({"got_worse_first": True}, "open", 0.95, "it got worse first"),
        ({"got_worse_first": True, "p_from_turn": 0.84}, "open", 0.95, "it got worse first"),
        ({"got_worse_first": True, "p_from_turn": 0.85}, "yes", 0.95, ""),
        ({"p_faster": 0.02, "p_anywhere": 0.099}, "no", 0.099, "nowhere three times"),
        (
            {"p_faster": 0.02, "p_capped": 0.02, "p_anywhere": 0.11},
            "open",
            0.02,
            "below the cliff it may have grown 4.0 times as fast",
        ),
    ],
)
def test_the_skill_broke(chances: dict[str, Any], reply: str, p: float, why: str) -> None:
    said, reason, chance = found(**chances).skill(CONVENTIONS)
    assert (said, chance) == (reply, p)
    assert why in reason


def noiseless(nll: list[float], hard: list[float], guess: float | None = None) -> Evidence:
    point = np.array([[-n for n in nll], hard])
    x = np.arange(float(len(nll)))
    draws = np.repeat(point[:, :, None], 50, axis=2)
    return evidence(x, point, draws, guess=guess, synchrony=1.0, conventions=CONVENTIONS)


STEP = [2.0, 1.99, 1.98, 1.97, 0.1, 0.09, 0.08, 0.07]
RISES = [0.0, 0.0, 0.0, 0.0, 0.9, 0.92, 0.94, 0.96]


def test_a_step_without_noise_is_broken_with_any_size_left_out() -> None:
    told = noiseless(STEP, RISES)
    assert (told.p_faster, told.p_below, told.p_without, told.p_anywhere) == (1, 1, 1, 1)
    assert not told.got_worse_first
    assert told.p_metric == 0  # the likelihood climbs with exact match
    assert told.skill(CONVENTIONS)[0] == "yes"


def test_a_break_that_one_unlucky_size_makes_depends_on_it() -> None:
    """NLL falls evenly on the log scale, and the fourth size, where exact match starts, is back at the first's NLL."""
    even = list(np.geomspace(2.0, 0.06, 8))
    hard = [0.0, 0.0, 0.0, 0.0, 0.25, 0.5, 0.75, 1.0]
    assert noiseless(even, hard).skill(CONVENTIONS)[0] == "no"
    told = noiseless([*even[:3], 2.0, *even[4:]], hard)
    assert (told.p_faster, told.p_without, told.got_worse_first) == (1, 0, False)
    reply, why, _ = told.skill(CONVENTIONS)
    assert reply == "open"
    assert why.endswith("but it depends on one of the sizes")


def test_a_step_behind_the_second_size_does_not_depend_on_it() -> None:
    """Without the second size the step lies in the first gap, and nothing is known before it."""
    told = noiseless([2.0, 1.99, 0.1, 0.09, 0.08, 0.07, 0.06, 0.05], [0.0, 0.0, 0.9, 0.92, 0.94, 0.96, 0.97, 0.98])
    assert (told.p_faster, told.p_without, told.p_below) == (1, 1, 0)
    assert told.skill(CONVENTIONS)[0] == "yes"


def test_a_short_ladder_has_nothing_to_leave_out() -> None:
    told = noiseless(STEP[2:7], RISES[2:7])
    assert (told.p_below, told.p_without, told.p_metric_without_first) == (0, 1, None)
    assert told.p_faster == 1


def test_a_likelihood_a_tenth_worse_at_a_later_size_got_worse_first() -> None:
    assert noiseless([2.0, 2.21, 1.98, 1.97, 0.1, 0.09, 0.08, 0.07], RISES).got_worse_first
    assert not noiseless([2.0, 2.19, 1.98, 1.97, 0.1, 0.09, 0.08, 0.07], RISES).got_worse_first


def test_the_window_and_the_step_have_their_numbers() -> None:
    estimates = noiseless(STEP, RISES).estimates
    # Exact match has 0.1 of its rise of .96 at 3 + .096/.9 and 0.9 at 3 + .864/.9.
    assert estimates["window_start"].value == pytest.approx(3.10667, abs=1e-4)
    assert estimates["window_end"].value == pytest.approx(3.96)
    assert estimates["window_decades"].value == pytest.approx(0.85333, abs=1e-4)
    # Of the likelihood's fall of 1.93 nats 1.87 lie in the fourth gap.
    assert estimates["likelihood_part"].value == pytest.approx(1.87 * 0.85333 / 1.93 / 0.8, abs=1e-4)


def test_the_bias_corrected_interval_by_hand() -> None:
    """Of draws 1 to 1000 a value at the 60th per cent has z0 = .2533: the ends are at Phi(2 z0 -+ 1.645)."""
    told = Bootstrap(600.5, np.arange(1.0, 1001.0), CONVENTIONS)
    assert told.interval().low == pytest.approx(1 + 999 * 0.12748, abs=1)  # Phi(-1.1383)
    assert told.interval().high == pytest.approx(1 + 999 * 0.98428, abs=1)  # Phi(2.1515)
    # 300 of 1000 draws are below 301: 1 - Phi(Phi^-1(.3) - 2 z0) = 1 - Phi(-.5244 - .5067)
    assert told.at_least(301.0) == pytest.approx(0.84876, abs=1e-4)
    far = Bootstrap(990.0, np.arange(1.0, 1001.0), CONVENTIONS)  # z0 = 2.3 is bounded at 1/2
    assert far.interval().low == pytest.approx(1 + 999 * 0.25946, abs=1)  # Phi(1 - 1.645)
    assert (far.at_least(0.5), far.at_least(1001.0)) == (1, 0)
