"""How far apart the rises of two ladders are."""

from collections.abc import Mapping
from itertools import combinations, groupby

import numpy as np
import polars as pl

from rescore.discontinuity.stream import stream
from rescore.planning.curves import Curve, Floats, read_curves
from rescore.planning.shift import NO_LEVEL, Shift, Side, common_level, own_level, shift, without_rise
from rescore.tables import LADDER_SHIFTS

PER_TOKEN = ("nll_nats_per_token", "token_accuracy", "token_edit_distance")
"""Metrics whose numbers depend on how the tokenizer cuts an answer."""

_ACROSS_TOKENIZERS = ("nll_nats_per_byte",)
_SAME_LENGTH = 0.01  # relative: under one tokenizer, mean lengths differ only by items that some models lack
_UNDEFINED = (None, None, None)

_Values = tuple[float | str | None, ...]


def ladder_shifts(curves: pl.DataFrame, verdicts: pl.DataFrame, cliffs: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """Decades of compute, and of parameters, between the rises of each two ladders on the same subtask and metric.

    Both isotonic curves are read at the level midway between the higher of their bottoms and the lower of their tops.
    The shift is log10 of where `other_ladder` crosses it minus log10 of where `ladder` does: negative where the other
    ladder needs less. A place in parameters is that of the same point of the curve, linear in log10 between two sizes.
    See `shift` for the intervals. docs/diagnostics.md says which curves are not compared.

    Returns LADDER_SHIFTS: one row per pair of ladders, in the order of their names, and cell that both hold; a shift is
    null with a reason.
    """
    if curves["ladder"].n_unique() < 2:
        return LADDER_SHIFTS.empty()
    flat = without_rise(verdicts)
    tokens = cliffs.select("ladder", "task", "subtask", "answer_tokens").drop_nulls()
    length = {row[:3]: row[3] for row in tokens.iter_rows()}
    n_params = {row[:2]: row[2] for row in curves.select("ladder", "model", "n_params").unique().iter_rows()}
    rows: list[_Values] = []
    for _, group in groupby(sorted(read_curves(curves, untested=_ACROSS_TOKENIZERS), key=_cell), key=_cell):
        several = list(group)
        if len(several) < 2:
            continue
        sides = {curve.key: Side.of(curve, stream(seed, *curve.key, "shift")) for curve in several}
        for first, second in combinations(several, 2):
            pair = sides[first.key], sides[second.key]
            why = _not_comparable(first, second, flat, length)
            level = None if why else common_level(*pair)
            names = first.key[0], second.key[0]
            if level is None:
                why = why or NO_LEVEL
                found: _Values = (None, *_UNDEFINED, *_UNDEFINED, *_UNDEFINED, why, *_UNDEFINED, why)
            else:
                compute = shift(*pair, level, x=(first.x, second.x))
                sizes = _sizes(first, n_params), _sizes(second, n_params)
                found = (own_level(level, first), *_in_compute(compute, names), *_in_parameters(pair, level, sizes))
            rows.append((*names, *first.key[1:], *found))
    return pl.DataFrame(rows, schema=dict(LADDER_SHIFTS.columns), orient="row")


def _cell(curve: Curve) -> tuple[str, ...]:
    return curve.key[1:]


def _not_comparable(
    first: Curve, second: Curve, flat: Mapping[tuple[str, ...], str], length: Mapping[tuple[str, ...], float]
) -> str | None:
    for curve in (first, second):
        if curve.key in flat:
            return f"{curve.key[0]}: {flat[curve.key]}"
    k = [length.get(curve.key[:3]) for curve in (first, second)]
    if first.key[3] in PER_TOKEN and k[0] and k[1] and abs(k[0] - k[1]) > _SAME_LENGTH * max(k[0], k[1]):
        return f"counted in tokens of two tokenizers: an answer has {k[0]:.3g} and {k[1]:.3g}"
    return None


def _in_compute(found: Shift, names: tuple[str, str]) -> _Values:
    """Both crossings and the shift, each with its interval, and why an end of one is missing."""
    named = zip((*names, "shift"), found, strict=True)
    reason = "; ".join(f"{name}: {place.reason}" for name, place in named if place.reason)
    return (*(number for place in found for number in place[:3]), reason or None)


def _in_parameters(pair: tuple[Side, Side], level: float, sizes: tuple[Floats | str, Floats | str]) -> _Values:
    """The shift with its interval, and why it or an end is missing."""
    first, second = sizes
    if isinstance(first, str) or isinstance(second, str):
        return (*_UNDEFINED, "; ".join(why for why in sizes if isinstance(why, str)))
    return shift(*pair, level, x=(first, second)).decades


def _sizes(curve: Curve, n_params: Mapping[tuple[str, str], float | None]) -> Floats | str:
    """log10 parameters of a curve's sizes, ascending: [sizes]; or why there are none."""
    ladder = curve.key[0]
    known = [n for model in curve.models if (n := n_params[ladder, model]) is not None]
    if len(known) < len(curve.models):
        return f"{ladder}: parameters not known"
    if len(set(known)) == 1:
        return f"{ladder}: all models have the same number of parameters"
    sizes = sorted({(float(x), n) for x, n in zip(curve.log10_compute, known, strict=True)})
    log10 = np.log10([n for _, n in sizes])
    if len(sizes) > len(curve.x) or (np.diff(log10) <= 0).any():
        return f"{ladder}: parameters do not rise with compute from each size to the next"
    return log10
