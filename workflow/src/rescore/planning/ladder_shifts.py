"""How far apart the rises of two ladders are."""

from collections.abc import Mapping
from itertools import combinations, groupby

import numpy as np
import polars as pl

from rescore.discontinuity.stream import stream
from rescore.planning.curve import Floats
from rescore.planning.rungs import Points, points
from rescore.planning.shift import NO_LEVEL, NO_SHIFT, Shift, Side, common_level, own_level, reason, shift, still
from rescore.tables import LADDER_SHIFTS

PER_TOKEN = ("nll_nats_per_token", "token_accuracy", "token_edit_distance")
"""Metrics whose numbers hang on how the tokenizer cuts an answer."""

_ACROSS_TOKENIZERS = ("nll_nats_per_byte",)
_SAME_LENGTH = 0.01  # relative: of one tokenizer they differ by items that only some models' scores tell

_Sizes = tuple[Floats | None, str | None]
_Values = tuple[float | str | None, ...]


def ladder_shifts(curves: pl.DataFrame, verdicts: pl.DataFrame, cliffs: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """Decades of compute, and of parameters, between the rises of each two ladders on the same subtask and metric.

    Both isotonic curves are read at one level that both cross, midway between the higher of their bottoms and the lower
    of their tops; the shift is log10 of where `other_ladder` crosses it minus log10 of where `ladder` does, so it is
    negative where the other ladder rises with less. A place in parameters is that of the same point of the curve,
    between two sizes by a straight line in log10. For the intervals see `shift`.

    Parameters
    ----------
    curves, verdicts
        The tables CURVES and VERDICTS. A curve that was judged and does not rise has no shift; one that could not be
        judged, as of a short ladder, has, and its interval says how far it is known.
    cliffs
        The table CLIFFS. Where two ladders' answers differ in tokens, so do their tokenizers, and metrics by the token
        are not compared. NLL per byte, which has no verdict, is compared for that reason.
    seed
        Of the draws.

    Returns
    -------
    pl.DataFrame
        The table LADDER_SHIFTS: a row a pair of ladders, in the order of their names, and cell that both hold. Null
        with a reason where the curves have no level in common or one does not rise; in parameters also where those of
        a ladder do not rise with its compute, as along the checkpoints of one model.
    """
    if curves["ladder"].n_unique() < 2:
        return LADDER_SHIFTS.empty()
    flat = still(verdicts)
    tokens = cliffs.select("ladder", "task", "subtask", "answer_tokens").drop_nulls()
    length = {row[:3]: row[3] for row in tokens.iter_rows()}
    n_params = {row[:2]: row[2] for row in curves.select("ladder", "model", "n_params").unique().iter_rows()}
    cells = sorted(points(curves, untested=_ACROSS_TOKENIZERS), key=_of_all)
    rows: list[_Values] = []
    for _, group in groupby(cells, key=_of_all):
        several = list(group)
        if len(several) < 2:
            continue
        side = {cell.key: Side.of(cell, stream(seed, *cell.key, "shift")) for cell in several if cell.key not in flat}
        sizes = {cell.key: _sizes(cell, n_params) for cell in several}
        for first, second in combinations(several, 2):
            names = first.key[0], second.key[0]
            why = _not_comparable(first, second, flat, length)
            pair = None if why else (side[first.key], side[second.key])
            level = common_level(*pair) if pair else None
            if pair is None or level is None:
                told: _Values = (None, *_undefined(why or NO_LEVEL), *_undefined(why or NO_LEVEL))
            else:
                compute = shift(*pair, level, x=(first.curve.x, second.curve.x))
                in_parameters = _in_parameters(pair, level, names, (sizes[first.key], sizes[second.key]))
                told = (own_level(level, first), *_defined(compute, names), *in_parameters)
            rows.append((*names, *first.key[1:], *told))
    return pl.DataFrame(rows, schema=dict(LADDER_SHIFTS.columns), orient="row")


def _of_all(cell: Points) -> tuple[str, ...]:
    return cell.key[1:]


def _not_comparable(
    first: Points, second: Points, flat: Mapping[tuple[str, ...], str], length: Mapping[tuple[str, ...], float]
) -> str | None:
    for cell in (first, second):
        if cell.key in flat:
            return f"{cell.key[0]}: {flat[cell.key]}"
    k = [length.get(cell.key[:3]) for cell in (first, second)]
    if first.key[3] in PER_TOKEN and k[0] and k[1] and abs(k[0] - k[1]) > _SAME_LENGTH * max(k[0], k[1]):
        return f"counted in tokens of two tokenizers: an answer has {k[0]:.3g} and {k[1]:.3g}"
    return None


def _sizes(cell: Points, n_params: Mapping[tuple[str, str], float | None]) -> _Sizes:
    """log10 parameters of a cell's rungs, ascending, or why there are none."""
    ladder = cell.key[0]
    of = [n_params[ladder, model] for model in cell.models]
    known = [n for n in of if n is not None]
    if len(known) < len(of):
        return None, f"{ladder}: parameters not known"
    if len(set(known)) == 1:
        return None, f"{ladder}: all models have the same number of parameters"
    rungs = sorted({(float(x), n) for x, n in zip(cell.log10_compute, known, strict=True)})
    sizes = np.log10([n for _, n in rungs])
    if len(rungs) > len(cell.curve.x) or (np.diff(sizes) <= 0).any():
        return None, f"{ladder}: parameters do not rise with compute from each size to the next"
    return sizes, None


def _in_parameters(
    pair: tuple[Side, Side], level: float, names: tuple[str, str], sizes: tuple[_Sizes, _Sizes]
) -> _Values:
    (first, no_first), (second, no_second) = sizes
    if first is None or second is None:
        return _undefined("; ".join(why for why in (no_first, no_second) if why))
    return _defined(shift(*pair, level, x=(first, second)), names)


def _defined(found: Shift, names: tuple[str, str]) -> _Values:
    return (*found.numbers, reason(found, *names))


def _undefined(why: str) -> _Values:
    return (*NO_SHIFT.numbers, why)
