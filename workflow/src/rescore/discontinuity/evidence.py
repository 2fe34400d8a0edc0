"""What the draws say on questions 2 and 3: does the metric make the cliff, did the skill itself break."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from rescore.discontinuity.acceleration import factor
from rescore.discontinuity.bootstrap import Bootstrap, Estimate
from rescore.discontinuity.conventions import Conventions
from rescore.discontinuity.estimands import PARTS, Estimands, breaks, estimands
from rescore.discontinuity.leave_out import gaps, left_out
from rescore.discontinuity.progress import Floats

Reply = Literal["yes", "no", "open"]

_WORSE = 0.1  # of the first NLL: so much worse at a later size, and the likelihood got worse first
_RUNGS_MIN = 5  # from where the likelihood turns, or without the first size, before anything is computed


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Numbers with intervals, and the chances that the answers rest on.

    Attributes
    ----------
    estimates
        See `questions.Answer`.
    p_metric
        The smaller of P(M >= .25) and, with four stages, P(C >= .1).
    p_metric_without_first
        The same of the ladder without its first size, as one that starts there would have; None of a short ladder.
    p_capped, p_faster
        P(alpha >= 1/2) in the window, with the guessing floor; and the smaller of that and the same without it.
    factor_low
        `acceleration_factor` with or without the floor: the smaller.
    p_below
        Share of draws with a contrast of .6 in or below the window, with any inner size left out; 0 of a short ladder.
    p_without
        Share of draws with a break in or below the window without any one size from the third on; 1 of 5 sizes. Without
        the second, a break after it cannot be told from even growth.
    p_anywhere
        P(alpha >= 1/2) in the window or anywhere below it: the largest.
    p_from_turn
        `p_faster` of the ladder from the size on where the likelihood turns; None where it did not get worse first.
    together
        K; None without items.
    four_stages
        Whether the two stages in the middle are known.
    """

    estimates: Mapping[str, Estimate]
    p_metric: float
    p_metric_without_first: float | None
    p_capped: float
    p_faster: float
    factor_low: float
    p_below: float
    p_without: float
    p_anywhere: float
    p_from_turn: float | None
    worse_first: bool
    together: float | None
    four_stages: bool

    @classmethod
    def of(
        cls,
        x: Floats,
        point: Floats,
        draws: Floats,
        *,
        guess: float | None,
        together: float | None,
        conventions: Conventions,
    ) -> "Evidence":
        """Compute it from rung means [stages, rungs] and draws of them [stages, rungs, draws]."""
        c = conventions
        value, drawn = _both(x, point, draws, guess, c)
        alpha, low, anywhere = (
            _bootstrap(value, drawn, name, c) for name in ("acceleration", "acceleration_low", "acceleration_anywhere")
        )
        p_below, p_without = _without(x, point, draws, guess, drawn, c)
        later = None
        if len(x) > _RUNGS_MIN:
            later = _metric(*_both(x[1:], point[:, 1:], draws[:, 1:], guess, c), c)
        turn = _turn(x, point[0], draws[0], float(value.window_start[0]), c)
        from_turn = None
        if turn and len(x) - turn >= _RUNGS_MIN:
            from_turn = _faster(*_both(x[turn:], point[:, turn:], draws[:, turn:], guess, c), c)
        return cls(
            estimates=_estimates(value, drawn, alpha, c),
            p_metric=_metric(value, drawn, c),
            p_metric_without_first=later,
            p_capped=alpha.at_least(c.acceleration_min),
            p_faster=min(alpha.at_least(c.acceleration_min), low.at_least(c.acceleration_min)),
            factor_low=float(factor(np.array(low.value))),
            p_below=p_below,
            p_without=p_without,
            p_anywhere=max(alpha.at_least(c.acceleration_min), anywhere.at_least(c.acceleration_min)),
            p_from_turn=from_turn if turn is not None else None,
            worse_first=turn is not None,
            together=together,
            four_stages=len(point) == len(PARTS),
        )

    def metric(self, conventions: Conventions) -> tuple[Reply, str]:
        """Question 2 and its reason."""
        sure, share = conventions.confidence, self.estimates["metric_share"]
        reply = _reply(self.p_metric, sure)
        note = "" if self.four_stages else ", by the likelihood alone"
        later = self.p_metric_without_first
        if reply != "open" and later is not None and _reply(later, sure) not in (reply, "open"):
            return "open", "the metric's share hangs on where the ladder starts"
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
        if held < sure <= self.p_capped and self.p_faster < sure:
            return "open", f"{fast}, but {_times(self.factor_low)} without the guessing floor", self.p_faster
        if held < sure <= self.p_faster:
            return "open", f"{fast}, but it hangs on one of the sizes", self.p_faster
        if held < sure:
            return "open", f"{fast} ({_times(alpha.low)} to {_times(alpha.high)})", self.p_faster
        if self.together is None:
            return "open", f"{fast}; whether its items change together is not known without them", held
        if self.together < c.synchrony_min:
            return "open", f"{fast}, but items change at different sizes", held
        if self.worse_first and (self.p_from_turn is None or self.p_from_turn < sure):
            return "open", f"{fast}, but it got worse first", held
        return "yes", fast if inside >= sure else "the likelihood broke below the window", held


def _both(
    x: Floats, point: Floats, draws: Floats, guess: float | None, conventions: Conventions
) -> tuple[Estimands, Estimands]:
    value = estimands(x[:, None], point[:, :, None], guess, conventions)
    return value, estimands(x[:, None], draws, guess, conventions)


def _without(
    x: Floats, point: Floats, draws: Floats, guess: float | None, drawn: Estimands, conventions: Conventions
) -> tuple[float, float]:
    """`p_below` and `p_without`."""
    c = conventions
    if len(x) <= _RUNGS_MIN:
        return 0.0, 1.0
    kept = left_out(gaps(point[-1:]))
    low, largest = breaks(x[kept][:, :, None], draws[:, kept], guess, c)  # [ladders, draws]
    below = largest >= (c.break_min if len(x) >= c.break_rungs_min else np.inf)
    inner = kept[1] == 1  # the second size is there
    p_below = float(min(below.mean(1).min(), (drawn.break_uncapped >= c.break_min).mean()))
    return p_below, float(((low >= c.acceleration_min) | below)[inner].mean(1).min())


def _bootstrap(value: Estimands, drawn: Estimands, name: str, conventions: Conventions) -> Bootstrap:
    return Bootstrap.of(float(getattr(value, name)[0]), getattr(drawn, name), conventions)


def _metric(value: Estimands, drawn: Estimands, conventions: Conventions) -> float:
    c = conventions
    share = _bootstrap(value, drawn, "metric_share", c).at_least(c.metric_share_min)
    if len(drawn.parts) < len(PARTS):
        return share
    return min(share, _bootstrap(value, drawn, "chain_share", c).at_least(c.chain_share_min))


def _faster(value: Estimands, drawn: Estimands, conventions: Conventions) -> float:
    names = ("acceleration", "acceleration_low")
    return min(_bootstrap(value, drawn, name, conventions).at_least(conventions.acceleration_min) for name in names)


def _turn(x: Floats, point: Floats, draws: Floats, a: float, conventions: Conventions) -> int | None:
    """The rung below the window at which the likelihood is worst, where it is shown to be worse than the first."""
    worst = int(np.where(x <= a, point, np.inf).argmin())
    worse = draws[worst] < draws[0] - _WORSE * abs(point[0])
    return worst if worst and worse.mean() >= conventions.confidence else None


def _estimates(value: Estimands, drawn: Estimands, alpha: Bootstrap, conventions: Conventions) -> dict[str, Estimate]:
    c = conventions
    names = {field.name for field in fields(Estimands)} - {"parts", "acceleration_low", "acceleration_anywhere"}
    renamed = {"break_uncapped": "break_contrast"}
    found = {renamed.get(name, name): _bootstrap(value, drawn, name, c).interval() for name in sorted(names)}
    found["acceleration_factor"] = Estimate(*(float(end) for end in factor(np.array(alpha.interval()))))
    width, widths = value.window_end - value.window_start, drawn.window_end - drawn.window_start
    found["window_decades"] = Bootstrap.of(float(width[0]), widths, c).interval()
    parts = PARTS if len(value.parts) == len(PARTS) else PARTS[:1]
    for name, part, draws in zip(parts, value.parts, drawn.parts, strict=False):
        found[name] = Bootstrap.of(float(part[0]), draws, c).interval()
    return found


def _reply(p: float, sure: float) -> Reply:
    return "yes" if p >= sure else "no" if p <= 1 - sure else "open"


def _times(factor_: float) -> str:
    return f"{factor_:.1f} times" if factor_ < 20 else "over 20 times"
