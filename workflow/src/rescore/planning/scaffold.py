"""How far a change of the prompt moves a rise along the ladder, and how stable answers are over several prompts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from rescore.discontinuity.stream import stream
from rescore.planning.curves import CELL, read_curves
from rescore.planning.shift import NO_LEVEL, Side, common_level, own_level, shift, without_rise
from rescore.tables import PROMPT_STABILITY, SCAFFOLD_SHIFT

_NAMES = ("plain", "scaffolded")
_QUESTIONS = ("cliff", "metric_makes_it", "skill_broke")


class PromptSetting(NamedTuple):
    """The tables VERDICTS, CLIFFS and RISES of a run with one prompt setting."""

    verdicts: pl.DataFrame
    cliffs: pl.DataFrame
    rises: pl.DataFrame


def scaffold_shift(
    plain: pl.DataFrame,
    scaffolded: pl.DataFrame,
    *,
    verdicts: tuple[pl.DataFrame, pl.DataFrame],
    setting: str = "scaffolded",
    seed: int = 0,
) -> pl.DataFrame:
    """Decades of compute between the rises of the same subtasks under two prompt settings.

    Curves are read as in `ladder_shifts`. The shift is log10 compute of `scaffolded` minus that of `plain`: negative
    where the scaffold helps. `plain` and `scaffolded` are tables CURVES, whose common cells are compared, `verdicts`
    their VERDICTS; `setting` names the second. Returns the table SCAFFOLD_SHIFT, one row per cell; the shift is null
    with a reason where the curves have no level in common, or one does not rise.
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
            rows.append((setting, *key, None, None, None, None, why[0]))
            continue
        first = Side.of(curve, stream(seed, *key, "scaffold", "plain"))
        second = Side.of(others[key], stream(seed, *key, "scaffold", "scaffolded"))
        level = common_level(first, second)
        if level is None:
            rows.append((setting, *key, None, None, None, None, NO_LEVEL))
            continue
        found = shift(first, second, level, x=(curve.x, others[key].x))
        rows.append((setting, *key, own_level(level, curve), *found.decades))
    return pl.DataFrame(rows, schema=dict(SCAFFOLD_SHIFT.columns), orient="row")


def prompt_stability(settings: Sequence[PromptSetting], shifts: pl.DataFrame) -> pl.DataFrame:
    """Say of each curve how stable its verdict, its elbow and the three answers are over prompt settings.

    The settings are all along one axis; `shifts` is SCAFFOLD_SHIFT of every other setting against the first. Returns
    the table PROMPT_STABILITY, one row per curve that two settings or more have. An answer that differs is given with
    its counts, "yes 2, open 1". Answers are of the hard metric's curve.
    """
    answers = pl.concat(one.cliffs.select(*CELL[:3], "hard_metric", *_QUESTIONS) for one in settings)
    answers = answers.rename({"hard_metric": "metric"}).group_by(CELL).agg(_told(name) for name in _QUESTIONS)
    places = pl.concat(one.rises.select(*CELL, "start_log10_x", "half_log10_x") for one in settings)
    elbow, half = pl.col("start_log10_x"), pl.col("half_log10_x")
    elbows = places.group_by(CELL).agg(
        rising=half.count(),
        elbow_first_log10_x=elbow.min(),
        elbow_last_log10_x=elbow.max(),
        elbow_apart_decades=elbow.max() - elbow.min(),
        half_apart_decades=half.max() - half.min(),
    )
    beyond = (pl.col("shift_low") > 0) | (pl.col("shift_high") < 0)
    moved = shifts.group_by(CELL).agg(moved=beyond.fill_null(value=False).sum())
    found = pl.concat(one.verdicts.select(*CELL, "verdict") for one in settings)
    found = found.group_by(CELL).agg(_told("verdict"), settings=pl.len()).filter(pl.col("settings") > 1)
    for table in (elbows, moved, answers):
        found = found.join(table, on=CELL, how="left")
    same = pl.all_horizontal(~pl.col(name).str.contains(",").fill_null(value=False) for name in _QUESTIONS)
    found = found.with_columns(
        pl.col("rising", "moved").fill_null(0),
        stable=pl.when(pl.col("cliff").is_not_null()).then(same),
        **{
            name: pl.when(pl.col("rising") > 1).then(pl.col(name))
            for name in elbows.columns
            if name.endswith("decades")
        },
    )
    return found.select(pl.col(name).cast(kind) for name, kind in PROMPT_STABILITY.columns.items()).sort(CELL)


def _told(name: str) -> pl.Expr:
    return pl.col(name).implode().map_elements(_in_words, return_dtype=pl.String, skip_nulls=False).alias(name)


def _in_words(replies: Iterable[str | None]) -> str | None:
    """Give the reply that all share, or else each with its count, the commonest first; None where there is none.

    >>> _in_words(["open", "yes", None, "yes"])
    'yes 2, open 1, no answer 1'
    """
    counts = Counter(replies)
    missing = counts.pop(None, 0)
    if not counts:
        return None
    told = [f"{reply} {n}" for reply, n in sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))]
    if len(told) == 1:
        told = [str(*counts)]
    return ", ".join(told + ([f"no answer {missing}"] if missing else []))
