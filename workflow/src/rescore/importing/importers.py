"""The imports: one function per kind of file, from the files to the tables of Rescore."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from rescore.importing import bigbench_scores as bigbench
from rescore.importing import json_files
from rescore.importing.collect import Collected, collect, some
from rescore.importing.finish import Options, Written, finish
from rescore.importing.renames import read_renames
from rescore.importing.table import Columns, found, read_table
from rescore.importing.tidy import CHOICES, FOUND, ITEMS, Schema, frame
from rescore.tables import InputError


def results(paths: Sequence[Path], options: Options, *, prefer: str | None) -> Written:
    """Import results files and logs of examples; of a folder, all in it and in the folders in it.

    Read are lm-evaluation-harness, lighteval, the Open LLM Leaderboard, inspect_ai and Every Eval Ever, by content.

    Parameters
    ----------
    paths
        Files and folders.
    options
        Of the import.
    prefer
        Where a task has several filters of answers, the one that counts; the first in the file if None.

    Raises
    ------
    InputError
        There are none, or one is broken.
    """
    names = read_renames(options.rename)
    return finish(
        collect(paths, prefer=prefer, names=names.names), names, options, source=some(map(str, paths)), tool="results"
    )


def bigbench_scores(paths: Sequence[Path], options: Options, *, n: int | None) -> Written:
    """Import score files of BIG-bench; of a folder, all in it and in the folders in it.

    Raises
    ------
    InputError
        There are none, or one is broken.
    """
    files = [p for path in paths for p in (sorted(path.rglob("scores_*.json")) if path.is_dir() else [path])]
    if not files:
        raise InputError(f"{paths[0]}: holds no scores_*.json")
    rows = []
    for path in files:
        content = json_files.content(path)
        if content.problem or content.several:
            raise InputError(f"{path}: {content.problem or 'several values, expected one'}")
        rows += bigbench.scores(content.value, where=str(path), n=n)
    collected = Collected(frame(rows, FOUND), _none(ITEMS), _none(CHOICES), [])
    names = read_renames(options.rename)
    return finish(collected, names, options, source=some(map(str, paths)), tool="bigbench-scores")


def csv(path: Path, columns: Columns, options: Options) -> Written:
    """Import a table of results: comma- or tab-separated, or parquet.

    Raises
    ------
    InputError
        Names file and row of what cannot be used.
    """
    read = found(read_table(path), columns, where=str(path))
    means, items = (_none(FOUND), read.rows) if read.of_examples else (read.rows, _none(ITEMS))
    collected = Collected(means, items, _none(CHOICES), read.notes)
    return finish(collected, read_renames(options.rename), options, source=str(path), tool="csv")


def _none(columns: Schema) -> pl.DataFrame:
    return frame([], columns)
