"""Do the items of a subtask move together, or one by one at different sizes."""

import numpy as np

from rescore.discontinuity.conventions import Conventions
from rescore.discontinuity.progress import Floats

_QUIET = 0.25  # of the largest mean fall
_OVERLAP = 0.5  # of what falls elsewhere too, from which on items count as falling together


def synchrony(nll: Floats, conventions: Conventions) -> float:
    """K, the squared mean over the mean square of the items' fall in NLL over the gap where the mean falls most.

    1: all at once; f: a share f of the items falls in that gap and the others elsewhere. Taken over the items that
    move, whose fall (last two rungs against first two) is at least a quarter of its upper quartile; 0 if there are
    fewer than 10. The median variance of the quiet gaps before, where the mean falls by at most a quarter as much, is
    taken off. Where noise hides the variance, K is at most the gap's share of the falls, if other items fall elsewhere.

    `nll` is that of each item on each rung, averaged over seeds, nats; [rungs, items].

    >>> together = np.repeat([[2.0], [2.0], [0.0], [0.0]], 12, axis=1)
    >>> halves = np.concatenate([together[:, :6], together[[0, 2, 2, 2]][:, 6:]], axis=1)
    >>> from rescore.discontinuity.conventions import CONVENTIONS
    >>> synchrony(together, CONVENTIONS), synchrony(halves, CONVENTIONS)
    (1.0, 0.5)
    """
    c = conventions
    falls, total = -np.diff(nll, axis=0), nll[:2].mean(0) - nll[-2:].mean(0)
    moved = total >= c.items_moved * max(float(np.quantile(total, 0.75)), 1e-9)
    falls = falls[:, moved]
    if falls.shape[1] < c.items_min:
        return 0.0
    means = falls.mean(1)  # [gaps]
    gap = int(means.argmax())
    before = falls[:gap][means[:gap] <= _QUIET * means[gap]]
    quiet = float(np.median(before.var(1))) if len(before) else 0.0
    square = float(means[gap] ** 2)
    together = square / max(square + max(float(falls[gap].var()) - quiet, 0.0), 1e-12)
    return min(together, _overlap(falls, gap))


def _overlap(falls: Floats, gap: int) -> float:
    """Share of the falls that a gap has, where other items fall elsewhere; 1 where the same do; falls [gaps, items].

    With D an item's fall in the gap and d that in all gaps not beside it, whose noise D does not share, the overlap
    mean(D d) / (mean(D) mean(d)) is about 1 where every item falls in both and 0 where each falls in one alone. From
    1/2 on items count as the same, since easy ones fall earlier; so they do where little falls elsewhere.
    """
    far = falls[[g for g in range(len(falls)) if abs(g - gap) > 1]].sum(0)  # [items]
    here, elsewhere = float(falls[gap].mean()), float(far.mean())
    same = float(np.mean(falls[gap] * far)) >= _OVERLAP * here * elsewhere
    return 1.0 if elsewhere < _QUIET * here or same else here / (here + elsewhere)
