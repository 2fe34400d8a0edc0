"""The numbers of the three questions, of curves without noise."""

import numpy as np
import pytest

from rescore.discontinuity.conventions import CONVENTIONS
from rescore.discontinuity.estimands import acceleration, breaks, contrast, estimands, factor, links
from rescore.discontinuity.progress import Floats

X = np.arange(6.0)[:, None]


def of(nll: list[float], *later: list[float], guess: float | None = None) -> dict[str, float]:
    Y = np.array([[-n for n in nll], *later], float)[:, :, None]
    found = estimands(X[: len(nll)], Y, guess, CONVENTIONS)
    return {name: float(value[0]) for name, value in vars(found).items() if name != "parts"} | {
        f"part{j}": float(part[0]) for j, part in enumerate(found.parts)
    }


def test_the_waterfall_by_hand() -> None:
    # The hard metric rises in the last gap, so its window is 4.1 to 4.9, and makes 0.8 of its rise there.
    found = of([5, 4, 3, 2, 1, 0], [0, 0.1, 0.2, 0.3, 0.4, 0.8], [0, 0, 0, 0, 0.2, 1], [0, 0, 0, 0, 0, 0.5])
    assert (found["window_start"], found["half"], found["window_end"]) == pytest.approx((4.1, 4.5, 4.9))
    # Progress per unit of x in that gap: 0.2, 0.5, 0.8 and 1 of the rise.
    assert [found[f"part{j}"] for j in range(4)] == pytest.approx([0.2, 0.3, 0.3, 0.2])
    assert found["metric_share"] == pytest.approx(0.8)
    assert found["chain_share"] == pytest.approx(0.5)
    assert found["hidden_progress"] == pytest.approx(0.82)


def test_two_stages_tell_no_chain_share() -> None:
    found = of([5, 4, 3, 2, 1, 0], [0, 0, 0, 0, 0, 0.5])
    assert (found["part0"], found["part1"]) == pytest.approx((0.2, 0.8))
    assert np.isnan(found["chain_share"])


def test_the_guessing_floor_takes_the_format_away() -> None:
    hard = [0, 0, 0, 0, 0, 1]
    without, capped = of([6, 4, 2, 2, 2, 1], hard), of([6, 4, 2, 2, 2, 1], hard, guess=2.0)
    assert without["metric_share"] == pytest.approx(1 - 0.2)  # a fifth of the fall comes in the last gap
    assert capped["metric_share"] == pytest.approx(0)  # all of the fall below guessing does


def test_alpha_with_and_without_the_guessing_floor() -> None:
    """Before the window NLL falls from 6 to 2.2, all of it worse than guessing at 2.3."""
    nll, hard = [6.0, 4.5, 3.0, 2.2, 1.0, 0.4], [0, 0, 0, 0, 0.5, 1.0]
    found = of(nll, hard, guess=2.3)
    a, b = np.array([found["window_start"]]), np.array([found["window_end"]])
    bare, capped = (
        acceleration(X, -np.minimum(nll, cap)[:, None], a, b, CONVENTIONS).inside[0] for cap in (np.inf, 2.3)
    )
    assert bare < 0.5 < capped
    assert (found["acceleration"], found["acceleration_low"]) == pytest.approx((capped, bare))
    assert found["acceleration_anywhere"] >= capped
    assert found["break_contrast"] < capped  # of the likelihood without the floor
    assert breaks(X, -np.array([nll, [-h for h in hard]])[:, :, None], 2.3, CONVENTIONS)[0] == pytest.approx(bare)


def test_without_a_size_below_the_window_there_is_no_break_there() -> None:
    falls = -np.array([2.0, 1.0, 0.5, 0.3, 0.2, 0.1])[:, None]
    early = acceleration(X, falls, np.array([1.5]), np.array([4.0]), CONVENTIONS)
    assert (early.below[0], early.largest[0]) == (-1, early.inside[0])
    short = acceleration(X[:4], falls[:4], np.array([2.5]), np.array([3.0]), CONVENTIONS)
    assert (short.below[0], short.below_at[0]) == (-1, 0)


@pytest.mark.parametrize("scale", [0, 1])
def test_a_straight_likelihood_does_not_accelerate(scale: int) -> None:
    line = np.linspace(-1, 3, 6)
    nll = np.exp(-line) - 0.01 if scale == 0 else np.log1p(np.exp(-line)) - 0.01
    found = acceleration(X, -np.maximum(nll, 0)[:, None], np.array([2.5]), np.array([4.0]), CONVENTIONS)
    assert abs(found.inside[0]) < 0.05 or found.inside[0] < 0  # the smaller of the two scales counts
    assert found.below[0] < 0.05


def test_three_times_as_fast_is_one_half() -> None:
    z = np.array([0.0, 0.2, 0.4, 0.6, 1.2, 1.8])  # log odds: slope .2, then .6
    nll = np.log1p(np.exp(-z)) - 0.01
    found = acceleration(X, -nll[:, None], np.array([3.0]), np.array([5.0]), CONVENTIONS)
    assert links(nll, 0.01)[1] == pytest.approx(z)
    odds = contrast(np.array(0.6), np.array(0.2))
    assert odds == pytest.approx(0.5)
    assert found.inside[0] <= 0.5 + 1e-9  # on -log NLL it is less or as much
    assert float(factor(odds)) == pytest.approx(3)


def test_slopes_before_are_least_squares() -> None:
    rng = np.random.default_rng(0)
    raw = np.cumsum(rng.uniform(0, 0.3, 8))
    x, likelihood, a, b = np.arange(8.0)[:, None], -np.exp(-raw)[:, None], 4.4, 6.5
    found = acceleration(x, likelihood, np.array([a]), np.array([b]), CONVENTIONS)
    expected = []
    for z in links(-likelihood[:, 0], 0.01):
        za, zb = np.interp([a, b], x[:, 0], z)
        before = max(float(np.polyfit([*range(5), a], [*z[:5], za], 1)[0]), 0)
        after = (zb - za) / (b - a)
        expected.append((after - before) / (after + before))
    assert found.inside[0] == pytest.approx(min(expected))


def test_a_break_in_the_window_is_told_to_be_there() -> None:
    """Even until the window begins: no rung below it has a larger contrast."""
    nll = [2.0, 1.95, 1.9, 1.85, 1.8, 0.1]
    found = of(nll, [0.0] * 5 + [1.0])
    assert found["break_at"] == pytest.approx(found["window_start"]) == pytest.approx(4.1)
    assert found["break_contrast"] == found["acceleration"]


def test_a_likelihood_that_got_worse_before_counts_as_standing_still() -> None:
    nll = np.array([1.0, 1.2, 1.4, 1.4, 0.7, 0.3])
    assert acceleration(X, -nll[:, None], np.array([3.0]), np.array([4.0]), CONVENTIONS).inside[0] == 1


def test_a_narrow_window_keeps_its_own_slope() -> None:
    """Sizes .1 decades apart: in the window, .1 wide, the likelihood is as fast as before it."""
    line = np.linspace(-1, 1, 6)
    x, a, b = 0.1 * X, np.array([0.3]), np.array([0.4])
    for nll in (np.exp(-line) - 0.01, np.log1p(np.exp(-line)) - 0.01):
        assert acceleration(x, -nll[:, None], a, b, CONVENTIONS).inside[0] == pytest.approx(0, abs=0.25)


def test_a_break_below_the_window_is_found_where_it_is() -> None:
    nll: Floats = np.array([1.2, 1.19, 1.18, 1.17, 0.9, 0.6, 0.35, 0.2, 0.1, 0.05])
    x = np.arange(10.0)[:, None]
    hard = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0.5, 1.0])
    found = estimands(x, np.stack([-nll, hard])[:, :, None], None, CONVENTIONS)
    assert found.break_at[0] == 3
    assert found.break_contrast[0] > 0.9 > found.acceleration[0]
    assert found.acceleration_anywhere[0] == found.break_contrast[0]
    assert breaks(x, np.stack([-nll, hard])[:, :, None], None, CONVENTIONS)[1] == pytest.approx(found.break_contrast)


def test_ladders_with_a_rung_left_out_are_done_together() -> None:
    rng = np.random.default_rng(1)
    nll, hard = np.sort(rng.uniform(0.1, 2, 8))[::-1], np.sort(rng.uniform(0, 1, 8))
    x, Y = np.linspace(0, 4, 8), np.stack([-nll, hard])[:, :, None]
    kept = np.stack([np.delete(np.arange(8), r) for r in range(1, 7)], axis=1)
    together = breaks(x[kept][:, :, None], Y[:, kept], None, CONVENTIONS)[1]
    alone = [breaks(x[k][:, None], Y[:, k], None, CONVENTIONS)[1][0] for k in kept.T]
    assert together[:, 0] == pytest.approx(alone)


def test_the_kink_that_the_guessing_floor_makes_is_no_break() -> None:
    """NLL halves from size to size, from worse than guessing on: its logarithm is a line, and bends only where the
    floor cuts it, below the window."""
    nll = [8.0 / 2**i for i in range(9)]
    hard = [0.0] * 6 + [0.2, 0.8, 1.0]
    places = np.arange(9.0)[:, None]
    likelihood = -np.minimum(np.array(nll), 1.5)[:, None]
    a, b = np.array([5.5]), np.array([7.5])
    assert acceleration(places, likelihood, a, b, CONVENTIONS).largest[0] > 0.5
    found = estimands(places, np.array([[-n for n in nll], hard])[:, :, None], 1.5, CONVENTIONS)
    assert found.acceleration_anywhere[0] < 0.4
