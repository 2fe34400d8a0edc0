"""Shifts between two ladders, and between two prompts, on curves whose distance is planted."""

import numpy as np
import polars as pl
import pytest
from diagnostic_tables import curves, expit, verdicts

from rescore.planning import ladder_shifts
from rescore.planning import scaffold_shift as shift_of_prompts
from rescore.tables import CLIFFS, CURVES, VERDICTS

X = np.linspace(18, 24, 13)
EM, NLL, EDIT = "exact_match", "nll_nats_per_token", "token_edit_distance"
Means = dict[tuple[str, str], np.ndarray]
UNTESTED, NO_CLIFFS = VERDICTS.empty(), CLIFFS.empty()


def ladder(name: str, means: Means, *, tokens_per_parameter: float | None = 20, error: float = 0.01) -> pl.DataFrame:
    """CURVES of a ladder at compute 10^X; N of 6 N D with D in proportion to N, or one size where that is None."""
    table = curves(X, means, standard_error=error)
    size = (pl.col("compute_flops") / (6 * (tokens_per_parameter or 1))).sqrt()
    return table.with_columns(ladder=pl.lit(name), n_params=size if tokens_per_parameter else pl.lit(1e8))


def shifts(*ladders: pl.DataFrame, judged: pl.DataFrame = UNTESTED, cliffs: pl.DataFrame = NO_CLIFFS) -> pl.DataFrame:
    return ladder_shifts(pl.concat(ladders), judged, cliffs)


def scaffold_shift(
    plain: pl.DataFrame,
    scaffolded: pl.DataFrame,
    verdicts: tuple[pl.DataFrame, pl.DataFrame] = (UNTESTED, UNTESTED),
) -> pl.DataFrame:
    return shift_of_prompts(plain, scaffolded, verdicts=verdicts)


def test_a_level_and_its_crossings_by_hand() -> None:
    """Bottoms .1 and .2, tops .9 and .8: the level is .5. From .1 to .9 that is halfway, from .4 to .8 a quarter."""
    rows = [
        ("a", EM, 10**19.0, 1e7, 0.1),
        ("a", EM, 10**20.0, 1e8, 0.1),
        ("a", EM, 10**21.0, 1e9, 0.9),
        ("b", EM, 10**19.0, 1e6, 0.2),
        ("b", EM, 10**20.0, 1e7, 0.4),
        ("b", EM, 10**21.0, 1e9, 0.8),
    ]
    table = pl.DataFrame(
        [
            dict.fromkeys(CURVES.columns)
            | {"ladder": of, "model": f"{of}{compute:.0e}", "compute_flops": compute, "n_params": n, "metric": metric}
            | {"task": "t", "subtask": "t", "mean": mean, "standard_error": 0.001, "n": 1000}
            for of, metric, compute, n, mean in rows
        ],
        schema=dict(CURVES.columns),
    )
    [row] = ladder_shifts(table, UNTESTED, NO_CLIFFS).rows(named=True)
    assert (row["ladder"], row["other_ladder"], row["task"], row["subtask"], row["metric"]) == ("a", "b", "t", "t", EM)
    assert row["level"] == pytest.approx(0.5)
    assert row["log10_compute_flops"] == pytest.approx(20.5)
    assert row["other_log10_compute_flops"] == pytest.approx(20.25)
    assert row["compute_shift_decades"] == pytest.approx(-0.25)
    # in parameters, halfway from 1e8 to 1e9, and a quarter of the way from 1e7 to 1e9
    assert row["n_params_shift_decades"] == pytest.approx(7.5 - 8.5)
    assert row["compute_reason"] is row["n_params_reason"] is None


def test_a_decade_is_measured_as_one_in_compute_and_half_of_it_in_parameters() -> None:
    """Both ladders have N = sqrt(C / 120), so a decade of compute is half a decade of parameters."""
    rng = np.random.default_rng(5)
    shape = {EM: lambda x: expit(2 * (x - 21)), EDIT: lambda x: 1 - 0.8 * expit(2 * (x - 21)), NLL: _power_law}

    def noisy(name: str, late: float) -> pl.DataFrame:
        noise = 0.01 * rng.standard_normal((len(shape), len(X)))
        return ladder(name, {("sub", m): f(X - late) + e for (m, f), e in zip(shape.items(), noise, strict=True)})

    found = shifts(noisy("early", 0), noisy("late", 1))
    assert found["metric"].to_list() == [EM, NLL, EDIT]
    for row in found.rows(named=True):
        assert row["compute_shift_low"] < 1 < row["compute_shift_high"] < row["compute_shift_low"] + 0.6
        assert row["n_params_shift_low"] < 0.5 < row["n_params_shift_high"]
        assert row["n_params_shift_decades"] == pytest.approx(row["compute_shift_decades"] / 2)
        places = [row[f"{of}log10_compute_flops"] for of in ("", "other_")]
        assert places[1] - places[0] == pytest.approx(row["compute_shift_decades"])
        assert row["compute_low"] < places[0] < row["compute_high"]
        assert row["other_compute_low"] < places[1] < row["other_compute_high"]


def _power_law(x: np.ndarray) -> np.ndarray:
    return 3 * 10 ** (-0.2 * (x - 18))


def test_the_level_is_the_metrics_own() -> None:
    means = {("sub", EDIT): 1 - 0.8 * expit(3 * (X - 21)), ("sub", NLL): 4 - 3 * expit(3 * (X - 21))}
    found = dict(shifts(ladder("a", means), ladder("b", means)).select("metric", "level").iter_rows())
    assert found[EDIT] == pytest.approx(0.6, abs=0.001)
    assert found[NLL] == pytest.approx(2.5, abs=0.001)


@pytest.mark.parametrize("metric", [EM, NLL])
def test_the_interval_of_a_crossing_is_the_delta_methods(metric: str) -> None:
    """Halfway between .1 and .9 (or 9 nats and 1), errors of .02 (.2): the place has an error of .02 sqrt(.5) / .8."""
    ends, error = (np.array([0.1, 0.9]), 0.02) if metric == EM else (np.array([9.0, 1.0]), 0.2)
    tables = [
        curves([18.0, 19.0], {("sub", metric): ends}, standard_error=error, n=100_000).with_columns(
            ladder=pl.lit(name), n_params=pl.lit(None, pl.Float64)
        )
        for name in ("a", "b")
    ]
    [row] = shifts(*tables).rows(named=True)
    half = 1.96 * 0.02 * 0.5**0.5 / 0.8
    ends = [row[name] for name in ("compute_low", "compute_high", "compute_shift_low", "compute_shift_high")]
    assert ends[1] - ends[0] == pytest.approx(2 * half, rel=0.12)  # of 499 draws: an end is known to 6%
    assert ends[3] - ends[2] == pytest.approx(2 * half * 2**0.5, rel=0.12)
    assert (ends[0] + ends[1]) / 2 == pytest.approx(18.5, abs=0.2 * half)


def test_few_items_are_no_certainty_and_no_draw_is_beyond_the_range() -> None:
    """0 of 20 and 20 of 20, without a standard error: each has one of sqrt(.5) / 20, but for what is beyond 0 or 1."""
    table = curves([18.0, 19.0], {("sub", EM): np.array([0.0, 1.0])}, standard_error=0.0, n=20)
    sides = [table.with_columns(ladder=pl.lit(name), n_params=pl.lit(None, pl.Float64)) for name in ("a", "b")]
    [row] = shifts(*sides).rows(named=True)
    rng, n = np.random.default_rng(4), 400_000
    low, high = (np.maximum(0.5**0.5 / 20 * rng.standard_normal(n), 0) for _ in range(2))
    expected = np.quantile(18 + (0.5 - low) / (1 - high - low), [0.025, 0.975])
    assert (row["compute_low"], row["compute_high"]) == pytest.approx(tuple(expected), abs=0.006)


def test_the_interval_covers_a_decade() -> None:
    rng, error, tries = np.random.default_rng(17), 0.03, 100

    def noisy(name: str, late: float) -> pl.DataFrame:
        truth = expit(1.5 * (X - 20.5 - late))
        means = {(f"s{i:03d}", EM): np.clip(truth + error * rng.standard_normal(len(X)), 0, 1) for i in range(tries)}
        return ladder(name, means, error=error)

    found = shifts(noisy("early", 0), noisy("late", 1))
    covered = found.filter(pl.col("compute_shift_low") < 1, pl.col("compute_shift_high") > 1).height
    assert 89 <= covered <= 100
    assert found["compute_shift_decades"].mean() == pytest.approx(1, abs=0.05)
    assert (found["compute_shift_high"] - found["compute_shift_low"]).mean() < 0.9
    same = found.filter(pl.col("n_params_shift_low") < 0.5, pl.col("n_params_shift_high") > 0.5).height
    assert same == covered  # the same draws, halved


def test_turned_round_the_shift_is_its_negative() -> None:
    early = {("sub", EM): expit(2 * (X - 20))}
    late = {("sub", EM): expit(2 * (X - 21.5))}
    [there] = shifts(ladder("a", early), ladder("b", late, tokens_per_parameter=5)).rows(named=True)
    [back] = shifts(ladder("a", late, tokens_per_parameter=5), ladder("b", early)).rows(named=True)
    for of in ("compute", "n_params"):
        assert there[f"{of}_shift_decades"] == pytest.approx(-back[f"{of}_shift_decades"])
        assert there[f"{of}_shift_low"] == pytest.approx(-back[f"{of}_shift_high"], abs=0.1)  # other draws
    assert there["level"] == back["level"]
    equal = shifts(ladder("a", early), ladder("b", early))
    assert equal.select("compute_shift_decades", "n_params_shift_decades").row(0) == (0, 0)
    assert equal["compute_shift_low"][0] < 0 < equal["compute_shift_high"][0]


def test_every_pair_of_ladders_that_share_a_cell_has_a_row() -> None:
    means = {("both", EM): expit(2 * (X - 21))}
    three = [ladder("a", means), ladder("b", means | {("own", EM): X * 0 + 0.5}), ladder("c", means)]
    found = shifts(*three)
    assert found.select("ladder", "other_ladder", "subtask").rows() == [
        ("a", "b", "both"),
        ("a", "c", "both"),
        ("b", "c", "both"),
    ]
    assert shifts(three[0]).is_empty()


def test_what_cannot_be_compared_is_null_with_a_reason() -> None:
    rising = expit(2 * (X - 21))
    low, high = {("sub", EM): 0.1 + 0.1 * rising}, {("sub", EM): 0.7 + 0.1 * rising}
    [row] = shifts(ladder("a", low), ladder("b", high)).rows(named=True)
    assert row["compute_reason"] == row["n_params_reason"] == "the curves have no level in common that both cross"
    assert all(value is None for value in row.values() if not isinstance(value, str))

    flat = verdicts({"ladder": "b", "subtask": "sub", "verdict": "flat", "reason": "its rise is under 0.1"})
    [row] = shifts(ladder("a", {("sub", EM): rising}), ladder("b", {("sub", EM): rising}), judged=flat).rows(named=True)
    assert row["compute_reason"] == row["n_params_reason"] == "b: flat: its rise is under 0.1"
    assert row["level"] is row["compute_shift_decades"] is None

    for of, verdict in (("a", "saturated"), ("b", "inverse")):
        judged = verdicts({"ladder": of, "subtask": "sub", "verdict": verdict, "reason": "so"})
        pair = ladder("a", {("sub", EM): rising}), ladder("b", {("sub", EM): rising})
        assert shifts(*pair, judged=judged)["compute_reason"].item() == f"{of}: {verdict}: so"

    short = verdicts({"ladder": "b", "subtask": "sub", "verdict": "not judged", "reason": "too short"})
    untested = shifts(ladder("a", {("sub", EM): rising}), ladder("b", {("sub", EM): rising}), judged=short)
    assert untested["compute_shift_decades"].null_count() == 0


def test_a_ladder_of_one_size_has_no_shift_in_parameters() -> None:
    means = {("sub", EM): expit(2 * (X - 21))}
    [row] = shifts(ladder("a", means), ladder("steps", means, tokens_per_parameter=None)).rows(named=True)
    assert row["compute_shift_decades"] == 0
    assert row["compute_reason"] is None
    assert row["n_params_reason"] == "steps: all models have the same number of parameters"
    assert row["n_params_shift_decades"] is None
    down = ladder("b", means).with_columns(n_params=1e30 / pl.col("compute_flops"))
    assert shifts(ladder("a", means), down)["n_params_reason"].item().startswith("b: parameters do not rise")
    two = pl.concat([ladder("b", means), ladder("b", means).with_columns(model=pl.lit("z-") + pl.col("model"))])
    of_two_sizes = two.with_columns(
        n_params=pl.col("n_params") * (1 + 0.2 * pl.col("model").str.starts_with("z").cast(pl.Int64))
    )
    assert shifts(ladder("a", means), of_two_sizes)["n_params_reason"].item().startswith("b: parameters do not rise")
    unknown = ladder("b", means).with_columns(n_params=pl.lit(None, pl.Float64))
    assert shifts(ladder("a", means), unknown)["n_params_reason"].item() == "b: parameters not known"


def test_an_interval_that_ends_beyond_the_ladder_says_so() -> None:
    edge = {("sub", EM): np.where(X < 23.9, 0.1, 0.13)}
    [row] = shifts(ladder("a", edge), ladder("b", {("sub", EM): 0.1 + 0.02 * (X - 18)})).rows(named=True)
    assert row["compute_shift_decades"] is not None
    assert row["compute_high"] is None
    assert "a: " in row["compute_reason"]
    assert "shift: lower end of the interval beyond the ladder" in row["compute_reason"]
    means = {("sub", EM): expit(2 * (X - 21))}
    no_error = ladder("b", means).with_columns(standard_error=pl.lit(None, pl.Float64))
    [row] = shifts(ladder("a", means), no_error).rows(named=True)
    assert (row["compute_shift_decades"], row["compute_shift_low"]) == (0, None)
    assert row["compute_low"] is not None
    assert row["compute_reason"] == (
        "b: no interval: no standard error is known; shift: no interval: no standard error is known"
    )


def test_metrics_by_the_token_need_one_tokenizer() -> None:
    nll = _power_law(X)
    rises = expit(2 * (X - 21))
    means = {("sub", EM): rises, ("sub", NLL): nll, ("sub", "nll_nats_per_byte"): nll / 4}
    means |= {("sub", "token_accuracy"): rises, ("sub", EDIT): 1 - rises}
    tables = [ladder(name, means) for name in ("a", "b")]

    def lengths(other: float) -> pl.DataFrame:
        rows = [
            dict.fromkeys(CLIFFS.columns)
            | {"ladder": of, "model": "m", "task": "task", "subtask": "sub", "answer_tokens": k}
            for of, k in (("a", 3.0), ("b", other))
        ]
        return pl.DataFrame(rows, schema=dict(CLIFFS.columns))

    two = {row["metric"]: row for row in shifts(*tables, cliffs=lengths(2.5)).rows(named=True)}
    for metric in (NLL, "token_accuracy", EDIT):
        assert two[metric]["compute_reason"] == "counted in tokens of two tokenizers: an answer has 3 and 2.5"
        assert two[metric]["compute_shift_decades"] is None
    assert two[EM]["compute_shift_decades"] == 0
    assert two["nll_nats_per_byte"]["compute_shift_decades"] == 0
    assert two["nll_nats_per_byte"]["level"] == pytest.approx((nll[0] + nll[-1]) / 8)
    for k, differs in ((3.0, 0), (3.029, 0), (3.031, 3), (2.969, 3)):  # by over a hundredth of the longer
        assert shifts(*tables, cliffs=lengths(k))["compute_shift_decades"].null_count() == differs


def test_a_scaffold_of_one_decade_is_measured_as_one() -> None:
    rng = np.random.default_rng(11)
    shape = {EM: lambda x: expit(2 * (x - 21)), NLL: _power_law}
    noisy = {
        shift: curves(
            X, {("sub", m): f(X + shift) * np.exp(0.02 * rng.standard_normal(len(X))) for m, f in shape.items()}
        )
        for shift in (0, 1)
    }
    found = scaffold_shift(noisy[0], noisy[1])
    assert found["metric"].to_list() == [EM, NLL]
    for row in found.rows(named=True):
        assert row["shift_low"] < -1 < row["shift_high"]  # the scaffold helps: it rises a decade earlier
        assert row["shift_high"] - row["shift_low"] < 0.6
    edit = scaffold_shift(*(curves(X, {("sub", EDIT): 1 - 0.8 * expit(2 * (X - at))}) for at in (21, 20))).row(
        0, named=True
    )
    assert edit["level"] == pytest.approx(0.6, abs=0.01)  # of the metric, not of 1 minus it
    assert edit["shift_decades"] == pytest.approx(-1)
    back = scaffold_shift(noisy[1], noisy[0])
    assert back["shift_decades"].to_list() == [-value for value in found["shift_decades"]]
    assert np.abs(scaffold_shift(noisy[0], noisy[0])["shift_decades"].to_numpy()).max() == 0


def test_prompts_without_a_common_level_or_a_rise_have_no_shift() -> None:
    low, high = (curves(X, {("sub", EM): base + 0.1 * expit(X - 21)}) for base in (0.1, 0.7))
    row = scaffold_shift(low, high).row(0, named=True)
    assert row["shift_decades"] is None
    assert "no level in common" in row["reason"]
    assert scaffold_shift(low, CURVES.empty()).is_empty()
    flat = verdicts({"subtask": "sub", "verdict": "flat", "reason": "its rise is under 0.1"})
    row = scaffold_shift(low, low, verdicts=(flat, verdicts({"subtask": "sub"}))).row(0, named=True)
    assert (row["shift_decades"], row["reason"]) == (None, "plain: flat: its rise is under 0.1")
