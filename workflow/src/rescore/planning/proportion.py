"""A share with its interval."""

from typing import NamedTuple

from rescore.discontinuity.seeds import wilson


class Proportion(NamedTuple):
    """A share and its 95% interval; all None of nothing."""

    share: float | None
    low: float | None
    high: float | None


def proportion(count: int | None, n: int) -> Proportion:
    """Share of `count` in `n`, with Wilson's 95% interval; None for an unknown count, or for n = 0.

    >>> [round(value, 4) for value in proportion(0, 100)]
    [0.0, 0.0, 0.037]
    """
    if count is None or not n:
        return Proportion(None, None, None)
    low, high = wilson(count, n)
    return Proportion(count / n, float(low) if count else 0.0, float(high) if count < n else 1.0)
