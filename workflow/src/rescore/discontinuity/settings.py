"""What a user may turn of the method: the configuration's `discontinuity:` section."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from rescore.config.first_edition import refuse_old_settings
from rescore.discontinuity.conventions import CONVENTIONS, Conventions
from rescore.tables import InputError
from rescore.tables.axes import AXES


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is judged, and how sure an answer must be; the rest of the method's constants are `Conventions`.

    Attributes
    ----------
    axis
        The column of the ladder along which curves are tested, on a log scale: compute_flops, n_params or
        pretraining_loss_nats (falling, so that right is better). Models of equal value are seeds of one size.
    rungs_min, decades_min
        The shortest ladder that is judged: distinct sizes, and decades of compute or parameters.
    confidence
        Share of draws that must agree before question 2 or 3 is answered; a yes to question 3 needs 0.05 less, and
        question 1 keeps its 0.9.
    draws
        Draws of the rung means.
    seed
        Seed of every draw, together with the subtask's names.
    """

    axis: str = "compute_flops"
    rungs_min: int = 5
    decades_min: float = 1.5
    confidence: float = CONVENTIONS.confidence
    draws: int = CONVENTIONS.draws
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a value that is no number, or outside the range in which the method makes sense."""
        if self.axis not in AXES:
            raise InputError(f"discontinuity.axis: {self.axis!r} is none of {', '.join(AXES)}")
        for field in fields(self):
            if field.name == "axis":
                continue
            value, whole = getattr(self, field.name), field.type is int
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise InputError(f"discontinuity.{field.name}: {value!r} is not {'a whole' if whole else 'a'} number")
            low, high = _RANGES[field.name]
            if not low <= value <= high:
                raise InputError(f"discontinuity.{field.name}: {value} is not between {low:g} and {high:g}")

    @property
    def span_min(self) -> float:
        """Decades that a ladder must span along its axis."""
        return CONVENTIONS.loss_decades_min if AXES[self.axis].falls else self.decades_min

    @property
    def conventions(self) -> Conventions:
        """The constants of the method, with this confidence and these draws."""
        return replace(CONVENTIONS, confidence=self.confidence, draws=self.draws)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Take the settings named in `mapping`, the rest by default.

        Raises
        ------
        InputError
            An unknown key, one of the first edition, or a value out of range.
        """
        refuse_old_settings(mapping)
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(mapping) - set(known))
        if unknown:
            raise InputError(f"discontinuity.{unknown[0]}: unknown key; the keys are {', '.join(known)}")
        return cls(**mapping)


# Five sizes: two on each side of a step and one more.
_RANGES: dict[str, tuple[float, float]] = {
    "rungs_min": (5, 1e6),
    "decades_min": (0.0, 100.0),
    "confidence": (0.5, 0.999),
    "draws": (99, 1e6),
    "seed": (0, 2.0**63),
}
