"""Folders that the configuration and ladder rows name; those of models are checked by names and first bytes."""

import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from rescore.config.validation import json_object
from rescore.tables.errors import InputError

_TOKENIZERS = (
    "tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt",
)  # fmt: skip
_POINTER = b"version https://git-lfs"
ALLOW_BIN = "key 'weights': bin in its ladder row loads pytorch_model.bin, by torch's loader that runs no code in it"
"""The mend where a source may have nothing but pickles."""
_READ = (".json", ".model", ".txt", ".jinja", ".safetensors")
_NO_LANGUAGE_MODEL = r"\w+For(MaskedLM|PreTraining|SequenceClassification|TokenClassification|QuestionAnswering)"


def published_results(config: Mapping[str, Any]) -> str:
    """Return the folder of BIG-bench's published results that a configuration names; InputError where there is none."""
    folder = config.get("published", {}).get("path")
    if not folder or not Path(folder).is_dir():
        raise InputError(
            f"key 'published.path': {folder or 'null'}; name a checkout of BIG-bench, or any folder of results"
        )
    return str(folder)


def check_source(row: Mapping[str, Any], where: str) -> None:
    """Refuse a ladder row whose weights cannot be loaded, before anything runs; raises InputError.

    The folder must exist and be loadable; a model of the Hub needs a revision.
    """
    folder, label = Path(row["source"]), f"{where}: model '{row['model']}': key"
    if folder.is_dir():
        key = "source" if row["gguf_file"] is None else "gguf_file"
        check_folder(folder, row, f"{label} '{key}': {folder}")
    elif folder.is_file():
        raise InputError(f"{label} 'source': {folder} is a file; give the folder that it is in")
    elif not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", row["source"]):
        raise InputError(f"{label} 'source': no folder {folder}, nor a model's name on the Hub (org/name)")
    elif row["revision"] == "-":
        raise InputError(
            f"{label} 'source': no folder {folder}; a model of the Hub needs its commit or tag as 'revision'"
        )


def warn_of_main(rows: Collection[Mapping[str, Any]], ladders: Mapping[str, Path]) -> None:
    """Print of each ladder how many of its models are at the Hub's branch `main`, which may move: one line each."""
    for ladder, path in ladders.items():
        of = [row for row in rows if row["ladder"] == ladder]
        n = sum(row["revision"] == "main" and not Path(row["source"]).is_dir() for row in of)
        if n:
            line = (
                f"rescore: {path}: {n} of {len(of)} models name the branch main, which may move; the tables made from "
            )
            print(f"{line}them name the commit (model_identity), which can stand in 'revision'", file=sys.stderr)  # noqa: T201


def is_bin(folder: Path, row: Mapping[str, Any]) -> bool:
    """Whether a row's weights are pickles (`pytorch_model.bin`): it allows them, and there are no safetensors."""
    return row.get("weights") == "bin" and not any(folder.glob("*.safetensors"))


def is_of_bin(name: str) -> bool:
    """Whether a file holds weights as a pickle; `training_args.bin` and its kind are never touched."""
    return re.fullmatch(r"pytorch_model(-\d+-of-\d+)?\.bin", name) is not None


def check_folder(folder: Path, row: Mapping[str, Any], label: str) -> None:
    """Refuse a folder that cannot be loaded, as far as its files tell; raises InputError that begins with `label`.

    `row` is of a ladder table. Its `gguf_file`, where there is one, holds configuration, tokenizer and weights.
    """
    gguf = row.get("gguf_file")
    if gguf is not None:
        if not (folder / gguf).is_file():
            raise InputError(f"{label} holds no {gguf}")
        _check_no_pointer(folder / gguf, label)
        return
    names = sorted(path.name for path in folder.iterdir())
    suffix = "bin" if is_bin(folder, row) else "safetensors"
    for path in (folder / name for name in names):
        if path.suffix in _READ or (suffix == "bin" and is_of_bin(path.name)):
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
    _check_weights(folder, names, suffix, label)
    architectures = config.get("architectures")
    kind = architectures[0] if isinstance(architectures, list) and architectures else config.get("model_type")
    if config.get("is_encoder_decoder") is True:
        raise InputError(f"{label} is an encoder-decoder model ({kind}); only causal language models are run")
    if re.fullmatch(_NO_LANGUAGE_MODEL, str(kind)) and not config.get("is_decoder"):
        raise InputError(f"{label} is a {kind}, no causal language model; only those are run")


def _check_weights(folder: Path, names: Collection[str], suffix: str, label: str) -> None:
    """Refuse missing weights, or missing parts of them."""
    whole, kind = ("pytorch_model.bin",) * 2 if suffix == "bin" else ("model.safetensors", "*.safetensors")
    has_bin = any(map(is_of_bin, names))
    if not (has_bin if suffix == "bin" else any(folder.glob(kind))):
        mend = f"; {ALLOW_BIN}" if has_bin else ""
        raise InputError(f"{label} holds no weights ({kind}){mend}")
    index = folder / f"{whole}.index.json"
    if whole in names:
        return
    if not index.is_file():
        raise InputError(f"{label} holds neither {whole} nor {index.name}, which names the parts of one")
    parts = _object(index, label).get("weight_map")
    if not isinstance(parts, dict) or not parts:
        raise InputError(f"{label}: {index.name}: key 'weight_map': missing, so it names no weights")
    needed = sorted(set(map(str, parts.values())))
    other = [name for name in needed if not name.endswith(f".{suffix}")]
    if other:
        raise InputError(f"{label}: {index.name} names {other[0]}, which is no *.{suffix}")
    absent = [name for name in needed if not (folder / name).is_file()]
    if absent:
        raise InputError(
            f"{label} lacks {absent[0]} ({len(absent)} of {len(needed)} parts that {index.name} names); copy it there"
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
