"""The curves of a run over training compute: one point per size, with the variance that intervals need."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rescore.discontinuity.cells import oriented, width
from rescore.tables import METRICS, Metric

Floats = NDArray[np.float64]

CELL = ("ladder", "task", "subtask", "metric")
"""The columns that identify a curve."""

NO_ERROR = "no standard error is known"
_MANY = 1_000_000  # items where their number is not known: no correction for few
_DECIMALS = 6  # of log10 compute: closer models are of one size, as where curves are tested


@dataclass(frozen=True)
class Curve:
    """One metric's curve over a ladder."""

    key: tuple[str, str, str, str]  # ladder, task, subtask, metric
    metric: Metric
    models: tuple[str, ...]  # those that have a mean, by compute
    log10_compute: Floats  # [models]
    x: Floats  # log10 FLOPs of the sizes, strictly ascending: [sizes]
    mean: Floats  # in [0, 1] with higher better, or an NLL in nats: [sizes]
    variance: Floats  # of the sampling of items and of seeds; NaN where no standard error is known: [sizes]
    n: Floats  # number of items of each mean: [sizes]

    @property
    def in_nats(self) -> bool:
        """Whether it is a negative log-likelihood, else a bounded score."""
        return self.metric.link == "log"

    @property
    def upward(self) -> Floats:
        """Means with higher better, an NLL as minus its nats: [sizes]."""
        return -self.mean if self.in_nats else self.mean

    def in_own_unit(self, value: float) -> float:
        """Bring a value of the scale of `mean` back to the metric's own unit and direction."""
        if self.in_nats:
            return value
        return self.metric.low + (value if self.metric.higher_is_better else 1.0 - value) * width(self.metric)


def read_curves(curves: pl.DataFrame, *, untested: Sequence[str] = ()) -> Iterator[Curve]:
    """Yield the curves of tested metrics, sorted by `CELL`, of the ladders whose every model has a known compute.

    Models of equal compute are seeds of one size. They answer the same items, so the variance of a size is the square
    of the mean of their standard errors (an upper bound) plus that between seeds, var(means) / seeds. A size's n is the
    smallest of its models'. `untested` names further metrics to read, each a negative log-likelihood.
    """
    tested = [name for name, metric in METRICS.items() if metric.link]
    known = curves.filter(
        pl.col("compute_flops").is_not_null().all().over("ladder"),
        pl.col("metric").is_in([*tested, *untested]),
        pl.col("mean").is_not_null(),
    )
    known = known.sort("compute_flops", "model").with_columns(pl.col("n").fill_null(_MANY))
    for key, rows in sorted(known.partition_by(CELL, as_dict=True, maintain_order=True).items()):
        yield _curve(rows, (str(key[0]), str(key[1]), str(key[2]), str(key[3])))


def _curve(rows: pl.DataFrame, key: tuple[str, str, str, str]) -> Curve:
    metric = METRICS[key[3]]
    if metric.link is None:
        metric = replace(metric, link="log")
    log10_compute = np.log10(rows["compute_flops"].to_numpy()).round(_DECIMALS)
    means = oriented(rows["mean"].to_numpy(), metric)
    errors = rows["standard_error"].to_numpy() / width(metric)
    n = rows["n"].to_numpy().astype(float)
    x, size = np.unique(log10_compute, return_inverse=True)
    seeds = [size == i for i in range(len(x))]
    return Curve(
        key=key,
        metric=metric,
        models=tuple(rows["model"]),
        log10_compute=log10_compute,
        x=x,
        mean=np.array([means[mine].mean() for mine in seeds]),
        variance=np.array([errors[mine].mean() ** 2 + _between_seeds(means[mine]) for mine in seeds]),
        n=np.array([n[mine].min() for mine in seeds]),
    )


def _between_seeds(means: Floats) -> float:
    """Variance of the mean over the seeds of a size; 0 for a single seed, where it is not known."""
    return float(means.var(ddof=1) / len(means)) if len(means) > 1 else 0.0
