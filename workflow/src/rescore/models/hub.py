"""Models of the Hub: from a revision to a commit, and from a commit to a folder of checked files on this machine."""

import errno
import hashlib
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rescore.config.folder import ALLOW_BIN, is_bin
from rescore.tables import InputError

_COMMIT = re.compile(r"[0-9a-f]{40}")


def commit(row: Mapping[str, Any]) -> str:
    """Resolve the revision of a ladder row's model to its commit, 40 hexadecimal digits.

    A branch or tag is looked up on the Hub; where that cannot be reached, the last result on this machine is taken.
    Raises InputError where there is no such model or revision, it may not be read, or the Hub cannot be reached.
    """
    if _COMMIT.fullmatch(row["revision"]):
        return str(row["revision"])
    import huggingface_hub  # costs half a second: only where it is used

    try:
        found = huggingface_hub.resolve_revision(row["source"], revision=row["revision"]).resolved
    except Exception as error:  # there is no common base class: the client's own, the transport's, OSError
        raise InputError(_why_no_model(row, error)) from error
    print(f"{row['model']}: {row['source']} {row['revision']} is commit {found}", file=sys.stderr)  # noqa: T201
    return found


def model(row: Mapping[str, Any]) -> Path:
    """Download the files of a pinned row's model to the Hub's cache on this machine, check them, return their folder.

    Only what loading needs: configuration, tokenizer and safetensors weights (pickles where there are none and the row
    allows them), or the row's GGUF file; the model's own code only where the row trusts it. A whole model in the cache
    needs no network. Every file is compared, each time, with the hash under which the Hub lists it, since the client
    itself compares sizes only; a cache without symbolic links keeps no hashes, and there this is skipped. Raises
    InputError where the model may not be read, has no weights that are loaded, cannot be downloaded whole, or a file
    has another hash (it is then removed).
    """
    weights = row["gguf_file"] or "*.safetensors"
    unwanted = ["*/*", "consolidated*"]  # copies of the weights for other programs
    wanted = ["*.json", "*.txt", "*.model", "*.jinja", weights] + (["*.py"] if row["trust_remote_code"] else [])
    folder = _snapshot(row, wanted, unwanted)
    if row["gguf_file"] is None and is_bin(folder, row):
        weights = "pytorch_model*.bin"
        folder = _snapshot(row, [*wanted, weights], unwanted)
    label = f"model '{row['model']}': {row['source']}"
    if not any(folder.glob(weights)):
        reason = ALLOW_BIN if row["gguf_file"] is None else "see key 'gguf_file'"
        reason = "nor *.safetensors" if weights == "pytorch_model*.bin" else reason
        raise InputError(f"{label} holds no {weights} at commit {row['revision']}; {reason}")
    for path in sorted(folder.iterdir()):
        if path.is_symlink() and not _is_named_by_hash(path.readlink().name, path):
            path.resolve().unlink()
            path.unlink()
            raise InputError(f"{label}: {path.name} has another hash than the Hub's list; removed it, run again")
    return folder


def pinned(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ladder row with its commit as `revision`; the row of a folder as it is. Raises as `commit` does."""
    return dict(row) if Path(row["source"]).is_dir() else {**row, "revision": commit(row)}


def fetched(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pinned row with a folder on this machine as `source`; downloads, and raises as `model` does."""
    return dict(row) if Path(row["source"]).is_dir() else {**row, "source": str(model(row))}


def _snapshot(row: Mapping[str, Any], wanted: Sequence[str], unwanted: Sequence[str]) -> Path:
    import huggingface_hub

    try:
        return Path(
            huggingface_hub.snapshot_download(
                row["source"], revision=row["revision"], allow_patterns=list(wanted), ignore_patterns=list(unwanted)
            )
        )
    except Exception as error:  # as above
        raise InputError(_why_no_model(row, error)) from error


def _is_named_by_hash(name: str, path: Path) -> bool:
    """Compare a file with its name in the cache: SHA-256, or git's SHA-1 for a small file; other names are no hash."""
    if re.fullmatch(r"[0-9a-f]{64}", name):
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == name
    if _COMMIT.fullmatch(name):
        content = path.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == name
    return True


def _why_no_model(row: Mapping[str, Any], error: Exception) -> str:
    """Say in one line why a model of the Hub is not available, and what to do."""
    from huggingface_hub import errors

    label = f"model '{row['model']}': {row['source']}"
    match error:
        case errors.GatedRepoError():
            return f"{label} is gated: accept its terms on its page there, then log in (hf auth login, or HF_TOKEN)"
        case errors.RevisionNotFoundError():
            return f"{label} has no revision '{row['revision']}'; see key 'revision'"
        case errors.RepositoryNotFoundError():
            return f"{label} is no model of the Hub, or a private one: see key 'source', or log in (hf auth login)"
        case errors.RevisionResolutionError() | errors.LocalEntryNotFoundError():
            return (
                f"{label} at '{row['revision']}' is not whole in the cache and the Hub cannot be reached; go online, "
                "or give a folder as 'source'"
            )
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.ENOTDIR, errno.EROFS) and error.filename:
        return (
            f"{label}: {error.filename} of the Hub's cache cannot be used ({error.strerror}); name a folder "
            "that can be written in HF_HOME"
        )
    return f"{label} at '{row['revision']}' cannot be downloaded: {' '.join(str(error).split())[:200]}; run again"
