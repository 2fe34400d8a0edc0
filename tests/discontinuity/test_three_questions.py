"""The three questions on planted truths, and the pieces that the draws are made of."""

import numpy as np
import pytest
from planted_subtasks import chain, hinge, step, subtask
from scipy.stats import bootstrap

from rescore.discontinuity import CONVENTIONS, Answer, answer
from rescore.discontinuity.curve_verdicts import CurveVerdict, _cliff, judge_curves, left_out
from rescore.discontinuity.progress import Floats
from rescore.discontinuity.resampling import Bootstrap, item_draws, noise_scale, rung_means
from rescore.discontinuity.seeds import seeds, through
from rescore.discontinuity.synchrony import synchrony


def ask(logits: Floats, *, guess: float | None = None, stages: list[int] | None = None, **planted: float) -> Answer:
    x, rungs = subtask(logits, **planted)  # type: ignore[arg-type]
    return answer(x, [rung[stages] if stages else rung for rung in rungs], k=8.0, guess=guess)


@pytest.mark.parametrize("seed", range(3))
def test_a_chain_is_a_mirage(seed: int) -> None:
    found = ask(chain(), seed=seed)
    assert (found.cliff, found.metric_makes_it, found.skill_broke, found.label) == ("yes", "yes", "no", "mirage")
    share = found.estimates["metric_share"]
    assert 0.4 < share.low < share.value < share.high < 0.85
    assert sum(found.estimates[f"{part}_part"].value for part in ("likelihood", "probability", "answer", "argmax")) == (
        pytest.approx(1)
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gaps", [1, 2])
def test_a_step_is_a_break_of_the_skill_over_one_gap_or_two(gaps: int, seed: int) -> None:
    found = ask(step(gaps=gaps), seed=seed)
    assert (found.cliff, found.skill_broke) == ("yes", "yes")
    if gaps == 1:
        assert (found.metric_makes_it, found.label) == ("no", "real")


def test_a_late_onset_of_skill_is_made_by_both() -> None:
    found = ask(hinge())
    assert (found.cliff, found.skill_broke, found.label) == ("yes", "yes", "both")


def test_one_token_is_no_break() -> None:
    found = ask(np.linspace(-8, 4, 10), tokens=1)
    assert found.skill_broke in ("no", None)
    assert found.label in ("ordinary", "no cliff", "open")


def test_items_learned_one_by_one_at_different_sizes_are_no_break() -> None:
    """A third of the items flips in one gap, the rest one by one: the mean jumps, no skill of all items does."""
    rng = np.random.default_rng(0)
    at = np.where(rng.random(300) < 0.35, 5.5, rng.uniform(0, 10, 300))
    logits = np.where(np.arange(10)[:, None] > at, 4.0, -2.0)
    found = ask(logits)
    assert found.evidence is not None
    assert found.evidence.synchrony is not None
    assert found.evidence.synchrony < CONVENTIONS.synchrony_min
    assert found.skill_broke != "yes"


def test_a_flat_curve_is_asked_no_more() -> None:
    found = ask(np.full(10, -2.0))
    assert (found.cliff, found.metric_makes_it, found.skill_broke, found.label) == ("no", None, None, "flat")
    assert not found.estimates


@pytest.mark.parametrize("at", [2, 5, 7])
def test_a_lucky_size_is_no_cliff(at: int) -> None:
    """As published Pythia has it in 3-digit subtraction: .004 .237 .092 .124."""
    logits = np.linspace(-3, 0.5, 10)
    logits[at] += 2.5
    assert ask(logits, tokens=1).cliff != "yes"


def test_the_last_size_alone_leaves_the_cliff_open() -> None:
    logits = np.full(10, -1.0)
    logits[9] = 3.0
    found = ask(logits)
    assert (found.cliff, found.label, found.metric_makes_it, found.skill_broke) == ("open", "open", None, None)
    assert "last size" in found.reason
    assert found.estimates["metric_share"].low <= found.estimates["metric_share"].high  # told whatever the answer


def test_two_stages_answer_by_the_likelihood_alone_and_say_so() -> None:
    found = ask(chain(), stages=[0, 3])
    assert (found.cliff, found.label) == ("yes", "mirage")
    assert "by the likelihood alone" in found.reason
    assert np.isnan(found.estimates["chain_share"].value)
    assert "answer_part" not in found.estimates


def test_a_likelihood_that_gets_worse_first_is_flagged_and_no_break_by_itself() -> None:
    turn = np.concatenate([np.linspace(0, -2.5, 5), np.linspace(-1.5, 4.5, 7)])
    found = ask(turn)
    step_ = ask(step())
    assert found.evidence is not None
    assert step_.evidence is not None
    assert (found.evidence.got_worse_first, step_.evidence.got_worse_first) == (True, False)
    assert found.skill_broke != "yes"


@pytest.mark.parametrize("at", [2, 3])
def test_one_unlucky_size_below_the_window_is_no_break(at: int) -> None:
    """Skill grows evenly; with a size 3 logits low it seems to stand still before the window."""
    logits = chain()
    logits[at] -= 3
    found = ask(logits, rung_sd=0.05)
    assert found.skill_broke != "yes"


def test_answers_depend_on_the_seed_alone() -> None:
    x, rungs = subtask(chain())
    one, same, other = (answer(x, rungs, k=8.0, seed=seed) for seed in (3, 3, 4))
    assert one.estimates == same.estimates
    assert one.estimates != other.estimates


def test_synchrony_by_hand() -> None:
    rng = np.random.default_rng(0)
    nll = np.full((6, 40), 2.0)
    nll[3:, :30] = 0.0  # thirty fall in one gap
    nll[5, 30:] = 0.0  # ten in the last: over the last two rungs they fell by 1
    # Of 40 falls in the gap 30 are 2 and 10 are 0: mean 1.5, mean square 3.
    assert synchrony(nll, CONVENTIONS) == pytest.approx(1.5**2 / 3)
    assert synchrony(nll[:, :9], CONVENTIONS) == 0  # too few
    together = np.repeat([[2.0], [2.0], [2.0], [0.1], [0.1], [0.1]], 40, axis=1) + 0.05 * rng.standard_normal((6, 40))
    assert synchrony(together, CONVENTIONS) > 0.99


def test_noise_is_found_in_what_two_bends_or_steps_leave() -> None:
    x = np.linspace(0, 4, 12)
    z = -1 + 0.8 * x
    scales = []
    for sd in (0.0, 0.2, 1.0):
        found = [
            noise_scale(x, np.log1p(np.exp(-(z + sd * np.random.default_rng(s).standard_normal(12)))), CONVENTIONS)
            for s in range(40)
        ]
        scales.append(float(np.mean(found)))
    assert scales[0] == pytest.approx(np.sqrt(3 / 9))  # no residual: the prior's 3 of 3 + 6 degrees of freedom
    assert scales[1] == pytest.approx(1.0, abs=0.2)  # as much as the prior
    assert scales[2] > 3
    step_ = np.where(x > 2, 2.0, -1.0)
    assert noise_scale(x, np.log1p(np.exp(-step_)), CONVENTIONS) == pytest.approx(scales[0])  # a step is no noise
    assert noise_scale(x[:6], np.ones(6), CONVENTIONS) == 1  # nothing to tell it from


def test_items_are_the_same_for_all_models_and_metrics() -> None:
    rng = np.random.default_rng(0)
    items = rng.random(50)
    scores = np.stack([np.stack([items, items + 1]), np.stack([2 * items, items])])  # [metrics, models, items]
    there = np.ones((2, 50), bool)
    drawn = item_draws(scores, there, CONVENTIONS, rng)
    assert drawn[0, 1] == pytest.approx(drawn[0, 0] + 1)
    assert drawn[1, 0] == pytest.approx(2 * drawn[0, 0])
    assert drawn[0, 0].std() == pytest.approx(items.std() / np.sqrt(50), rel=0.15)
    there[1, ::2] = False
    half = item_draws(scores, there, CONVENTIONS, rng)
    assert half[1, 1].mean() == pytest.approx(items[1::2].mean(), abs=0.02)


def test_rungs_average_their_models() -> None:
    means = np.array([[0.0, 0.2, 0.4, 0.9]])
    assert rung_means(means, [1, 2, 1])[0] == pytest.approx([0.0, 0.3, 0.9])


def test_the_bootstrap_is_efrons() -> None:
    values = np.random.default_rng(0).exponential(size=60)
    theirs = bootstrap((values,), np.mean, method="BCa", confidence_level=0.9, n_resamples=4000, rng=1)
    draws = theirs.bootstrap_distribution
    found = Bootstrap(float(values.mean()), draws, CONVENTIONS).interval()
    # BC without the acceleration, which moves a mean's interval a little further
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=0.03)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=0.06)
    even = Bootstrap(0.0, np.linspace(-1, 1, 401), CONVENTIONS)
    assert even.at_least(0.5) == pytest.approx(0.25, abs=0.01)
    assert even.interval().low == pytest.approx(-0.9, abs=0.01)


def test_leaving_out_inner_rungs_and_of_many_those_beside_the_largest_gaps() -> None:
    assert left_out(np.ones(3)).T.tolist() == [[0, 2, 3], [0, 1, 3]]
    jump = np.zeros(60)
    jump[40] = 1.0
    kept = left_out(jump)
    assert kept.shape == (60, 18)
    missing = {int(np.setdiff1d(np.arange(61), one)[0]) for one in kept.T}
    assert {40, 41} <= missing
    assert not {0, 60} & missing


def test_verdicts_of_curves_without_noise() -> None:
    x = np.arange(6.0)
    curves = np.array(
        [
            [0, 0, 0, 0, 0.05, 1],
            [0, 0, 0, 0, 0.2, 1],
            [0, 0.2, 0.4, 0.6, 0.8, 1],
            [0.5] * 6,
            [0.99] * 6,
            [0.9, 0.9, 0.5, 0.5, 0.1, 0.1],
        ]
    )
    draws = np.repeat(curves[:, :, None], 20, axis=2)
    found = judge_curves(x, curves, draws, np.zeros(6, bool), CONVENTIONS)
    expected = ["open", "cliff", "smooth", "flat", "saturated", "inverse"]  # the first rises at the last size alone
    assert [one.verdict for one in found] == expected
    assert [one.p_cliff for one in found] == [1, 1, 0, None, None, None]
    assert found[2].half.value == pytest.approx(2.5)


def judged(*curve: float, likelihood: bool = False) -> CurveVerdict:
    """The verdict of a curve without noise on even sizes."""
    curves = np.array([curve], float)
    draws = np.repeat(curves[:, :, None], 20, axis=2)
    return judge_curves(np.arange(float(len(curve))), curves, draws, np.array([likelihood]), CONVENTIONS)[0]


def test_a_step_behind_the_second_size_is_a_cliff() -> None:
    """Without the second size it lies in the first gap, which counts there alone."""
    assert judged(0, 0, 1, 1, 1, 1).verdict == "cliff"
    assert judged(-2, -2, -0.5, -0.5, -0.5, -0.5, likelihood=True).verdict == "cliff"
    assert judged(0, 1, 1, 1, 1, 1).verdict == "smooth"  # in the first gap of all sizes: nothing is known before it


def test_a_cliff_that_depends_on_one_inner_size_is_none() -> None:
    """The lucky .8 pools the last four sizes at .4625, a gap of .2625 in a rise of .3625; without it .1 in .3."""
    found = judged(0.1, 0.15, 0.2, 0.8, 0.3, 0.35, 0.4)
    assert (found.verdict, found.p_cliff) == ("smooth", 0)
    assert found.largest_gap.value == pytest.approx(0.2625 / 0.3625)
    assert "depends on that one" in found.reason


def test_the_rise_of_an_nll_is_a_share_of_its_first_value() -> None:
    assert judged(-10, -10, -10, -10, -9.2, -9.2, likelihood=True).verdict == "flat"  # .08 of 10 nats
    assert judged(-10, -10, -10, -10, -8.9, -8.9, likelihood=True).verdict == "cliff"  # .11
    assert judged(-0.5, -0.5, -0.5, -0.5, -0.44, -0.44, likelihood=True).verdict == "cliff"  # .12 of half a nat
    assert judged(-0.05, -0.05, -0.05, -0.05, -0.041, -0.041, likelihood=True).verdict == "flat"  # under .01 nats


def test_a_lucky_last_size_is_open_never_yes() -> None:
    """With it J = .48 / .6 = .8; without it O = .04 / .12 = .33 at a third of the decades, and J = .03 / .12 = .25."""
    found = judged(0, 0.03, 0.06, 0.09, 0.12, 0.6)
    assert found.verdict == "open"
    assert found.reason == "100% of draws have a cliff, but 0% without the last size: it depends on the last size"


@pytest.mark.parametrize(
    ("found", "without", "without_last", "verdict", "reason"),
    [
        (0.97, 0.92, 0.94, "cliff", "at least 92% of draws have a cliff, whichever size but the first is left out"),
        (1.00, 1.00, 1.00, "cliff", "all draws have a cliff, whichever size but the first is left out"),
        (0.90, 0.80, 0.80, "cliff", "at least 80% of draws have a cliff, whichever size but the first is left out"),
        (1.00, 0.996, 1.00, "cliff", "at least 99% of draws have a cliff"),
        (0.896, 0.896, 0.896, "open", "89% of draws have a cliff, and a yes needs 90%"),
        (0.95, 0.60, 0.79, "open", "95% of draws have a cliff, but 60% without one of the sizes"),
        (0.58, 0.58, 0.69, "open", "58% of draws have a cliff, and a yes needs 90%"),
        (0.95, 0.79, 0.90, "open", "95% of draws have a cliff, but 79% without one of the sizes"),
        (0.95, 0.90, 0.79, "open", "95% of draws have a cliff, but 79% without the last size: it depends on"),
        (0.50, 0.50, 0.50, "smooth", "50% of draws have a cliff"),
    ],
)
def test_the_reason_of_a_verdict(found: float, without: float, without_last: float, verdict: str, reason: str) -> None:
    said = _cliff(found, without, without_last, CONVENTIONS)
    assert said[0] == verdict
    assert said[1].startswith(reason)


def test_a_size_beside_the_lower_third_is_bridged_in_logits() -> None:
    """Without the third size, where the third ends, a straight line has (.01 + .3) / 2 = .155 there: early.

    The line in logits has expit((logit .01 + logit .3) / 2) = .062: it is late. No gap holds half of the rise.
    """
    late = (0.001, 0.01, 0.1, 0.3, 0.55, 0.78, 0.97)
    assert judged(*late).verdict == "cliff"
    early = (0.001, 0.03, 0.2, 0.4, 0.6, 0.78, 0.97)  # O = .2 with all sizes
    assert judged(*early).verdict == "smooth"


@pytest.mark.parametrize(
    ("hard", "kind", "rho"),
    [
        ([[0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]], "lottery", 1.0),
        ([[0, 0, 0], [0.3, 0.35, 0.4], [0.6, 0.65, 0.7], [1, 1, 1]], "graded", None),
        ([[0, 0, 0], [0.4, 0.5, 0.6], [1, 1, 1]], "unclear", None),  # three models are too few
        ([[0], [0.5], [1]], None, None),
    ],
)
def test_seeds_by_hand(hard: list[list[float]], kind: str | None, rho: float | None) -> None:
    found = seeds([np.array(of, float) for of in hard], np.inf, CONVENTIONS)
    assert found.kind == kind
    if rho is not None:
        assert found.rho == pytest.approx(rho)


def test_seeds_through_have_wilsons_interval() -> None:
    passed, interval = through(np.array([0.4, 0.9, 1.0, 0.8]))
    assert passed == 3
    assert interval == pytest.approx((0.3006, 0.9544), abs=1e-4)  # Wilson 1927: (p + z2/2n +- ...)/(1 + z2/n)
