"""The quantities that curves can run along, always on a log scale."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

_DECIMALS = 6  # of places: sizes that agree to here are one rung, whatever the rounding of their FLOPs


class Axis(NamedTuple):
    """A column of the ladder: how to ask for it, what its decades are of, its unit, and whether better is lower."""

    description: str
    noun: str
    unit: str
    falls: bool = False

    def places(self, values: pl.Series) -> NDArray[np.float64]:
        """Lay values out along the axis: log10, and minus that where less is better; [values], null is NaN."""
        found: NDArray[np.float64] = np.log10(values.to_numpy()).round(_DECIMALS) * (-1 if self.falls else 1)
        return found


AXES = {
    "compute_flops": Axis("training compute in FLOPs", "compute", "FLOPs"),
    "n_params": Axis("the number of parameters", "parameters", "parameters"),
    "pretraining_loss_nats": Axis(
        "the pretraining loss in nats per token", "pretraining loss", "nats/token", falls=True
    ),
}
"""By the column that holds it."""


def checkpoint_ladders(models: pl.DataFrame) -> frozenset[str]:
    """Name the ladders that follow one size through its training: equal parameters, growing compute.

    `models` has columns ladder, n_params, compute_flops: a table of ladders, or CURVES. A ladder with a model that
    lacks either is not named.

    >>> rows = [("sizes", 10, 60.0), ("sizes", 20, 120.0), ("steps", 10, 60.0), ("steps", 10, 600.0)]
    >>> sorted(checkpoint_ladders(pl.DataFrame(rows, ["ladder", "n_params", "compute_flops"], orient="row")))
    ['steps']
    """
    size, compute = pl.col("n_params"), pl.col("compute_flops")
    found = models.group_by("ladder").agg(
        one=(size.n_unique() == 1) & (compute.n_unique() > 1) & ~size.has_nulls() & ~compute.has_nulls()
    )
    return frozenset(found.filter("one")["ladder"])
