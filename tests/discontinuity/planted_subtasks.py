"""Subtasks of known truth, and a look at whether a frame keeps its contract."""

import numpy as np
import polars as pl

from rescore.discontinuity.progress import Floats
from rescore.tables import Table


def subtask(
    logits: Floats,
    *,
    items: int = 300,
    seeds: int = 3,
    tokens: int = 8,
    rung_sd: float = 0.1,
    seed: int = 0,
) -> tuple[Floats, list[Floats]]:
    """Places over four decades, and stages [stage, models, items] of each rung.

    Every token is right with its own probability, given the item: token logits are the rung's (one number a rung, or
    one an item: [rungs, items]) plus what varies between models, items and tokens; answers are sampled.
    """
    rng = np.random.default_rng(seed)
    skill = np.asarray(logits, float)
    skill = skill[:, None] if skill.ndim == 1 else skill
    x = np.linspace(15.0, 19.0, len(skill))
    hard = 0.75 * rng.standard_normal((1, items, 1))
    rungs = []
    for r in range(len(skill)):
        z = skill[r][None, :, None] + hard + rung_sd * rng.standard_normal((seeds, 1, 1))
        z = z + 0.5 * rng.standard_normal((seeds, items, 1)) + rng.standard_normal((seeds, items, tokens))
        nats = np.logaddexp(0.0, -z)
        whole = np.exp(-nats.sum(2))
        right = rng.random(whole.shape) < whole
        rungs.append(np.stack([-nats.mean(2), np.exp(-nats).mean(2), whole, right.astype(float)]))
    return x, rungs


def chain(rungs: int = 10) -> Floats:
    """A token's logit that rises evenly: the metric alone makes the cliff."""
    return np.linspace(-1.5, 4.5, rungs)


def step(rungs: int = 10, gaps: int = 1) -> Floats:
    """A token's probability from .3 to .95 in the middle."""
    at = rungs // 2
    return np.interp(np.arange(rungs), [at - 1, at - 1 + gaps], [-0.85, 2.94])


def hinge(rungs: int = 10) -> Floats:
    """Level up to the middle, then even."""
    return -0.8 + 9 * np.maximum(np.linspace(0, 1, rungs) - 0.5, 0)


def kept(frame: pl.DataFrame, table: Table) -> bool:
    """Whether a frame keeps its contract, column by column."""
    nulls = {c for c in frame.columns if frame[c].null_count()}
    nan = [c for c, t in table.columns.items() if t == pl.Float64 and frame[c].is_nan().any()]
    return frame.schema == pl.Schema(dict(table.columns)) and nulls <= table.nullable and not nan
