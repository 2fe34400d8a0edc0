"""Downloads from a stand-in index on this machine, archives with hostile members, and folders in the Hub's format."""

import io
import json
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from index_standin import Index, point_pip_at, serve

from rescore.bigbench import download as fetch
from rescore.bigbench import load
from rescore.tables import InputError

TASKS = "bigbench-1.0.0/bigbench/benchmark_tasks"


def task_json(name: str, **fields: object) -> bytes:
    data = {"canary": "", "name": name, "description": name, "keywords": []} | fields
    return json.dumps(data).encode()


def leaf_json(name: str) -> bytes:
    examples = [{"input": f"{name} {i}", "target": "a"} for i in range(3)]
    return task_json(name, metrics=["exact_str_match"], preferred_score="exact_str_match", examples=examples)


def tar_gz(members: dict[str, bytes | tarfile.TarInfo]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                tar.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def sdist(more: dict[str, bytes | tarfile.TarInfo] | None = None) -> bytes:
    """A source package of the task `fruit`, and of more members."""
    return tar_gz(
        {
            "bigbench-1.0.0/PKG-INFO": b"Metadata-Version: 2.1\nName: bigbench\nVersion: 1.0.0\n",
            "bigbench-1.0.0/setup.py": b"raise SystemExit('the code of the package ran')\n",
            f"{TASKS}/fruit/task.json": leaf_json("fruit"),
            **(more or {}),
        }
    )


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with serve(sdist(), monkeypatch) as served:
        yield served


def test_a_download_of_the_right_hash_is_kept_and_not_asked_for_again(index: Index, tmp_path: Path) -> None:
    fetch.fetch(["fruit"], tmp_path / "out", sha256=index.sha256)
    archive = tmp_path / "bigbench-1.0.0.tar.gz"
    assert archive.read_bytes() == index.content
    assert written(tmp_path) == [archive.name, "out/fruit/task.json"]
    asked = len(index.asked)
    assert asked >= 2
    fetch.fetch(["fruit"], tmp_path / "another", sha256=index.sha256)
    assert written(tmp_path / "another") == ["fruit/task.json"]
    assert len(index.asked) == asked


def test_a_file_that_was_cut_off_is_downloaded_again(index: Index, tmp_path: Path) -> None:
    archive = tmp_path / fetch.ARCHIVE
    archive.write_bytes(index.content[:50])
    fetch.fetch(["fruit"], tmp_path / "out", sha256=index.sha256)
    assert archive.read_bytes() == index.content


def test_a_download_of_another_hash_is_refused_and_nothing_is_left(index: Index, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^bigbench==1.0.0: the download has sha256 {index.sha256}, .* kept nothing$"):
        fetch.fetch(["fruit"], tmp_path / "out", sha256="0" * 64)
    assert not written(tmp_path)


def test_without_an_index_the_user_is_told_what_works_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:  # bound and not listening: connections are refused
        closed.bind(("127.0.0.1", 0))
        point_pip_at(f"http://127.0.0.1:{closed.getsockname()[1]}/simple", monkeypatch)
        with pytest.raises(InputError) as caught:
            fetch.fetch(["fruit"], tmp_path / "out")
    message = str(caught.value)
    assert "(the package index cannot be reached)" in message
    assert "config/suites/own.tsv" in message
    assert "\n" not in message
    assert not written(tmp_path)


def test_an_index_without_the_package(index: Index, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pip could not download it \(No matching distribution found for bigbench==9"):
        fetch.fetch(["fruit"], tmp_path / "out", sha256=index.sha256, package="bigbench==9")
    assert not written(tmp_path)


def test_a_pip_that_unpacks_nothing(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_it_asks_for_nothing = [line for line in fetch._BACKEND.splitlines() if "RESCORE_UNPACKED" not in line]
    monkeypatch.setattr(fetch, "_BACKEND", "\n".join(as_it_asks_for_nothing))
    with pytest.raises(InputError, match=r"^bigbench==1.0.0: this pip does not unpack what it downloads; take pip"):
        fetch.fetch(["fruit"], tmp_path / "out", sha256=index.sha256)


def link(kind: bytes, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


@pytest.fixture
def mixed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index of a package with three tasks among members that are nobody's business."""
    members: dict[str, bytes | tarfile.TarInfo] = {
        f"{TASKS}/task.json": b"{}",
        f"{TASKS}/fruit/task.py": b"raise SystemExit",
        f"{TASKS}/fruit/README.md": b"fruit",
        f"{TASKS}/fruit/a/b/task.json": leaf_json("deep"),
        f"{TASKS}/fruit/linked/task.json": link(tarfile.SYMTYPE, "../README.md"),
        f"{TASKS}/whole/task.json": task_json("whole"),
        f"{TASKS}/whole/part/task.json": leaf_json("part"),
        f"{TASKS}/unasked/task.json": leaf_json("unasked"),
        f"{TASKS}/only_linked/task.json": link(tarfile.SYMTYPE, "../fruit/task.json"),
    }
    with serve(sdist(members), monkeypatch) as served:
        yield served


def written(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def test_only_the_named_tasks_json_is_kept(mixed: Index, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fetch.fetch(["whole", "fruit"], out, sha256=mixed.sha256)
    assert written(tmp_path) == [
        fetch.ARCHIVE,
        "out/fruit/task.json",
        "out/whole/part/task.json",
        "out/whole/task.json",
    ]
    assert [s.name for s in load(out, "whole")] == ["whole:part"]
    assert not list(out.glob(".*"))


def test_tasks_that_are_there_are_left_alone_and_half_a_task_is_made_anew(mixed: Index, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fetch.fetch(["fruit"], out, sha256=mixed.sha256)
    mine = leaf_json("fruit").replace(b'"description": "fruit"', b'"description": "mine"')
    (out / "fruit/task.json").write_bytes(mine)
    (out / "whole/part").mkdir(parents=True)  # as a process that was killed leaves it
    fetch.fetch(["fruit", "whole"], out, sha256=mixed.sha256)
    assert (out / "fruit/task.json").read_bytes() == mine
    assert (out / "whole/task.json").exists()
    fetch.fetch(["fruit", "whole"], out, sha256="0" * 64)  # nothing to do: pip is not asked


def test_unknown_tasks(mixed: Index, tmp_path: Path) -> None:
    for name in ("apple", "..", "whole/part", "only_linked", ""):
        with pytest.raises(InputError, match=f"^bigbench==1.0.0: BIG-Bench has no JSON task '{name}'"):
            fetch.fetch(["fruit", name], tmp_path / "out", sha256=mixed.sha256)
        assert written(tmp_path / "out") == ["fruit/task.json"]


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("../task.json", b"{}"),
        (f"{TASKS}/fruit/linked/task.json", link(tarfile.SYMTYPE, "/etc/passwd")),
    ],
)
def test_a_package_that_would_write_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, member: bytes | tarfile.TarInfo
) -> None:
    refused = pytest.raises(InputError, match=r"^bigbench==1.0.0: pip could not download it \(")
    with serve(sdist({name: member}), monkeypatch) as index, refused:
        fetch.fetch(["fruit"], tmp_path / "out", sha256=index.sha256)
    assert not written(tmp_path)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the format of BIG-Bench on the Hub: parquet files of two splits in a folder a task."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets.disable_progress_bars()
    folder = tmp_path / "hub"
    for task in ("fruit", "empty"):
        (folder / task).mkdir(parents=True)
        rows = {
            "idx": [0, 1, 2, 3],
            "inputs": [f"Q: {i}\nA:" for i in range(4)],
            "targets": [["a"], ["b"], ["a", "b"], ["a"]] if task == "fruit" else [[], [], [], []],
            "multiple_choice_targets": [["a", "b"]] * 4,
            "multiple_choice_scores": [[1, 0], [0, 1], [1, 1], [1, 0]],
        }
        frame = pl.DataFrame(rows)
        frame[[1, 3]].write_parquet(folder / task / "train-00000-of-00001.parquet")
        frame[[0, 2]].write_parquet(folder / task / "validation-00000-of-00001.parquet")
    return folder


def name_configurations(folder: Path, task: str) -> None:
    (folder / "README.md").write_text(
        f"---\nconfigs:\n- config_name: {task}\n  data_files:\n"
        f"  - split: train\n    path: {task}/train-*\n  - split: validation\n    path: {task}/validation-*\n---\n"
    )


@pytest.mark.parametrize("named", [False, True])
def test_a_task_from_a_folder_in_the_hubs_format(hub: Path, tmp_path: Path, named: bool) -> None:
    if named:
        name_configurations(hub, "fruit")
    path = fetch.from_hub(str(hub), None, "fruit", tmp_path / "out")
    assert path == tmp_path / "out/fruit/task.json"
    [task] = load(tmp_path / "out", "fruit")
    assert task.metrics == ("exact_str_match", "multiple_choice_grade")
    assert (task.input_prefix, task.output_prefix, task.append_choices_to_input) == ("", "", False)
    assert task.examples[1] == {"input": "Q: 1\nA:", "target": ["b"], "target_scores": {"a": 0, "b": 1}}
    assert [e["input"][3] for e in task.examples] == ["0", "1", "2", "3"]  # in the order of `idx`, over both splits
    assert fetch.from_hub("no such source", None, "fruit", tmp_path / "out") == path  # there already


def test_what_the_hub_cannot_give(hub: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InputError, match=f"^{out}/empty/task.json: example 1: key 'target': an empty list"):
        fetch.from_hub(str(hub), None, "empty", out)
    with pytest.raises(InputError, match=f"^bigbench.hub: {hub}, task 'apple', cannot be loaded: .*own.tsv$"):
        fetch.from_hub(str(hub), None, "apple", out)
    with pytest.raises(InputError, match=r"^bigbench.hub: no/such, task 'fruit', cannot be loaded: .*own.tsv$"):
        fetch.from_hub("no/such", "0" * 40, "fruit", out)
    pl.DataFrame({"question": ["a"]}).write_parquet(hub / "fruit" / "train-00000-of-00001.parquet")
    (hub / "fruit" / "validation-00000-of-00001.parquet").unlink()
    with pytest.raises(
        InputError, match=f"^bigbench.hub: {hub}, task 'fruit': expected rows with 'inputs' and 'targets'$"
    ):
        fetch.from_hub(str(hub), None, "fruit", out)
    assert written(out) == []


def test_choices_and_scores_of_different_length(hub: Path, tmp_path: Path) -> None:
    rows: dict[str, Any] = {"inputs": ["a"], "targets": [["a"]], "multiple_choice_targets": [["a", "b"]]}
    pl.DataFrame(rows | {"multiple_choice_scores": [[1]]}).write_parquet(hub / "fruit" / "train-00000-of-00001.parquet")
    (hub / "fruit" / "validation-00000-of-00001.parquet").unlink()
    with pytest.raises(InputError, match=f"^bigbench.hub: {hub}, task 'fruit': a row is not as expected"):
        fetch.from_hub(str(hub), None, "fruit", tmp_path / "out")
