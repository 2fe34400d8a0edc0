"""Weights as pickles: only where the row allows them, only where nothing else is there, and no code in them is run."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from test_model_loading import SETTINGS, extract, fails, row, write_examples

from rescore.config.folder import ALLOW_BIN, check_source
from rescore.models.jobs import identity
from rescore.models.loading import load
from rescore.tables import EXTRACTIONS, read

NANO = Path("data/ladders/nano/nano-w8-s0")


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, made: Path) -> None:
        self.made = str(made)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.made,)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model whose weights are a pickle."""
    copy = tmp_path / "m"
    shutil.copytree(NANO, copy)
    (copy / "model.safetensors").unlink()
    torch.save(load_file(NANO / "model.safetensors"), copy / "pytorch_model.bin")
    return copy


def shard(folder: Path, spoil: Callable[[dict[str, Any]], object] = id) -> Path:
    """Split a folder's pickle in two, the second of them changed by `spoil`; return the second."""
    weights = list(torch.load(folder / "pytorch_model.bin", weights_only=True).items())
    (folder / "pytorch_model.bin").unlink()
    parts: list[dict[str, Any]] = [dict(weights[:3]), dict(weights[3:])]
    files = [f"pytorch_model-0000{k}-of-00002.bin" for k in (1, 2)]
    of = {name: file for part, file in zip(parts, files, strict=True) for name in part}
    index = {"metadata": {"total_size": 1}, "weight_map": of}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    spoil(parts[1])
    for part, file in zip(parts, files, strict=True):
        torch.save(part, folder / file)
    return folder / files[1]


@pytest.mark.parametrize("parts", [1, 2])
def test_a_model_in_pickles_gives_the_same_numbers(folder: Path, tmp_path: Path, parts: int) -> None:
    if parts == 2:
        shard(folder)
    allowed = row(folder, weights="bin")
    check_source(allowed, "l.tsv")
    examples = [write_examples(tmp_path / "t.parquet")]
    [made] = extract(allowed, examples, tmp_path / "bin", SETTINGS)
    [right] = extract(row(NANO), examples, tmp_path / "safetensors", SETTINGS)
    assert read(made, EXTRACTIONS).equals(read(right, EXTRACTIONS))


def test_pickles_need_the_column(folder: Path) -> None:
    told = f"holds no weights (*.safetensors); {ALLOW_BIN}"
    assert "'weights': bin" in ALLOW_BIN
    assert fails(load, row(folder)) == f"model 'm': {folder} {told}"
    assert fails(check_source, row(folder), "l.tsv") == f"l.tsv: model 'm': key 'source': {folder} {told}"
    shard(folder)
    assert fails(load, row(folder, weights="safetensors")) == f"model 'm': {folder} {told}"
    for path in folder.glob("pytorch_model*"):
        path.unlink()
    (folder / "training_args.bin").write_bytes(b"")  # is no weights
    assert fails(load, row(folder)) == f"model 'm': {folder} holds no weights (*.safetensors)"
    assert fails(load, row(folder, weights="bin")) == f"model 'm': {folder} holds no weights (pytorch_model.bin)"


def as_zip(folder: Path, payload: Payload) -> Path:
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save(weights | {"more": payload}, folder / "pytorch_model.bin")
    return folder / "pytorch_model.bin"


def as_old_format(folder: Path, payload: Payload) -> Path:
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save(weights | {"more": payload}, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    return folder / "pytorch_model.bin"


def as_plain_pickle(folder: Path, payload: Payload) -> Path:
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"more": payload}, protocol=2))
    return folder / "pytorch_model.bin"


def in_second_part(folder: Path, payload: Payload) -> Path:
    return shard(folder, lambda part: part.update(more=payload))


@pytest.mark.parametrize("attack", [as_zip, as_old_format, as_plain_pickle, in_second_part])
def test_code_in_a_pickle_is_refused_and_not_run(
    folder: Path, tmp_path: Path, attack: Callable[[Path, Payload], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # as other tools have one set it
    made = tmp_path / "made"
    file = attack(folder, Payload(made))
    told = f"cannot be loaded: {file.name} asks to run posix.mkdir; nothing in it was run; take another copy"
    assert fails(load, row(folder, weights="bin")).startswith(f"model 'm': {folder} {told}")
    assert not made.exists()
    load_all = pickle.load if attack is as_plain_pickle else lambda f: torch.load(f, weights_only=False)
    with file.open("rb") as opened:
        load_all(opened)
    assert made.exists()  # the attack was one


def test_safetensors_are_taken_where_both_are_there(folder: Path, tmp_path: Path) -> None:
    before = identity(row(folder, weights="bin"))
    made = tmp_path / "made"
    as_zip(folder, Payload(made))
    assert identity(row(folder, weights="bin")) != before
    shutil.copy(NANO / "model.safetensors", folder)
    who = identity(row(folder, weights="bin"))
    load(row(folder, weights="bin"))
    assert not made.exists()
    assert who == identity(row(NANO))


def test_an_index_of_safetensors_that_names_a_pickle_is_refused(folder: Path, tmp_path: Path) -> None:
    as_zip(folder, Payload(tmp_path / "made"))
    (folder / "a.safetensors").write_bytes(b"")
    index = {"weight_map": {"gpt_neox.embed_in.weight": "pytorch_model.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    told = ": model.safetensors.index.json names pytorch_model.bin, which is no *.safetensors"
    for weights in (None, "bin"):
        assert fails(load, row(folder, weights=weights)) == f"model 'm': {folder}{told}"
    assert not (tmp_path / "made").exists()


def test_a_pickle_that_is_cut_off_or_absent_is_named(folder: Path) -> None:
    second = shard(folder)
    os.truncate(second, 1000)
    told = f"{second.name} is damaged or no weights (1000 bytes); nothing in it was run"
    assert fails(load, row(folder, weights="bin")).startswith(f"model 'm': {folder} cannot be loaded: {told}")
    second.unlink()
    lacks = f"lacks {second.name} (1 of 2 parts that pytorch_model.bin.index.json names); copy it there"
    assert fails(load, row(folder, weights="bin")) == f"model 'm': {folder} {lacks}"
    (folder / "pytorch_model-00001-of-00002.bin").write_text("version https://git-lfs.github.com/spec/v1")
    assert ": pytorch_model-00001-of-00002.bin is a Git LFS pointer" in fails(load, row(folder, weights="bin"))


def test_a_package_that_a_models_code_needs_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(folder.parent / "modules"))
    config = json.loads((folder / "config.json").read_text())
    own = {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}}
    (folder / "config.json").write_text(json.dumps(config | own))
    for code in ("import no_such_package", "exec('import no_such_package')"):
        (folder / "own.py").write_text(f"{code}\nclass OwnConfig: pass\n")
        told = fails(load, row(folder, weights="bin", trust_remote_code=True))
        needs = "its code needs the package 'no_such_package': install it beside rescore"
        assert told == f"model 'm': {folder} cannot be loaded: {needs}"
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "hf_olmo"}))
    assert "is of the package 'ai2-olmo'" in fails(load, row(folder, weights="bin"))
