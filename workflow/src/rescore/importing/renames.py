"""The user's table of names, `--rename`."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from rescore.tables import InputError


def read_renames(path: Path, frames: Iterable[pl.DataFrame]) -> dict[str, str]:
    """Read pairs of names, tab-separated, one pair per line: as in the files, and as to be used.

    Raises
    ------
    InputError
        A line is no such pair, gives a name twice, or names nothing that the frames hold.
    """
    there = {name for f in frames for c in ("model", "task", "subtask", "metric") for name in f[c].unique()}
    names: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != 2 or not all(cells):
            raise InputError(f"{path}: row {number}: expected a name in the files, a tab, and the name to use")
        if cells[0] not in there:
            raise InputError(f"{path}: row {number}: '{cells[0]}' is no model, task, subtask or metric of the files")
        if names.setdefault(cells[0], cells[1]) != cells[1]:
            raise InputError(f"{path}: row {number}: '{cells[0]}' is called '{names[cells[0]]}' above")
    return names
