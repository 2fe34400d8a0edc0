"""The chain model and the scores of known truth."""

import numpy as np
import polars as pl
import pytest

from rescore.simulate import (
    Spread,
    Truth,
    chain,
    chain_table,
    simulated_items,
    simulated_ladder,
    simulated_scores,
    token_probability,
)
from rescore.tables import METRICS, SCORES

NONE = Spread(model=0, item=0, item_by_model=0, token=0)


def test_token_skill_and_exact_match_of_four_tokens() -> None:
    table = chain_table(k=4, midpoint=22.0, steepness=1.5)
    assert table["log10_compute"].to_list() == [20, 21, 22, 22.5, 23, 23.5, 24, 25]
    expected = [0.047, 0.182, 0.500, 0.679, 0.818, 0.905, 0.953, 0.989]
    assert table["token_probability"].to_numpy() == pytest.approx(expected, abs=5e-4)
    exact = [5e-6, 0.0011, 0.0625, 0.213, 0.447, 0.670, 0.823, 0.957]
    assert table["exact_match"].to_numpy() == pytest.approx(exact, abs=6e-4)
    assert table["logprob_nats_per_token"][2] == pytest.approx(-np.log(2))
    assert chain_table(k=20)["exact_match"].to_numpy()[-2:] == pytest.approx([0.378, 0.802], abs=1e-3)


@pytest.mark.parametrize("k", [1, 4])
def test_simulated_exact_match_is_the_closed_form_within_its_error(k: int) -> None:
    table = chain_table(k=k, draws=20_000, seed=3)
    error = (table["exact_match_simulated"] - table["exact_match"]) / table["exact_match_simulated_se"]
    assert error.abs().max() < 4
    assert error.abs().max() > 0.1  # it was drawn, not computed
    assert (table["exact_match"] == table["token_probability"]).all() == (k == 1)


def test_answers_drawn_in_blocks_are_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = chain_table(k=7, draws=999)
    monkeypatch.setattr(chain, "_AT_ONCE", 700)  # a hundred answers
    assert chain_table(k=7, draws=999).equals(whole)


def test_the_seed_decides() -> None:
    assert chain_table(seed=1).equals(chain_table(seed=1))
    assert not chain_table(seed=1).equals(chain_table(seed=2))


def test_truths_by_hand() -> None:
    x = np.array([18.0, 19.0, 20.0, 21.0, 22.0])

    def p(**truth: object) -> list[float]:
        return (1 / (1 + np.exp(-Truth(**truth).token_logit(x)))).tolist()  # type: ignore[arg-type]

    assert p(shape="flat", low=0.3) == pytest.approx([0.3] * 5)
    assert p(shape="step", low=0.3, high=0.95) == pytest.approx([0.3, 0.3, 0.3, 0.95, 0.95])
    assert Truth(shape="hinge", low=0.5, logits_per_decade=2).token_logit(x) == pytest.approx([0, 0, 0, 2, 4])
    assert Truth(shape="chain", top_logit=3).token_logit(x) == pytest.approx([-1, 0, 1, 2, 3])
    assert Truth(shape="inverse", high=0.5).token_logit(x) == pytest.approx([0, -1, -2, -3, -4])
    nll = -np.log(p(shape="power", exponent=0.5, top_nll_nats=0.01))
    assert nll == pytest.approx([1, 10**-0.5, 0.1, 10**-1.5, 0.01])
    steep = Truth(shape="power", exponent=0.7, top_nll_nats=1.0).token_logit(np.array([17.0, 22.0]))
    assert steep[0] == pytest.approx(-(10**3.5))  # exp(-3,162) is no double; the log odds of so small a p are log p


def test_without_spread_scores_are_the_truth() -> None:
    x = np.array([20.0, 21.0, 22.0])
    truth = Truth(shape="chain", tokens=2, top_logit=1.0)
    found = simulated_items(truth, x, n_items=20_000, rng=np.random.default_rng(0), spread=NONE)
    p = token_probability(x, midpoint=21.0, steepness=1.0)
    assert found["nll_nats_per_token"].mean(1) == pytest.approx(-np.log(p))
    assert found["exact_match"].mean(1) == pytest.approx(p**2, abs=0.015)
    assert found["token_accuracy"].mean(1) == pytest.approx(p, abs=0.01)
    assert found["token_edit_distance"] == pytest.approx(0.9 * (1 - found["token_accuracy"]))


def test_items_are_the_same_on_every_model() -> None:
    spread = Spread(model=0, item=2, item_by_model=0, token=0)
    rng = np.random.default_rng(0)
    found = simulated_items(Truth(shape="flat"), np.array([20.0, 21.0]), n_items=50, rng=rng, spread=spread)
    first, second = found["nll_nats_per_token"]
    assert first == pytest.approx(second)
    assert first.std() > 0.1


def test_scores_keep_the_contract() -> None:
    ladder = simulated_ladder(rungs=5, decades=2, seeds=2)
    assert ladder["compute_flops"].n_unique() == 5
    assert np.log10(ladder["compute_flops"].max() / ladder["compute_flops"].min()) == pytest.approx(2)
    truths = {"a": Truth(shape="chain"), "b": Truth(shape="step")}
    scores = simulated_scores(truths, ladder, n_items=7, seed=5)
    assert scores.schema == pl.Schema(dict(SCORES.columns))
    assert len(scores) == 2 * 10 * 7 * 6
    assert set(scores["metric"]) <= set(METRICS)
    assert scores.equals(simulated_scores(truths, ladder, n_items=7, seed=5))
    assert not scores.equals(simulated_scores(truths, ladder, n_items=7, seed=6))
    assert simulated_scores({}, ladder).is_empty()
