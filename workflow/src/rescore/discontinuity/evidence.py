"""Questions 2 and 3: does the metric make the cliff, did the skill itself break. What the draws say on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rescore.discontinuity.conventions import Conventions
from rescore.discontinuity.curve_verdicts import gaps, left_out
from rescore.discontinuity.estimands import PARTS, breaks, estimands, factor
from rescore.discontinuity.progress import Floats
from rescore.discontinuity.resampling import Bootstrap, Estimate

Reply = Literal["yes", "no", "open"]

_ESTIMATES = (
    "metric_share",
    "chain_share",
    "hidden_progress",
    "acceleration",
    "break_contrast",
    "break_at",
    "window_start",
    "half",
    "window_end",
    "window_decades",
)
_WORSE = 0.1  # of the first NLL: so much worse at a later size, and the likelihood got worse first
_RUNGS_MIN = 5  # fewer sizes than this are not looked at alone


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Numbers with intervals, and the chances that the answers rest on.

    `p_below` and `p_without` are computed only where a yes may follow; without the second size, a break after it cannot
    be told from even growth.
    """

    estimates: Mapping[str, Estimate]  # of `Estimands`, with acceleration_factor and `PARTS`; NaN if not known
    p_metric: float  # the smaller of P(M >= .25) and, with four stages, P(C >= .1)
    p_metric_without_first: float | None  # the same without the first size; None if too short, or if open anyway
    p_capped: float  # P(alpha >= 1/2) in the window with the guessing floor
    p_faster: float  # the smaller of that and the same without the floor
    factor_low: Estimate  # `acceleration_factor` with or without the floor: the smaller
    p_below: float  # share of draws with a contrast of .6 in or below the window, with any inner size left out
    p_without: float  # share of draws that still have a break without any one size from the third on
    p_anywhere: float  # P(alpha >= 1/2) in the window or anywhere below it: the largest
    p_from_turn: float | None  # `p_faster` from the size on where the likelihood turns; None where not known
    got_worse_first: bool  # whether the likelihood is worse at some size below the window than at the first
    synchrony: float | None  # K; None without items
    four_stages: bool  # whether the two stages in the middle are known

    def metric(self, conventions: Conventions) -> tuple[Reply, str]:
        """Question 2 and its reason."""
        sure, share = conventions.confidence, self.estimates["metric_share"]
        reply = _reply(self.p_metric, sure)
        note = "" if self.four_stages else ", by the likelihood alone"
        later = self.p_metric_without_first
        if reply != "open" and later is not None and _reply(later, sure) not in (reply, "open"):
            return "open", "the metric's share depends on where the ladder starts"
        said = f"the likelihood shares {1 - share.value:.0%} of the climb{note}"
        return reply, said if reply != "open" else f"{said} ({1 - share.high:.0%} to {1 - share.low:.0%})"

    def skill(self, conventions: Conventions) -> tuple[Reply, str, float]:
        """Question 3, its reason, and the chance that it rests on."""
        c, alpha = conventions, self.estimates["acceleration_factor"]
        sure = c.confidence - c.break_slack
        inside = self.p_faster if self.p_without >= c.break_without else 0.0
        held = max(inside, self.p_below if self.p_below >= c.break_below else 0.0)
        fast = f"the likelihood grew {_times(alpha.value)} as fast as before"
        if self.p_anywhere <= 1 - c.confidence:
            return "no", f"{fast}, and nowhere three times", self.p_anywhere
        if held < sure <= self.p_faster:
            return "open", f"{fast}, but it depends on one of the sizes", self.p_faster
        if held < sure <= self.p_capped:
            low = self.factor_low
            return "open", f"{fast}, but {_times(low.value)} ({_range(low)}) without the guessing floor", self.p_faster
        if held < sure and self.p_capped <= 1 - c.confidence:
            most = _times(float(factor(np.array(self.estimates["break_contrast"].high))))
            return "open", f"{fast}, but below the cliff it may have grown {most} as fast", self.p_faster
        if held < sure:
            return "open", f"{fast} ({_range(alpha)}, a break from 3 on)", self.p_faster
        if self.synchrony is None:
            return "open", f"{fast}; whether its items change together is not known without them", held
        if self.synchrony < c.synchrony_min:
            return "open", f"{fast}, but items change at different sizes", held
        if self.got_worse_first and (self.p_from_turn is None or self.p_from_turn < sure):
            return "open", f"{fast}, but it got worse first", held
        return "yes", fast if inside >= sure else "the likelihood broke below the window", held


def evidence(
    x: Floats,
    point: Floats,
    draws: Floats,
    *,
    guess: float | None,
    synchrony: float | None,
    conventions: Conventions,
) -> Evidence:
    """Compute it from rung means [stages, rungs] and draws of them [stages, rungs, draws]."""
    c = conventions
    every = _Numbers(x, point, draws, guess, c)
    p_faster, p_metric, later = every.p_faster(), every.p_metric(), None
    if len(x) > _RUNGS_MIN and _reply(p_metric, c.confidence) != "open":
        later = _Numbers(x[1:], point[:, 1:], draws[:, 1:], guess, c).p_metric()
    turn = _turn(x, point[0], draws[0], float(every.value.window_start[0]), c)
    from_turn = None
    if turn and len(x) - turn >= _RUNGS_MIN:
        from_turn = _Numbers(x[turn:], point[:, turn:], draws[:, turn:], guess, c).p_faster()
    p_below, p_without = 0.0, 1.0
    if len(x) > _RUNGS_MIN and (p_faster >= c.confidence - c.break_slack or every.p_broken() >= c.break_below):
        p_below, p_without = _without_one(x, point, draws, guess, every, c)
    return Evidence(
        estimates=every.estimates(),
        p_metric=p_metric,
        p_metric_without_first=later,
        p_capped=every.p("acceleration"),
        p_faster=p_faster,
        factor_low=_factors(every.of("acceleration_low").interval()),
        p_below=p_below,
        p_without=p_without,
        p_anywhere=max(every.p("acceleration"), every.p("acceleration_anywhere")),
        p_from_turn=from_turn,
        got_worse_first=turn is not None,
        synchrony=synchrony,
        four_stages=len(point) == len(PARTS),
    )


class _Numbers:
    def __init__(self, x: Floats, point: Floats, draws: Floats, guess: float | None, conventions: Conventions) -> None:
        self.value = estimands(x[:, None], point[:, :, None], guess, conventions)
        self.draws = estimands(x[:, None], draws, guess, conventions)
        self.conventions = conventions

    def of(self, name: str) -> Bootstrap:
        return Bootstrap(float(getattr(self.value, name)[0]), getattr(self.draws, name), self.conventions)

    def p(self, name: str) -> float:
        """Chance that a contrast is at least 1/2."""
        return self.of(name).at_least(self.conventions.acceleration_min)

    def p_metric(self) -> float:
        share = self.of("metric_share").at_least(self.conventions.metric_share_min)
        if len(self.draws.parts) < len(PARTS):
            return share
        return min(share, self.of("chain_share").at_least(self.conventions.chain_share_min))

    def p_faster(self) -> float:
        return min(self.p("acceleration"), self.p("acceleration_low"))

    def p_broken(self) -> float:
        return float((self.draws.break_contrast >= self.conventions.break_min).mean())

    def estimates(self) -> dict[str, Estimate]:
        found = {name: self.of(name).interval() for name in _ESTIMATES}
        found["acceleration_factor"] = _factors(found["acceleration"])
        parts = PARTS if len(self.value.parts) == len(PARTS) else PARTS[:1]
        for name, part, draws in zip(parts, self.value.parts, self.draws.parts, strict=False):
            found[name] = Bootstrap(float(part[0]), draws, self.conventions).interval()
        return found


def _turn(x: Floats, point: Floats, draws: Floats, a: float, conventions: Conventions) -> int | None:
    """The rung below the window at which the likelihood is worst, where it is shown to be worse than the first."""
    worst = int(np.where(x <= a, point, np.inf).argmin())
    worse = draws[worst] < draws[0] - _WORSE * abs(point[0])
    return worst if worst and worse.mean() >= conventions.confidence else None


def _without_one(
    x: Floats, point: Floats, draws: Floats, guess: float | None, every: _Numbers, conventions: Conventions
) -> tuple[float, float]:
    c = conventions
    kept = left_out(gaps(point[-1:]))
    low, largest = breaks(x[kept][:, :, None], draws[:, kept], guess, c)  # [ladders, draws]
    below = largest >= (c.break_min if len(x) >= c.break_rungs_min else np.inf)
    has_second = kept[1] == 1
    p_below = min(float(below.mean(1).min()), every.p_broken())
    return p_below, float(((low >= c.acceleration_min) | below)[has_second].mean(1).min())


def _reply(p: float, sure: float) -> Reply:
    return "yes" if p >= sure else "no" if p <= 1 - sure else "open"


def _factors(alpha: Estimate) -> Estimate:
    return Estimate(*(float(end) for end in factor(np.array(alpha))))


def _range(factors: Estimate) -> str:
    return f"{_many(factors.low)} to {_times(factors.high)}"


def _times(factor_: float) -> str:
    return f"{_many(factor_)} times"


def _many(factor_: float) -> str:
    return f"{factor_:.1f}" if factor_ < 20 else "over 20"
