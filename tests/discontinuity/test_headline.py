"""Counts of answers: by hand."""

import polars as pl
import pytest

from rescore.discontinuity import families, headline
from rescore.tables import CLIFFS, FAMILIES, HEADLINE, VERDICTS

NLL = "nll_nats_per_token"


def cliffs(*rows: dict[str, object]) -> pl.DataFrame:
    base = dict.fromkeys(CLIFFS.columns) | {"ladder": "L", "label": "", "reason": "", "hard_metric": "exact_match"}
    named = [{"task": f"t{i}", "subtask": f"s{i}"} | row for i, row in enumerate(rows)]
    return pl.DataFrame([base | row for row in named], schema=dict(CLIFFS.columns))


def verdict(i: int, p_cliff: float, metric: str = NLL) -> dict[str, object]:
    base = dict.fromkeys(VERDICTS.columns) | {"ladder": "L", "verdict": "", "reason": "", "axis": "compute_flops"}
    return base | {
        "task": f"t{i}",
        "subtask": f"s{i}",
        "metric": metric,
        "p_cliff": p_cliff,
        "n_rungs": 9,
        "decades": 4,
    }


def test_answers_are_counted_with_the_false_ones_to_expect() -> None:
    yes = {"cliff": "yes", "p_cliff": 0.98}
    table = cliffs(
        yes | {"metric_makes_it": "yes", "p_metric": 0.9, "skill_broke": "no", "p_skill": 0.04},
        yes | {"metric_makes_it": "open", "p_metric": 0.5, "skill_broke": "yes", "p_skill": 0.97},
        yes | {"metric_makes_it": "no", "p_metric": 0.02, "skill_broke": "open", "p_skill": 0.6},
        {"cliff": "no", "p_cliff": 0.1},
        {"cliff": "no"},  # flat: asked no more, and no chance of a cliff
        {"cliff": "open", "p_cliff": 0.8, "metric_makes_it": "yes", "p_metric": 0.9},  # no cliff is called: not counted
        {"label": "not judged"},
    )
    found = headline(table, VERDICTS.empty())
    assert found.schema == pl.Schema(dict(HEADLINE.columns))
    rows = {row["question"]: row for row in found.to_dicts()}
    counts = {name: tuple(row[c] for c in ("asked", "yes", "no", "open")) for name, row in rows.items()}
    assert counts == {"cliff": (6, 3, 2, 1), "metric_makes_it": (3, 1, 1, 1), "skill_broke": (3, 1, 1, 1)}
    assert rows["cliff"]["expected_false"] == pytest.approx(3 * 0.02 + 0.1)
    assert rows["metric_makes_it"]["expected_false"] == pytest.approx(0.1 + 0.02)
    assert rows["skill_broke"]["expected_false"] == pytest.approx(0.03 + 0.04)
    assert (rows["cliff"]["share_low"], rows["cliff"]["share_high"]) == pytest.approx((3 / 6, 4 / 6))
    assert rows["cliff"]["share_of_decided"] == pytest.approx(3 / 5)


def test_cliffs_under_a_soft_metric_and_none_where_none_has_it() -> None:
    fates = ("disappears", "disappears", "survives", "open")
    table = cliffs(*({"cliff": "yes", f"under_{NLL}": fate} for fate in fates))
    verdicts = [verdict(i, p) for i, p in enumerate((0.0, 0.4, 0.96, 0.7))] + [verdict(0, 1.0, "exact_match")]
    found = headline(table, pl.DataFrame(verdicts, schema=dict(VERDICTS.columns)))
    assert found["question"].to_list()[3:] == [f"under_{NLL}"]
    row = found.row(3, named=True)
    assert (row["asked"], row["yes"], row["no"], row["open"]) == (4, 2, 1, 1)
    assert row["expected_false"] == pytest.approx(0.0 + 0.4 + 0.04)


def test_shares_resample_tasks_and_not_subtasks() -> None:
    one = {"cliff": "yes", "metric_makes_it": "yes", "p_metric": 1.0}
    apart = cliffs(*[one] * 10, *[one | {"metric_makes_it": "no", "p_metric": 0.0}] * 10)
    together = apart.with_columns(task=pl.col("metric_makes_it"))  # two tasks of ten alike
    widths = []
    for table in (apart, together):
        row = headline(table, VERDICTS.empty()).filter(question="metric_makes_it").row(0, named=True)
        assert row["share_of_decided"] == 0.5
        widths.append(row["share_of_decided_high"] - row["share_of_decided_low"])
    assert widths[0] == pytest.approx(2 * 1.96 * (0.25 / 20) ** 0.5, abs=0.06)
    assert widths[1] == 1
    single = headline(apart.with_columns(task=pl.lit("t")), VERDICTS.empty())
    assert single["share_of_decided_low"].null_count() == 3  # of one task nothing is known


def test_a_family_by_hand() -> None:
    rising = [
        {"answer_tokens": k, "half_log10_x": 20 + at, "metric_share": share, "acceleration": 0.25, "cliff": "yes"}
        for k, at, share in ((1.0, 0.0, 0.4), (10.0, 2.0, 0.5), (100.0, 4.0, 0.6))
    ]
    even = rising[1] | {"answer_tokens": 10.04, "metric_share": 1.0, "acceleration": 1.0, "cliff": "no"}
    table = cliffs(*({"task": "t"} | row for row in [*rising, {"answer_tokens": 5.0}, even]))
    row = families(table).row(0, named=True)
    assert (row["subtasks"], row["fitted"], row["answer_tokens_min"], row["answer_tokens_max"]) == (5, 4, 1, 100)
    assert row["half_slope_decades_per_decade"] == pytest.approx(2, abs=1e-3)
    assert (row["metric_share"], row["acceleration"]) == pytest.approx((0.5, 0.25))
    # Student's t of two degrees of freedom at 95% is 2.92; the standard error of the mean is .1 over root three
    assert row["metric_share_high"] == pytest.approx(0.5 + 2.92 * 0.1 / 3**0.5, abs=1e-4)
    two = families(table[1:]).row(0, named=True)
    assert (two["fitted"], two["metric_share"], two["acceleration"]) == (3, None, None)
    assert two["reason"] == "2 of 4 subtasks have a cliff, M and alpha need three"
    assert two["half_slope_decades_per_decade"] == pytest.approx(2, abs=1e-2)
    assert families(table[:3]).equals(FAMILIES.empty())  # three lengths
    # Logs 0, 1, 2, 3 and halves 0, 1, 1, 2: slope .6, residuals -.1, .3, -.3, .1, so its error is sqrt(.2 / 2 / 5);
    # Student's t of two degrees of freedom again. A subtask of choices is none of a family.
    bent = [rising[0] | {"answer_tokens": 10.0**i, "half_log10_x": float(h)} for i, h in enumerate((0, 1, 1, 2))]
    graded = bent[0] | {"hard_metric": "multiple_choice_grade", "half_log10_x": 9.0}
    line = families(cliffs(*({"task": "t"} | row for row in [*bent, graded]))).row(0, named=True)
    ends = [line[f"half_slope_decades_per_decade{end}"] for end in ("", "_low", "_high")]
    half = 2.919986 * (0.2 / 2 / 5) ** 0.5
    assert (line["subtasks"], *ends) == pytest.approx((4, 0.6, 0.6 - half, 0.6 + half))
    few = families(cliffs(*({"task": "t", "answer_tokens": float(k)} for k in range(1, 6)))).row(0, named=True)
    assert (few["metric_share"], few["reason"]) == (None, "0 of 5 subtasks rise, three are needed")


def test_tasks_that_all_agree_leave_an_interval() -> None:
    """Resampled they are always the same; Wilson's 95% bound for 3 of 3 is 3 / (3 + 1.96²)."""
    one = {"cliff": "yes", "metric_makes_it": "yes", "p_metric": 1.0}
    for answer, low, high in (("yes", 3 / (3 + 1.959964**2), 1.0), ("no", 0.0, 1.959964**2 / (3 + 1.959964**2))):
        table = cliffs(*[one | {"metric_makes_it": answer}] * 3)
        twice = pl.concat([table, table.with_columns(subtask=pl.lit("more"))])  # six subtasks are three tasks still
        row = headline(twice, VERDICTS.empty()).row(1, named=True)
        assert (row["share_of_decided_low"], row["share_of_decided_high"]) == pytest.approx((low, high), abs=1e-6)


def test_the_share_of_the_decided_is_resampled_over_tasks() -> None:
    """Of 16 tasks 8 are yes: a binomial of 16 and 1/2, whose 2.5% and 97.5% quantiles are 4 and 12."""
    table = cliffs(*({"cliff": "yes" if i < 8 else "no", "p_cliff": 0.5} for i in range(16)))
    row = headline(table, VERDICTS.empty()).row(0, named=True)
    assert (row["share_of_decided_low"], row["share_of_decided_high"]) == (4 / 16, 12 / 16)
    assert row["share_of_decided"] == 0.5
