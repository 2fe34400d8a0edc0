"""Tables that the page lets a reader sort and filter; their cells travel as data and become text in the browser."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import polars as pl

from rescore.report import text
from rescore.tables import Table

_DIGITS = 7  # significant; the page shows three, and sorts by what it has

Cell = str | float | None
Kind = Literal["subtask", "name", "word", "verdict", "text", "number"]

Titles = Mapping[str, tuple[str, Kind | Literal["interval", "percent", "times"]]]
"""By column of a table its heading, and how it is shown: as a kind, or as a number with its _low and _high."""

_MEASURED: Mapping[str, Callable[[float | None], str]] = {
    "interval": text.number,
    "percent": text.percent,
    "times": text.times,
}


@dataclass(frozen=True)
class Column:
    """A column of a grid, with what the pointer finds on its heading; a null cell is a dash, and sorts last.

    Of the kinds "subtask" is the place of a subtask among the page's, shown as a link; "name" is the heading of a row;
    "word" can be filtered by; "verdict" is shown as its letter. `said` are numbers as they are shown, if given.
    """

    title: str
    kind: Kind
    cells: Sequence[Cell]
    about: str = ""
    said: Sequence[str] | None = None

    def data(self) -> dict[str, Any]:
        """Return the cells as the page's script reads them; text is made printable, and is there once."""
        if self.kind in ("number", "subtask"):
            shown = {} if self.said is None else {"said": self.said}
            return {"kind": self.kind, "cells": [rounded(cell) for cell in self.cells], **shown}
        printable = [None if cell is None else text.plain(str(cell)) for cell in self.cells]
        place = {word: n for n, word in enumerate(self.words)}
        return {"kind": self.kind, "words": self.words, "cells": [c if c is None else place[c] for c in printable]}

    @property
    def words(self) -> list[str]:
        """The distinct cells as text, by name: what a filter offers."""
        return sorted({text.plain(str(cell)) for cell in self.cells if cell is not None})


@dataclass(frozen=True)
class Grid:
    """A table that can be sorted, and filtered unless it is `short`; the caption is for readers who do not see it."""

    id: str
    caption: str
    columns: Sequence[Column]
    short: bool = False

    @property
    def filters(self) -> Mapping[int, Column]:
        """The columns that can be filtered by, at their places."""
        return {place: column for place, column in enumerate(self.columns) if column.kind == "word"}

    @property
    def data(self) -> list[dict[str, Any]]:
        """The columns' cells as the page's script reads them."""
        return [column.data() for column in self.columns]


def of_table(
    table: Table, caption: str, first: Column, rows: pl.DataFrame, titles: Titles, *, short: bool = False
) -> Grid:
    """Make a grid of columns of a table, whose headings say what they hold; `rows` may have further ones."""
    columns = [first]
    for name, (title, kind) in titles.items():
        about = str(table.described[name])
        if show := _MEASURED.get(kind):
            said = [text.interval(row, name, show) for row in rows.to_dicts()]
            columns.append(Column(title, "number", rows[name].to_list(), about, said))
        else:
            columns.append(Column(title, cast(Kind, kind), _cells(rows[name]), about))
    return Grid(table.name, caption, columns, short)


def _cells(series: pl.Series) -> list[Any]:
    if series.dtype == pl.Boolean:
        return [None if value is None else "yes" if value else "no" for value in series]
    if series.name == "metric":
        return [text.title(value) for value in series]
    return [text.with_titles(value) for value in series] if series.name == "detail" else series.to_list()


def rounded(value: Any, digits: int = _DIGITS) -> Any:
    """Round a float to so many significant digits, and name an infinity, which JSON cannot; anything else passes.

    >>> rounded(1 / 3), rounded(2.5e19), rounded(64), rounded(None), rounded(-math.inf)
    (0.3333333, 2.5e+19, 64, None, '-Infinity')
    """
    if not isinstance(value, float):
        return value
    return float(f"{value:.{digits}g}") if math.isfinite(value) else f"{'-' * (value < 0)}Infinity"
