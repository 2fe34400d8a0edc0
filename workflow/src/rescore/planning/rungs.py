"""The curves of a run, cell by cell: one point a size, with what an interval needs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from rescore.discontinuity.measured import oriented, width
from rescore.planning.curve import Curve, Floats, curve_from_models
from rescore.planning.link import Link
from rescore.tables import METRICS, Metric

CELL = ("ladder", "task", "subtask", "metric")
"""What names a cell."""

NO_ERROR = "no standard error is known"
_MANY = 1_000_000  # items where their number is not known: no correction for few
_DECIMALS = 6  # of log10 compute: as sizes are told apart when curves are tested


@dataclass(frozen=True)
class Points:
    """A cell's curve, and the models behind it.

    Attributes
    ----------
    key
        Ladder, task, subtask, metric.
    curve
        One point a size, on [0, 1] with higher better, or an NLL in nats. Its covariance is diagonal: a table of curves
        does not say how the sizes vary together.
    models
        Models that have a mean, by compute; [models].
    log10_compute, mean
        Of these models; `mean` as in `curve`; [models] each.
    """

    key: tuple[str, str, str, str]
    curve: Curve
    models: tuple[str, ...]
    log10_compute: Floats
    mean: Floats

    @property
    def metric(self) -> Metric:
        """What the cell is scored by."""
        return _on_a_scale(METRICS[self.key[3]])

    @property
    def link(self) -> Link:
        """The link scale: that of the tests, for an NLL the one on which a power law is straight."""
        return "log" if self.metric.link == "log" else "logit"

    @property
    def upward(self) -> Floats:
        """Means with higher better: of an NLL, minus its nats; [rungs]."""
        return -self.curve.mean if self.link == "log" else self.curve.mean

    def draws(self, number: int, rng: np.random.Generator) -> Floats:
        """Curves drawn around this one from the errors of its means, with higher better; [rungs, number].

        Normal, cut at the ends of the metric's range. 0.5 / n^2 is added to the variance of a bounded score, as on the
        link scale, so that 0 of n is not known exactly.
        """
        bounded = self.link == "logit"
        extra = 0.5 / np.asarray(self.curve.n, float) ** 2 if bounded else 0.0
        spread = np.sqrt(np.diag(self.curve.covariance) + extra)[:, None]
        drawn = self.upward[:, None] + spread * rng.standard_normal((len(spread), number))
        return np.clip(drawn, 0.0, 1.0) if bounded else np.minimum(drawn, 0.0)


def points(curves: pl.DataFrame, *, untested: Sequence[str] = ()) -> Iterator[Points]:
    """Give the cells of CURVES whose metric has a link scale, in the order of their names; see also `with_compute`.

    `untested` are negative log-likelihoods without one that are wanted too, on that of the others.

    Models of equal compute are seeds of one size. They answer the same items, so the error of their mean is taken to
    be the mean of their standard errors, as if the items erred alike under every seed, plus the variance of the mean
    between seeds. A cell whose models have no standard error keeps its means and has NaN for a covariance.
    """
    tested = [name for name, metric in METRICS.items() if metric.link]
    known = with_compute(curves).filter(pl.col("metric").is_in([*tested, *untested]), pl.col("mean").is_not_null())
    known = known.sort("compute_flops", "model").with_columns(pl.col("n").fill_null(_MANY))
    for key, rows in sorted(known.partition_by(CELL, as_dict=True, maintain_order=True).items()):
        yield _cell(rows, (str(key[0]), str(key[1]), str(key[2]), str(key[3])))


def with_compute(models: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows of ladders of which every model's compute is known: without it models have no order here.

    Parameters
    ----------
    models
        Columns ladder and compute_flops: CURVES, or CHAIN.
    """
    return models.filter(pl.col("compute_flops").is_not_null().all().over("ladder"))


def _cell(rows: pl.DataFrame, key: tuple[str, str, str, str]) -> Points:
    metric = _on_a_scale(METRICS[key[3]])
    x = np.log10(rows["compute_flops"].to_numpy()).round(_DECIMALS)
    mean = oriented(rows["mean"].to_numpy(), metric)
    error = rows["standard_error"].to_numpy() / width(metric)
    n = rows["n"].to_numpy().astype(float)
    return Points(key, curve_from_models(x, mean, error, n), tuple(rows["model"]), x, mean)


def _on_a_scale(metric: Metric) -> Metric:
    return metric if metric.link else replace(metric, link="log")


def in_own_unit(value: float, metric: Metric) -> float:
    """Bring a share of [0, 1] with higher better back to a bounded metric's own unit and direction."""
    return metric.low + (value if metric.higher_is_better else 1.0 - value) * width(metric)
