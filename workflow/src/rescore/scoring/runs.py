"""Rows in the order of the examples, and sums and maxima over the rows of each example."""

from dataclasses import dataclass

import numpy as np
import polars as pl

KEYS = ("model", "subtask", "example_id")
SUBTASK_KEYS = ("model", "task", "subtask")


@dataclass(frozen=True)
class Runs:
    """Runs of consecutive rows: the choices of each example, or its targets."""

    lengths: np.ndarray  # rows of each run, at least one: [runs]

    @classmethod
    def of(cls, row: pl.Series) -> "Runs":
        """The runs of equal numbers in a column that is sorted and leaves no number out."""
        return cls(np.bincount(row.to_numpy()))

    @property
    def starts(self) -> np.ndarray:
        """First row of each run: [runs]."""
        starts: np.ndarray = np.cumsum(self.lengths) - self.lengths
        return starts

    def sum(self, x: np.ndarray) -> np.ndarray:
        """Sum of each run: [rows] -> [runs]."""
        return np.add.reduceat(x, self.starts)

    def max(self, x: np.ndarray) -> np.ndarray:
        """Largest number of each run: [rows] -> [runs]."""
        return np.maximum.reduceat(x, self.starts)

    def spread(self, y: np.ndarray) -> np.ndarray:
        """Each run's number in all its rows: [runs] -> [rows]."""
        return np.repeat(y, self.lengths)

    def first(self, chosen: np.ndarray) -> np.ndarray:
        """Row of each run's first chosen one; past the last row where there is none: [rows] -> [runs]."""
        found: np.ndarray = np.minimum.reduceat(np.where(chosen, np.arange(len(chosen)), len(chosen)), self.starts)
        return found

    def best(self, x: np.ndarray) -> np.ndarray:
        """Row of each run's largest number, the first of equals: [rows] -> [runs]."""
        return self.first(x == self.spread(self.max(x)))


def placed(frame: pl.DataFrame, examples: pl.DataFrame) -> pl.DataFrame:
    """Add `row`, the place of each row's example in `examples`, and sort by it; drop rows of other examples.

    Rows of one example mostly follow each other, and examples mostly have the same order in all tables. So only the
    first row of each example is looked up, and not even that where all agree.
    """
    new = frame.select(
        pl.any_horizontal(pl.col(key) != pl.col(key).shift() for key in KEYS).fill_null(True)
    ).to_series()
    run = (new.cum_sum() - 1).cast(pl.UInt32)
    heads, keys = frame.select(KEYS).filter(new), examples.select(KEYS)
    if heads.equals(keys):
        return frame.with_columns(row=run.set_sorted())
    rows = heads.join(keys.with_row_index("row"), on=KEYS, how="left", maintain_order="left")["row"]
    frame = frame.with_columns(row=rows.gather(run)).drop_nulls("row")
    return frame if frame["row"].is_sorted() else frame.sort("row", maintain_order=True)


def filled(frame: pl.DataFrame, n: int) -> pl.DataFrame:
    """Add a row of nulls for each of the `n` examples that has none in the result of `placed`."""
    rows = pl.DataFrame({"row": pl.int_range(n, dtype=pl.UInt32, eager=True)})
    if frame["row"].n_unique() == n:
        return frame
    return rows.join(frame, on="row", how="left", maintain_order="left").with_columns(pl.col("row").set_sorted())


def find(wanted: pl.Series, n_wanted: np.ndarray, offered: pl.Series, n_offered: np.ndarray) -> np.ndarray:
    """Position of each wanted text among the offered texts of its run; -1 if it is not there.

    Both mostly have nearly the same order. So each text is compared with the one in the same place of its run, then
    with the next one, and so on in a circle, which finds nearly all of them at once. A join takes ten times as long.

    `wanted` and `offered` are texts, run after run, n_wanted and n_offered of them in each run: [runs].
    """
    at = np.full(len(wanted), -1)
    run = np.repeat(np.arange(len(n_wanted)), n_wanted)  # [wanted]
    starts = np.cumsum(n_offered) - n_offered
    place = np.arange(len(wanted)) - (np.cumsum(n_wanted) - n_wanted)[run]
    left = np.flatnonzero(n_offered[run] > 0)
    for turn in range(n_offered.max(initial=0)):
        length = n_offered[run[left]]
        left, length = left[turn < length], length[turn < length]
        guess = starts[run[left]] + (place[left] + turn) % length
        hit = (wanted.gather(left) == offered.gather(guess)).to_numpy()
        at[left[hit]] = guess[hit]
        left = left[~hit]
    return at
