"""Where the questions of a suite's row are, whether they can be used, and what `rescore prompts` is asked for."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rescore.bigbench import Columns, load_questions
from rescore.bigbench.catalogue import kinds
from rescore.bigbench.question_files import FORMS
from rescore.config.prompt_form import escaped
from rescore.config.validation import home_expanded
from rescore.tables import InputError

DATASETS = Path("data/downloads/datasets")
_PACKED = (".gz", ".parquet")
_PACKED_TO = 16  # bytes of text in a packed byte, where questions resemble each other
_OF_A_PATH = ("revision", "subset", "split", "input_column", "target_column", "choices_column")
_OF_FETCH = ("revision", "subset", "split")  # of a dataset of the Hub


def questions_at(row: Mapping[str, Any]) -> Path:
    """Where the questions of a row with a `path` are; of a dataset of the Hub, the file that `rescore fetch` writes."""
    if "revision" not in row:
        return home_expanded(row["path"], f"{row['where']}: key 'path'")
    words = [row["path"], row["revision"][:12], row.get("subset", ""), row.get("split", "")]
    return DATASETS / (re.sub(r"[^\w.+-]", "-", "+".join(words)) + ".parquet")


def question_files(row: Mapping[str, Any]) -> list[Path]:
    """Return the files that a row's questions are read from; those of a folder in order."""
    at = questions_at(row)
    if not at.is_dir():
        return [at]
    inside = sorted(path for path in at.rglob("*") if path.is_file())
    return [path for path in inside if not any(part.startswith(".") for part in path.relative_to(at).parts)]


def files_digest(row: Mapping[str, Any]) -> str | None:
    """Digest the names, sizes and times of a row's files; None for a dataset of the Hub, whose commit is pinned."""
    if "revision" in row:
        return None
    seen = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in question_files(row)]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:12]


def prompt_words(row: Mapping[str, Any]) -> list[str]:
    """Turn a suite's row into the options of `rescore prompts`."""
    if "path" in row:
        passed = [key for key in _OF_A_PATH if key in row and not ("revision" in row and key in _OF_FETCH)]
        given = {"path": questions_at(row)} | {key: row[key] for key in passed}
    else:
        given = {"bigbench": row["root"]}
    given |= {key: row[key] for key in ("task", "shots", "seed", "max_examples") if key in row}
    words = [word for key, value in given.items() for word in (f"--{key.replace('_', '-')}", str(value))]
    if not row.get("list_choices", True):
        words.append("--no-list-choices")
    for key, value in row["form"].items():
        words.append(f"--{key.replace('_', '-')}" + ("" if value is True else f"={escaped(str(value))}"))
    return words


def columns(row: Mapping[str, Any]) -> Columns:
    """Return the columns that a row names."""
    return Columns(row.get("input_column"), row.get("target_column"), row.get("choices_column"))


def check(row: Mapping[str, Any], *, bytes_max: int) -> list[int]:
    """Check a row with a `path`, its file too where it has at most `bytes_max` bytes, a sixteenth of that if packed.

    Returns the number of its questions as a list of one; empty where they were not read. Raises InputError that names
    the row: the name is a task of BIG-Bench, nothing is at the path, or the questions are not as expected.
    """
    where, task, at = row["where"], row["task"], questions_at(row)
    if task.partition(":")[0] in kinds():
        raise InputError(
            f"{where}: key 'task': BIG-Bench has a task '{task.partition(':')[0]}', for which yours would be taken; "
            f"give yours another name, such as 'my_{task}', or leave 'path' blank"
        )
    if "revision" in row:
        return []
    if not at.exists():
        raise InputError(f"{where}: key 'path': {_nothing_at(at, Path(where.rpartition(': ')[0]).parent)}")
    packed = _PACKED_TO if at.suffix.lower() in _PACKED else 1
    if at.is_dir() or at.stat().st_size * packed > bytes_max:
        return []
    try:
        subset, split = row.get("subset"), row.get("split")
        [subtask] = load_questions(at, task, subset=subset, split=split, named=columns(row))
        return [len(subtask.examples)]
    except InputError as error:
        raise InputError(f"{where}: key 'path': {error}") from error


def _nothing_at(at: Path, beside: Path) -> str:
    """Say that nothing is at a path, and where it may be."""
    if (beside / at).exists():
        return f"{at}: no such file or folder; paths begin where the command runs: write {beside / at}"
    hub = re.fullmatch(r"[\w.-]+/[\w.-]+", str(at)) and not at.name.endswith(FORMS)
    mend = "; a dataset of the Hub needs its commit in column 'revision'" if hub else ""
    return f"{at}: no such file or folder in {Path.cwd()}{mend}"
