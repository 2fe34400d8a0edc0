"""Isotonic fits, windows and gaps: by hand and against scipy."""

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from rescore.discontinuity.conventions import CONVENTIONS
from rescore.discontinuity.progress import at, crossing, has_cliff, isotonic, largest_gap, onset, progress


@pytest.mark.parametrize("rungs", [1, 2, 5, 13])
def test_isotonic_fits_are_scipys(rungs: int) -> None:
    curves = np.random.default_rng(rungs).standard_normal((rungs, 3, 1000))  # more than are done at once
    fitted = isotonic(curves)
    for j in (0, 1, 2):
        for draw in (0, 17, 999):
            assert fitted[:, j, draw] == pytest.approx(isotonic_regression(curves[:, j, draw]).x)


def test_a_curve_by_hand() -> None:
    x = np.array([0.0, 1.0, 2.0, 4.0])[:, None]
    G, rise = progress(isotonic(np.array([0.1, 0.3, 0.2, 0.5])[:, None]))  # 0.1, 0.25, 0.25, 0.5
    assert G[:, 0] == pytest.approx([0, 0.375, 0.375, 1])
    assert rise == pytest.approx([0.4])
    assert crossing(x, G, 0.1) == pytest.approx([0.1 / 0.375])
    assert crossing(x, G, 0.9) == pytest.approx([2 + 2 * (0.9 - 0.375) / 0.625])
    assert at(x, G, np.array([3.0])) == pytest.approx([0.6875])
    assert onset(x, G, CONVENTIONS) == pytest.approx([0.375])  # at 4/3, between rungs of equal progress
    assert largest_gap(G) == pytest.approx([0.625])


def test_a_curve_that_never_rises_has_progress_one_and_no_cliff() -> None:
    G, rise = progress(isotonic(np.array([0.5, 0.4, 0.3])[:, None]))
    assert (G == 1).all()
    assert not has_cliff(np.arange(3.0)[:, None], G, rise, CONVENTIONS).any()


@pytest.mark.parametrize(
    ("curve", "cliff"),
    [
        ([0, 0, 0, 0, 0.2, 1], True),  # a floor and a late rise
        ([0, 0.25, 0.25, 0.8, 1, 1], True),  # half of it in one gap
        ([0, 0.6, 0.7, 0.8, 0.9, 1], False),  # that gap is the first
        ([0, 0.2, 0.4, 0.6, 0.8, 1], False),
        ([0, 0, 0, 0, 0, 0.09], False),  # too small
    ],
)
def test_what_is_a_cliff(curve: list[float], *, cliff: bool) -> None:
    G, rise = progress(np.array(curve, float)[:, None])
    assert has_cliff(np.arange(6.0)[:, None], G, rise, CONVENTIONS)[0] == cliff
