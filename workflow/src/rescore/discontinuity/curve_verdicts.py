"""Question 1, for every metric's curve: is there a cliff, and does it depend on a single size."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from rescore.discontinuity.conventions import Conventions
from rescore.discontinuity.progress import Floats, crossing, has_cliff, isotonic, largest_gap, onset, progress
from rescore.discontinuity.resampling import Bootstrap, Estimate

Verdict = Literal["cliff", "smooth", "flat", "saturated", "inverse", "not judged", "open"]

_INNER_MAX = 18  # sizes left out in turn; of a ladder of more, those beside the largest gaps


@dataclass(frozen=True, kw_only=True)
class CurveVerdict:
    """What one metric's curve is.

    `p_cliff` is the share of draws with a cliff; without one of the inner rungs, where the cliff depends on that one;
    None where not asked. `start`, `half` and `end` are places along the ladder's axis.
    """

    verdict: Verdict
    reason: str
    p_cliff: float | None
    onset: Estimate  # O
    largest_gap: Estimate  # J
    rise: float  # of the isotonic fit, on [0, 1] or in nats
    start: float  # where a tenth of the rise is made,
    half: Estimate  # half of it,
    end: float  # and nine tenths

    @property
    def rises(self) -> bool:
        """Whether there is a rise to ask about."""
        return self.verdict in ("cliff", "open", "smooth")


def judge_curves(
    x: Floats, point: Floats, draws: Floats, likelihood: NDArray[np.bool_], conventions: Conventions
) -> list[CurveVerdict]:
    """Judge the curves of one subtask.

    A cliff where 90% of draws have one, and 80% with any one rung but the first left out; none where at most half have,
    or at most a quarter without one of the inner rungs.
    Saturated: the lowest third has at least .95 in 90% of draws; inverse: the top third is below the bottom third by .1
    in 90%; flat: the rise is under .1 with 90% chance, or the measured one is and there is no cliff.

    `x` are places of the rungs, five or more [rungs]; `point` and `draws` rung means, higher is better, bounded metrics
    on [0, 1], an NLL as minus its nats [metrics, rungs] and [metrics, rungs, draws]; `likelihood` says whether a metric
    is an NLL, whose rise counts as a share of its first value [metrics].
    """
    c = conventions
    first = np.maximum(np.abs(point[:, 0]), c.nll_floor_nats / c.rise_min)  # a rise of less than the floor is none
    unit = np.where(likelihood, first, 1.0)  # [metrics]
    places, Y = x[:, None, None], draws.transpose(1, 0, 2)  # [rungs, metrics, draws]
    G, rise = progress(isotonic(Y))
    size = rise / unit[:, None]
    found = has_cliff(places, G, size, c).mean(1)  # [metrics]
    some = found > c.cliff_denied
    without = np.ones(len(found))
    if some.any():  # fewer curves with a size left out are most of the work
        kept = left_out(gaps(point))
        without[some] = _cliffs_without(x, Y[:, some], kept, unit[some], likelihood[some], c).mean(2).min(0)
    G1, rise1 = progress(isotonic(Y[:-1]))
    without_last = has_cliff(places[:-1], G1, rise1 / unit[:, None], c).mean(1)  # [metrics]
    third = max(len(x) // 3, 1)
    bottom, top = Y[:third].mean(0), Y[-third:].mean(0)
    fallen = point[:, :third].mean(1) - point[:, -third:].mean(1)  # [metrics]
    up_to_top = np.arange(len(Y))[:, None, None] <= 1 + Y[1:].argmax(0)  # the best size after the first
    worst = np.where(up_to_top, Y, np.inf).min(0)
    worse_first = (worst <= Y[0] - c.rise_min * unit[:, None]).mean(1) >= c.confidence
    saturated = ((bottom >= c.saturated_at).mean(1) >= c.cliff_confidence) & ~likelihood
    inverse = (top <= bottom - c.rise_min * unit[:, None]).mean(1) >= c.confidence
    G0, rise0 = progress(isotonic(point.T))
    late, gap = (onset(x[:, None], G0, c), onset(places, G, c)), (largest_gap(G0), largest_gap(G))
    start, half, end = (crossing(x[:, None], G0, level) for level in (c.window_low, 0.5, c.window_high))
    half_draws = crossing(places, G, 0.5)

    verdicts = []
    verdict: Verdict
    for j, rose in enumerate(rise0 / unit):
        denied = found[j] <= c.cliff_denied or without[j] <= c.cliff_without_denied
        surely = Bootstrap(float(rose), size[j], c).at_least(c.rise_min) <= 1 - c.confidence
        if saturated[j]:
            verdict, reason = "saturated", f"the smallest third of sizes has {c.saturated_at:g} or more"
        elif inverse[j]:
            fall = f"{fallen[j]:.2g} {'nats' if likelihood[j] else 'of its range'}"
            verdict, reason = "inverse", f"the largest third of sizes is worse than the smallest by {fall}"
        elif surely or (rose < c.rise_min and denied):
            verdict = "flat"
            reason = f"its rise is under {c.rise_min:g} of its {'first value' if likelihood[j] else 'range'}"
        else:
            verdict, reason = _cliff(float(found[j]), float(without[j]), float(without_last[j]), c)
            reason += ", and it got worse first" if worse_first[j] else ""
        p_cliff = float(without[j] if without[j] <= c.cliff_without_denied else found[j])
        verdicts.append(
            CurveVerdict(
                verdict=verdict,
                reason=reason,
                p_cliff=p_cliff if verdict in ("cliff", "smooth", "open") else None,
                onset=Bootstrap(float(late[0][j]), late[1][j], c).interval(),
                largest_gap=Bootstrap(float(gap[0][j]), gap[1][j], c).interval(),
                rise=float(rise0[j]),
                start=float(start[j]),
                half=Bootstrap(float(half[j]), half_draws[j], c).interval(),
                end=float(end[j]),
            )
        )
    return verdicts


def _cliff(found: float, without: float, without_last: float, conventions: Conventions) -> tuple[Verdict, str]:
    """The verdict from shares of draws with a cliff: of all sizes, without any inner one, without the last."""
    c = conventions
    said = f"{_percent(found)} of draws have a cliff"
    if found <= c.cliff_denied:
        return "smooth", said
    if without <= c.cliff_without_denied:
        return "smooth", f"{said}, but {_percent(without)} without one of the sizes: it depends on that one"
    least = min(found, without, without_last)
    if found >= c.cliff_confidence and least >= c.cliff_without:
        share = "all" if least == 1 else f"at least {_percent(least)} of"
        return "cliff", f"{share} draws have a cliff, whichever size but the first is left out"
    if without_last < c.cliff_without and without_last < min(found, without):
        return "open", f"{said}, but {_percent(without_last)} without the last size: it depends on the last size"
    if found < c.cliff_confidence:
        return "open", f"{said}, and a yes needs {c.cliff_confidence:.0%}"
    return "open", f"{said}, but {_percent(min(without, without_last))} without one of the sizes"


def _percent(share: float) -> str:
    """Put a share in whole per cent, rounded down: 89.6% is no 90%."""
    return f"{math.floor(100 * share + 1e-9)}%"


def gaps(point: Floats) -> Floats:
    """Share of the rise in each gap between two rungs, the largest of all metrics: [metrics, rungs] to [rungs - 1]."""
    largest: Floats = np.diff(progress(isotonic(point.T))[0], axis=0).max(1)
    return largest


def left_out(gaps: Floats) -> NDArray[np.intp]:
    """Which rungs stay if each inner one is left out in turn, of many those beside the largest gaps.

    `gaps` [rungs - 1] to indices [rungs - 1, ladders].
    """
    inner = np.arange(1, len(gaps))
    if len(inner) > _INNER_MAX:
        beside = np.maximum(gaps[:-1], gaps[1:])
        inner = np.sort(np.argsort(-beside, kind="stable")[:_INNER_MAX] + 1)
    every = np.arange(len(gaps) + 1)
    return np.stack([np.delete(every, r) for r in inner], axis=1)


def _cliffs_without(
    x: Floats,
    Y: Floats,
    kept: NDArray[np.intp],
    unit: Floats,
    likelihood: NDArray[np.bool_],
    conventions: Conventions,
) -> NDArray[np.bool_]:
    """Which draws have a cliff with one inner rung left out: [ladders, metrics, draws].

    Two things keep a true cliff from depending on the rung that is missing. A step after the second rung lies in the
    first gap of the ladder without that rung: there the first gap counts. And a rung beside the end of the lower part
    is bridged in logits too, since a straight line lies above a curve that bends upwards. x and Y are places [rungs]
    and draws [rungs, metrics, draws]; `kept` is as `left_out` returns it; a rise is a share of `unit` [metrics].
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
