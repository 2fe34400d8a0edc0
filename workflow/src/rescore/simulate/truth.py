"""Scores of simulated models whose skill is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from rescore.simulate.chain import Floats, expit
from rescore.tables import SCORES

Shape = Literal["chain", "power", "step", "hinge", "flat", "inverse"]


@dataclass(frozen=True, kw_only=True)
class Truth:
    """How the skill behind a simulated task grows over the ladder.

    The token's logit against log10 compute: "chain" and "inverse" are a line up or down, "power" follows
    NLL = A C^-exponent, "step" is low and then high, "hinge" is low and then a line up, "flat" is low.
    """

    shape: Shape
    tokens: int = 8  # of an answer
    logits_per_decade: float = 1.0  # slope of chain, inverse and hinge
    top_logit: float = 3.0  # at the top of the ladder (chain)
    low: float = 0.3  # token probability at the low level (step, hinge, flat)
    high: float = 0.95  # and at the high level; where inverse starts
    at: float = 0.5  # where the step or the hinge is, as a share of the ladder's log-compute span
    width: float = 0.0  # share of the span over which the step rises, a line in logits around `at`
    exponent: float = 0.2  # of power
    top_nll_nats: float = 0.1  # of power: the token's NLL at the top of the ladder

    def token_logit(self, log10_compute: Floats) -> Floats:
        """Logit of a right token at each log10 FLOPs, on a ladder that spans them; [rungs]."""
        x: Floats = np.asarray(log10_compute, float)
        first, last = float(x.min()), float(x.max())
        at = first + self.at * (last - first)
        match self.shape:
            case "chain":
                return self.top_logit + self.logits_per_decade * (x - last)
            case "power":
                return _logit_of_nll(self.top_nll_nats * 10 ** (self.exponent * (last - x)))
            case "step":
                if not self.width:
                    return np.where(x > at, _logit(self.high), _logit(self.low))
                half = self.width * (last - first) / 2
                return np.interp(x, [at - half, at + half], [_logit(self.low), _logit(self.high)])
            case "hinge":
                return _logit(self.low) + self.logits_per_decade * np.maximum(x - at, 0.0)
            case "flat":
                return np.full(x.shape, _logit(self.low))
            case "inverse":
                return _logit(self.high) - self.logits_per_decade * (x - first)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What varies around the truth: standard deviations in logits."""

    model: float = 0.1  # of a model, on all its answers
    item: float = 0.75  # of an item's difficulty
    item_by_model: float = 0.5  # of a model's luck with an item
    token: float = 1.0  # of an item's single tokens


def simulated_items(
    truth: Truth,
    log10_compute: Floats,
    *,
    n_items: int,
    rng: np.random.Generator,
    spread: Spread | None = None,
) -> dict[str, Floats]:
    """Scores of simulated models on the same simulated items.

    Each token is right or wrong with its own probability, independently given the item. Exact match is 1
    where all are right, token accuracy their share, token edit distance 0.9 (1 - accuracy), a stand-in that
    moves as edit distances do, NLL the mean of -log p over the answer's tokens, token probability that of p, and target
    probability their product.

    `log10_compute` is that of the models; [models]. Returns scores by metric; [models, items] each.
    """
    sd = spread or Spread()
    models, k = len(log10_compute), truth.tokens
    skill = truth.token_logit(log10_compute) + sd.model * rng.standard_normal(models)  # [models]
    logit = (
        skill[:, None, None]
        + sd.item * rng.standard_normal((1, n_items, 1))
        + sd.item_by_model * rng.standard_normal((models, n_items, 1))
        + sd.token * rng.standard_normal((1, n_items, k))
    )  # [models, items, tokens]
    right = rng.random(logit.shape) < expit(logit)
    nats = np.logaddexp(0.0, -logit)  # -log expit
    accuracy = right.mean(2)
    return {
        "exact_match": right.all(2).astype(float),
        "token_accuracy": accuracy,
        "token_edit_distance": 0.9 * (1 - accuracy),
        "nll_nats_per_token": nats.mean(2),
        "token_probability": expit(logit).mean(2),
        "target_probability": np.exp(-nats.sum(2)),
    }


def simulated_ladder(*, rungs: int = 8, decades: float = 4.0, seeds: int = 1, name: str = "simulated") -> pl.DataFrame:
    """Return ladder, model, compute_flops: evenly spaced sizes from 1e18 FLOPs, `seeds` models of each."""
    rows = [
        (name, f"size{rung:02d}-seed{seed}", float(10 ** (18 + decades * rung / (rungs - 1))))
        for rung in range(rungs)
        for seed in range(seeds)
    ]
    return pl.DataFrame(rows, schema=["ladder", "model", "compute_flops"], orient="row")


def simulated_scores(
    truths: Mapping[str, Truth],
    ladder: pl.DataFrame,
    *,
    n_items: int = 500,
    seed: int = 0,
    spread: Spread | None = None,
) -> pl.DataFrame:
    """Scores of a ladder (model, compute_flops) on tasks with known truth, in the form of the table SCORES.

    A task has one subtask of the same name, `n_items` items, and a stream of draws of its own, by its place in
    `truths`.
    """
    x = np.log10(ladder["compute_flops"].to_numpy())
    models = ladder["model"].to_list()
    streams = np.random.SeedSequence(seed).spawn(len(truths))
    frames = [
        pl.DataFrame(
            {
                "model": np.repeat(models, n_items),
                "task": task,
                "subtask": task,
                "example_id": np.tile(np.arange(n_items), len(models)),
                "metric": metric,
                "score": scores.ravel(),
                "reason": None,
            },
            schema=dict(SCORES.columns),
        )
        for (task, truth), stream in zip(truths.items(), streams, strict=True)
        for metric, scores in simulated_items(
            truth, x, n_items=n_items, rng=np.random.default_rng(stream), spread=spread
        ).items()
    ]
    return pl.concat([SCORES.empty(), *frames])


def _logit_of_nll(nll: Floats) -> Floats:
    return np.asarray(-(nll + np.log(-np.expm1(-nll))))  # exp(nll) would overflow


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))
