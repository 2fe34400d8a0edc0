"""Tables on a terminal and in other formats."""

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from rescore.tables import printable, to_csv

_NULL = "–"
_NARROWEST = 12  # a text is cut to this many characters at the least


def print_table(frame: pl.DataFrame, form: str | None = None, *, headings: Mapping[str, str] | None = None) -> None:
    """Print a table: aligned where `form` is None, else as "csv", "json" (a list of objects) or "markdown"."""
    if form == "json":
        print(frame.write_json())  # noqa: T201
    elif form == "csv":
        lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
        flat = frame.with_columns(pl.Series(name, [json.dumps(v) for v in frame[name].to_list()]) for name in lists)
        print(to_csv(flat), end="")  # noqa: T201
    elif form == "markdown":
        rows = [[_text(value).replace("|", "\\|") for value in row] for row in frame.rows()]
        for row in [frame.columns, ["---"] * frame.width, *rows]:
            print(f"| {' | '.join(row)} |")  # noqa: T201
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
        print(aligned(frame, width, headings=headings or {}), end="")  # noqa: T201


def aligned(frame: pl.DataFrame, width: int, *, headings: Mapping[str, str]) -> str:
    """Lay a table out in columns: numbers to the right, three significant digits, long headings on several lines.

    Parameters
    ----------
    width
        Characters of a line; the longest texts are cut in the middle to fit.
    headings
        By column, what stands above it, if that is not its name.
    """
    columns = [[_text(value) for value in series.to_list()] for series in frame]
    right = [kind.is_numeric() for kind in frame.dtypes]
    heads = [
        _heading(headings.get(name, name), max([9, *map(len, cells)]))
        for name, cells in zip(frame.columns, columns, strict=True)
    ]
    widths = [max(map(len, [*head, *cells])) for head, cells in zip(heads, columns, strict=True)]
    while sum(widths) + 2 * len(widths) - 2 > width:
        texts = [at for at in range(len(widths)) if widths[at] > _NARROWEST and not right[at]]
        if not texts:
            break
        widths[max(texts, key=lambda at: widths[at] * (0.6 if frame.columns[at] == "subtask" else 1))] -= 1
    tall = max(map(len, heads), default=0)
    above = [[""] * (tall - len(head)) + head for head in heads]
    lines = [*zip(*above, strict=True), ["─" * size for size in widths], *zip(*columns, strict=True)]
    return "".join(f"{_line(line, widths, right)}\n" for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    texts = [_cut(cell, size) for cell, size in zip(cells, widths, strict=True)]
    every = zip(texts, widths, right, strict=True)
    return "  ".join(text.rjust(size) if number else text.ljust(size) for text, size, number in every).rstrip()


def _cut(text: str, size: int) -> str:
    """Cut the middle out of a text that is too long: names differ at their ends, subtasks behind the colon."""
    task, colon, own = text.partition(":")
    if len(text) > size and colon and " " not in text:
        if size > len(own) + 2:
            return f"{task[: size - len(own) - 2]}…:{own}"
        text = f"…{own}"
    return text if len(text) <= size else f"{text[: (size - 1) // 2]}…{text[len(text) - size // 2 :]}"


def _heading(name: str, size: int) -> list[str]:
    """Break a name after underscores and blanks into lines, if possible no longer than the column's cells."""
    lines = [""]
    for part in re.findall(r"[^_ ]*[_ ]?", name):
        if lines[-1] and len(lines[-1] + part) > size:
            lines.append("")
        lines[-1] += part
    return lines


def _text(value: Any) -> str:
    """Write a value for people; what would steer a terminal is escaped."""
    if value is None:
        return _NULL
    if isinstance(value, float):
        return f"{value:.3g}".replace("e+", "e")
    return printable(f"[{', '.join(map(_text, value))}]" if isinstance(value, list) else str(value))
