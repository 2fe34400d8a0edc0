"""Files of questions that are not in BIG-Bench's format, to rows: JSON, BIG-Bench-Hard, parquet, datasets."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from rescore.bigbench.fields import TASK_KEYS, Repeated, content, kind, parsed
from rescore.tables import InputError

LINES = (".jsonl", ".ndjson")
FORMS = (*LINES, ".json", ".parquet")
"""How the name of a file of questions ends; those of text may end in `.gz` behind it."""


class Question(NamedTuple):
    """One row of a file, and its place in it for messages."""

    where: str
    cells: dict[str, Any]


def read_questions(path: Path, *, subset: str | None = None, split: str | None = None) -> list[Question]:
    """Read the rows of a file of questions, or of a folder in the format of the `datasets` library.

    A file is JSON Lines (`.jsonl`, `.ndjson`: one object per line); `.json` with a list of objects, with `examples` as
    in BIG-Bench-Hard, or with one object per line; any of them with `.gz` behind it; or `.parquet`. `subset` and
    `split` are of a folder, which has them; None takes the only one.

    Raises InputError that names file and line or row: it cannot be read, has another form, or holds no row.
    """
    if path.is_dir():
        from rescore.bigbench.download import dataset

        found = _parquet(io.BytesIO(dataset(str(path), None, subset=subset, split=split)), path)
    else:
        form = Path(path.name.lower().removesuffix(".gz")).suffix
        for key, value in (("subset", subset), ("split", split)):
            if value is not None:
                raise InputError(f"{path}: is one file, and key '{key}' is of a folder or a dataset; leave it blank")
        if form not in FORMS:
            of_folder = "; give the folder that it is in" if form in (".csv", ".tsv") else "; convert it to one of them"
            raise InputError(f"{path}: its name ends in none of {', '.join(FORMS)}{of_folder}")
        if form == ".parquet":
            found = _parquet(path, path)
        else:
            text = content(path)
            found = _lines(text, path) if form in LINES or _is_lines(text) else _json(parsed(text, path), path)
    if not found:
        raise InputError(f"{path}: holds no row")
    for where, cells in found:
        if not isinstance(cells, dict):
            raise InputError(f"{where}: is {kind(cells)}, expected an object")
        twice = next((one.key for one in (cells, *cells.values()) if isinstance(one, Repeated)), None)
        if twice is not None:
            raise InputError(f"{where}: key {twice!r}: stands twice; take one out")
    return found


def _lines(text: str, path: Path) -> list[Question]:
    lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if lines and lines[0][1].strip() in ("[", "{"):
        raise InputError(f"{path}: line 1: expected one object per line; name the file .json if it is one JSON value")
    return [Question(f"{path}: line {n}", parsed(line, path, n)) for n, line in lines]


def _is_lines(text: str) -> bool:
    """Whether a file named .json has one object per line, as `datasets` and pandas write it."""
    first, _, rest = text.strip().partition("\n")
    if not (first.startswith("{") and rest):
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True


def _json(data: Any, path: Path) -> list[Question]:
    if isinstance(data, dict) and isinstance(data.get("examples"), list):
        for key in data:
            if key in TASK_KEYS and key not in ("canary", "examples"):
                raise InputError(
                    f"{path}: key '{key}': is read in BIG-Bench's own format, and `path` is for others; put the file "
                    "at data/tasks/NAME/task.json and leave `path` blank"
                )
            if key not in ("canary", "examples"):
                raise InputError(f"{path}: key {key!r}: unknown beside 'examples'; take it out")
        data = data["examples"]
    if not isinstance(data, list):
        held = f"an object of {', '.join(map(repr, list(data)[:8]))}" if isinstance(data, dict) and data else kind(data)
        raise InputError(f'{path}: holds {held}, expected a list of objects or {{"examples": [...]}}')
    return [Question(f"{path}: row {n}", cells) for n, cells in enumerate(data, start=1)]


def _parquet(source: Path | io.BytesIO, path: Path) -> list[Question]:
    """Read rows; a class label of the `datasets` library becomes its name, and none where it is below 0."""
    try:
        said = pl.read_parquet_metadata(source).get("huggingface", "{}")
        if isinstance(source, io.BytesIO):
            source.seek(0)
        frame = pl.read_parquet(source)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InputError(f"{path}: not readable as parquet ({str(error).splitlines()[0]})") from error
    features = (json.loads(said).get("info") or {}).get("features") or {}
    rules = {name: rule for name, rule in features.items() if isinstance(rule, dict)}  # that of a list may be a list
    labels = {name: rule["names"] for name, rule in rules.items() if rule.get("_type") == "ClassLabel"}
    # By way of text, as Python writes no float of 32 bits: 0.1 would become 0.10000000149011612.
    frame = frame.with_columns(pl.col(pl.Float32).cast(pl.String).cast(pl.Float64))
    frame = frame.with_columns(
        pl.col(name).replace_strict(dict(enumerate(names)), default=None, return_dtype=pl.String)
        for name, names in labels.items()
        if frame.schema.get(name, pl.String()).is_integer()
    )
    return [Question(f"{path}: row {n}", cells) for n, cells in enumerate(frame.iter_rows(named=True), start=1)]


def columns(questions: Sequence[Question]) -> list[str]:
    """Name the columns that any row has, in order."""
    return list(dict.fromkeys(key for question in questions for key in question.cells))
