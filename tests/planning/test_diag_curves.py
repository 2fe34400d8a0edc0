"""Reading curves: seeds of one size by hand, and what has no place on the ladder."""

import numpy as np
import polars as pl
import pytest
from diagnostic_tables import curves

from rescore.planning.curves import Curve, read_curves

EM, NLL, EDIT = "exact_match", "nll_nats_per_token", "token_edit_distance"


def one(table: pl.DataFrame) -> Curve:
    [curve] = read_curves(table)
    return curve


def test_seeds_of_one_size_by_hand() -> None:
    """Two seeds at 10^18, one at 10^19."""
    table = curves([18, 18, 19], {("sub", EM): [0.4, 0.6, 0.9]}).with_columns(
        standard_error=pl.Series([0.08, 0.12, 0.03]), n=pl.Series([9, 7, 8])
    )
    curve = one(table)
    assert (curve.key, curve.models) == (("ladder", "task", "sub", EM), ("model00", "model01", "model02"))
    assert (curve.x.tolist(), curve.n.tolist()) == ([18.0, 19.0], [7.0, 8.0])
    assert curve.mean.tolist() == pytest.approx([0.5, 0.9])
    # the mean of the errors is .1; the seeds' means differ with variance .02, their mean with half of it
    assert curve.variance.tolist() == pytest.approx([0.1**2 + 0.02 / 2, 0.03**2])


def test_a_lower_is_better_score_is_turned_round_and_an_nll_stays_in_nats() -> None:
    edit, nll = (one(curves([18, 19], {("sub", metric): [0.8, 0.3]})) for metric in (EDIT, NLL))
    assert edit.mean.tolist() == edit.upward.tolist() == pytest.approx([0.2, 0.7])
    assert edit.in_own_unit(0.2) == pytest.approx(0.8)
    assert nll.mean.tolist() == pytest.approx([0.8, 0.3])
    assert nll.upward.tolist() == pytest.approx([-0.8, -0.3])
    assert nll.in_own_unit(0.8) == 0.8


def test_models_a_millionth_of_a_decade_apart_are_of_one_size() -> None:
    assert one(curves([18, 18 + 4e-7, 19], {("sub", EM): [0.4, 0.6, 0.9]})).mean.tolist() == pytest.approx([0.5, 0.9])
    assert len(one(curves([18, 18 + 2e-6, 19], {("sub", EM): [0.4, 0.6, 0.9]})).x) == 3


def test_a_ladder_with_a_model_of_unknown_compute_is_left_out() -> None:
    table = curves([18, 19], {("sub", EM): [0.4, 0.6]})
    unknown = table.with_columns(
        ladder=pl.lit("other"), compute_flops=pl.when(model="model00").then(None).otherwise("compute_flops")
    )
    assert [curve.key[0] for curve in read_curves(pl.concat([table, unknown]))] == ["ladder"]


def test_what_is_not_known() -> None:
    table = curves([18, 19], {("sub", EM): [0.4, 0.6]}, standard_error=None, n=None)
    assert np.isnan(one(table).variance).all()
    assert one(table).n.tolist() == [1e6, 1e6]
    untested = curves([18, 19], {("sub", "nll_nats_per_byte"): [0.4, 0.2]})
    assert list(read_curves(untested)) == []
    [curve] = read_curves(untested, untested=["nll_nats_per_byte"])
    assert curve.in_nats
