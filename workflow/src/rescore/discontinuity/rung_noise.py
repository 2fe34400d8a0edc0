"""Noise of a rung beyond its items, measured from seeds or from the last checkpoints of a run where there are any."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import chi2

from rescore.discontinuity.conventions import Conventions
from rescore.discontinuity.progress import Floats

LAST_PART = 0.2
"""Share of training at its end whose checkpoints differ by noise alone, about a line (Heineman et al. 2025)."""

_CHECKPOINTS_MIN = 5
_RUNGS_MIN = 3  # with fewer, a median does not keep out a rung where only some seeds have broken
_MEDIAN = 2 / np.pi  # a median of variances tells so much of what their mean does


class RungNoise(NamedTuple):
    """Standard deviation of a model in logits of a token, and what it is from."""

    logits: float
    source: Literal["seeds", "checkpoints", "convention"]

    def put_into(self, conventions: Conventions) -> Conventions:
        """Return the conventions with this noise in place of the fixed one."""
        return replace(conventions, rung_sd_logits=self.logits)


def rung_noise(
    x: Floats, nll: Floats | None, models: Sequence[int], conventions: Conventions, *, in_training: bool = False
) -> RungNoise:
    """Measure rung noise in log odds of exp(-NLL), moderated by the fixed one (Smyth 2004; prior_df).

    From seeds: the median over rungs of the variance between their models, as a rung where only some seeds have broken
    says nothing of the others. It takes three rungs above the NLL's floor. Else, of one model in training, from its
    last checkpoints (5 or more in the last fifth): what they leave about a line. Else the fixed one.

    `x` and `models` are places of the rungs and how many models each has; [rungs]. `nll` is that of the models in the
    order of the rungs, nats per token; [models].
    """
    fixed = conventions.rung_sd_logits
    if nll is None:
        return RungNoise(fixed, "convention")
    n = np.maximum(nll, conventions.nll_floor_nats)
    z = -(n + np.log(-np.expm1(-n)))
    rungs = zip(np.split(z, ends := np.cumsum(models)[:-1]), np.split(nll, ends), strict=True)
    seeds = [
        (float(mine.var(ddof=1)), len(mine) - 1)
        for mine, own in rungs
        if len(mine) > 1 and own.mean() > conventions.nll_floor_nats
    ]
    last = x >= x[-1] + np.log10(1 - LAST_PART)
    if len(seeds) >= _RUNGS_MIN:
        found = float(np.median([variance * df / chi2.median(df) for variance, df in seeds]))
        df, source = _MEDIAN * sum(df for _, df in seeds), "seeds"
    elif in_training and np.count_nonzero(last) >= _CHECKPOINTS_MIN:
        df, source = float(np.count_nonzero(last) - 2), "checkpoints"
        residual = z[last] - np.polyval(np.polyfit(x[last] - x[-1], z[last], 1), x[last] - x[-1])
        found = float(residual @ residual) / df
    else:
        return RungNoise(fixed, "convention")
    prior = conventions.prior_df
    return RungNoise(float(np.sqrt((prior * fixed**2 + df * found) / (prior + df))), source)  # type: ignore[arg-type]
