"""Seeds of a size, items that fall together, and published scores of a curve's shape: by hand."""

import numpy as np
import pytest

from rescore.discontinuity import CONVENTIONS
from rescore.discontinuity.emergence import emergence_score, interval, linearity
from rescore.discontinuity.seeds import seeds
from rescore.discontinuity.synchrony import _overlap, synchrony

HARD = [np.full(3, 0.1), np.array([0.1, 0.3, 0.5]), np.full(3, 0.5)]


def test_rho_is_of_progress_and_less_the_errors_of_the_items() -> None:
    """Progress 0, 1/2, 1: variance 1/6 over 1/4. Ten items leave .18333 / 10 / .16 = .11458 of it to chance."""
    found = seeds(HARD, np.inf, CONVENTIONS)
    assert np.concatenate(found.progress) == pytest.approx([0, 0, 0, 0, 0.5, 1, 1, 1, 1])
    assert (found.kind, found.rho) == ("lottery", pytest.approx(2 / 3))
    few = seeds(HARD, 10.0, CONVENTIONS)
    assert (few.kind, few.rho) == ("unclear", pytest.approx((1 / 6 - 0.1145833) / 0.25, abs=1e-6))
    assert seeds(HARD, np.nan, CONVENTIONS).rho == pytest.approx(2 / 3)  # of aggregates without n


def test_one_size_with_three_seeds_is_enough_and_sizes_at_an_end_do_not_count() -> None:
    assert seeds([np.zeros(1), np.array([0.0, 0.5, 1.0]), np.ones(1)], np.inf, CONVENTIONS).kind == "lottery"
    at_ends = seeds([np.zeros(3), np.full(3, 0.05), np.full(3, 0.95), np.ones(3)], np.inf, CONVENTIONS)
    assert (at_ends.kind, at_ends.rho) == ("unclear", None)


def test_seeds_between_a_lottery_and_graded_are_unclear() -> None:
    """Mean 4.7 / 9, mean square 3.23 / 9: variance .08617 over .24951."""
    between = [np.zeros(9), np.array([0.0] + [0.3] * 3 + [0.7] * 4 + [1.0]), np.ones(9)]
    found = seeds(between, np.inf, CONVENTIONS)
    assert (found.kind, found.rho) == ("unclear", pytest.approx(0.34537, abs=1e-4))


def test_items_that_fall_elsewhere_lower_k_and_the_same_do_not() -> None:
    falls = np.zeros((3, 5))
    falls[0, :3], falls[2, 3:] = 2.0, 2.0
    assert _overlap(falls, 0) == pytest.approx(1.2 / 2.0)
    falls[2] = [1, 1, 1, 0, 0]
    assert _overlap(falls, 0) == 1
    falls[2] = [1, 0, 0, 1, 1]  # a third of them twice: mean of products .4, half of 1.2 x .6 is .36
    assert _overlap(falls, 0) == 1
    falls[2] = [0, 0, 0, 0, 1]  # .2 elsewhere is little beside 1.2
    assert _overlap(falls, 0) == 1


def test_the_variance_of_quiet_gaps_is_taken_off() -> None:
    """Half fall by 3 and half by 1: 4 / (4 + 1). Of that 1, .25 are seen in the quiet gap before."""
    nll = np.full((4, 40), 4.0)
    nll[2:, :20] -= 3
    nll[2:, 20:] -= 1
    assert synchrony(nll, CONVENTIONS) == pytest.approx(0.8)
    nll[0, ::2] += 0.5
    nll[0, 1::2] -= 0.5
    assert synchrony(nll, CONVENTIONS) == pytest.approx(4 / 4.75)


def test_emergence_and_linearity_by_hand() -> None:
    falls = np.array([0.9, 0.2, 0.1, 0.0])
    assert float(emergence_score(falls)) == pytest.approx(-0.9 / 0.1)  # squared steps .49 .01 .01
    assert float(linearity(falls)) == pytest.approx(-0.9 / np.sqrt(0.51 / 3))
    assert np.isnan(emergence_score(np.full(4, 0.5)))
    assert emergence_score(np.array([0.0, 0.0, 0.0, 1.0])) == np.inf
    assert interval(np.arange(101.0)) == (5.0, 95.0)
    assert interval(np.array([np.nan])) == (None, None)
