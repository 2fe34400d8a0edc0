"""The constants of the method (docs/method.md says what each is for), and those that a user may set."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from rescore.config.first_edition import refuse_old_settings
from rescore.config.validation import rules, typed_object, validate
from rescore.tables.axes import AXES


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """What counts as a cliff, as the metric's part and as a break of the skill."""

    draws: int = 400  # of the rung means

    # Question 1, is there a cliff; "saturated" needs `cliff_confidence` too.
    cliff_confidence: float = 0.9  # yes: share of draws with a cliff
    cliff_without: float = 0.8  # yes: the same without any one inner size, or without the last
    cliff_denied: float = 0.5  # no: at most this share of draws has one
    cliff_without_denied: float = 0.25  # no: or at most this share without some inner size
    lower_part: float = 1 / 3  # of the ladder's decades, where a late rise makes at most `onset_max` of itself
    onset_max: float = 0.15
    jump_min: float = 0.5  # a jump: share of the rise in one gap that is not the first
    rise_min: float = 0.1  # smallest rise that counts, on [0, 1]; of an NLL a share of its first value
    saturated_at: float = 0.95  # the lowest third of sizes has at least this
    bridge_clip: float = 0.002  # a size left out is bridged in logits, with scores no nearer to 0 or 1 than this

    # The window: where the hard metric has made these shares of its rise.
    window_low: float = 0.1
    window_high: float = 0.9

    # Questions 2 and 3.
    confidence: float = 0.9  # share of draws that must agree
    metric_share_min: float = 0.25  # the metric makes the cliff: smallest M,
    chain_share_min: float = 0.1  # and smallest C
    acceleration_min: float = 0.5  # the skill broke in the window: alpha; 1/2 is three times as fast as before
    break_slack: float = 0.05  # question 3 needs so much less confidence for a yes,
    break_without: float = 0.5  # with at least this share of draws without any one size from the third on
    break_min: float = 0.6  # the skill broke in or below the window: contrast,
    break_below: float = 0.95  # share of draws that have it with any inner size left out,
    break_rungs_min: int = 7  # and sizes of the ladder
    synchrony_min: float = 0.75  # the items broke together: K
    items_moved: float = 0.25  # items of K: their fall in NLL is at least this share of its upper quartile
    items_min: int = 10  # of fewer K is 0
    nll_floor_nats: float = 0.01  # below this nothing is skill

    # Noise of a model beyond its items.
    rung_sd_logits: float = 0.2  # of a token
    prior_df: float = 3.0  # degrees of freedom that this counts for
    selection: float = 0.64  # share of the squared residuals left by the best of many pairs of bends and steps
    shift_max: float = 0.5  # bound on the bootstrap's bias correction, in standard deviations

    graded_rho_max: float = 0.25  # seeds of one size are graded
    lottery_rho_min: float = 0.5  # or a lottery
    loss_per_decade: float = 0.05  # decades of pretraining loss in one of compute: it falls as C^-0.05


CONVENTIONS = Conventions()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a user may set of the method: the configuration's `discontinuity:` section."""

    axis: str = "compute_flops"  # the column of the ladder along which curves run, one of `AXES`
    rungs_min: int = 5  # distinct sizes of the shortest ladder that is judged,
    decades_min: float = 1.5  # and its decades of compute or parameters
    confidence: float = CONVENTIONS.confidence
    draws: int = CONVENTIONS.draws
    seed: int = 0  # of every draw, together with the subtask's names

    def __post_init__(self) -> None:
        """Refuse what the configuration's schema does: raises InputError."""
        validate(asdict(self), rules("config")["properties"]["discontinuity"], "discontinuity")

    @property
    def span_min(self) -> float:
        """Decades that a ladder must span along its axis: of loss, those that `decades_min` of compute bring."""
        return self.decades_min * (CONVENTIONS.loss_per_decade if AXES[self.axis].falls else 1)

    @property
    def conventions(self) -> Conventions:
        """The constants of the method, with this confidence and these draws."""
        return replace(CONVENTIONS, confidence=self.confidence, draws=self.draws)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Take the settings named in `mapping`, the rest by default; InputError for one that cannot be."""
        refuse_old_settings(mapping)
        schema = rules("config")["properties"]["discontinuity"]
        given = typed_object(asdict(cls()) | dict(mapping), schema)
        validate(given, schema, "discontinuity")
        return cls(**given)
