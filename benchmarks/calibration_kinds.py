"""The kinds of task that `calibration.py` plants: skill along a ladder, drawn from wide ranges."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from calibration_curves import (
    Place,
    at_size,
    bend,
    gompertz,
    in_gap,
    jump,
    line,
    over_two,
    parabola,
    power_law,
)
from planted import Floats, Law, Skill, Task, plant, stream
from scipy.special import expit, logit

LADDERS = {"5 to 6": (5, 6), "8": (8,), "9 to 11": (9, 10, 11), "12 to 13": (12, 13)}
"""Classes of the number of sizes."""
ITEMS = (100, 200, 500)
KEY = ("kind", "ladder", "n_items", "index")
TRIES = 12  # draws of a skill before one is taken that is not late


@dataclass(frozen=True, kw_only=True)
class Design:
    """One task of the grid: its kind, the class of its ladder, its number of items, and which replicate."""

    kind: str
    ladder: str = "8"
    n_items: int = 500
    index: int = 0


def draw(design: Design, seed: int) -> Task:
    """Plant the task of a design; with the seed the design fixes every draw."""
    rng = stream(seed, repr(design))
    t = positions(int(rng.choice(LADDERS[design.ladder])), rng)
    models = int(rng.choice((3, 5))) if design.kind == "lottery" else int(rng.choice((1, 1, 2, 3, 5)))
    place = Place(t, float(t[-1]), models)
    skill = KINDS[design.kind](place, rng)
    for _ in range(TRIES if design.kind in LATE else 0):
        if is_late(place, skill):
            break
        skill = KINDS[design.kind](place, rng)
    law = Law(
        concentration=float(rng.choice((0.0, 0.0, 3.0, 8.0))),
        noise=float(rng.choice((0.1, 0.2, 0.3))),
        greedy=bool(rng.random() < 0.5),
        positions=_centred(rng.normal(0, 0.7, skill.tokens)),
    )
    guess = None if skill.options or rng.random() < 0.5 else float(rng.uniform(3.5, 7.0))
    task = plant(18 + t, skill, law, n_items=design.n_items, rng=rng, guess_nats=guess)
    facts: dict[str, Any] = {
        "rungs": len(t),
        "models": models,
        "tokens": skill.tokens,
        "noise": law.noise,
        "greedy": law.greedy,
        "law": "beta" if law.concentration else "logit",
        "floor_nats": skill.floor_nats,
        "span": place.span,
        "mixed": int((np.ptp(skill.logit, axis=1) > 1).sum()),  # sizes of which some models broke and some did not
    }
    return replace(task, facts=facts)


def positions(rungs: int, rng: np.random.Generator) -> Floats:
    """Decades of the sizes from the first one: 2.5 to 5 in all; even gaps, uneven ones, or one gap twice as wide."""
    gaps = {0: rng.uniform(0.85, 1.15, rungs - 1), 1: rng.uniform(0.4, 1.6, rungs - 1), 2: np.ones(rungs - 1)}[
        int(rng.integers(3))
    ]
    if rng.random() < 0.3:
        gaps[rng.integers(rungs - 1)] *= 2
    return np.concatenate([[0.0], np.cumsum(gaps) / gaps.sum() * rng.uniform(2.5, 5.0)])


def is_late(place: Place, skill: Skill) -> bool:
    """Whether p^k rises by 0.2 and at most 0.18 of that lies in the lower third; a first look, not the truth."""
    p = expit(skill.logit.mean(1)) * np.exp(-skill.floor_nats)
    curve = p ** (1 if skill.options else skill.tokens)
    rise = curve[-1] - curve[0]
    return bool(rise >= 0.2 and np.interp(place.span / 3, place.t, curve) - curve[0] <= 0.18 * rise)


def _centred(v: Floats) -> Floats:
    return np.asarray(v - v.mean(), dtype=float)


def _every(logits: Floats, place: Place) -> Floats:
    return np.repeat(logits[:, None], place.models, axis=1)


def _floor(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.03, 0.2)) if rng.random() < 0.35 else 0.0


# Kinds: (place, rng) -> Skill


def short(curve: Callable[[Place, np.random.Generator], Floats], tokens: tuple[int, int] = (2, 9)) -> Any:
    """A kind of so many tokens whose likelihood has a floor in a third of the tasks."""

    def kind(place: Place, rng: np.random.Generator) -> Skill:
        return Skill(logit=_every(curve(place, rng), place), tokens=int(rng.integers(*tokens)), floor_nats=_floor(rng))

    return kind


def long(curve: Callable[[Place, np.random.Generator], Floats]) -> Any:
    """A kind of 10 to 30 tokens."""
    return lambda place, rng: Skill(logit=_every(curve(place, rng), place), tokens=int(rng.integers(10, 31)))


def formed(curve: Callable[[Place, np.random.Generator], Floats]) -> Any:
    """A kind whose answers' form is learned early; what skill there is shows once it beats guessing."""

    def kind(place: Place, rng: np.random.Generator) -> Skill:
        form = expit(1.5 + (place.t - rng.uniform(0.05, 0.3) * place.span) * rng.uniform(2, 5))
        return Skill(
            logit=_every(curve(place, rng) - rng.uniform(0, 2), place),
            tokens=int(rng.integers(1, 6)),
            form=form,
            guesses=int(rng.integers(6, 13)),
        )

    return kind


def choice(curve: Callable[[Place, np.random.Generator], Floats], start: float = 0.0) -> Any:
    """A multiple choice of 2 to 5 options that starts by guessing; that one of them is said comes with size."""

    def kind(place: Place, rng: np.random.Generator) -> Skill:
        of_choices = np.logaddexp(0, 1.5 * (curve(place, rng) - start)) / 1.5  # 0 where there is no skill
        mass = rng.uniform(1, 3) * (rng.uniform(0.05, 0.4)) ** (place.t / place.span)  # nats, a power law
        return Skill(
            logit=_every(of_choices, place),
            tokens=int(rng.integers(1, 5)),
            form=np.exp(-mass),
            options=int(rng.integers(2, 6)),
        )

    return kind


def stepping(share: Callable[[Place, np.random.Generator], Floats]) -> Any:
    """Exact match of 1 to 8 tokens with a step."""
    return short(lambda place, rng: jump(place, rng, share(place, rng)), (1, 9))


def one_token(place: Place, rng: np.random.Generator) -> Skill:
    """Answers of one token, skill of any of the three smooth laws."""
    curve = (line, power_law, gompertz)[int(rng.integers(3))]
    return Skill(logit=_every(curve(place, rng), place), floor_nats=_floor(rng))


def near_zero(place: Place, rng: np.random.Generator) -> Skill:
    """A step to almost no loss, where models differ by 1.5 logits, and almost none differ before."""
    share = in_gap(place, rng)
    low = logit(np.exp(-rng.uniform(0.9, 1.6)))
    logits = _every(low + rng.uniform(0, 0.1) * place.t + (rng.uniform(4, 6) - low) * share, place)
    return Skill(logit=logits, tokens=int(rng.integers(1, 6)), wild=1.5 * _every(share, place))


def lottery(place: Place, rng: np.random.Generator) -> Skill:
    """Each model breaks or does not, likelier with size."""
    centre, width = rng.uniform(0.35, 0.75) * place.span, rng.uniform(0.04, 0.2) * place.span
    broken = rng.random((len(place.t), place.models)) < expit((place.t - centre) / width)[:, None]
    low, high = rng.uniform(-2, 0.3), rng.uniform(2.5, 4.5)
    logits = low + rng.uniform(0, 0.2) * place.t[:, None] + (high - low) * broken
    return Skill(logit=logits, tokens=int(rng.integers(1, 7)))


def lucky(*, last: bool) -> Any:
    """Skill that grows slowly, and one size 2 to 4 logits above it by chance."""

    def kind(place: Place, rng: np.random.Generator) -> Skill:
        R = len(place.t)
        at = R - 1 if last else int(rng.integers(2, R - 1))
        slow = rng.uniform(-2.5, -0.5) + rng.uniform(0.1, 0.5) * place.t
        luck = np.where(np.arange(R) == at, rng.uniform(2, 4), 0.0)
        return Skill(logit=_every(slow, place), tokens=int(rng.integers(1, 5)), luck=luck)

    return kind


def unlucky(place: Place, rng: np.random.Generator) -> Skill:
    """Skill that is well under way, and one inner size 2 to 4 logits below it by chance."""
    at = int(rng.integers(1, len(place.t) - 1))
    luck = np.where(np.arange(len(place.t)) == at, -rng.uniform(2, 4), 0.0)
    return replace(under_way(place, rng), luck=luck)


def unlucky_chain(place: Place, rng: np.random.Generator) -> Skill:
    """Logistic skill, and one size in the lower half 1 to 3 logits below it by chance."""
    at = int(rng.integers(1, len(place.t) // 2))
    luck = np.where(np.arange(len(place.t)) == at, -rng.uniform(1, 3), 0.0)
    skill: Skill = short(line)(place, rng)
    return replace(skill, luck=luck)


def u_shape(place: Place, rng: np.random.Generator) -> Skill:
    """Logistic skill that first gets worse by 0.8 to 2 logits."""
    depth, at, width = rng.uniform(0.8, 2), rng.uniform(0.2, 0.45), rng.uniform(0.12, 0.2)
    dip = depth * np.exp(-(((place.t / place.span - at) / width) ** 2))
    return Skill(logit=_every(line(place, rng, (0.7, 1.6)) - dip, place), tokens=int(rng.integers(2, 9)))


def under_way(place: Place, rng: np.random.Generator) -> Skill:
    """A ladder whose first size is past the start of the rise."""
    logits = rng.uniform(0, 1.8) + rng.uniform(0.3, 1.3) * place.t
    return Skill(logit=_every(logits, place), tokens=int(rng.integers(2, 6)), floor_nats=_floor(rng))


def flat(place: Place, rng: np.random.Generator) -> Skill:
    """No change."""
    return Skill(logit=_every(np.full(len(place.t), rng.uniform(-2, 3)), place), tokens=int(rng.integers(1, 5)))


def one_by_one(place: Place, rng: np.random.Generator) -> Skill:
    """Each item is learned at a size of its own, at once."""
    ends = np.linspace(rng.uniform(-2, -0.5), rng.uniform(2.5, 4.5), len(place.t))
    return Skill(
        logit=_every(ends, place),
        tokens=int(rng.integers(1, 6)),
        flips_at=18 + rng.uniform(0.4, 0.8) * place.span,
        flips_sd=rng.uniform(0.06, 0.3) * place.span,
    )


def some_items(place: Place, rng: np.random.Generator) -> Skill:
    """A step of three to seven tenths of the items."""
    logits = _every(jump(place, rng, in_gap(place, rng)), place)
    return Skill(logit=logits, tokens=int(rng.integers(1, 5)), moving=rng.uniform(0.3, 0.7))


SMOOTH: dict[str, Callable[[Place, np.random.Generator], Skill]] = {
    "logistic": short(line),
    "power": short(power_law),
    "Gompertz": short(gompertz),
    "long logistic": long(lambda place, rng: line(place, rng) + 2),
    "one token": one_token,
    "accelerating": short(parabola),
    "U-shape": u_shape,
    "under way": under_way,
    "form, then logistic": formed(lambda place, rng: line(place, rng, (1.2, 2.5)) + 1.5),
    "choice, logistic": choice(lambda place, rng: line(place, rng), start=-0.5),
    "lucky inner size": lucky(last=False),
    "lucky last size": lucky(last=True),
    "unlucky size": unlucky,
    "logistic, unlucky size": unlucky_chain,
    "items one by one": one_by_one,
    "flat": flat,
}
BROKEN: dict[str, Callable[[Place, np.random.Generator], Skill]] = {
    "step": stepping(in_gap),
    "step at a size": stepping(at_size),
    "step over two gaps": stepping(over_two),
    "step to near zero": near_zero,
    "hinge": short(bend),
    "long hinge": long(lambda place, rng: bend(place, rng, (0.2, 0.5), 3.5)),
    "form, then step": formed(lambda place, rng: jump(place, rng, in_gap(place, rng)) - 1),
    "form, then hinge": formed(lambda place, rng: bend(place, rng, (0.35, 0.65), 3.0) - 1),
    "choice, step": choice(lambda place, rng: jump(place, rng, in_gap(place, rng)), start=0.5),
    "choice, hinge": choice(lambda place, rng: bend(place, rng, (0.35, 0.65), 2.5), start=0.0),
    "lottery": lottery,
    "some items": some_items,
}
KINDS = SMOOTH | BROKEN
CHAINS = ("logistic", "power", "Gompertz", "long logistic")
LATE = (
    *CHAINS,
    "one token",
    "accelerating",
    "U-shape",
    "form, then logistic",
    "choice, logistic",
    "logistic, unlucky size",
)


def grid(replicates: int) -> Iterator[Design]:
    """Every kind on every class of ladder with every number of items."""
    for kind, ladder, n_items, index in product(KINDS, LADDERS, ITEMS, range(replicates)):
        yield Design(kind=kind, ladder=ladder, n_items=n_items, index=index)
