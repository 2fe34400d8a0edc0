"""Tables of scores too large to be held at once: gone through task by task."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Self

import polars as pl

from rescore import tables as schema


@dataclass(frozen=True)
class Parts:
    """The table SCORES in parts, a task each, read from its files each time they are gone through.

    Attributes
    ----------
    files
        Groups of files, no task in two of them.
    metrics
        Of all rows.
    """

    files: Sequence[Sequence[Path]]
    metrics: frozenset[str]

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Self:
        """Look through tables of scores: any models and tasks in any file.

        Raises
        ------
        InputError
            A file that is no such table.
        """
        groups: list[tuple[set[str], list[Path]]] = []
        metrics: set[str] = set()
        for path in paths:
            frame = schema.read(path, schema.SCORES)
            metrics |= set(frame["metric"].unique())
            tasks = set(frame["task"].unique())
            linked = [group for group in groups if group[0] & tasks]
            groups = [group for group in groups if group not in linked]
            groups.append((tasks.union(*(t for t, _ in linked)), [*chain.from_iterable(f for _, f in linked), path]))
        return cls([files for _, files in groups], frozenset(metrics))

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Give the rows of one task after the other."""
        for files in self.files:
            frame = read_all(files, schema.SCORES)
            for task in frame["task"].unique(maintain_order=True):
                yield frame.filter(task=task)


def read_all(paths: Sequence[Path], table: schema.Table, *, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Read tables of one kind into one: all columns, or some, for the others may be large."""
    columns = columns or list(table.columns)
    return pl.concat([table.empty().select(columns), *(schema.read(path, table).select(columns) for path in paths)])
