"""Seeds of one size as a distribution: does a capability come to a model by chance."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from rescore.discontinuity.conventions import Conventions
from rescore.discontinuity.progress import Floats, isotonic

Kind = Literal["lottery", "graded", "unclear"]

_SEEDS_MIN = 3  # of a size, before its spread says anything
_ENDS = 0.25  # a seed is at an end within this of 0 or 1
_GRADED_MODELS = 6


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """How far the seeds of each size have come.

    rho is the variance between seeds over the largest that it could be, m (1 - m), pooled over the sizes whose mean is
    .1 to .9 and which have three seeds or more.
    """

    progress: tuple[Floats, ...]  # on the hard metric, 0 where the ladder starts and 1 where it ends; by rung, [models]
    kind: Kind | None  # None where no size has three seeds
    rho: float | None  # None where there is no size to pool


@functools.cache
def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share."""
    low, high = proportion_confint(hits, trials, method="wilson")
    return float(low), float(high)


def through(progress: Floats) -> tuple[int, tuple[float, float]]:
    """Seeds of one size that are past half of the rise, and the Wilson 95% interval of their share."""
    passed = int((progress > 0.5).sum())
    return passed, wilson(passed, len(progress))


def seeds(hard: Sequence[Floats], n_items: float, conventions: Conventions) -> Seeds:
    """Look at the seeds of every size.

    Zhao et al. 2025 (arXiv:2502.17356): where a capability comes by chance, the mean over seeds rises smoothly over
    models that each jump. A lottery has rho >= .5, seeds at both ends at one size or more, and no more than half of
    them between the ends; graded seeds have rho <= .25, of six models or more.

    `hard` are means of the hard metric, higher is better, on [0, 1]; by rung, [models] each. The sampling error of
    `n_items`, NaN if not known, is subtracted from their variance.

    >>> from rescore.discontinuity.conventions import CONVENTIONS
    >>> found = seeds([np.zeros(3), np.array([0.0, 0.8, 0.8]), np.full(3, 0.8)], np.inf, CONVENTIONS)
    >>> found.kind, round(found.rho, 2)  # progress 0, 1, 1: variance 2/9 over 2/9
    ('lottery', 1.0)
    """
    ends = isotonic(np.array([mine.mean() for mine in hard]))[[0, -1]]
    rise = float(ends[1] - ends[0])
    if rise <= 0 or all(len(mine) < _SEEDS_MIN for mine in hard):
        return Seeds(progress=(), kind=None, rho=None)
    come = tuple((mine - ends[0]) / rise for mine in hard)
    between = [mine for mine in come if len(mine) >= _SEEDS_MIN and 0.1 <= mine.mean() <= 0.9]
    if not between:
        return Seeds(progress=come, kind="unclear", rho=None)
    luck = [0.0 if np.isnan(n_items) else float(np.mean(m * (1 - m)) / n_items / rise**2) for m in hard if len(m)]
    kept = [i for i, mine in enumerate(come) if any(mine is one for one in between)]
    variance = sum(max(float(come[i].var()) - luck[i], 0.0) for i in kept)
    largest = sum(float(come[i].mean() * (1 - come[i].mean())) for i in kept)
    rho = min(variance / largest, 1.0)
    pooled = np.concatenate(between)
    middle = int(((pooled > _ENDS) & (pooled < 1 - _ENDS)).sum())
    both = any((mine <= _ENDS).any() and (mine >= 1 - _ENDS).any() for mine in between)
    few_between = wilson(middle, len(pooled))[0] <= 0.5
    kind: Kind = "unclear"
    if rho >= conventions.lottery_rho_min and both and few_between:
        kind = "lottery"
    elif rho <= conventions.graded_rho_max and len(pooled) >= _GRADED_MODELS:
        kind = "graded"
    return Seeds(progress=come, kind=kind, rho=rho)
