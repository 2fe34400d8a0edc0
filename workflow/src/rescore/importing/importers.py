"""The imports: one function per kind of file, from the files to the tables of Rescore."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from rescore.importing import bigbench_files, bigbench_ladders
from rescore.importing.bigbench_scores import Leaves
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


class Published(NamedTuple):
    """What BIG-bench's files became.

    Attributes
    ----------
    written
        The tables.
    ladders, axis
        The ladder tables, and the axis along which all their models have a place; no axis where the user gave the
        ladders.
    preferred
        task, subtask (whole, without its shots), preferred (BIG-bench's name of the metric it prefers), metric (ours).
    """

    written: Written
    ladders: Sequence[Path]
    axis: str | None
    preferred: pl.DataFrame


def bigbench_scores(
    paths: Sequence[Path], options: Options, *, n: int | None, leaves: Callable[[str, Path], tuple[Leaves, str | None]]
) -> Published:
    """Import score files and full logs of BIG-bench; of a folder, all in it and in the folders in it.

    Parameters
    ----------
    paths
        Files and folders.
    options
        Of the import. Without ladders these are made of the files, in the folder `ladders` of `options.out`.
    n
        Questions of every subtask; what `leaves` says if None.
    leaves
        Says of a task and a file of its results what is known of its subtasks, and what is wrong with its own files.

    Raises
    ------
    InputError
        There are none, or one is broken.
    """
    files = [p for path in paths for p in (_published(path) if path.is_dir() else [path])]
    if not files:
        raise InputError(f"{paths[0]}: holds no scores_*.json and no full-log_*.json")
    read = bigbench_files.read(files, n=n, leaves=leaves)
    made = None if options.ladders else bigbench_ladders.write(read.sizes, options.out / "ladders")
    options = replace(options, ladders=made.paths) if made else options
    collected = Collected(read.found, read.items, read.choices, [*read.notes, *(made.notes if made else ())])
    names = read_renames(options.rename)
    written = finish(collected, names, options, source=some(map(str, paths)), tool="bigbench-scores")
    return Published(written, options.ladders, made.axis if made else None, read.preferred)


def _published(folder: Path) -> list[Path]:
    patterns = ("scores_*.json", "full-log_*.json", "full-log_*.json.gz")
    return sorted(path for pattern in patterns for path in folder.rglob(pattern))


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
