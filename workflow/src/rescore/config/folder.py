"""Check a ladder row's source without loading it: a folder by its files' names and first bytes."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rescore.config.validation import json_object
from rescore.tables.errors import InputError

_TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.json",
    "vocab.txt",
)
_POINTER = b"version https://git-lfs"
_READ = (".json", ".model", ".txt", ".safetensors")
_NO_LANGUAGE_MODEL = r"\w+For(MaskedLM|PreTraining|SequenceClassification|TokenClassification|QuestionAnswering)"


def check_source(row: Mapping[str, Any], where: str) -> None:
    """Refuse a ladder row whose weights cannot be loaded, before anything runs.

    Raises
    ------
    InputError
        A folder that cannot be loaded, or is none; a model of the Hub has no revision.
    """
    folder, label = Path(row["source"]), f"{where}: model '{row['model']}': key"
    if folder.is_dir():
        key = "source" if row["gguf_file"] is None else "gguf_file"
        check_folder(folder, row["gguf_file"], f"{label} '{key}': {folder}")
    elif folder.is_file():
        raise InputError(f"{label} 'source': {folder} is a file; give the folder that it is in")
    elif not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", row["source"]):
        raise InputError(f"{label} 'source': no folder {folder}, nor a model's name on the Hub (org/name)")
    elif row["revision"] == "-":
        raise InputError(
            f"{label} 'source': no folder {folder}; a model of the Hub needs its commit or tag as 'revision'"
        )


def check_folder(folder: Path, gguf: str | None, label: str) -> None:
    """Refuse a folder that cannot be loaded, as far as its files tell.

    Parameters
    ----------
    gguf
        The GGUF file that is loaded; it holds configuration, tokenizer and weights.
    label
        What a message begins with.

    Raises
    ------
    InputError
        A file is absent, or is a Git LFS pointer; the configuration is not JSON, or not of a causal language model; the
        folder holds an adapter.
    """
    if gguf is not None:
        if not (folder / gguf).is_file():
            raise InputError(f"{label} holds no {gguf}")
        _check_no_pointer(folder / gguf, label)
        return
    for path in sorted(folder.iterdir()):
        if path.suffix in _READ:
            if not path.is_file():  # a link to nothing, or a folder
                raise InputError(f"{label}: {path.name} is no file")
            _check_no_pointer(path, label)
    if (folder / "adapter_config.json").is_file():
        raise InputError(
            f"{label} holds an adapter (adapter_config.json), which is not loaded; merge it into its base model first "
            "and give the folder of the merged model, without that file"
        )
    if not (folder / "config.json").is_file():
        raise InputError(f"{label} holds no config.json, so it is no model folder")
    config = _object(folder / "config.json", label)
    for name in ("generation_config.json", "tokenizer_config.json"):  # the library passes over the first if it is bad
        if (folder / name).is_file():
            _object(folder / name, label)
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise InputError(f"{label} holds no tokenizer ({', '.join(_TOKENIZERS)})")
    _check_weights(folder, label)
    architectures = config.get("architectures")
    kind = architectures[0] if isinstance(architectures, list) and architectures else config.get("model_type")
    if config.get("is_encoder_decoder") is True:
        raise InputError(f"{label} is an encoder-decoder model ({kind}); only causal language models are run")
    if re.fullmatch(_NO_LANGUAGE_MODEL, str(kind)) and not config.get("is_decoder"):
        raise InputError(f"{label} is a {kind}, no causal language model; only those are run")


def _check_weights(folder: Path, label: str) -> None:
    """Refuse missing weights, or missing parts of them."""
    if not any(folder.glob("*.safetensors")):
        raise InputError(f"{label} holds no weights (*.safetensors)")
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file():
        return
    if not index.is_file():
        raise InputError(f"{label} holds neither model.safetensors nor {index.name}, which names the parts of one")
    parts = _object(index, label).get("weight_map")
    if not isinstance(parts, dict) or not parts:
        raise InputError(f"{label}: {index.name}: key 'weight_map': missing, so it names no weights")
    names = sorted(set(map(str, parts.values())))
    absent = [name for name in names if not (folder / name).is_file()]
    if absent:
        raise InputError(
            f"{label} lacks {absent[0]} ({len(absent)} of {len(names)} parts that {index.name} names); copy it there"
        )


def _check_no_pointer(path: Path, label: str) -> None:
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise InputError(
                f"{label}: {path.name} is a Git LFS pointer, which stands for the file; run 'git lfs pull' there"
            )


def _object(path: Path, label: str) -> dict[str, object]:
    where = f"{label}: {path.name}"
    try:
        return json_object(path.read_text(encoding="utf-8"), where)
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not JSON (not in UTF-8)") from error
