"""Curves of a token's logit over a ladder, drawn from wide ranges: (place, rng) to [rungs]."""

from typing import NamedTuple

import numpy as np
from planted import Floats
from scipy.special import logit


class Place(NamedTuple):
    """Where skill is drawn: decades from the first size [rungs], their span, models of a size."""

    t: Floats
    span: float
    models: int


def line(place: Place, rng: np.random.Generator, slope: tuple[float, float] = (0.7, 2.2)) -> Floats:
    """Logistic skill: 0.8 to 4.5 at the top, not below -6."""
    top = rng.uniform(0.8, 4.5)
    return np.asarray(top - min(rng.uniform(*slope), (top + 6) / place.span) * (place.span - place.t), dtype=float)


def power_law(place: Place, rng: np.random.Generator) -> Floats:
    """NLL from 1.5 to 4.5 nats down to 0.02 to 0.35 as a power of size."""
    first, last = rng.uniform(1.5, 4.5), rng.uniform(0.02, 0.35)
    return np.asarray(logit(np.exp(-first * (last / first) ** (place.t / place.span))), dtype=float)


def gompertz(place: Place, rng: np.random.Generator) -> Floats:
    """Probability by Gompertz's law between two levels."""
    low, high, start, end = rng.uniform(0.02, 0.2), rng.uniform(0.85, 0.99), rng.uniform(2, 8), rng.uniform(0.03, 0.4)
    return np.asarray(logit(low + (high - low) * np.exp(-start * (end / start) ** (place.t / place.span))), dtype=float)


def parabola(place: Place, rng: np.random.Generator) -> Floats:
    """Logits that start level and accelerate."""
    return np.asarray(rng.uniform(-2, 0) + rng.uniform(3, 6) * (place.t / place.span) ** 2, dtype=float)


def bend(place: Place, rng: np.random.Generator, at: tuple[float, float] = (0.35, 0.7), top: float = 0.0) -> Floats:
    """Level or nearly so, then 1.5 to 3.5 logits a decade; at least to `top`."""
    low, after = rng.uniform(-1.5, 0.5), place.t - rng.uniform(*at) * place.span
    slope = max(rng.uniform(1.5, 3.5), (top - low) / after[-1])
    return np.asarray(low + rng.uniform(0, 0.25) * place.t + slope * np.maximum(after, 0), dtype=float)


def jump(place: Place, rng: np.random.Generator, share: Floats) -> Floats:
    """From -2 to 0.3 up to 2.5 to 4.5 as `share` goes from 0 to 1, nearly level before and after."""
    low, high = rng.uniform(-2, 0.3), rng.uniform(2.5, 4.5)
    return np.asarray(low + rng.uniform(0, 0.2) * place.t + (high - low) * share, dtype=float)


def in_gap(place: Place, rng: np.random.Generator) -> Floats:
    """A step between two sizes, two sizes or more on each side."""
    return (np.arange(len(place.t)) > rng.integers(1, len(place.t) - 2)).astype(float)


def at_size(place: Place, rng: np.random.Generator) -> Floats:
    """A step that one size sees half way: by a fifth to four fifths."""
    share = in_gap(place, rng)
    share[int(share.argmax()) if share.sum() > 2 else int(share.argmax()) - 1] = rng.uniform(0.2, 0.8)
    return share


def over_two(place: Place, rng: np.random.Generator) -> Floats:
    """A ramp over two neighbouring gaps."""
    at = int(rng.integers(1, len(place.t) - 3)) if len(place.t) > 5 else 1
    return np.interp(place.t, place.t[at : at + 3 : 2], [0.0, 1.0])
