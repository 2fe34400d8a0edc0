"""How far a change of the prompt moves a rise along the ladder."""

from collections.abc import Mapping

import polars as pl

from rescore.discontinuity.stream import stream
from rescore.planning.rungs import Points, points
from rescore.planning.shift import NO_LEVEL, NO_SHIFT, Shift, Side, common_level, own_level, reason, shift, still
from rescore.tables import SCAFFOLD_SHIFT, VERDICTS

_NAMES = ("plain", "scaffolded")


def scaffold_shift(
    plain: pl.DataFrame,
    scaffolded: pl.DataFrame,
    *,
    verdicts: tuple[pl.DataFrame, pl.DataFrame] | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Decades of compute between the rises of the same subtasks under two prompt settings.

    Both isotonic curves are read at one level that both can cross, midway between the higher of their bottoms and the
    lower of their tops; the shift is log10 compute of `scaffolded` minus that of `plain`, so a scaffold that helps
    has a negative one. For the interval see `shift`.

    Parameters
    ----------
    plain, scaffolded
        Tables CURVES of the two settings; the cells that both hold are compared.
    verdicts
        Tables VERDICTS of the two: a curve that was judged and does not rise has no shift. Without them all count.
    seed
        Of the draws.

    Returns
    -------
    pl.DataFrame
        The table SCAFFOLD_SHIFT, one row a cell; the shift is null with a reason where the curves have no level in
        common, or one does not rise.
    """
    others = {cell.key: cell for cell in points(scaffolded)}
    flat = tuple(still(frame) for frame in verdicts or (VERDICTS.empty(), VERDICTS.empty()))
    rows = []
    for cell in points(plain):
        other = others.get(cell.key)
        if other is None:
            continue
        level, found, why = _compared((cell, other), flat, seed)
        rows.append((*cell.key, level, *found.numbers, why))
    return pl.DataFrame(rows, schema=dict(SCAFFOLD_SHIFT.columns), orient="row")


def _compared(
    cells: tuple[Points, Points], flat: tuple[Mapping[tuple[str, ...], str], ...], seed: int
) -> tuple[float | None, Shift, str | None]:
    key = cells[0].key
    for name, of in zip(_NAMES, flat, strict=True):
        if key in of:
            return None, NO_SHIFT, f"{name}: {of[key]}"
    first, second = (
        Side.of(cell, stream(seed, *key, "scaffold", name)) for name, cell in zip(_NAMES, cells, strict=True)
    )
    level = common_level(first, second)
    if level is None:
        return None, NO_SHIFT, NO_LEVEL
    found = shift(first, second, level, x=(cells[0].curve.x, cells[1].curve.x))
    return own_level(level, cells[0]), found, reason(found, *_NAMES)
