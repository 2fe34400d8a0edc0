"""How a rung's noise moves each metric, and how a size that is left out is bridged: by hand."""

from typing import Any

import numpy as np
import pytest

from rescore.discontinuity import CONVENTIONS, resampling
from rescore.discontinuity.curve_verdicts import _bridged, gaps
from rescore.discontinuity.resampling import Noise, item_draws, mean_draws, rung_draws


class Ones:
    """A source of draws that are all 1, and of picks that are all the first."""

    def standard_normal(self, shape: tuple[int, ...]) -> Any:
        return np.ones(shape)

    def integers(self, _low: int, _high: int, shape: tuple[int, ...]) -> Any:
        return np.zeros(shape, int)


def moved(
    *means: float,
    models: int = 1,
    spread: float = 0.0,
    n: float = np.inf,
    whole: int = 9,
    drawn: int = 9,
    middle: bool = False,
) -> Any:
    """Rung means of five sizes, all the same, after one draw, with answers of 4 tokens.

    The first metric is minus an NLL per token; those from `whole` on need the whole answer, those from `drawn` on are
    right or wrong.
    """
    at = np.arange(len(means))
    per_model = np.array(means)[:, None, None] + spread * np.tile(np.arange(models), 5)[None, :, None]
    found = rung_draws(
        np.arange(5.0),
        np.repeat(np.array(means)[:, None], 5, axis=1),
        per_model,
        [models] * 5,
        np.full(len(means), n),
        Noise(likelihood=at == 0, whole_answer=at >= whole, drawn=at >= drawn, middle=middle, tokens=4.0),
        CONVENTIONS,
        Ones(),  # type: ignore[arg-type]
    )
    return found[:, 0, 0]


def test_a_fifth_of_a_logit_moves_a_token_an_nll_and_a_whole_answer() -> None:
    # N = 1: p = exp(-1) = .36788, so N' = exp(-(1 - p) .2) = .88124. A share of one half goes to expit(.2) = .54983.
    # A whole answer of 4 tokens: 4 (1 - p) / (1 - p^4) = 2.57566 as many logits: expit(logit(.1) + .51513) = .15680.
    found = moved(-1.0, 0.5, 0.1, 0.0, whole=2)
    assert found == pytest.approx([-0.88124, 0.54983, 0.15680, 0.0], abs=1e-4)


def test_the_two_stages_in_the_middle_tell_how_much_an_answer_moves() -> None:
    # 4 (1 - .6) / (1 - .2) = 2: expit(logit(.2) + .4) = .27167.
    found = moved(-1.0, 0.6, 0.2, 0.2, whole=2, middle=True)
    assert found[2:] == pytest.approx([0.27167, 0.27167], abs=1e-4)


def test_the_noise_of_a_size_falls_with_its_models() -> None:
    assert moved(-1.0, 0.5, models=4)[1] == pytest.approx(0.51250, abs=1e-5)  # expit(.2 / 4)


@pytest.mark.parametrize("models", [2, 3])
def test_models_are_resampled_a_little_wider(models: int) -> None:
    """Of -1, -.8 (and -.6) always the first is picked: from the mean on by its distance times sqrt(m / (m - 1))."""
    below = 0.1 * (models - 1)
    nats = 1.0 - below + below * np.sqrt(models / (models - 1))
    d = 0.2 / models
    assert moved(-1.0, models=models, spread=0.2)[0] == pytest.approx(-nats * np.exp(-(1 - np.exp(-nats)) * d / nats))


def test_none_of_n_right_is_not_zero() -> None:
    # sqrt(1/2) / 100 = .0070711, then .2 logits: expit(logit(.0070711) + .2) = .0086232.
    assert moved(-1.0, 0.0, n=100, drawn=1)[1] == pytest.approx(0.0086232, abs=1e-6)


def test_items_drawn_in_blocks_are_the_same_items(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, there = np.random.default_rng(1).random((2, 3, 50)), np.ones((2, 50), bool)
    there[1, :20] = False
    whole = item_draws(scores, there, CONVENTIONS, np.random.default_rng(2))
    monkeypatch.setattr(resampling, "_NUMBERS", 50 * 60)
    assert item_draws(scores, there, CONVENTIONS, np.random.default_rng(2)) == pytest.approx(whole, rel=1e-12)


def test_means_are_drawn_from_their_errors() -> None:
    drawn = mean_draws(np.array([[0.4, 0.5]]), np.array([[0.1, 0.02]]), CONVENTIONS, np.random.default_rng(0))
    assert drawn.mean(2)[0] == pytest.approx([0.4, 0.5], abs=0.015)
    assert drawn.std(2)[0] == pytest.approx([0.1, 0.02], rel=0.1)


def test_a_size_is_bridged_on_the_line_between_its_neighbours() -> None:
    """A third of the way: logits -2.19722 to 2.19722 at -.73241; log nats .69315 to -.69315 at .23105."""
    Y = np.array([[0.1, -2.0], [0.7, -0.6], [0.9, -0.5]])[:, :, None]
    bridged = _bridged(np.array([0.0, 1.0, 3.0]), Y, 1, np.array([False, True]), CONVENTIONS)
    assert bridged[1, :, 0] == pytest.approx([0.32466, -1.25992], abs=1e-5)
    assert (bridged[[0, 2]] == Y[[0, 2]]).all()
    low = np.array([[0.0, -3.0], [0.7, -0.6], [0.001, -0.001]])[:, :, None]  # beyond the clip: never past the two
    bridged = _bridged(np.array([0.0, 1.0, 2.0]), low, 1, np.array([False, True]), CONVENTIONS)
    assert bridged[1, :, 0] == pytest.approx([0.001, -np.sqrt(3.0 * 0.01)], abs=1e-6)


def test_a_size_below_a_full_score_is_bridged_from_just_under_it() -> None:
    """Half way from logit .5 = 0 to logit .998 = 6.21261: expit(3.1063) = .95716."""
    Y = np.array([[0.5], [0.6], [1.0]])[:, :, None]
    bridged = _bridged(np.array([0.0, 1.0, 2.0]), Y, 1, np.array([False]), CONVENTIONS)
    assert bridged[1, 0, 0] == pytest.approx(0.95716, abs=1e-5)


def test_gaps_are_the_largest_of_all_metrics() -> None:
    assert gaps(np.array([[0.0, 0.2, 1.0], [0.0, 0.5, 0.6]])) == pytest.approx([0.5 / 0.6, 0.8])
