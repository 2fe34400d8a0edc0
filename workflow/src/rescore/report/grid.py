"""Tables that the page lets a reader sort and filter; their cells travel as data and become text in the browser."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rescore.report import text

_DIGITS = 7  # significant; the page shows three, and sorts by what it has

Cell = str | float | None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a grid.

    Attributes
    ----------
    title
        Its heading.
    kind
        "subtask" is the place of a subtask among the page's, shown as a link; "word" is a verdict or its like, which
        can be filtered by; "text" and "number" are shown as they are.
    cells
        One per row; null is shown as a dash, and sorts last.
    about
        A line on what it holds, shown when the pointer rests on the heading.
    said
        The cells of a column of numbers as they are shown, where that is not the number alone.
    """

    title: str
    kind: Literal["subtask", "word", "text", "number"]
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


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table that can be sorted and filtered.

    Attributes
    ----------
    id
        Names it in the page.
    caption
        What it is, for readers who do not see it.
    columns
        From left to right, all equally long.
    """

    id: str
    caption: str
    columns: Sequence[Column]

    @property
    def filters(self) -> Mapping[int, Column]:
        """The columns that can be filtered by, at their places."""
        return {place: column for place, column in enumerate(self.columns) if column.kind == "word"}

    @property
    def data(self) -> list[dict[str, Any]]:
        """The columns' cells as the page's script reads them."""
        return [column.data() for column in self.columns]

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.columns[0].cells) if self.columns else 0


def rounded(value: Any, digits: int = _DIGITS) -> Any:
    """Round a float to so many significant digits, and name an infinity, which JSON cannot; anything else passes.

    >>> rounded(1 / 3), rounded(2.5e19), rounded(64), rounded(None), rounded(-math.inf)
    (0.3333333, 2.5e+19, 64, None, '-Infinity')
    """
    if not isinstance(value, float):
        return value
    return float(f"{value:.{digits}g}") if math.isfinite(value) else f"{'-' * (value < 0)}Infinity"
