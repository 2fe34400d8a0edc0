"""From a ladder and the long table of scores to cells: checks, and the items that every model answered."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rescore.discontinuity.chance import Chances
from rescore.discontinuity.measured import Measured, outside
from rescore.tables import METRICS, SCORES, InputError
from rescore.tables.axes import AXES

_KEY = ["task", "subtask", "metric"]
_NOTHING_SHARED = "no item has a score on every model"


def check_ladder(ladder: pl.DataFrame, axis: str = "compute_flops") -> pl.DataFrame:
    """Return ladder, model, the columns of AXES, x and architecture, ascending in x.

    x is log10 of the axis' column, and minus that of a pretraining loss, so that a better model is further right. Other
    columns of AXES may be missing or null.

    Raises
    ------
    InputError
        A column is missing, a model stands in a ladder twice, or compute or the axis' column is not a positive number.
    """
    needed = dict.fromkeys(("compute_flops", axis), pl.Float64)
    types: dict[str, type[pl.DataType]] = {"ladder": pl.String, "model": pl.String, **needed}
    missing = [column for column in types if column not in ladder.columns]
    if missing:
        raise InputError(f"ladder: column '{missing[0]}' is missing; it needs {', '.join(types)}")
    types |= dict.fromkeys(AXES, pl.Float64)
    told = {"family": pl.String, "n_layers": pl.Int64}
    frame = ladder.select(
        (pl.col(c) if c in ladder.columns else pl.lit(None, t)).cast(t, strict=False).alias(c)
        for c, t in (types | told).items()
    )
    for column in needed:
        value = pl.col(column)
        bad = frame.filter(~(value.is_finite() & (value > 0)).fill_null(value=column != axis))
        if len(bad):
            row = bad.row(0, named=True)
            raise InputError(
                f"ladder {row['ladder']}, model {row['model']}: {column} is {row[column]}, "
                f"give {AXES[column].description} as a positive number"
            )
    twice = frame.filter(pl.struct("ladder", "model").is_duplicated())
    if len(twice):
        row = twice.row(0, named=True)
        raise InputError(f"ladder {row['ladder']}, model {row['model']}: stands in the ladder twice, keep one row")
    ordered = frame.sort("ladder", axis, "model", descending=[False, AXES[axis].falls, False])
    x = AXES[axis].places(ordered[axis])
    layers = pl.when(pl.col("n_layers") == 1).then(pl.lit("layer")).otherwise(pl.lit("layers"))
    depth = pl.format("{} {}", "n_layers", layers).fill_null("depth not told")
    architecture = pl.format("{}, {}", pl.col("family").fill_null(""), depth)
    return ordered.select(*types, x=pl.Series(x, dtype=pl.Float64), architecture=architecture)


def check_scores(scores: pl.DataFrame) -> None:
    """Refuse scores that are not numbers.

    Raises
    ------
    InputError
        Names model, subtask, metric and example of the first such score.
    """
    missing = [column for column in SCORES.columns if column not in scores.columns and column != "reason"]
    if missing:
        raise InputError(f"scores: column '{missing[0]}' is missing; it needs {', '.join(SCORES.columns)}")
    bad = scores.filter(~pl.col("score").is_finite())
    if len(bad):
        row = bad.row(0, named=True)
        problem = f"{row['score']} is no finite number; make an undefined score null"
        raise _bad_score(row["subtask"], row["metric"], row["model"], row["example_id"], problem)


def check_models(known: set[str], found: set[str]) -> None:
    """Refuse scores of which no model is in the ladder.

    Raises
    ------
    InputError
        Names some of both.
    """
    if found and not known & found:
        raise InputError(
            f"no ladder lists any model of the scores ({_some(found)}): add their rows to a ladder table; the ladders "
            f"given have {_some(known)}"
        )


def cells(scores: pl.DataFrame, models: pl.DataFrame, chances: Chances) -> Iterator[Measured]:
    """Give the cells of one ladder, in the order of task, subtask, metric.

    A cell's items are those with a score on every model that has scores in this cell. `scores` is the table SCORES,
    whose models outside the ladder are passed over; `models` has model and x, ascending.

    Raises
    ------
    InputError
        A score outside its metric's range, or given twice.
    """
    ranks = models.select("model", rank=pl.int_range(pl.len()))
    parts = (
        scores.select("model", *_KEY, "example_id", "score")
        .join(ranks, on="model")
        .drop("model")
        .partition_by(_KEY, as_dict=True, include_key=False)
    )
    for key in sorted(parts):
        task, subtask, metric = (str(name) for name in key)
        chance = chances.get((task, subtask, metric))
        yield _cell(parts.pop(key), models, task=task, subtask=subtask, metric=metric, chance=chance)


def _cell(
    part: pl.DataFrame, models: pl.DataFrame, *, task: str, subtask: str, metric: str, chance: float | None
) -> Measured:
    """One cell from its rows: example_id, score, and the model's row in `models` (rank)."""
    names = models["model"].to_list()
    items, column = _distinct(part["example_id"].to_numpy())
    row = part["rank"].to_numpy()
    given = np.zeros((len(names), len(items)), bool)
    given[row, column] = True
    if np.count_nonzero(given) < len(part):
        twice = part.filter(pl.struct("rank", "example_id").is_duplicated()).row(0, named=True)
        raise _bad_score(subtask, metric, names[twice["rank"]], twice["example_id"], "is given twice")
    grid = np.full((len(names), len(items)), np.nan)  # [models, items]
    grid[row, column] = part["score"].to_numpy()  # a null becomes NaN: no score
    known = METRICS.get(metric)
    if known and (bad := outside(grid, known)).any():
        m, i = (int(index[0]) for index in np.nonzero(bad))
        problem = f"{grid[m, i]:g} is outside {known.low:g} to {known.high:g}"
        raise _bad_score(subtask, metric, names[m], int(items[i]), problem)

    present = ~np.isnan(grid).all(1)
    shared = ~np.isnan(grid[present]).any(0) if present.any() else np.zeros(len(items), bool)
    absent = [name for name, there in zip(names, present, strict=True) if not there]
    n = int(np.count_nonzero(shared))
    notes, reason = [], None
    if not present.any():
        reason = "no item has a score"
    else:
        if absent:
            notes.append(f"no scores for {', '.join(absent)}")
        if n < len(items):
            notes.append(f"{len(items) - n} of {len(items)} items left out: not scored on every model")
        if n < 2:
            reason = "a single item: the error of its sampling is unknown" if n else _NOTHING_SHARED
    scores, x = grid[np.ix_(present, shared)], models["x"].to_numpy()[present]
    kept = reason is None and known is not None and known.link is not None
    return Measured(
        task=task,
        subtask=subtask,
        metric=metric,
        models=tuple(name for name, there in zip(names, present, strict=True) if there),
        x=x,
        mean=scores.mean(1) if n else np.full(len(x), np.nan),
        standard_error=scores.std(axis=1, ddof=1) / np.sqrt(n) if n > 1 else np.full(len(x), np.nan),
        n=np.full(len(x), float(n)),
        item_ids=items[shared] if kept else None,
        scores=scores if kept else None,
        chance=chance,
        notes=tuple(notes),
        reason=reason,
    )


def _distinct(ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """The distinct numbers, ascending, and where each of `ids` stands among them; fast where they lie close."""
    low, span = int(ids.min()), int(np.ptp(ids)) + 1
    if span > 4 * len(ids):
        distinct, at = np.unique(ids, return_inverse=True)
        return distinct, at
    there = np.zeros(span, bool)
    there[ids - low] = True
    return np.flatnonzero(there) + low, (np.cumsum(there) - 1)[ids - low]


def _bad_score(subtask: str, metric: str, model: str, example: int, problem: str) -> InputError:
    return InputError(f"scores: model {model}, subtask {subtask}, metric {metric}, example {example}: {problem}")


def _some(names: set[str]) -> str:
    shown = sorted(names)[:3]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
