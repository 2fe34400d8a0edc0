"""Question 1 without one of the sizes: a cliff that depends on a single size is not shown."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from rescore.discontinuity.conventions import Conventions
from rescore.discontinuity.progress import Floats, has_cliff, isotonic, onset, progress

_INNER_MAX = 18  # sizes left out in turn; of a ladder of more, those beside the largest gaps


def left_out(gaps: Floats) -> NDArray[np.intp]:
    """Which rungs stay where each inner one is left out in turn: [rungs - 1, ladders].

    Parameters
    ----------
    gaps
        Share of the rise in each gap, the largest of all metrics; [rungs - 1].
    """
    inner = np.arange(1, len(gaps))
    if len(inner) > _INNER_MAX:
        beside = np.maximum(gaps[:-1], gaps[1:])
        inner = np.sort(np.argsort(-beside, kind="stable")[:_INNER_MAX] + 1)
    every = np.arange(len(gaps) + 1)
    return np.stack([np.delete(every, r) for r in inner], axis=1)


def gaps(point: Floats) -> Floats:
    """Share of the rise in each gap between two rungs, the largest of all metrics: [metrics, rungs] to [rungs - 1]."""
    largest: Floats = np.diff(progress(isotonic(point.T))[0], axis=0).max(1)
    return largest


def cliffs_without(
    x: Floats,
    Y: Floats,
    kept: NDArray[np.intp],
    unit: Floats,
    likelihood: NDArray[np.bool_],
    conventions: Conventions,
) -> NDArray[np.bool_]:
    """Which draws have a cliff with one inner rung left out: [ladders, metrics, draws].

    Two things keep an honest cliff from hanging on the rung that is missing. A step after the second rung lies in the
    first gap of the ladder without that rung: there the first gap counts. And a rung beside the end of the lower part
    is bridged in logits too, since a straight line lies above a curve that bends upwards.

    Parameters
    ----------
    x, Y
        Places and draws of the rung means; [rungs] and [rungs, metrics, draws].
    kept
        See `left_out`.
    unit, likelihood
        What a rise is a share of, and whether a metric is an NLL; [metrics].
    conventions
        The constants.
    """
    c = conventions
    G, rise = progress(isotonic(Y[kept]))
    size = rise / unit[:, None]
    have = has_cliff(x[kept][:, :, None, None], G, size, c)
    missing = np.arange(len(x)).sum() - kept.sum(0)
    have |= (missing == 1)[:, None, None] & (G[1] - G[0] >= c.jump_min) & (size >= c.rise_min)
    above = int(np.searchsorted(x, x[0] + c.lower_part * (x[-1] - x[0])))
    for ladder in np.flatnonzero(np.isin(missing, (above - 1, above))):
        bridged = _bridged(x, Y, int(missing[ladder]), likelihood, c)
        G, rise = progress(isotonic(bridged))
        late = onset(x[:, None, None], G, c) <= c.onset_max
        have[ladder] |= late & (rise / unit[:, None] >= c.rise_min)
    return have


def _bridged(x: Floats, Y: Floats, r: int, likelihood: NDArray[np.bool_], conventions: Conventions) -> Floats:
    """Put rung r on the line between its neighbours, in logits, or of an NLL in log nats; never beyond the two."""
    c = conventions
    w = (x[r] - x[r - 1]) / (x[r + 1] - x[r - 1])
    low, high = Y[r - 1], Y[r + 1]  # [metrics, draws]
    logits = [logit(np.clip(y, c.bridge_clip, 1 - c.bridge_clip)) for y in (low, high)]
    log_nats = [np.log(np.maximum(-y, c.nll_floor_nats)) for y in (low, high)]
    straight = np.where(
        likelihood[:, None],
        -np.exp((1 - w) * log_nats[0] + w * log_nats[1]),
        expit((1 - w) * logits[0] + w * logits[1]),
    )
    bridged = Y.copy()
    bridged[r] = np.clip(straight, np.minimum(low, high), np.maximum(low, high))
    return bridged
