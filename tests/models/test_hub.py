"""Models of the Hub, fetched from a stand-in on this machine: pinned, resumed, checked, refused with one clear line."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from hub_standin import Hub, serve
from huggingface_hub import constants, file_download

from rescore import cli
from rescore.commands.prompts import prompts
from rescore.config.folder import ALLOW_BIN
from rescore.models import extraction as run
from rescore.models.hub import commit as commit_of
from rescore.models.hub import model as fetch_model
from rescore.tables import InputError, provenance

NAME = "org/tiny"
NANO = Path("data/ladders/nano")
LOADED = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a client that knows no token and waits for nothing."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 64)  # bytes: a broken transfer of a tiny file leaves some
    for module in (file_download, huggingface_hub.utils._http):
        monkeypatch.setattr(module.time, "sleep", lambda _: None)
    return tmp_path / "cache"


def point_client_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", url)
    huggingface_hub.close_session()


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve() as standin:
        point_client_at(standin.url, monkeypatch)
        yield standin
    huggingface_hub.close_session()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of 888 parameters, with files beside it that loading it does not need."""
    copy = tmp_path / "tiny"
    shutil.copytree(NANO / "nano-w8-s0", copy)
    (copy / "training.json").unlink()
    for name in ("README.md", "pytorch_model.bin", "modeling_tiny.py"):
        (copy / name).write_text("not needed")
    (copy / "onnx").mkdir()
    for name in ("onnx/model.safetensors", "consolidated.safetensors"):
        (copy / name).write_text("not needed")
    return copy


def row(revision: str, **fields: object) -> dict[str, Any]:
    optional = {"gguf_file": None, "device_map": None, "trust_remote_code": False}
    return {"model": "tiny", "source": NAME, "revision": revision, "dtype": "float32"} | optional | fields


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def spoilt(content: bytes) -> bytes:
    """Change the last bit, not the size."""
    return content[:-1] + bytes([content[-1] ^ 1])


def fails(call: Any, *arguments: Any) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_branch_or_tag_is_resolved_and_a_commit_is_asked_of_nobody(hub: Hub, folder: Path) -> None:
    first = hub.publish(NAME, folder, "step1")
    (folder / "README.md").write_text("changed")
    second = hub.publish(NAME, folder, "main")
    assert first != second
    assert commit_of(row("step1")) == first
    assert commit_of(row("main")) == second
    asked = len(hub.asked)
    assert commit_of(row(first)) == first
    assert len(hub.asked) == asked


def test_only_what_loading_needs_is_fetched_and_fetched_once(hub: Hub, folder: Path) -> None:
    commit = hub.publish(NAME, folder, "main")
    found = fetch_model(row(commit))
    assert names(found) == LOADED
    for name in LOADED:
        assert (found / name).read_bytes() == (folder / name).read_bytes()
    asked = len(hub.asked)
    assert fetch_model(row(commit)) == found
    assert len(hub.asked) == asked
    assert "modeling_tiny.py" in names(fetch_model(row(commit, trust_remote_code=True)))


def test_a_gguf_file_alone_is_fetched_where_the_row_names_it(hub: Hub, folder: Path) -> None:
    (folder / "tiny.q4.gguf").write_bytes(b"GGUF")
    commit = hub.publish(NAME, folder, "main")
    found = names(fetch_model(row(commit, gguf_file="tiny.q4.gguf")))
    assert "tiny.q4.gguf" in found
    assert "model.safetensors" not in found
    message = fails(fetch_model, row(commit, gguf_file="other.gguf"))
    assert message == f"model 'tiny': org/tiny holds no other.gguf at commit {commit}; see key 'gguf_file'"


def test_a_broken_transfer_goes_on_where_it_broke(hub: Hub, folder: Path) -> None:
    commit = hub.publish(NAME, folder, "main")
    hub.breaks_once.add("model.safetensors")
    found = fetch_model(row(commit))
    weights = (folder / "model.safetensors").read_bytes()
    assert (found / "model.safetensors").read_bytes() == weights
    ranges = [r for method, path, r in hub.asked if method == "GET" and path.endswith("model.safetensors")]
    assert ranges[0] is None
    assert [r for r in ranges if r is not None] == [f"bytes={len(weights) // 2 // 64 * 64}-"]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_of_another_hash_is_removed_and_fetched_anew(hub: Hub, folder: Path, name: str) -> None:
    commit = hub.publish(NAME, folder, "main")
    hub.altered[name] = spoilt((folder / name).read_bytes())
    expected = f"model 'tiny': org/tiny: {name} has another hash than the Hub's list; removed it, run again"
    assert fails(fetch_model, row(commit)) == expected
    del hub.altered[name]
    found = fetch_model(row(commit))
    assert (found / name).read_bytes() == (folder / name).read_bytes()


def test_a_file_that_was_spoilt_in_the_cache_is_found(hub: Hub, folder: Path) -> None:
    commit = hub.publish(NAME, folder, "main")
    weights = fetch_model(row(commit)) / "model.safetensors"
    weights.write_bytes(spoilt(weights.read_bytes()))
    assert "model.safetensors has another hash" in fails(fetch_model, row(commit))
    assert (fetch_model(row(commit)) / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_a_file_of_another_size_is_refused(hub: Hub, folder: Path) -> None:
    commit = hub.publish(NAME, folder, "main")
    hub.altered["model.safetensors"] = (folder / "model.safetensors").read_bytes() + b"?"
    message = fails(fetch_model, row(commit))
    assert message.startswith(f"model 'tiny': org/tiny at '{commit}' cannot be downloaded: Consistency check failed")
    assert message.endswith("; run again")


def test_what_the_hub_refuses(hub: Hub, folder: Path) -> None:
    commit = hub.publish(NAME, folder, "main")
    missing = row("main", source="org/none")
    no_model = "model 'tiny': org/none is no model of the Hub, or a private one: see key 'source', or log in"
    assert fails(commit_of, missing).startswith(no_model)
    assert fails(fetch_model, missing | {"revision": commit}).startswith(no_model)
    assert fails(commit_of, row("step2")) == "model 'tiny': org/tiny has no revision 'step2'; see key 'revision'"
    assert fails(fetch_model, row("0" * 40)).startswith(f"model 'tiny': org/tiny has no revision '{'0' * 40}'")
    hub.gated.add(NAME)
    assert commit_of(row("main")) == commit  # the Hub lists a gated model for everybody
    gated = "model 'tiny': org/tiny is gated: accept its terms on its page there, then log in"
    assert fails(fetch_model, row(commit)).startswith(gated)


def test_a_model_without_safetensors_is_refused(hub: Hub, folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    commit = hub.publish(NAME, folder, "main")  # with those that are not at its top, or are another format's
    expected = f"model 'tiny': org/tiny holds no *.safetensors at commit {commit}; {ALLOW_BIN}"
    assert fails(fetch_model, row(commit)) == expected


def test_pickles_are_fetched_only_where_the_row_allows_them_and_there_is_nothing_else(hub: Hub, folder: Path) -> None:
    (folder / "training_args.bin").write_text("a pickle that is no weights")
    both = hub.publish(NAME, folder, "both")
    assert names(fetch_model(row(both, weights="bin"))) == LOADED
    (folder / "model.safetensors").unlink()
    only = hub.publish(NAME, folder, "main")
    found = fetch_model(row(only, weights="bin"))
    assert names(found) == sorted({*LOADED, "pytorch_model.bin"} - {"model.safetensors"})
    asked = len(hub.asked)
    assert fetch_model(row(only, weights="bin")) == found
    assert len(hub.asked) == asked
    (folder / "pytorch_model.bin").unlink()
    none = hub.publish(NAME, folder, "none")
    expected = f"model 'tiny': org/tiny holds no pytorch_model*.bin at commit {none}; nor *.safetensors"
    assert fails(fetch_model, row(none, weights="bin")) == expected


@pytest.mark.parametrize("how", ["told so", "unreachable"])
def test_offline_a_warm_cache_is_enough_and_a_cold_one_is_not(
    cache: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    with serve() as hub:
        point_client_at(hub.url, monkeypatch)
        commit = hub.publish(NAME, folder, "main")
        assert commit_of(row("main")) == commit
        found = fetch_model(row(commit))
        asked = len(hub.asked)
        if how == "told so":
            monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        else:
            with socket.socket() as closed:
                closed.bind(("127.0.0.1", 0))
                point_client_at(f"http://127.0.0.1:{closed.getsockname()[1]}", monkeypatch)
        assert commit_of(row("main")) == commit
        assert fetch_model(row(commit)) == found
        (found / "tokenizer.json").unlink()
        cold = "is not whole in the cache and the Hub cannot be reached; go online, or give a folder as 'source'"
        for broken in (row(commit), row(commit, source="org/other")):
            assert fails(fetch_model, broken) == f"model 'tiny': {broken['source']} at '{commit}' {cold}"
        assert fails(commit_of, row("step2")) == f"model 'tiny': {NAME} at 'step2' {cold}"
        assert len(hub.asked) == asked


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    path = tmp_path / "t.parquet"
    prompts("letter_sorting:length_3", path, Path("data/tasks"), shots=0, seed=1, max_examples=3)
    return path


def ladder(tmp_path: Path, revision: str, source: str = NAME) -> Path:
    path = tmp_path / "l.tsv"
    header = "model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\n"
    path.write_text(f"{header}tiny\tf\t{source}\t{revision}\t888\t1\tfloat32\n")
    return path


def test_tables_hang_on_the_commit_not_on_the_name_of_a_branch(
    hub: Hub, folder: Path, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []
    load = run.load
    monkeypatch.setattr(run, "load", lambda r: loads.append(r["source"]) or load(r))

    def extract(revision: str) -> dict[str, Any]:
        cli.extract([examples], ladder(tmp_path, revision), ["tiny"], tmp_path / "results")
        return provenance(tmp_path / "results/extractions/tiny/t.parquet")

    first = hub.publish(NAME, folder, "main")
    made = extract("main")
    assert made["model_identity"] == f"{NAME}@{first}"
    assert extract("main")["fingerprint"] == extract(first)["fingerprint"] == made["fingerprint"]
    assert len(loads) == 1
    shutil.copytree(NANO / "nano-w12-s0", folder, dirs_exist_ok=True)
    second = hub.publish(NAME, folder, "main")
    table = (tmp_path / "results/extractions/tiny/t.parquet").read_bytes()
    assert extract("main")["model_identity"] == f"{NAME}@{second}"
    assert (tmp_path / "results/extractions/tiny/t.parquet").read_bytes() != table
    assert [Path(source).name for source in loads] == [first, second]
    assert extract(first)["fingerprint"] == made["fingerprint"]


def test_where_nothing_is_open_neither_torch_nor_the_hub_is_needed(
    hub: Hub, folder: Path, examples: Path, tmp_path: Path
) -> None:
    commit = hub.publish(NAME, folder, "main")
    cli.extract([examples], ladder(tmp_path, commit), ["tiny"], tmp_path / "results")
    asked = len(hub.asked)
    program = """
import pathlib, sys
from rescore import cli
examples, table, out = map(pathlib.Path, sys.argv[1:])
cli.extract([examples], table, ["tiny"], out)
assert not {"torch", "transformers", "huggingface_hub"} & set(sys.modules)
"""
    arguments = [examples, tmp_path / "l.tsv", tmp_path / "results"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(hub.asked) == asked


def test_cache_and_hub_are_those_of_the_environment(hub: Hub, folder: Path, tmp_path: Path) -> None:
    commit = hub.publish(NAME, folder, "step1")
    program = "import json, sys; from rescore.models.hub import commit, model; row = json.loads(sys.argv[1]); "
    program += "print(model(row | {'revision': commit(row)}))"
    environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "NO_PROXY": "*"}
    command = [sys.executable, "-c", program, json.dumps(row("step1"))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / f"home/hub/models--org--tiny/snapshots/{commit}")
    assert done.stderr.startswith(f"tiny: {NAME} step1 is commit {commit}\n")
