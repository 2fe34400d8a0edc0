"""The power of a ladder and a number of items: the three questions, asked of simulated subtasks of known truth."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rescore.discontinuity.conventions import Settings
from rescore.discontinuity.seeds import wilson
from rescore.discontinuity.three_questions import Answer, answer
from rescore.planning.curves import Floats
from rescore.simulate import Truth, simulated_items
from rescore.tables import PLANTED, POWER
from rescore.tables.axes import AXES
from rescore.tables.metrics import HARD_METRICS

REPLICATES = 40
ENOUGH = 0.8
"""A ladder answers where this share of each truth's subtasks gets the right answer."""

TOKENS = 10
_CHECKED = 3
_ITEMS_MIN = 10  # with fewer, a check says nothing,
_ITEMS_MAX = 5_000  # and more change no answer
_STAGES = ("token_probability", "target_probability", "exact_match")
_RIGHT = {"mirage": "mirage", "step": "the skill broke", "step over two gaps": "the skill broke"}
"""By truth, the right answer: a label, or question 3."""


def power(
    ladder: str,
    places: Sequence[float],
    n_items: int,
    settings: Settings,
    *,
    added: int = 0,
    replicates: int = REPLICATES,
) -> pl.DataFrame:
    """Answer the three questions of `replicates` subtasks of each truth, on a ladder's own sizes and seeds.

    Answers have 10 tokens. The mirage is a chain whose token's logit rises from -1.5 to 4.5 along the ladder. The step
    takes a token's probability from .3 to .95 in the middle gap, or over two gaps.

    `places` are the models' on the axis, log10, higher is better, equal for seeds of one size: [models]. `added` sizes
    go on top of them at their median gap, with as many models as the last size; the truths lie along the ladder thus
    made. Raises ValueError where a ladder of one size is to be continued. Returns the table POWER, one row per truth:
    how many cliffs were found, how their questions were answered, and the share of subtasks that got the right answer
    with its Wilson 95% interval.
    """
    x, models = _continued(*np.unique(np.asarray(places, float), return_counts=True), added)
    facts = {
        "ladder": ladder,
        "n_items": n_items,
        "sizes_added": added,
        "top_log10_x": float(x[-1]),
        "models": int(models.sum()),
        "sizes": len(x),
        "decades": float(np.ptp(x)),
        "replicates": replicates,
    }
    rows = []
    for truth, right in _RIGHT.items():
        row = dict.fromkeys(POWER.columns) | facts | {"truth": truth, "right_answer": right}
        if len(x) < settings.rungs_min or np.ptp(x) < settings.span_min:
            rows.append(row | {"reason": "the ladder is too short: nothing is judged on it"})
            continue
        streams = np.random.SeedSequence(settings.seed).spawn(replicates)
        found = [_replicate(_truth(truth, x), x, models, n_items, settings, np.random.default_rng(s)) for s in streams]
        cliffs = [one for one in found if one.cliff == "yes"]
        n_right = sum(one.label == right if right == "mirage" else one.skill_broke == "yes" for one in found)
        low, high = wilson(n_right, replicates)
        row |= {"cliff_found": len(cliffs)}
        for reply in ("yes", "no"):
            row[f"metric_{reply}"] = sum(one.metric_makes_it == reply for one in cliffs)
            row[f"skill_{reply}"] = sum(one.skill_broke == reply for one in cliffs)
        rows.append(row | {"right_share": n_right / replicates, "right_low": low, "right_high": high})
    return pl.DataFrame(rows, schema=dict(POWER.columns))


def smallest(power: pl.DataFrame) -> pl.DataFrame:
    """Keep of POWER, by ladder and n_items, the row of the fewest sizes from which on all ladders tried answer.

    A ladder answers where ENOUGH of every truth gets the right answer. A row has the least `right_share` of the three
    truths; there is none where the longest ladder tried does not answer.
    """
    by = ["ladder", "n_items"]
    share = pl.col("right_share").fill_null(0.0)
    least = power.with_columns(share).sort("right_share").group_by(*by, "sizes").first().sort("sizes", descending=True)
    answer = least.filter((pl.col("right_share") >= ENOUGH).cum_min().over(by))
    return answer.sort("sizes").group_by(by).first().sort(by)


def _continued(x: Floats, models: NDArray[np.intp], added: int) -> tuple[Floats, NDArray[np.intp]]:
    """Add sizes at the top, at the median gap and with as many models as the last has."""
    if not added:
        return x, models
    if len(x) < 2:
        raise ValueError("a ladder of one size has no gap to go on with")
    more = x[-1] + np.median(np.diff(x)) * np.arange(1, added + 1)
    return np.concatenate([x, more]), np.concatenate([models, np.repeat(models[-1:], added)])


def planted(curves: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Check the answers on simulated subtasks of the run's own ladders, three of each truth.

    A planted subtask has the models that the table CURVES holds for the ladder, and as many items as half of the
    subtasks have or more, up to 5,000. Returns the table PLANTED, one row per ladder and truth; none for a ladder that
    is too short to be judged, or whose subtasks have too few items.
    """
    found = [PLANTED.empty()]
    hard = curves.filter(pl.col("metric").is_in(HARD_METRICS), pl.col("n") > 0)
    for (ladder,), rows in hard.partition_by("ladder", as_dict=True, maintain_order=True).items():
        known = rows.unique("model", maintain_order=True)[settings.axis].drop_nulls()
        n_items = min(int(rows.unique("subtask").select(pl.col("n").median()).item()), _ITEMS_MAX)
        if n_items < _ITEMS_MIN:
            continue
        answered = power(
            str(ladder), AXES[settings.axis].places(known).tolist(), n_items, settings, replicates=_CHECKED
        ).filter(pl.col("reason").is_null())
        right = (pl.col("right_share") * pl.col("replicates")).round().cast(pl.Int64)
        found.append(answered.with_columns(right=right).select(list(PLANTED.columns)))
    return pl.concat(found)


def _truth(name: str, x: Floats) -> Truth:
    if name == "mirage":
        return Truth(shape="chain", tokens=TOKENS, top_logit=4.5, logits_per_decade=float(6 / np.ptp(x)))
    middle = len(x) // 2
    last = middle if name == "step" else middle + 1  # the rung from which on the skill is high
    at = (x[middle - 1] + x[last]) / 2
    width = 0.0 if name == "step" else float((x[last] - x[middle - 1]) / np.ptp(x))
    return Truth(shape="step", tokens=TOKENS, at=float((at - x[0]) / np.ptp(x)), width=width)


def _replicate(
    truth: Truth, x: Floats, models: NDArray[np.intp], n_items: int, settings: Settings, rng: np.random.Generator
) -> Answer:
    items = simulated_items(truth, np.repeat(x, models), n_items=n_items, rng=rng)
    stages = np.stack([-items["nll_nats_per_token"], *(items[name] for name in _STAGES)])  # [stages, models, items]
    ends = np.cumsum(models)
    rungs = [stages[:, end - m : end] for end, m in zip(ends, models, strict=True)]
    return answer(x, rungs, k=float(truth.tokens), seed=int(rng.integers(2**32)), conventions=settings.conventions)
