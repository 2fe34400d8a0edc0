"""The constants of the method. They are conventions: docs/method.md says what each is for."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """What the three questions take for a cliff, for the metric's part and for a break.

    Attributes
    ----------
    confidence
        Share of draws that must agree before question 2 is answered, or question 3 with no.
    break_slack, break_without
        Question 3 is answered yes at a share of draws of `confidence - break_slack`, where at least `break_without` of
        them still have the break without any one size from the third on.
    draws
        Draws of the rung means.
    cliff_confidence, cliff_denied
        The same of question 1, and of "saturated"; there is no cliff where at most `cliff_denied` of draws have one.
    cliff_without, cliff_without_denied
        The same two of the ladder without any one inner size; the first of them without the last size, too.
    bridge_clip
        Where a size that is left out is bridged in logits, a bounded score counts as no nearer to 0 or 1 than this.
    window_low, window_high
        The window: where the hard metric has made these shares of its rise.
    lower_part, onset_max
        A late rise: at most `onset_max` of it lies in the `lower_part` of the ladder's decades.
    jump_min
        A jump: at least this share of the rise lies in one gap that is not the first.
    rise_min
        The smallest rise that counts: of a bounded score on [0, 1]; of an NLL, as a share of its first value.
    saturated_at
        Saturated: the lowest third of sizes has at least this.
    metric_share_min, chain_share_min
        The metric makes the cliff where M and C (see `estimands`) are at least these.
    acceleration_min
        The skill broke in the window: alpha of at least this; 1/2 is three times as fast as before.
    break_min, break_rungs_min, break_below
        The skill broke in or below the window: a contrast of at least `break_min`, on a ladder of at least so many
        sizes, in `break_below` of draws with any inner size left out.
    synchrony_min, items_moved, items_min
        A break is one of the items together: K of at least `synchrony_min`, among the items whose fall in NLL is at
        least `items_moved` of its upper quartile; K is 0 of fewer than `items_min` of them.
    nll_floor_nats
        Below so many nats nothing is skill.
    rung_sd_logits, prior_df
        Noise of a model beyond its items, in logits of a token, and the degrees of freedom this counts for.
    selection
        Share of the squared residuals that is left where the best of many pairs of bends and steps is fitted.
    shift_max
        Bound on the bias correction of the bootstrap, in standard deviations.
    graded_rho_max, lottery_rho_min
        Seeds of one size: rho at most, or at least this.
    loss_decades_min
        The shortest ladder along pretraining loss: what 1.5 decades of compute bring where loss falls as C^-0.05.
    """

    confidence: float = 0.9
    draws: int = 400
    break_slack: float = 0.05
    break_without: float = 0.5
    cliff_confidence: float = 0.9
    cliff_denied: float = 0.5
    cliff_without: float = 0.8
    cliff_without_denied: float = 0.25
    bridge_clip: float = 0.002
    window_low: float = 0.1
    window_high: float = 0.9
    lower_part: float = 1 / 3
    onset_max: float = 0.15
    jump_min: float = 0.5
    rise_min: float = 0.1
    saturated_at: float = 0.95
    metric_share_min: float = 0.25
    chain_share_min: float = 0.1
    acceleration_min: float = 0.5
    break_min: float = 0.6
    break_rungs_min: int = 7
    break_below: float = 0.95
    synchrony_min: float = 0.75
    items_moved: float = 0.25
    items_min: int = 10
    nll_floor_nats: float = 0.01
    rung_sd_logits: float = 0.2
    prior_df: float = 3.0
    selection: float = 0.64
    shift_max: float = 0.5
    graded_rho_max: float = 0.25
    lottery_rho_min: float = 0.5
    loss_decades_min: float = 0.075


CONVENTIONS = Conventions()
