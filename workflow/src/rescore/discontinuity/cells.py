"""From the long table of scores to cells: one metric on one subtask along a ladder, checked, on shared items."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rescore.discontinuity.progress import Floats
from rescore.tables import METRICS, SCORES, InputError, Metric, some
from rescore.tables.axes import AXES

ROUNDING = 1e-6
"""A score so little outside its range is rounding, not an error."""

GUESSED = ("exact_match", "multiple_choice_grade", "token_accuracy")
"""The metrics whose chance may be known."""

Chances = Mapping[tuple[str, str, str], float]
"""Chance by task, subtask and metric."""

_NATS_MAX = 1e3  # an NLL beyond this is a probability of zero in any floating point
_KEY = ["task", "subtask", "metric"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Scores of one metric on one subtask along a ladder, from items or from aggregates, in the metric's own unit.

    Items and their scores are None for aggregates, and for metrics that are not tested.
    """

    task: str
    subtask: str
    metric: str
    models: tuple[str, ...]  # of the ladder, those that have scores
    x: Floats  # their places on its axis (see `check_ladder`), ascending; [models]
    mean: Floats  # NaN where not known, as the next two; [models]
    standard_error: Floats  # [models]
    n: Floats  # number of items of each mean; [models]
    item_ids: NDArray[np.int64] | None  # of the items that every model answered; [items]
    scores: Floats | None  # [models, items]
    chance: float | None  # what guessing scores, where it is known
    notes: tuple[str, ...]  # what was left out or assumed, in words
    reason: str | None  # why the curve cannot be judged; None where it can

    @property
    def key(self) -> tuple[str, str, str]:
        """Task, subtask and metric."""
        return self.task, self.subtask, self.metric

    @property
    def has_scores(self) -> bool:
        """Whether any model has a mean."""
        return bool(np.isfinite(self.mean).any())


def oriented(scores: Floats, metric: Metric) -> Floats:
    """Put scores on [0, 1] with higher better; an NLL stays in nats."""
    if metric.link == "log":
        return np.clip(scores, 0.0, _NATS_MAX)
    share = np.clip((scores - metric.low) / width(metric), 0.0, 1.0)
    return share if metric.higher_is_better else 1.0 - share


def upward(scores: Floats, metric: Metric) -> Floats:
    """Put scores on [0, 1] with higher better; an NLL becomes minus its nats."""
    return -oriented(scores, metric) if metric.link == "log" else oriented(scores, metric)


def width(metric: Metric) -> float:
    """How much of the metric's own unit is 1 in `oriented` scores."""
    return 1.0 if metric.link == "log" else metric.high - metric.low


def outside(scores: Floats, metric: Metric) -> NDArray[np.bool_]:
    """Whether each score lies outside the metric's range; a NaN does not."""
    return np.asarray((scores < metric.low - ROUNDING) | (scores > metric.high + ROUNDING))


class ScoreError(InputError):
    """A row of scores that cannot be used; `row` has what identifies it, `problem` says why."""

    def __init__(self, row: Mapping[str, object], problem: str) -> None:
        """Name the row by model, subtask, metric and example_id."""
        self.row = {key: row[key] for key in ("model", "task", "subtask", "metric", "example_id")}
        self.problem = ", ".join(f"{key} {value}" for key, value in self.row.items() if key != "task") + f": {problem}"
        super().__init__(f"scores: {self.problem}")


def check_ladder(ladder: pl.DataFrame, axis: str = "compute_flops") -> pl.DataFrame:
    """Return ladder, model, the columns of AXES, x and architecture, ascending in x.

    x is log10 of the axis' column, and minus that of a pretraining loss, so that a better model is further right. Other
    columns of AXES may be missing or null.

    Raises InputError where a column is missing, a model is in a ladder twice, or compute or the axis' column is not a
    positive number.
    """
    needed = dict.fromkeys(("compute_flops", axis), pl.Float64)
    types: dict[str, type[pl.DataType]] = {"ladder": pl.String, "model": pl.String, **needed}
    missing = [column for column in types if column not in ladder.columns]
    if missing:
        raise InputError(f"ladder: column '{missing[0]}' is missing; it needs {', '.join(types)}")
    types |= dict.fromkeys(AXES, pl.Float64)
    optional = {"family": pl.String, "n_layers": pl.Int64}
    frame = ladder.select(
        (pl.col(c) if c in ladder.columns else pl.lit(None, t)).cast(t, strict=False).alias(c)
        for c, t in (types | optional).items()
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
    """Refuse scores that are not numbers: raises ScoreError of the first."""
    missing = [column for column in SCORES.columns if column not in scores.columns and column != "reason"]
    if missing:
        raise InputError(f"scores: column '{missing[0]}' is missing; it needs {', '.join(SCORES.columns)}")
    bad = scores.filter(~pl.col("score").is_finite())
    if len(bad):
        row = bad.row(0, named=True)
        raise ScoreError(row, f"{row['score']} is no finite number; make an undefined score null")


def check_models(known: set[str], found: set[str]) -> None:
    """Refuse scores if no ladder has any of their models: raises InputError with some of both."""
    if found and not known & found:
        raise InputError(
            f"no ladder lists any model of the scores ({some(sorted(found), 3)}): add their rows to a ladder table; "
            f"the ladders given have {some(sorted(known), 3)}"
        )


def chances(examples: pl.DataFrame) -> dict[tuple[str, str, str], float]:
    """Return what guessing among the listed choices scores under multiple-choice grade.

    The mean over a subtask's examples (EXAMPLES) of the mean target score of their choices; without an entry where no
    example has choices or every choice is right. It is drawn as a line, and changes no answer.

    >>> choices = {"target_scores": [[1.0, 0.0], [0.0, 0.0, 1.0, 0.0], None]}
    >>> chances(pl.DataFrame({"task": "t", "subtask": "t", **choices}))  # (1/2 + 1/4) / 2
    {('t', 't', 'multiple_choice_grade'): 0.375}
    """
    guess = examples.group_by("task", "subtask").agg(chance=pl.col("target_scores").list.mean().mean())
    known = guess.filter((pl.col("chance") >= 0) & (pl.col("chance") < 1)).sort("task", "subtask")
    return {(task, subtask, "multiple_choice_grade"): chance for task, subtask, chance in known.iter_rows()}


def cells(scores: pl.DataFrame, models: pl.DataFrame, chances: Chances) -> Iterator[Cell]:
    """Yield the cells of one ladder, sorted by task, subtask and metric.

    A cell's items are those with a score on every model that has scores in it. `scores` is the table SCORES; models
    outside the ladder are ignored. `models` has model and x, ascending. Raises ScoreError where a score is outside its
    metric's range, or given twice.
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
) -> Cell:
    """One cell from its rows: example_id, score, and the model's row in `models` (rank)."""
    key = {"task": task, "subtask": subtask, "metric": metric}
    names = models["model"].to_list()
    items, column = _distinct(part["example_id"].to_numpy())
    row = part["rank"].to_numpy()
    given = np.zeros((len(names), len(items)), bool)
    given[row, column] = True
    if np.count_nonzero(given) < len(part):
        twice = part.filter(pl.struct("rank", "example_id").is_duplicated()).row(0, named=True)
        raise ScoreError(key | {"model": names[twice["rank"]]} | twice, "is given twice; keep one row")
    grid = np.full((len(names), len(items)), np.nan)  # [models, items]
    grid[row, column] = part["score"].to_numpy()  # a null becomes NaN: no score
    known = METRICS.get(metric)
    if known and (bad := outside(grid, known)).any():
        m, i = (int(index[0]) for index in np.nonzero(bad))
        problem = f"{grid[m, i]:g} is outside {known.low:g} to {known.high:g}"
        raise ScoreError(key | {"model": names[m], "example_id": int(items[i])}, problem)

    present = ~np.isnan(grid).all(1)
    shared = ~np.isnan(grid[present]).any(0) if present.any() else np.zeros(len(items), bool)
    absent = [name for name, there in zip(names, present, strict=True) if not there]
    n = int(np.count_nonzero(shared))
    notes, reason = [], None
    if not present.any():
        reason = "no item has a score"
    else:
        if absent:
            notes.append(f"no scores for {some(absent)}")
        if n < len(items):
            notes.append(f"{len(items) - n} of {len(items)} items left out: not scored on every model")
        if n < 2:
            reason = (
                "a single item: the error of its sampling is unknown" if n else "no item has a score on every model"
            )
    scores, x = grid[np.ix_(present, shared)], models["x"].to_numpy()[present]
    kept = reason is None and known is not None and known.link is not None
    return Cell(
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
    """The distinct numbers, ascending, and the position of each of `ids` among them; fast where they lie close."""
    low = int(ids.min())
    span = int(ids.max()) - low + 1  # no difference of two int64: that of two hashes may not be one
    if span > 4 * len(ids):
        distinct, at = np.unique(ids, return_inverse=True)
        return distinct, at
    there = np.zeros(span, bool)
    there[ids - low] = True
    return np.flatnonzero(there) + low, (np.cumsum(there) - 1)[ids - low]
