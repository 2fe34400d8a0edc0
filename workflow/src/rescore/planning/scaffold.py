"""How far a change of the prompt moves a rise along the ladder."""

import polars as pl

from rescore.discontinuity.stream import stream
from rescore.planning.curves import read_curves
from rescore.planning.shift import NO_LEVEL, Side, common_level, own_level, shift, without_rise
from rescore.tables import SCAFFOLD_SHIFT

_NAMES = ("plain", "scaffolded")


def scaffold_shift(
    plain: pl.DataFrame,
    scaffolded: pl.DataFrame,
    *,
    verdicts: tuple[pl.DataFrame, pl.DataFrame],
    seed: int = 0,
) -> pl.DataFrame:
    """Decades of compute between the rises of the same subtasks under two prompt settings.

    Both isotonic curves are read at the level midway between the higher of their bottoms and the lower of their tops.
    The shift is log10 compute of `scaffolded` minus that of `plain`: negative where the scaffold helps. See `shift` for
    its interval.

    Parameters
    ----------
    plain, scaffolded
        Tables CURVES of the two settings; the cells that both hold are compared.
    verdicts
        Tables VERDICTS of the two: a curve that was judged and does not rise has no shift.
    seed
        Of the draws.

    Returns
    -------
    pl.DataFrame
        The table SCAFFOLD_SHIFT, one row per cell; the shift is null with a reason where the curves have no level in
        common, or one does not rise.
    """
    others = {curve.key: curve for curve in read_curves(scaffolded)}
    flat = [without_rise(frame) for frame in verdicts]
    rows: list[tuple[object, ...]] = []
    for curve in read_curves(plain):
        key = curve.key
        if key not in others:
            continue
        why = [f"{name}: {of[key]}" for name, of in zip(_NAMES, flat, strict=True) if key in of]
        if why:
            rows.append((*key, None, None, None, None, why[0]))
            continue
        first = Side.of(curve, stream(seed, *key, "scaffold", "plain"))
        second = Side.of(others[key], stream(seed, *key, "scaffold", "scaffolded"))
        level = common_level(first, second)
        if level is None:
            rows.append((*key, None, None, None, None, NO_LEVEL))
            continue
        found = shift(first, second, level, x=(curve.x, others[key].x))
        rows.append((*key, own_level(level, curve), *found.decades))
    return pl.DataFrame(rows, schema=dict(SCAFFOLD_SHIFT.columns), orient="row")
