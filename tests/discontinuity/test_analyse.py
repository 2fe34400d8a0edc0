"""From scores to verdicts: planted truths, dirty input, and what must not matter."""

import numpy as np
import polars as pl
import pytest
from planted_subtasks import kept

from rescore.discontinuity import Analysis, Settings, analyse
from rescore.simulate import Truth, simulated_ladder, simulated_scores
from rescore.tables import AGGREGATES, CLIFFS, CURVES, RISES, SCORES, SEEDS, VERDICTS, InputError

NLL = "nll_nats_per_token"
TRUTHS = {
    "chain": Truth(shape="chain", tokens=8, top_logit=4.5, logits_per_decade=1.5),
    "step": Truth(shape="step", tokens=4),
    "flat": Truth(shape="flat", tokens=1),
    "inverse": Truth(shape="inverse", tokens=2, high=0.9),
    "easy": Truth(shape="flat", tokens=1, low=0.999),
    "one token": Truth(shape="chain", tokens=1, top_logit=4),
}


def row(frame: pl.DataFrame, task: str, metric: str | None = None) -> dict:
    found = frame.filter(pl.col("task") == task)
    return (found if metric is None else found.filter(pl.col("metric") == metric)).row(0, named=True)


def small(
    items: list[list[float | None]], metric: str = "exact_match", compute: list[float] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores [models][items] of one cell, and a ladder from 1e18 FLOPs, a decade a model."""
    models = [f"m{i}" for i in range(len(items))]
    rows = [
        (m, "t", "t", e, metric, s, None) for m, scores in zip(models, items, strict=True) for e, s in enumerate(scores)
    ]
    flops = compute or [10.0 ** (18 + i) for i in range(len(items))]
    ladder = pl.DataFrame({"ladder": "L", "model": models, "compute_flops": flops})
    return pl.DataFrame(rows, schema=dict(SCORES.columns), orient="row"), ladder


@pytest.fixture(scope="module")
def planted() -> Analysis:
    ladder = simulated_ladder(rungs=10)
    return analyse(simulated_scores(TRUTHS, ladder, n_items=500, seed=1), ladder)


def test_the_tables_keep_their_contracts(planted: Analysis) -> None:
    assert kept(planted.curves, CURVES)
    assert kept(planted.verdicts, VERDICTS)
    assert kept(planted.cliffs, CLIFFS)
    assert kept(planted.rises, RISES)
    assert kept(planted.seeds, SEEDS)
    assert len(planted.verdicts) == len(TRUTHS) * 6
    assert len(planted.curves) == len(TRUTHS) * 6 * 10


def test_a_chain_of_eight_tokens_is_a_mirage(planted: Analysis) -> None:
    cliff = row(planted.cliffs, "chain")
    assert (cliff["label"], cliff["metric_makes_it"], cliff["skill_broke"]) == ("mirage", "yes", "no")
    assert cliff["hard_metric"] == "exact_match"
    assert cliff[f"under_{NLL}"] == "disappears"
    assert cliff["under_brier_score"] is None
    assert cliff["answer_tokens"] == pytest.approx(8)
    assert row(planted.verdicts, "chain", "exact_match")["verdict"] == "cliff"
    assert row(planted.verdicts, "chain", NLL)["verdict"] == "smooth"
    parts = [cliff[f"{part}_part"] for part in ("likelihood", "probability", "answer", "argmax")]
    assert sum(parts) == pytest.approx(1)
    assert 1 - parts[0] == pytest.approx(cliff["metric_share"])


def test_a_step_is_real_and_is_found_where_it_is(planted: Analysis) -> None:
    cliff = row(planted.cliffs, "step")
    assert (cliff["label"], cliff["metric_makes_it"], cliff["skill_broke"]) == ("real", "no", "yes")
    assert cliff[f"under_{NLL}"] == "survives"
    assert cliff["half_log10_x"] == pytest.approx(20.0, abs=0.15)
    for metric in ("exact_match", NLL):
        verdict, rise = row(planted.verdicts, "step", metric), row(planted.rises, "step", metric)
        assert verdict["verdict"] == "cliff"
        assert verdict["largest_gap"] > 0.7
        assert rise["half_log10_x"] == pytest.approx(20.0, abs=0.15)


@pytest.mark.parametrize(
    ("task", "verdict", "label"),
    [
        ("flat", "flat", "flat"),
        ("inverse", "inverse", "inverse"),
        ("easy", "saturated", "saturated"),
        ("one token", "smooth", "no cliff"),
    ],
)
def test_what_is_no_cliff(planted: Analysis, task: str, verdict: str, label: str) -> None:
    assert row(planted.verdicts, task, "exact_match")["verdict"] == verdict
    cliff = row(planted.cliffs, task)
    assert (cliff["label"], cliff["cliff"], cliff["metric_makes_it"], cliff["skill_broke"]) == (label, "no", None, None)
    assert cliff[f"under_{NLL}"] is None


def test_zero_of_n_is_wilsons_bound(planted: Analysis) -> None:
    verdict = row(planted.verdicts, "flat", "exact_match")
    assert verdict["zero_of_n_upper_bound"] == pytest.approx(1.96**2 / (500 + 1.96**2), abs=1e-5)
    assert row(planted.verdicts, "flat", NLL)["zero_of_n_upper_bound"] is None


def test_results_do_not_depend_on_other_subtasks_or_the_order() -> None:
    ladder = simulated_ladder(rungs=6)
    truths = {"a": TRUTHS["chain"], "b": TRUTHS["step"]}
    scores = simulated_scores(truths, ladder, n_items=60)
    whole = analyse(scores, ladder)
    again = analyse(scores.sample(fraction=1, shuffle=True, seed=1), ladder.reverse())
    alone = analyse(scores.filter(pl.col("task") == "b"), ladder)
    for one, two, three in zip(whole, again, alone, strict=True):
        assert one.equals(two)
        assert three.equals(one.filter(pl.col("task") == "b"))
    assert not analyse(scores, ladder, Settings(seed=1)).verdicts.equals(whole.verdicts)


def test_without_the_stages_in_the_middle_the_waterfall_has_two_parts() -> None:
    late = Truth(shape="chain", tokens=10, top_logit=4.5, logits_per_decade=1.5)
    ladder = simulated_ladder(rungs=10)
    scores = simulated_scores({"chain": late}, ladder, n_items=300)
    cliff = analyse(scores.filter(pl.col("metric").is_in(["exact_match", NLL])), ladder).cliffs.row(0, named=True)
    assert (cliff["metric_makes_it"], cliff["chain_share"], cliff["answer_part"]) == ("yes", None, None)
    assert "by the likelihood alone" in cliff["reason"]
    assert cliff["likelihood_part"] == pytest.approx(1 - cliff["metric_share"])
    step = simulated_scores({"step": TRUTHS["step"]}, ladder, n_items=300).filter(pl.col("metric") == "exact_match")
    bare = analyse(step, ladder).cliffs.row(0, named=True)
    assert (bare["cliff"], bare["label"], bare["metric_makes_it"]) == ("yes", "no likelihood", None)


def test_nll_per_answer_stands_in_and_means_alone_never_say_that_the_skill_broke() -> None:
    ladder = simulated_ladder(rungs=8)
    scores = simulated_scores({"step": TRUTHS["step"]}, ladder, n_items=300)
    pair = scores.filter(pl.col("metric").is_in(["exact_match", NLL]))
    per_answer = pair.with_columns(
        metric=pl.col("metric").replace({NLL: "nll_nats_per_answer"}),
        score=pl.when(pl.col("metric") == NLL).then(4 * pl.col("score")).otherwise("score"),
    )
    found = analyse(per_answer, ladder).cliffs.row(0, named=True)
    assert (found["label"], found["skill_broke"]) == ("real", "yes")
    score = pl.col("score")
    means = pair.group_by("model", "task", "subtask", "metric", maintain_order=True).agg(
        mean=score.mean(), standard_error=score.std() / pl.len().sqrt(), n=pl.len().cast(pl.Int64)
    )
    unknown = {"chance": pl.lit(None, pl.Float64), "reason": pl.lit(None, pl.String)}
    means = means.with_columns(**unknown).select(list(AGGREGATES.columns))
    told = analyse(SCORES.empty(), ladder, aggregates=means).cliffs.row(0, named=True)
    assert (told["cliff"], told["metric_makes_it"], told["skill_broke"]) == ("yes", "no", "open")
    assert "without them" in told["reason"]
    assert told["synchrony"] is None


def test_a_change_of_depth_is_said_beside_the_answer_that_it_touches() -> None:
    ladder = simulated_ladder(rungs=8)
    scores = simulated_scores({"step": TRUTHS["step"]}, ladder, n_items=100)
    for after, said in ((3, True), (0, False)):
        deep = ladder.with_columns(family=pl.lit("f"), n_layers=pl.Series([1 if i <= after else 2 for i in range(8)]))
        told = analyse(scores, deep).cliffs.row(0, named=True)
        assert bool(told["architecture"]) is said
        assert ("from f, 1 layer to f, 2 layers between 10^19.7 and 10^20.3 FLOPs" in told["reason"]) is said


def test_no_scores_are_no_verdicts() -> None:
    found = analyse(SCORES.empty(), simulated_ladder())
    assert [len(frame) for frame in found] == [0] * 5


def test_curves_are_plain_means_in_the_metrics_own_unit() -> None:
    scores, ladder = small([[1.0, 3.0], [2.0, 2.0]], NLL)
    curves = analyse(scores, ladder).curves
    assert curves["mean"].to_list() == [2.0, 2.0]
    assert curves["standard_error"].to_list() == [1.0, 0.0]  # standard deviation sqrt 2, over sqrt 2
    assert curves["n"].to_list() == [2, 2]


def test_lower_is_better_scores_are_turned_round_by_their_range() -> None:
    rng = np.random.default_rng(0)
    p = np.repeat([0.1, 0.1, 0.1, 0.9, 0.9, 0.9], 200).reshape(6, 200)
    right = (rng.random((6, 200)) < p).astype(float)
    hard, ladder = small(right.tolist())
    brier, _ = small((2 * (1 - right)).tolist(), "brier_score")
    found = analyse(pl.concat([hard, brier]), ladder).verdicts
    assert found["verdict"].to_list() == ["cliff", "cliff"]
    assert found["largest_gap"][0] == pytest.approx(found["largest_gap"][1])
    assert found["rise"].to_list() == pytest.approx([found["rise"][1] * 2, found["rise"][1]])  # each in its own unit
    assert found["emergence_score"][0] == pytest.approx(found["emergence_score"][1])  # scale-free
    assert found["first_mean"].to_list()[0] > 1.5  # brier_score, in its own unit
    for score in ("emergence_score", "linearity"):
        low, high = found[f"{score}_low"].to_list(), found[f"{score}_high"].to_list()
        assert all(a < b < c for a, b, c in zip(low, found[score], high, strict=True))
        assert low == [pytest.approx(low[0], rel=0.1)] * 2  # other draws, but of the same spread


def test_two_models_of_equal_compute_are_seeds_of_one_rung() -> None:
    ladder = simulated_ladder(rungs=6, seeds=2)
    found = analyse(simulated_scores({"t": TRUTHS["step"]}, ladder, n_items=100), ladder)
    verdict = row(found.verdicts, "t", NLL)
    assert verdict["n_rungs"] == 6
    curve = found.curves.filter(pl.col("metric") == NLL)
    assert len(curve) == 12
    assert verdict["first_mean"] == pytest.approx(curve["mean"][:2].mean())


def test_sizes_that_differ_by_rounding_are_one_rung() -> None:
    scores, ladder = small([[0.0, 1.0]] * 3, compute=[1e18, 1e18 * (1 + 1e-12), 1e19])
    assert analyse(scores, ladder).verdicts["n_rungs"][0] == 2


def test_items_and_rungs_without_scores_are_left_out_and_told() -> None:
    rng = np.random.default_rng(0)
    items: list[list[float | None]] = (rng.random((7, 40)) < 0.5).astype(float).tolist()
    items[2][3] = items[4][5] = None
    items[6] = [None] * 40
    scores, ladder = small(items)
    found = analyse(scores, ladder)
    verdict = found.verdicts.row(0, named=True)
    assert (verdict["n_items"], verdict["n_rungs"], verdict["decades"]) == (38, 6, 5.0)
    assert "2 of 40 items left out" in verdict["reason"]
    assert "no scores for m6" in verdict["reason"]
    assert "no scores for m6" in found.cliffs["reason"][0]
    assert found.curves["n"].to_list() == [38] * 6 + [0]
    assert found.curves["mean"][6] is None


def test_an_inverse_curve_says_how_far_it_falls() -> None:
    """Of ten sizes the first three have .9, the last three .2; NLL rises from 1 to 3. No rise is no rise of 0."""
    falling = [[1.0] * 90 + [0.0] * 10] * 3 + [[1.0] * 50 + [0.0] * 50] * 4 + [[1.0] * 20 + [0.0] * 80] * 3
    nats = [[1.0] * 100] * 3 + [[2.0] * 100] * 4 + [[3.0] * 100] * 3
    for items, metric, fall in ((falling, "exact_match", "0.7 of its range"), (nats, NLL, "2 nats")):
        verdict = analyse(*small(items, metric)).verdicts.row(0, named=True)
        assert (verdict["verdict"], verdict["rise"]) == ("inverse", None)
        assert verdict["reason"] == f"the largest third of sizes is worse than the smallest by {fall}"


def test_a_curve_that_got_worse_first_says_so() -> None:
    """Down to 0 and up again, to more than at first or to less; not without the fall, nor where it falls at the end."""
    for right, said in (
        ([80, 40, 0, 0, 0, 0, 0, 100, 100, 100], True),
        ([80, 40, 0, 0, 0, 0, 0, 75, 75, 75], True),
        ([5, 0, 0, 0, 0, 0, 0, 100, 100, 100], False),
        ([30, 90, 90, 90, 90, 90, 90, 90, 10], False),
    ):
        verdict = analyse(*small([[1.0] * n + [0.0] * (100 - n) for n in right])).verdicts.row(0, named=True)
        assert verdict["verdict"] in ("cliff", "open", "smooth")
        assert verdict["reason"].endswith(", and it got worse first") == said


def stepping(rungs: int = 12) -> tuple[pl.DataFrame, pl.DataFrame]:
    ladder = simulated_ladder(rungs=rungs)
    scores = simulated_scores({"step": TRUTHS["step"]}, ladder, n_items=100)
    return scores.filter(pl.col("metric").is_in(["exact_match", NLL])), ladder


@pytest.mark.parametrize("lacking", [[8, 9, 10, 11], [11], [0], [*range(6, 12)], [*range(1, 9)], [*range(12)]])
def test_a_likelihood_that_is_not_known_from_end_to_end_leaves_the_cliff_alone(lacking: list[int]) -> None:
    """Exact match steps up at the middle, whatever NLL is known of: no answer without both ends, or of four sizes."""
    scores, ladder = stepping()
    gone = pl.col("model").is_in([ladder["model"][i] for i in lacking]) & (pl.col("metric") == NLL)
    cliff = analyse(scores.filter(~gone), ladder).cliffs.row(0, named=True)
    assert (cliff["cliff"], cliff["label"]) == ("yes", "no likelihood")
    if len(lacking) == 12:
        assert cliff["reason"].endswith("; no likelihood, so questions 2 and 3 are not asked")
    elif len(lacking) == 8:
        assert "; no likelihood (nll_nats_per_token: the ladder is too short: 4 sizes over" in cliff["reason"]
    else:
        end = "first" if lacking == [0] else "last"
        assert f"; no likelihood (nll_nats_per_token: not known at the {end} size of exact_match)," in cliff["reason"]


def test_sizes_that_two_metrics_share_may_be_too_few() -> None:
    """Each is known of five sizes or more, both are of four."""
    scores, ladder = stepping(8)
    names, metric = ladder["model"].to_list(), pl.col("metric")
    no_hard = (metric == "exact_match") & pl.col("model").is_in(names[1:3])
    no_nll = (metric == NLL) & pl.col("model").is_in(names[5:7])
    cliff = analyse(scores.filter(~no_hard & ~no_nll), ladder).cliffs.row(0, named=True)
    assert "(nll_nats_per_token: at the sizes that have exact_match too, the ladder is too short: 4 " in cliff["reason"]


@pytest.mark.parametrize("lacking", [pl.col("model").str.contains("size0[34]"), pl.col("example_id") < 10])
def test_a_gap_in_the_middle_stages_leaves_the_likelihood_alone(lacking: pl.Expr) -> None:
    """No size or item that NLL and exact match share is given up for a stage between them."""
    ladder = simulated_ladder(rungs=9)
    scores = simulated_scores({"step": TRUTHS["step"]}, ladder, n_items=100)
    found = analyse(scores.filter(~(lacking & (pl.col("metric") == "token_probability"))), ladder)
    cliff, exact = found.cliffs.row(0, named=True), row(found.verdicts, "step", "exact_match")
    assert (cliff["label"], cliff["chain_share"]) == ("real", None)
    assert "by the likelihood alone" in cliff["reason"]
    assert (exact["n_rungs"], exact["n_items"]) == (9, 100)
    assert "left out" not in exact["reason"].replace("whichever size but the first is left out", "")


def test_logged_choices_have_all_parts_of_the_waterfall() -> None:
    """The grade rises in one gap, so a stage's share of the climb is that gap's share of its own rise.

    NLL per answer makes 1/6 of its rise there, the choice's probability .3/.8, that among the listed .4/.8.
    """
    stages = {
        "nll_nats_per_answer": [6, 5, 4, 3, 2, 1, 0],
        "target_probability": [0.0, 0.0, 0.1, 0.2, 0.5, 0.7, 0.8],
        "choice_probability": [0.2, 0.2, 0.2, 0.3, 0.7, 0.9, 1.0],
        "multiple_choice_grade": [0, 0, 0, 0, 1, 1, 1],
    }
    given = [small([[float(mean)] * 100 for mean in means], metric) for metric, means in stages.items()]
    cliff = analyse(pl.concat([scores for scores, _ in given]), given[0][1]).cliffs.row(0, named=True)
    parts = [cliff[f"{part}_part"] for part in ("likelihood", "probability", "answer", "argmax")]
    assert parts == pytest.approx([1 / 6, 3 / 8 - 1 / 6, 1 / 8, 1 / 2], abs=1e-6)
    assert (cliff["metric_share"], cliff["chain_share"]) == pytest.approx((5 / 6, 5 / 8), abs=1e-6)
    assert "by the likelihood alone" not in cliff["reason"]


def test_models_and_items_that_the_likelihood_lacks_are_left_out_and_told() -> None:
    scores, ladder = stepping()
    gone = (pl.col("model") == ladder["model"][3]) | (pl.col("example_id") < 30)
    found = analyse(scores.filter(~(gone & (pl.col("metric") == NLL))), ladder)
    cliff, exact = found.cliffs.row(0, named=True), row(found.verdicts, "step", "exact_match")
    assert cliff["label"] == "real"
    assert (exact["n_rungs"], exact["n_items"]) == (11, 70)
    without = "without the likelihood or the hard metric"
    for told in (exact, cliff):
        assert told["reason"].endswith(f"; size03-seed0 left out: {without}; 30 of 100 items left out: {without}")
    means = scores.filter(pl.col("metric") == "exact_match", pl.col("example_id") >= 30)
    first = means.filter(pl.col("model") == ladder["model"][0])["score"].mean()
    assert exact["first_mean"] == pytest.approx(first)
    assert found.curves.filter(metric="exact_match")["n"].to_list() == [100] * 12  # curves show all there is
    few = scores.filter(~((pl.col("example_id") > 0) & (pl.col("metric") == NLL)))
    assert "nll_nats_per_token: a single item" in analyse(few, ladder).cliffs["reason"].item()


@pytest.mark.parametrize(("known", "label", "n"), [(50, "real", 50), (49, "no likelihood", 100)])
def test_a_likelihood_of_under_half_of_the_questions_leaves_the_cliff_to_all_of_them(
    known: int, label: str, n: int
) -> None:
    scores, ladder = stepping()
    found = analyse(scores.filter((pl.col("example_id") < known) | (pl.col("metric") != NLL)), ladder)
    cliff, exact = found.cliffs.row(0, named=True), row(found.verdicts, "step", "exact_match")
    assert (cliff["label"], exact["n_items"]) == (label, n)
    assert ("known of 49 of the 100 items of exact_match, half are needed" in cliff["reason"]) == (known == 49)


def test_ids_may_be_any_whole_numbers() -> None:
    scores, ladder = stepping(6)
    plain = analyse(scores, ladder)
    ids = np.sort(np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 100))  # hashes, in the order of the items
    hashed = analyse(scores.with_columns(example_id=pl.Series(ids[scores["example_id"].to_numpy()])), ladder)
    assert all(one.equals(other) for one, other in zip(plain, hashed, strict=True))


ZERO, ONE = [0.0] * 100, [1.0] * 100


@pytest.mark.parametrize(
    ("items", "verdict", "reason"),
    [
        ([ZERO] * 6, "flat", "its rise is under 0.1"),
        ([ONE] * 6, "saturated", "smallest third"),
        ([[0.5] * 100] * 6, "flat", "its rise is under 0.1"),
        ([[1.0], [0.0], [1.0], [0.0], [1.0], [1.0]], "not judged", "a single item"),
        ([[0.0, 1.0]] * 4, "not judged", "too short: 4 sizes over 3.0 decades"),
        ([[None, 1.0], [1.0, None]] * 3, "not judged", "no item has a score on every model"),
        ([[None, None]] * 6, "not judged", "no item has a score"),
    ],
)
@pytest.mark.parametrize("metric", ["exact_match", NLL])
def test_degenerate_scores_have_a_label_and_a_reason(
    items: list[list[float | None]], verdict: str, reason: str, metric: str
) -> None:
    if metric == NLL and verdict == "saturated":
        verdict, reason = "flat", "its rise is under 0.1"
    found = analyse(*small(items, metric))
    row = found.verdicts.row(0, named=True)
    assert row["verdict"] == verdict
    assert reason in row["reason"]
    cliff = found.cliffs["reason"].item()
    told = metric == "exact_match" and reason != "no item has a score"
    assert (reason in cliff) if told else cliff == "no scores under exact_match or multiple_choice_grade"
    assert kept(found.verdicts, VERDICTS)
    assert kept(found.curves, CURVES)
    assert kept(found.cliffs, CLIFFS)


def test_a_model_belongs_to_the_curves_of_every_ladder_that_lists_it() -> None:
    scores, sizes = small([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    steps = sizes.filter(pl.col("model").is_in(["m0", "m3"])).with_columns(ladder=pl.lit("K"))
    found = analyse(scores, pl.concat([sizes.head(3), steps]))
    means = found.curves.select("ladder", "model", "mean").rows()
    assert means == [("K", "m0", 0), ("K", "m3", 0.5), ("L", "m0", 0), ("L", "m1", 0.5), ("L", "m2", 1)]
    assert found.verdicts.select("ladder", "n_rungs").rows() == [("K", 2), ("L", 3)]


def test_sizes_too_close_together_are_no_ladder() -> None:
    scores, ladder = small([[0.0, 1.0]] * 6, compute=[1e18 * (1 + i) for i in range(6)])
    assert "over 0.8 decades" in analyse(scores, ladder).verdicts["reason"][0]


def test_metrics_that_are_not_tested_have_curves_alone() -> None:
    scores, ladder = small([[0.0, -1.0]] * 6, "margin_nats")
    own, _ = small([[0.0, 7.0]] * 6, "a metric of one's own")
    found = analyse(pl.concat([scores, own]), ladder)
    assert found.curves["metric"].unique().sort().to_list() == ["a metric of one's own", "margin_nats"]
    assert found.verdicts.is_empty()


@pytest.mark.parametrize(
    ("value", "metric", "says"),
    [
        (
            float("nan"),
            "exact_match",
            "model m1, subtask t, metric exact_match, example_id 1: nan is no finite number",
        ),
        (float("inf"), NLL, f"model m1, subtask t, metric {NLL}, example_id 1: inf is no finite number"),
        (1.5, "exact_match", "model m1, subtask t, metric exact_match, example_id 1: 1.5 is outside 0 to 1"),
        (-1.0, NLL, f"model m1, subtask t, metric {NLL}, example_id 1: -1 is outside 0 to inf"),
    ],
)
def test_scores_that_cannot_be_are_refused(value: float, metric: str, says: str) -> None:
    scores, ladder = small([[0.0, 1.0], [0.0, value]], metric)
    with pytest.raises(InputError, match=r"^[^\n]*$") as refused:
        analyse(scores, ladder)
    assert says in str(refused.value)


def test_a_score_given_twice_is_refused() -> None:
    scores, ladder = small([[0.0, 1.0]] * 2)
    with pytest.raises(InputError, match="model m0, subtask t, metric exact_match, example_id 0: is given twice"):
        analyse(pl.concat([scores, scores.head(1)]), ladder)


def test_ladders_that_cannot_be_are_refused() -> None:
    scores, ladder = small([[0.0, 1.0]] * 2)
    with pytest.raises(InputError, match=r"column 'compute_flops' is missing"):
        analyse(scores, ladder.drop("compute_flops"))
    with pytest.raises(InputError, match=r"model m0: compute_flops is 0.0"):
        analyse(scores, ladder.with_columns(compute_flops=pl.lit(0.0)))
    with pytest.raises(InputError, match="model m0: stands in the ladder twice"):
        analyse(scores, pl.concat([ladder, ladder.head(1)]))
    with pytest.raises(InputError, match=r"no ladder lists any model of the scores \(m0, m1\): add their rows"):
        analyse(scores, ladder.with_columns(model=pl.lit("x") + pl.col("model")))


def odd_scores(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A random small table of the kinds that break statistics: constants, ties, nulls, alternations, extremes."""
    rng = np.random.default_rng(seed)
    models, n = int(rng.integers(1, 10)), int(rng.choice([1, 2, 3, 20]))
    flops = 10 ** (18 + np.sort(rng.uniform(0, 4, models)))
    if models > 3:
        flops[1], flops[2] = flops[0], flops[3] * (1 - 1e-12)
    parts = []
    for metric, high in (("exact_match", 1.0), (NLL, float(rng.choice([1e-9, 1.0, 1e4]))), ("brier_score", 2.0)):
        m = np.arange(models)[:, None]
        kinds = [0 * m, 1 + 0 * m, m % 2, m >= models // 2, rng.random((models, n)), rng.integers(0, 2, (models, n))]
        items = high * np.broadcast_to(kinds[rng.integers(len(kinds))], (models, n)).astype(float)
        items[rng.random((models, n)) < rng.choice([0.0, 0.1])] = np.nan
        scores, ladder = small(
            [[None if np.isnan(s) else s for s in row] for row in items.tolist()], metric, list(flops)
        )
        parts.append(scores)
    return pl.concat(parts), ladder


@pytest.mark.parametrize("seed", range(40))
def test_odd_scores_are_labelled_without_a_warning(seed: int) -> None:
    found = analyse(*odd_scores(seed), Settings(draws=99))
    assert kept(found.curves, CURVES)
    assert kept(found.verdicts, VERDICTS)
    assert kept(found.cliffs, CLIFFS)
    assert found.verdicts["reason"].null_count() == 0
    assert found.verdicts.filter(pl.col("n_rungs") < 5)["verdict"].is_in(["not judged"]).all()
