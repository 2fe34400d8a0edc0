"""Where the questions of a suite's row are, whether they can be used, and what `rescore prompts` is asked for."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rescore.bigbench import Columns, load, load_questions
from rescore.bigbench.catalogue import PROGRAMMATIC, WHY_UNSUPPORTED, kinds, leaf_sizes
from rescore.bigbench.question_files import FORMS
from rescore.config.inputs import Row, slug
from rescore.config.prompt_form import escaped
from rescore.config.validation import home_expanded
from rescore.tables import InputError, count, did_you_mean

OWN_TASKS = Path("data/tasks")
DOWNLOADS = Path("data/downloads")
DATASETS = DOWNLOADS / "datasets"
_CHECKED_BYTES = 2**24  # larger files are checked only when used, so that a dry run stays quick
_HUB_NAME = r"[\w.-]+(/[\w.-]+)?"
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


def download_root(config: Mapping[str, Any], where: str) -> Path:
    """Name the folder for what is downloaded: of the source package, or of one commit of a dataset of the Hub."""
    hub = config["bigbench"]["hub"]
    if hub is None:
        return DOWNLOADS / "bigbench"
    if hub["revision"] is None and not Path(hub["source"]).is_dir():
        raise InputError(
            f"{where}: key 'bigbench.hub.revision': a dataset of the Hub needs its commit; null is for a folder"
        )
    return DOWNLOADS / "hub" / slug(f"{hub['source'].replace('/', '-')}-{hub['revision'] or 'folder'}")


def find(row: Row, config: Mapping[str, Any], download_root: Path) -> None:
    """Put into a suite's row the folder of its task's folder (`root`, unless it has a `path`), and `sizes`.

    `sizes` are the numbers of questions of its subtasks; empty where files are too large to be read now. Raises
    InputError that names the row: there is no such task, its questions are not as expected, or too few for `shots`.
    """
    if "path" in row:
        sizes = _sizes_at_path(row)
    else:
        row["root"], sizes = _found(row["task"], config, download_root, row["where"])
    for path in question_files(row) if "path" in row else [row["root"]]:
        if set("{}") & set(str(path)):
            raise InputError(f"{row['where']}: {path}: Snakemake takes braces in it for wildcards; rename it")
    row["sizes"], shots = [*sizes.values()], row["shots"]
    if sizes and min(row["sizes"]) <= shots:
        least = min(sizes, key=sizes.__getitem__)
        raise InputError(
            f"{row['where']}: key 'shots': '{least}' has {count(sizes[least], 'question')}, "
            f"{count(shots, 'shot')} need{'s' if shots == 1 else ''} {shots + 1}; ask for fewer shots"
        )


def _found(name: str, config: Mapping[str, Any], download_root: Path, where: str) -> tuple[str, dict[str, int]]:
    """Find the folder that holds, or will hold, a task's folder, and the number of questions of each subtask."""
    task = name.partition(":")[0]
    local = OWN_TASKS if (OWN_TASKS / task).is_dir() else config["bigbench"]["path"]
    known = kinds()
    if known.get(task) == PROGRAMMATIC and not (local and (Path(local) / task / "task.json").is_file()):
        raise InputError(f"{where}: key 'task': '{task}' is {WHY_UNSUPPORTED}; unsupported")
    if local is not None:
        files = list((Path(local) / task).rglob("task.json"))
        try:
            if not files or sum(f.stat().st_size for f in files) <= _CHECKED_BYTES:
                return str(local), {leaf.name: len(leaf.examples) for leaf in load(Path(local), name)}
        except InputError as error:
            raise InputError(f"{where}: key 'task': {error}") from error
        return str(local), {}
    if name not in known:
        own = [path.parent.name for path in OWN_TASKS.glob("*/task.json")]
        meant = did_you_mean(name, [*own, *known])
        raise InputError(
            f"{where}: key 'task': '{name}' is neither in {OWN_TASKS} nor a JSON task of BIG-Bench"
            + (f"; {meant}" if meant else "")
        )
    if config["bigbench"]["hub"] is None:
        return str(download_root), leaf_sizes()[name]
    if ":" in name:
        raise InputError(f"{where}: key 'task': '{name}': the copies on the Hub have no subtasks; name the task alone")
    return str(download_root), {name: sum(leaf_sizes()[name].values())}


def _sizes_at_path(row: Mapping[str, Any]) -> dict[str, int]:
    """Check a row with a `path`, and its file unless that is large; the number of its questions, if they were read."""
    where, task, at = row["where"], row["task"], questions_at(row)
    if task.partition(":")[0] in kinds():
        raise InputError(
            f"{where}: key 'task': BIG-Bench has a task '{task.partition(':')[0]}', for which yours would be taken; "
            f"give yours another name, such as 'my_{task}', or leave 'path' blank"
        )
    if "revision" in row:
        if re.fullmatch(_HUB_NAME, row["path"]) is None or Path(row["path"]).exists():
            raise InputError(
                f"{where}: key 'path': {row['path']} is no dataset of the Hub (org/name); leave 'revision' blank for a "
                "file or folder"
            )
        return {}
    if not at.exists():
        raise InputError(f"{where}: key 'path': {_nothing_at(at, Path(where.rpartition(': ')[0]).parent)}")
    packed = _PACKED_TO if at.suffix.lower() in _PACKED else 1
    if not question_files(row):
        raise InputError(f"{where}: key 'path': {at} holds no file")
    if at.is_dir() or at.stat().st_size * packed > _CHECKED_BYTES:
        return {}
    try:
        named = Columns(row.get("input_column"), row.get("target_column"), row.get("choices_column"))
        [subtask] = load_questions(at, task, subset=row.get("subset"), split=row.get("split"), named=named)
        return {task: len(subtask.examples)}
    except InputError as error:
        raise InputError(f"{where}: key 'path': {error}") from error


def _nothing_at(at: Path, beside: Path) -> str:
    """Say that nothing is at a path, and where it may be."""
    if (beside / at).exists():
        return f"{at}: no such file or folder; paths begin where the command runs: write {beside / at}"
    hub = re.fullmatch(_HUB_NAME, str(at)) and "/" in str(at) and not at.name.endswith(FORMS)
    mend = "; a dataset of the Hub needs its commit in column 'revision'" if hub else ""
    return f"{at}: no such file or folder in {Path.cwd()}{mend}"
