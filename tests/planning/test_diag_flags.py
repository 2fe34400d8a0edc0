"""Flags: what is planted is flagged, and what is ordinary is not."""

import numpy as np
import polars as pl
import pytest
from diagnostic_tables import NO_GRADING, curves, family, verdicts

from rescore.planning import flags
from rescore.planning.flags import robust_z
from rescore.simulate import Truth
from rescore.tables import CURVES, FLAGS, GRADING, VERDICTS

X = np.linspace(18, 24, 8)
EM, NLL = "exact_match", "nll_nats_per_token"


def only(found: pl.DataFrame, flag: str) -> pl.DataFrame:
    return found.filter(pl.col("flag") == flag)


def test_a_saturated_task_is_retired_where_nll_still_falls() -> None:
    exact = [0.1, 0.4, 0.8, 0.96, 0.97, 0.99, 0.99, 1.0]
    falling = {(s, NLL): np.geomspace(2, 0.01, 8) for s in ("saturated", "low", "late")}
    means = {
        ("saturated", EM): exact,
        ("low", EM): [0.9 * y for y in exact],
        ("late", EM): [*exact[:3], 0.85, 0.86, 0.88, 0.9, 0.97],  # the top size alone: nothing yet to tell apart
        ("still", EM): exact,
        ("still", NLL): [2, 1, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1],
        **falling,
    }
    found = only(flags(curves(X, means, standard_error=0.001), VERDICTS.empty(), NO_GRADING), "saturation")
    assert found["subtask"].to_list() == ["saturated"]
    assert found["value"].to_list() == [1.0]
    assert "top 5 sizes" in found["detail"][0]
    unsure = curves(X, means, standard_error=0.2)
    assert only(flags(unsure, VERDICTS.empty(), NO_GRADING), "saturation").is_empty()


@pytest.mark.parametrize(("errors_apart", "flagged"), [(1.6, False), (1.7, True)])  # one-sided 5% is 1.645
def test_saturation_needs_an_nll_that_falls_beyond_its_error(errors_apart: float, flagged: bool) -> None:
    """The first and the last of the top three sizes have standard error .03, so their difference has .03 sqrt(2)."""
    fall = errors_apart * 0.03 * np.sqrt(2)
    nll = [3.0, 2.5, 2.0, 1.5, 1.2, 1.0 + fall, 1.0 + fall / 2, 1.0]
    means = {("sub", EM): [0.1, 0.2, 0.4, 0.6, 0.9, 0.95, 0.96, 0.97], ("sub", NLL): nll}
    ends = pl.col("model").is_in(["model05", "model07"])
    table = curves(X, means).with_columns(standard_error=pl.when(ends).then(0.03).otherwise(0.5))
    found = only(flags(table, VERDICTS.empty(), NO_GRADING), "saturation")
    assert found["subtask"].to_list() == ["sub"] * flagged
    if flagged:
        assert found.select("value", "threshold").row(0) == (0.97, 0.95)
        said = f"on the top 3 sizes while NLL falls from {1 + fall:.3g} to 1 nats/token"
        assert said in found["detail"][0]


def test_an_inverse_task_is_inverse() -> None:
    truths = {
        "worse": Truth(shape="inverse", tokens=1, logits_per_decade=1.2),
        "better": Truth(shape="chain", tokens=1),
    }
    analysis = family(truths, seed=4)
    found = only(flags(analysis.curves, analysis.verdicts, NO_GRADING), "inverse scaling")
    assert set(found["subtask"]) == {"worse"}
    assert {EM, NLL} <= set(found["metric"])
    exact = found.filter(pl.col("metric") == EM).row(0, named=True)
    assert exact["value"] < -0.3  # what exact match loses from the smallest size to the largest
    assert exact["threshold"] is None


def test_a_contaminated_sibling_is_flagged_and_its_siblings_are_not() -> None:
    rising = {
        f"clean{i}": Truth(shape="chain", tokens=1, top_logit=2.0 + 0.2 * i, logits_per_decade=1.0 + 0.05 * i)
        for i in range(6)
    }
    leaked = Truth(shape="step", tokens=1, low=0.2, high=0.97, at=0.5)
    analysis = family(rising | {"leaked": leaked}, seed=1)
    found = only(flags(analysis.curves, analysis.verdicts, NO_GRADING), "contamination signature")
    assert set(found["subtask"]) == {"leaked"}
    assert set(found["metric"]) == {EM, NLL}
    assert found["value"].min() >= found["threshold"].max() == 3.5
    clean = family(rising, seed=1)
    assert flags(clean.curves, clean.verdicts, NO_GRADING).is_empty()


def test_a_jump_that_the_siblings_share_is_no_signature() -> None:
    together = {f"step{i}": Truth(shape="step", tokens=1, low=0.2, high=0.9 + 0.01 * i, at=0.5) for i in range(6)}
    analysis = family(together, seed=2)
    assert only(flags(analysis.curves, analysis.verdicts, NO_GRADING), "contamination signature").is_empty()


def test_the_signature_needs_four_siblings_and_a_real_gap() -> None:
    shares = [0.2, 0.25, 0.3, 0.2, 0.9]
    rows = [
        {"subtask": f"s{i}", "largest_gap": share, "largest_gap_low": share - 0.1} for i, share in enumerate(shares)
    ]

    def flagged(*changed: dict[str, object]) -> list[str]:
        return flags(CURVES.empty(), verdicts(*changed), NO_GRADING)["subtask"].to_list()

    assert flagged(*rows) == ["s4"]
    assert flagged(*rows[1:]) == []
    assert flagged(*rows[:4], rows[4] | {"largest_gap_low": 0.2}) == []  # as far as is known no more than its siblings
    assert flagged(*rows[:4], rows[4] | {"largest_gap": None}) == []  # does not rise
    assert flagged(*rows[:4], rows[4] | {"largest_gap": 0.45}) == []
    assert flagged(*rows[:4], rows[4] | {"largest_gap": 0.5}) == ["s4"]  # half of the rise is enough
    assert flagged(*rows[:3], rows[3] | {"largest_gap": 0.5}, rows[4]) == []  # a sibling has such a gap
    assert flagged(rows[0] | {"task": "other"}, *rows[1:]) == []


def test_robust_z_by_hand() -> None:
    siblings = np.array([0.0, 0.1, 0.3, 0.4])  # median 0.2, MAD 0.15
    assert robust_z(0.9, siblings) == pytest.approx(0.7 / (1.4826 * 0.15))
    assert robust_z(0.6, np.full(5, 0.5)) == pytest.approx(2.0)  # equal siblings: the scale is 0.05


def test_the_graders_errors_are_those_of_the_worst_model() -> None:
    grading = pl.DataFrame(
        [
            ("model00", "task", "sub", 200, 200, 4, 0.02, 0),
            ("model01", "task", "sub", 200, 200, 30, 0.15, 0),
            ("stranger", "task", "sub", 200, 200, 200, 1.0, 0),
            ("model00", "task", "choice", 100, 0, 0, None, 25),
            ("model01", "task", "fine", 200, 200, 1, 0.005, 0),
            ("model01", "task", "just", 200, 200, 2, 0.01, 0),
        ],
        schema=dict(GRADING.columns),
        orient="row",
    )
    found = flags(curves(X, {("sub", EM): X / 30}), VERDICTS.empty(), grading)
    choice, just, rejects = found.rows(named=True)
    assert (just["subtask"], just["value"], just["threshold"]) == ("just", 0.01, 0.01)
    assert (choice["subtask"], choice["flag"], choice["value"]) == ("choice", "no correct choice", 0.25)
    assert (rejects["flag"], rejects["value"]) == ("grader rejects right answers", 0.15)
    assert rejects["detail"] == "30 of 200 of the answers hold a target and are rejected, model model01"


def test_nothing_is_flagged_in_nothing() -> None:
    assert flags(CURVES.empty(), VERDICTS.empty(), NO_GRADING).equals(FLAGS.empty())
