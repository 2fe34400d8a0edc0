"""Correlation of the tokens of an answer: by hand, on planted truth, and null where nothing tells it."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from scipy.stats import bootstrap

from rescore.scoring import token_errors as of
from rescore.scoring.token_errors import token_errors

Items = list[list[int]]


def told(*subtasks: Items) -> pl.DataFrame:
    """What `token_errors` says of subtasks s0, s1, ..., each given as its items' tokens: 1 is right."""
    frames = [
        pl.DataFrame(
            {"model": "m", "task": "t", "subtask": f"s{i}", "right": items},
            schema_overrides={"right": pl.List(pl.Int8)},
        )
        for i, items in enumerate(subtasks)
    ]
    return token_errors(pl.concat(frames))


def row(items: Items) -> dict:
    return told(items).row(0, named=True)


def beta_binomial(rng: np.random.Generator, n: int, k: int, p: float, rho: float) -> Items:
    """Items whose own accuracy is drawn from a beta distribution: any two tokens correlate by rho."""
    a, b = p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho
    return (rng.random((n, k)) < rng.beta(a, b, (n, 1))).astype(int).tolist()


def test_four_items_by_hand() -> None:
    found = row([[1, 1], [1, 0], [0, 0], [0, 0]])
    # means 1/2 and 1/4; covariance 1/4 - 1/8; variances 1/4 and 3/16
    assert found["token_correlation"] == pytest.approx(0.125 / np.sqrt(3 / 64))


def test_answers_of_different_lengths_by_hand() -> None:
    found = row([[1], [1, 1], [0, 0], [1, 0, 1], [1, 1, 0]])
    # pairs (1, 2) over four items: means 3/4, 1/2; (1, 3) over two, where position 1 does not vary; (2, 3) over two
    covaried = 4 * (2 / 4 - 3 / 8) + 2 * (0 - 1 / 4)
    most = 4 * np.sqrt(3 / 16 * 1 / 4) + 2 * np.sqrt(1 / 4 * 1 / 4)
    assert found["token_correlation"] == pytest.approx(covaried / most)


def test_it_is_the_weighted_mean_of_phi_over_pairs() -> None:
    rng = np.random.default_rng(4)
    items = [rng.integers(0, 2, k).tolist() for k in rng.integers(1, 7, 60)]
    covaried = most = 0.0
    for s, t in combinations(range(6), 2):
        pair = np.array([(item[s], item[t]) for item in items if len(item) > t])
        weight = len(pair) * pair[:, 0].std() * pair[:, 1].std()
        covaried, most = covaried + weight * np.corrcoef(pair.T)[0, 1], most + weight
    assert row(items)["token_correlation"] == pytest.approx(covaried / most)


@pytest.mark.parametrize("k", [2, 6])
def test_independent_tokens_have_no_correlation(k: int) -> None:
    rng = np.random.default_rng(k)
    found = row((rng.random((3000, k)) < np.linspace(0.9, 0.6, k)).astype(int).tolist())
    assert found["token_correlation_low"] < 0 < found["token_correlation_high"]
    assert found["token_correlation_high"] - found["token_correlation_low"] < 0.1
    assert found["dependence_reason"] is None


def test_answers_all_right_or_all_wrong_correlate_fully() -> None:
    found = row([[1] * 4] * 30 + [[0] * 4] * 70)
    ends = [found[f"token_correlation{end}"] for end in ("", "_low", "_high")]
    assert ends == pytest.approx([1, 1, 1])


@pytest.mark.parametrize(("p", "rho"), [(0.5, 0.2), (0.7, 0.5), (0.3, 0.05)])
def test_a_beta_binomial_mixture_gives_its_rho(p: float, rho: float) -> None:
    found = row(beta_binomial(np.random.default_rng(8), 1000, 4, p, rho))
    assert found["token_correlation_low"] < rho < found["token_correlation_high"]
    assert found["token_correlation"] == pytest.approx(rho, abs=0.06)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    found = told(*(beta_binomial(rng, 200, 4, 0.6, 0.2) for _ in range(200)))
    held = found.select(pl.lit(0.2).is_between("token_correlation_low", "token_correlation_high").mean()).item()
    assert 0.90 <= held <= 0.99  # three standard errors below 95%


def test_an_interval_is_the_percentiles_of_scipys_bootstrap() -> None:
    items = np.array(beta_binomial(np.random.default_rng(5), 300, 2, 0.6, 0.3))
    drawn = bootstrap(
        tuple(items.T),
        lambda a, b: np.corrcoef(a, b)[0, 1],
        paired=True,
        vectorized=False,
        n_resamples=4000,
        method="percentile",
        rng=1,
    )
    found = row(items.tolist())
    ends = found["token_correlation_low"], found["token_correlation_high"]
    assert ends == pytest.approx(tuple(drawn.confidence_interval), abs=0.008)


def test_errors_that_avoid_each_other_correlate_negatively() -> None:
    found = row([[1, 0], [0, 1]] * 50)
    assert found["token_correlation"] == pytest.approx(-1)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([[1], [0]], of.ONE_TOKEN),
        ([[1, 1], [1, 0]] * 9, of.NO_VARIATION),
        ([[1, 0], [0, 0]] * 9, of.NO_VARIATION),
        # a long answer whose first token is right like that of all long answers: nothing varies among them
        ([[0], [1], [1, 0], [1, 1]] * 9, of.NO_VARIATION),
    ],
)
def test_an_undefined_correlation_is_null_with_its_reason(items: Items, reason: str) -> None:
    found = row(items)
    assert [found[name] for name in of.DEPENDENCE] == [None, None, None, reason]


def test_an_interval_needs_five_pairs_of_the_rarer_outcome() -> None:
    """Of two tokens, each wrong (or right) on a tenth of n items, n / 100 pairs are expected to be both."""

    def interval(n: int, rare: int = 0) -> bool:
        found = row([[rare, rare]] * (n // 10) + [[1 - rare, 1 - rare]] * (n - n // 10))
        assert found["token_correlation"] == pytest.approx(1)
        assert found["dependence_reason"] == (None if found["token_correlation_low"] is not None else of.FEW_PAIRS)
        return found["token_correlation_low"] is not None

    assert [interval(n) for n in (10, 40, 490, 510, 600)] == [False, False, False, True, True]
    assert [interval(n, rare=1) for n in (490, 510)] == [False, True]


def test_subtasks_do_not_mix_and_the_order_of_items_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    one, other = beta_binomial(rng, 60, 3, 0.5, 0.3), beta_binomial(rng, 60, 5, 0.8, 0.1)
    both = told(one, other)
    assert both.columns == ["model", "task", "subtask", *of.DEPENDENCE]
    assert both["subtask"].to_list() == ["s0", "s1"]
    assert both[:1].equals(told(one))
    assert told(one[::-1]).equals(told(one))


def test_draws_in_blocks_are_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    items = beta_binomial(np.random.default_rng(0), 80, 6, 0.6, 0.2)
    whole = told(items)
    monkeypatch.setattr(of, "_CELLS", 1000)
    assert told(items).equals(whole)
