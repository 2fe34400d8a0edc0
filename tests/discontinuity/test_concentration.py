"""Which metrics emergent tasks prefer: counts, intervals and the comparison by hand, then what must not matter."""

import numpy as np
import polars as pl
import pytest

from rescore.bigbench.catalogue import catalogue
from rescore.discontinuity.concentration import HARD_PREFERRED, concentration
from rescore.tables import CONCENTRATION

EXACT, CHOICE = HARD_PREFERRED


def leaves(emergent: dict[str, list[str]], other: dict[str, list[str]]) -> pl.DataFrame:
    """A row a leaf of tasks that are given with what their leaves prefer."""
    rows = [
        (task, preferred, flag)
        for tasks, flag in ((emergent, True), (other, False))
        for task, of_task in tasks.items()
        for preferred in of_task
    ]
    schema = {"task": pl.String, "preferred_score": pl.String, "emergent": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_counts_shares_and_fishers_test_by_hand() -> None:
    found = concentration(
        leaves(
            {"a": [EXACT], "b": [CHOICE], "c": [EXACT, CHOICE, EXACT], "d": ["bleu"]},
            {"e": [EXACT], "f": ["bleu", EXACT], "g": ["rougeLsum", "bleu"], "h": ["macro_f1"]},
        )
    )
    assert found.schema == pl.Schema(dict(CONCENTRATION.columns))
    emergent, other = found.to_dicts()
    counts = ("group", "tasks", "hard_preferred", "mixed", "share")
    assert [emergent[c] for c in counts] == ["emergent", 4, 3, 0, 0.75]  # c prefers two metrics, both hard
    assert [other[c] for c in counts] == ["other", 4, 1, 1, 0.25]  # f in part
    # 3 of 4: centre (.75 + z^2/8) / (1 + z^2/4) = .6275, half width z sqrt(.75 .25/4 + z^2/64) / (1 + z^2/4) = .3269
    assert (emergent["share_low"], emergent["share_high"]) == pytest.approx((0.3006, 0.9544), abs=1e-4)
    # 3 1 over 1 3: the odds are 3 to 1 and 1 to 3; of C(8,4) = 70 tables with these margins 1 + 16 + 16 + 1 are as rare
    assert emergent["odds_ratio"] == pytest.approx(9)
    assert emergent["p_fisher"] == pytest.approx(34 / 70)
    assert (other["odds_ratio"], other["p_fisher"]) == (None, None)


def test_an_odds_ratio_with_an_empty_cell_is_null_and_its_p_value_is_not() -> None:
    tasks = {"d": [EXACT], "e": ["bleu"], "f": ["bleu"]}
    emergent, _ = concentration(leaves({"a": [EXACT], "b": [EXACT], "c": [EXACT]}, tasks)).to_dicts()
    assert emergent["odds_ratio"] is None
    assert emergent["p_fisher"] == pytest.approx(0.4)  # 4 of the C(6,3) = 20 tables on either end


def test_without_others_there_is_nothing_to_compare() -> None:
    emergent, other = concentration(leaves({"a": [EXACT]}, {})).to_dicts()
    assert (emergent["share"], emergent["odds_ratio"], emergent["p_fisher"]) == (1.0, None, None)
    assert other == {"group": "other", "tasks": 0, "hard_preferred": 0, "mixed": 0} | dict.fromkeys(
        ("share", "share_low", "share_high", "odds_ratio", "p_fisher")
    )


def drawn(seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    preferred = [EXACT, CHOICE, "bleu"]
    tasks = {f"t{n}": rng.choice(preferred, rng.integers(1, 3)).tolist() for n in range(30)}
    names = sorted(tasks)
    return leaves({n: tasks[n] for n in names[:12]}, {n: tasks[n] for n in names[12:]})


@pytest.mark.parametrize("seed", range(3))
def test_order_and_number_of_like_leaves_do_not_matter(seed: int) -> None:
    frame = drawn(seed)
    again = pl.concat([frame, frame.filter(pl.col("preferred_score") == "bleu")]).sample(
        fraction=1, shuffle=True, seed=seed
    )
    assert concentration(again).equals(concentration(frame))


@pytest.mark.parametrize("seed", range(3))
def test_groups_that_change_places_invert_the_odds_and_keep_p(seed: int) -> None:
    one = concentration(drawn(seed)).to_dicts()
    two = concentration(drawn(seed).with_columns(~pl.col("emergent"))).to_dicts()
    shares = ("tasks", "hard_preferred", "mixed", "share", "share_low", "share_high")
    assert [[row[c] for c in shares] for row in one] == [[row[c] for c in shares] for row in two[::-1]]
    assert two[0]["odds_ratio"] == pytest.approx(1 / one[0]["odds_ratio"])
    assert two[0]["p_fisher"] == pytest.approx(one[0]["p_fisher"])


def test_both_metrics_are_names_of_bigbench() -> None:
    assert set(HARD_PREFERRED) <= set(catalogue()["preferred_score"])
