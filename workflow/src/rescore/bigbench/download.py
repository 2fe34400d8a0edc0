"""Pinned downloads of BIG-Bench. Only this module and `rescore.models.hub` use the network."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from rescore.bigbench import load
from rescore.tables import InputError, write_text

PACKAGE = "bigbench==1.0.0"
SHA256 = "1bb398a5512c6d798cdebe0dfa0ac03f67f6033fa6b39c6ef71df978c7cbc5c2"
N_BYTES = 358_249_635
ARCHIVE = "bigbench-1.0.0.tar.gz"

OFFLINE_HELP = (
    "give an unpacked copy as bigbench.path, or run the suite that needs no download: "
    "snakemake --cores all --config suite=config/suites/own.tsv"
)


_BACKEND = """
import os
import pathlib

class Backend:
    def prepare_metadata_for_build_wheel(self, folder, config_settings=None):
        pathlib.Path("bigbench", "benchmark_tasks").rename(os.environ["RESCORE_UNPACKED"])
        info = pathlib.Path(folder) / "bigbench-1.0.0.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text("Metadata-Version: 2.1\\nName: bigbench\\nVersion: 1.0.0\\n")
        return info.name

__legacy__ = Backend()
"""
"""Replaces setuptools while pip downloads. pip unpacks a source package and asks it for its metadata, which would run
the package's own code and fetch what that needs. Here it takes the folder of tasks out of what pip unpacked instead."""


def fetch(tasks: Collection[str], out: Path, *, sha256: str = SHA256, package: str = PACKAGE) -> None:
    """Download the BIG-Bench source package with pip and write `out/{task}/task.json`, and those of its subtasks.

    The package is kept beside `out`, and not downloaded again while its hash is right. Tasks that are there already are
    left alone.

    Raises
    ------
    InputError
        The registry cannot be reached, or its file has another hash: nothing is left behind. Or the package holds no
        such JSON task: the others are kept.
    """
    wanted = sorted({t for t in tasks if not (out / t / "task.json").exists()})
    if not wanted:
        return
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".download.") as folder:
        unpacked = _unpacked(Path(folder), out.parent / ARCHIVE, sha256, package)
        known = {path.parent.name for path in unpacked.glob("*/task.json") if _is_plain(path)}
        for task in known.intersection(wanted):
            files = [path for way in ("task.json", "*/task.json") for path in (unpacked / task).glob(way)]
            for path in filter(_is_plain, files):
                to = Path(folder, "tasks", path.relative_to(unpacked))
                to.parent.mkdir(parents=True, exist_ok=True)
                path.replace(to)
            shutil.rmtree(out / task, ignore_errors=True)  # left by a run that was cut off
            Path(folder, "tasks", task).replace(out / task)
    absent = [task for task in wanted if task not in known]
    if absent:
        raise InputError(f"{package}: BIG-Bench has no JSON task '{absent[0]}'; see its name in the suite table")


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _unpacked(folder: Path, archive: Path, sha256: str, package: str) -> Path:
    """Let pip download the package to `archive`, in hash-checking mode and showing its progress, and unpack it."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{package} --hash=sha256:{sha256}\n")
    backend = folder / "backend" / "setuptools"
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build_meta.py").write_text(_BACKEND)
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "--retries", "2"]
    command += ["--timeout", "60", "--requirement", str(wanted)]
    if archive.exists() and _digest(archive) == sha256:
        command += ["--no-index", "--find-links", str(archive.parent), "--dest", str(archive.parent)]
    else:
        command += ["--dest", str(folder)]
        print(f"downloading {package} ({N_BYTES / 1e6:.0f} MB) with pip", file=sys.stderr)  # noqa: T201 - progress
    # pip unpacks beside the target, not on a small /tmp.
    environment = os.environ | {"TMPDIR": str(folder.resolve()), "PYTHONPATH": str(backend.parent.resolve())}
    environment |= {"RESCORE_UNPACKED": str(folder.resolve() / "unpacked")}
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode:
        raise InputError(_why_pip_failed(done.stderr, package))
    for found in folder.glob("bigbench-*.tar.gz"):
        shutil.move(found, archive)
    unpacked = folder / "unpacked"
    if not unpacked.exists():  # pip issue 1884 asks for such a pip
        raise InputError(f"{package}: this pip does not unpack what it downloads; take pip 26.3")
    return unpacked


def _why_pip_failed(stderr: str, package: str) -> str:
    if "DO NOT MATCH THE HASHES" in stderr:
        got = re.search(r"Got\s+([0-9a-f]{64})", stderr)
        return f"{package}: the download has sha256 {got[1] if got else '?'}, which is not the pinned one; kept nothing"
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR")] or stderr.splitlines() or ["no reason"]
    broken = "connection broken" in stderr  # pip's last line then says only "no matching distribution"
    reason = "the package index cannot be reached" if broken else errors[-1].removeprefix("ERROR: ")
    return f"{package}: pip could not download it ({reason}); {OFFLINE_HELP}"


def from_hub(source: str, revision: str | None, task: str, out: Path) -> Path:
    """Write `out/{task}/task.json` from a copy of BIG-Bench on the Hub, or a local folder in its format.

    A folder holds its parquet files in `{task}/`, or names a configuration for each task in its README.md, as datasets
    of the Hub do. The Hub's copies (`tasksource/bigbench`) hold formatted questions: `inputs`, `targets`,
    `multiple_choice_targets`, `multiple_choice_scores`. They lack subtasks, metrics, stop strings and regular
    expressions. BIG-Bench's default expression therefore cuts the answers, and only prompts without shots equal the
    reference's.

    Raises InputError where the dataset cannot be loaded or has other columns.
    """
    path = out / task / "task.json"
    if path.exists():
        return path
    import datasets  # costs a second

    try:
        plain = Path(source).is_dir() and task not in datasets.get_dataset_config_names(source)
        where = {"data_dir": task} if plain else {"name": task, "revision": revision}
        loaded = datasets.load_dataset(source, **where)
    except Exception as error:  # the library raises many types, all about source or network
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"bigbench.hub: {source}, task '{task}', cannot be loaded: {reason}; {OFFLINE_HELP}"
        ) from error
    rows = [row for split in sorted(loaded) for row in loaded[split]]
    if not rows or not {"inputs", "targets"} <= set(rows[0]):
        raise InputError(f"bigbench.hub: {source}, task '{task}': expected rows with 'inputs' and 'targets'")
    rows.sort(key=lambda row: row.get("idx", 0))  # the splits cut up the task's file; `idx` is the place in it
    try:
        text = json.dumps(_task_from_hub(task, source, rows))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"bigbench.hub: {source}, task '{task}': a row is not as expected ({error})") from error
    write_text(text, path)
    try:
        load(out, task)
    except InputError:
        path.unlink()  # else it would pass for fetched
        raise
    return path


def _task_from_hub(task: str, source: str, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    examples: list[dict[str, Any]] = []
    for row in rows:
        example: dict[str, Any] = {"input": row["inputs"], "target": row["targets"]}
        if row.get("multiple_choice_targets"):
            choices = zip(row["multiple_choice_targets"], row["multiple_choice_scores"], strict=True)
            example["target_scores"] = dict(choices)
        examples.append(example)
    graded = all("target_scores" in e for e in examples)
    return {
        "canary": "",
        "name": task,
        "description": f"{task}, as {source} holds it",
        "keywords": [],
        "metrics": ["exact_str_match", "multiple_choice_grade"] if graded else ["exact_str_match"],
        "preferred_score": "exact_str_match",
        "example_input_prefix": "",
        "example_output_prefix": "",
        "append_choices_to_input": False,
        "examples": examples,
    }


def dataset(source: str, revision: str | None, *, subset: str | None, split: str | None) -> bytes:
    """Load one split of a dataset of the Hub, or of a folder in a format of the `datasets` library, as a parquet file.

    A dataset of the Hub needs its commit as `revision`, a folder has none. `subset` and `split` may be None where there
    is one. Raises InputError where it cannot be loaded, and where several are there and none or another was named.
    """
    import datasets  # costs a second

    label = f"{source}, commit {revision}" if revision else source
    folder = None if revision else Path(source)
    try:
        # The library copies what it loads; of a folder that is here already, no copy is kept.
        with tempfile.TemporaryDirectory() as made:
            cache = {"cache_dir": made} if folder else {}
            if folder and any((folder / name).is_file() for name in ("state.json", "dataset_dict.json")):
                _only(label, "subset", ["default"], subset)
                loaded = datasets.load_from_disk(source)
            else:
                _only(label, "subset", datasets.get_dataset_config_names(source, revision=revision), subset)
                loaded = datasets.load_dataset(source, subset, revision=revision, **cache)
            splits = loaded if isinstance(loaded, dict) else {str(loaded.split or "all"): loaded}
            loaded = splits[_only(label, "split", list(splits), split)]
            buffer = io.BytesIO()
            loaded.to_parquet(buffer)
            return buffer.getvalue()
    except InputError:
        raise
    except Exception as error:  # the library raises many types, all about source or network
        mend = "; see columns 'path' and 'revision', and whether there is a network" if revision else ""
        raise InputError(
            f"{label}: cannot be loaded as a dataset: {' '.join(str(error).split())[:200]}{mend}"
        ) from error


def _only(label: str, key: str, there: Sequence[str], given: str | None) -> str:
    """Return the subset or split that is meant: the one that is named, or the only one."""
    if given not in there and (given is not None or len(there) > 1):
        problem = f"no {key} '{given}'" if given else f"{len(there)} {key}s"
        raise InputError(f"{label}: has {problem}; name one in column '{key}': {', '.join(sorted(there))}")
    return given or there[0]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
