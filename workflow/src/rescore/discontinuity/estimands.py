"""The numbers of the three questions, of rung means: of a truth, of a measurement, or draw for draw."""

from dataclasses import dataclass

import numpy as np

from rescore.discontinuity.acceleration import acceleration
from rescore.discontinuity.conventions import Conventions
from rescore.discontinuity.progress import Floats, at, crossing, isotonic, progress

PARTS = ("likelihood_part", "probability_part", "answer_part", "argmax_part")
"""The stages' parts of the climb, in the order of the stages: each one's share less that of the stage before."""


@dataclass(frozen=True, kw_only=True)
class Estimands:
    """What questions 2 and 3 are about; every array is [...], the shape of the draws.

    Attributes
    ----------
    metric_share
        M: the share of the hard metric's climb through the window that the likelihood does not share.
    chain_share
        C: the last stage's share less the second's: what needing every token (or choosing among the listed) and
        taking the likeliest make. NaN where the two stages in the middle are not known.
    hidden_progress
        H: the likelihood's progress where the window begins.
    acceleration
        alpha in the window, of the likelihood capped at a guesser's; see `acceleration.Acceleration`.
    acceleration_low
        The smaller of alpha with and without the cap.
    acceleration_anywhere
        The largest contrast in the window, with and without the cap, and below it without: the cap makes a kink there.
    break_contrast, break_at
        The largest contrast in or below the window without the cap; log10 of where: the window's start or a rung.
    window_start, half, window_end, window_decades
        Where the hard metric has made 0.1, half and 0.9 of its rise, log10; the window's width.
    parts
        The waterfall [stages, ...], sums to 1.
    """

    metric_share: Floats
    chain_share: Floats
    hidden_progress: Floats
    acceleration: Floats
    acceleration_low: Floats
    acceleration_anywhere: Floats
    break_contrast: Floats
    break_at: Floats
    window_start: Floats
    half: Floats
    window_end: Floats
    window_decades: Floats
    parts: Floats


def estimands(x: Floats, Y: Floats, guess: float | None, conventions: Conventions) -> Estimands:
    """Compute all of them.

    Parameters
    ----------
    x
        Places of the rungs, log10; [rungs, ...].
    Y
        Rung means of the stages, higher is better: the likelihood (minus NLL, nats) first and the hard metric last;
        [stages, rungs, ...], of four stages or two.
    guess
        NLL of the guesser, nats, at which the likelihood is capped; None for no cap.
    conventions
        The constants.
    """
    c = conventions
    capped = Y[0] if guess is None else np.maximum(Y[0], -guess)
    curves = [progress(isotonic(stage))[0] for stage in (capped, *Y[1:])]
    a, half, b = (crossing(x, curves[-1], level) for level in (c.window_low, 0.5, c.window_high))
    shares = np.stack([at(x, G, b) - at(x, G, a) for G in curves]) / (c.window_high - c.window_low)  # [stages, ...]
    with_cap = acceleration(x, capped, a, b, c)
    without = with_cap if guess is None else acceleration(x, Y[0], a, b, c)
    below_at = np.take_along_axis(np.broadcast_to(x, Y[0].shape), without.below_at[None], axis=0)[0]
    return Estimands(
        metric_share=1 - shares[0],
        chain_share=shares[-1] - shares[1] if len(Y) == len(PARTS) else np.full(a.shape, np.nan),
        hidden_progress=at(x, curves[0], a),
        acceleration=with_cap.inside,
        acceleration_low=np.minimum(with_cap.inside, without.inside),
        acceleration_anywhere=np.maximum(with_cap.inside, without.largest),
        break_contrast=without.largest,
        break_at=np.where(without.below > without.inside, below_at, a),
        window_start=a,
        half=half,
        window_end=b,
        window_decades=b - a,
        parts=np.concatenate([shares[:1], np.diff(shares, axis=0)]),
    )


def breaks(x: Floats, Y: Floats, guess: float | None, conventions: Conventions) -> tuple[Floats, Floats]:
    """`acceleration_low` and `break_contrast` alone, for the many ladders with a size left out."""
    c = conventions
    G = progress(isotonic(Y[-1]))[0]
    a, b = (crossing(x, G, level) for level in (c.window_low, c.window_high))
    found = acceleration(x, Y[0], a, b, c)
    if guess is None:
        return found.inside, found.largest
    capped = acceleration(x, np.maximum(Y[0], -guess), a, b, c)
    return np.minimum(found.inside, capped.inside), found.largest
