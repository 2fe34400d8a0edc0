"""Ladders along parameters or pretraining loss instead of compute."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rescore.config.inputs import read_ladders
from rescore.discontinuity import Analysis, Settings, analyse
from rescore.discontinuity.cells import check_ladder
from rescore.tables import SCORES, InputError

LOSS = "pretraining_loss_nats"
QUICK = {"draws": 199}


def ladder(rungs: int = 8) -> pl.DataFrame:
    """m0 the smallest: two decades of compute and of parameters, loss from 4 nats to 2.5."""
    share = np.arange(rungs) / (rungs - 1)
    return pl.DataFrame(
        {
            "ladder": "L",
            "model": [f"m{i}" for i in range(rungs)],
            "compute_flops": 1e18 * 100**share,
            "n_params": (1e8 * 100 ** (share**2)).astype(int),
            LOSS: 4 * (2.5 / 4) ** share,
        }
    )


def step(rungs: int = 8, after: int = 3, n: int = 100) -> pl.DataFrame:
    """Exact match from 0.1 to 0.9 after a rung."""
    rng = np.random.default_rng(0)
    right = rng.random((rungs, n)) < np.where(np.arange(rungs) > after, 0.9, 0.1)[:, None]
    rows = [(f"m{m}", "t", "t", i, "exact_match", float(right[m, i]), None) for m in range(rungs) for i in range(n)]
    return pl.DataFrame(rows, schema=dict(SCORES.columns), orient="row")


def run(axis: str, models: pl.DataFrame, **settings: float) -> Analysis:
    return analyse(step(), models, Settings(axis=axis, **QUICK, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", ["compute_flops", "n_params", LOSS])
def test_a_step_is_found_and_placed_on_its_axis(axis: str) -> None:
    models = ladder()
    verdict = run(axis, models).verdicts.row(0, named=True)
    assert (verdict["verdict"], verdict["axis"]) == ("cliff", axis)
    values = np.log10(models[axis].to_numpy().astype(float))
    rise = run(axis, models).rises.row(0, named=True)
    assert rise["half_log10_x"] == pytest.approx(values[3:5].mean(), abs=0.1 * abs(values[4] - values[3]))
    assert rise["half_log10_x_low"] < rise["half_log10_x"] < rise["half_log10_x_high"]
    assert verdict["decades"] == pytest.approx(abs(values[-1] - values[0]), abs=1e-5)
    assert verdict["first_mean"] < 0.2  # of the worst model, the one with the highest loss


def test_rungs_ascend_towards_the_better_model() -> None:
    assert check_ladder(ladder(), LOSS)["model"].to_list() == [f"m{i}" for i in range(8)]
    assert check_ladder(ladder(3), LOSS)["x"].to_list() == pytest.approx(-np.log10([4, 10**0.5, 2.5]), abs=1e-6)


def test_a_loss_that_rises_with_size_makes_the_curve_inverse() -> None:
    models = ladder().with_columns(pl.col(LOSS).reverse())
    assert run(LOSS, models).verdicts["verdict"].to_list() == ["inverse"]


def test_models_of_equal_size_are_seeds_along_parameters_and_rungs_along_compute() -> None:
    models = ladder().with_columns(n_params=pl.Series([1, 1, 10, 10, 100, 100, 1000, 1000]) * 10**6)
    assert run("n_params", models).verdicts["n_rungs"].to_list() == [4]
    assert run("compute_flops", models).verdicts["n_rungs"].to_list() == [8]


def test_a_short_ladder_says_what_it_is_short_of() -> None:
    models = ladder().with_columns(pl.col(LOSS) ** 0.3, n_params=pl.col("n_params") + 10**10)
    reasons = {axis: run(axis, models).verdicts["reason"][0] for axis in ("n_params", LOSS)}
    assert reasons["n_params"].startswith("the ladder is too short: 8 sizes over 0.3 decades of parameters")
    assert reasons[LOSS] == (
        "the ladder is too short: 8 sizes over 0.06 decades of pretraining loss, at least 5 over 0.075 are needed"
    )
    assert run(LOSS, models, decades_min=1.2).verdicts["reason"][0] != reasons[LOSS]  # a twentieth, 0.06, is enough


@pytest.mark.parametrize(
    ("models", "says"),
    [
        (ladder().drop(LOSS), f"ladder: column '{LOSS}' is missing; it needs ladder, model, compute_flops, {LOSS}"),
        (
            ladder().with_columns(pl.when(pl.col("model") != "m2").then(LOSS).alias(LOSS)),
            f"ladder L, model m2: {LOSS} is None, give the pretraining loss in nats per token as a positive number",
        ),
        (
            ladder().with_columns(pl.when(pl.col("model") == "m1").then(0.0).otherwise(LOSS).alias(LOSS)),
            f"ladder L, model m1: {LOSS} is 0.0, give the pretraining loss in nats per token as a positive number",
        ),
    ],
)
def test_a_ladder_without_the_axis_is_refused(models: pl.DataFrame, says: str) -> None:
    with pytest.raises(InputError) as refused:
        run(LOSS, models)
    assert str(refused.value) == says


def test_compute_may_be_unknown_where_it_is_not_the_axis() -> None:
    known = ladder()
    models = known.with_columns(compute_flops=pl.when(pl.col("model") != "m0").then("compute_flops"))
    found, same = run("n_params", models), run("n_params", known)
    assert found.verdicts.equals(same.verdicts)
    assert found.curves.filter(model="m0")["compute_flops"].to_list() == [None]
    assert found.curves.drop("compute_flops").equals(same.curves.drop("compute_flops"))
    with pytest.raises(InputError, match=r"^ladder L, model m0: compute_flops is None, give training compute in FL"):
        run("compute_flops", models)
    with pytest.raises(InputError, match=r"^ladder L, model m0: compute_flops is 0.0"):
        run("n_params", models.with_columns(pl.col("compute_flops").fill_null(0.0)))


@pytest.mark.parametrize("axis", ["n_tokens", "", 3])
def test_an_unknown_axis_is_refused(axis: object) -> None:
    with pytest.raises(
        InputError, match=r"^discontinuity: key 'axis': .*, expected compute_flops or n_params or pretraining_l"
    ):
        Settings.from_mapping({"axis": axis})


def test_the_loss_is_read_from_the_ladders_table(tmp_path: Path) -> None:
    path = tmp_path / "L.tsv"
    header = f"model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\t{LOSS}\n"
    models = ladder()
    rows = [
        f"{m}\tf\ts\t-\t{n}\t1\tfloat32\t{loss!r}\n" for m, n, loss in models.select("model", "n_params", LOSS).rows()
    ]
    path.write_text(header + "".join(rows))
    found = read_ladders([path])
    assert found[LOSS].to_list() == models[LOSS].to_list()
    assert run(LOSS, found).verdicts["verdict"].to_list() == ["cliff"]
    path.write_text(header + "m\tf\ts\t-\t1\t1\tfloat32\t0\n")
    with pytest.raises(InputError, match=f"L.tsv: row 2: key '{LOSS}': 0.0, expected more than 0"):
        read_ladders([path])
