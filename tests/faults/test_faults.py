"""What the machine does to a run: each fault ends in one line and status 2, and nothing that was there is lost."""

import contextlib
import io
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from workflow_runs import Runs

from rescore import cli, scoring
from rescore.tables import CURVES, EXTRACTIONS, InputError, provenance, read, write

RESCORE = str(Path(sys.executable).parent / "rescore")
TASK = "letter_sorting.length_3"
EXAMPLES = "results/examples/letter_sorting.length_3.parquet"
MODEL = "nano-w2-s0"


class Ended(NamedTuple):
    """How a subcommand ended, and what it said."""

    status: object
    stderr: str


def call(*arguments: object, cwd: Path) -> Ended:
    """Run a subcommand in this process, which has torch loaded once."""
    before, sys.argv = sys.argv, ["rescore", *map(str, arguments)]
    try:
        with contextlib.chdir(cwd), contextlib.redirect_stderr(io.StringIO()) as stderr:
            cli.main()
    except SystemExit as end:
        return Ended(end.code or 0, stderr.getvalue())
    finally:
        sys.argv = before
    return Ended(0, stderr.getvalue())


def made(*arguments: object, cwd: Path) -> None:
    ended = call(*arguments, cwd=cwd)
    assert ended.status == 0, ended.stderr


def said(*arguments: object, cwd: Path) -> str:
    """Run a subcommand that must fail as bad input does; return its one line."""
    status, stderr = call(*arguments, cwd=cwd)
    return the_line(status, stderr)


def the_line(status: object, stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if not line.startswith(MODEL)]
    assert (status, len(lines)) == (2, 1), stderr
    assert lines[0].startswith("rescore: ")
    return lines[0].removeprefix("rescore: ")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """One run to its end, without Snakemake; the tests below work on copies of its results."""
    runs = Runs(tmp_path_factory.mktemp("finished"), n_models=1)
    runs.suite(TASK.replace(".", ":"))
    questions = ["--task", TASK.replace(".", ":"), "--max-examples", 12, "--seed", 1]
    made("prompts", "--bigbench", "data/tasks", *questions, "--out", EXAMPLES, cwd=runs.folder)
    made(*extract("results"), cwd=runs.folder)
    made(*score(f"results/scores/{TASK}.parquet"), cwd=runs.folder)
    made(*WRITERS["test"][:-1], "results", cwd=runs.folder)
    return runs


@pytest.fixture
def copy(finished: Runs, tmp_path: Path) -> Path:
    for name in ("config", "results"):
        shutil.copytree(finished.folder / name, tmp_path / name)
    (tmp_path / "data").symlink_to(Path(__file__).parents[2] / "data")
    return tmp_path


def score(out: object, *, model: str = MODEL) -> list[object]:
    tables = [f"results/{kind}/{model}/{TASK}.parquet" for kind in ("extractions", "generations")]
    return ["score", *tables, "--examples", EXAMPLES, "--out", out]


def extract(out: object) -> list[object]:
    return [
        "extract",
        EXAMPLES,
        "--ladder",
        "config/ladder.tsv",
        "--model",
        MODEL,
        "--out",
        out,
    ]


WRITERS = {
    "extract": extract("small"),
    "score": score("small/scores.parquet"),
    "test": ["test", "--scores", f"results/scores/{TASK}.parquet", "--ladder", "config/ladder.tsv", "--out", "small"],
    "report": ["report", "--results", "small"],
}


@pytest.fixture
def small(copy: Path) -> Iterator[Path]:
    """A file system of 200 KB that holds something, or is remounted to be read only."""
    folder = copy / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))


@pytest.mark.parametrize("stage", WRITERS)
@pytest.mark.parametrize("fault", ["full", "read only"])
def test_a_disk_that_takes_no_more(copy: Path, small: Path, stage: str, fault: str) -> None:
    for table in ("curves", "verdicts", "cliffs", "headline"):
        if stage == "report":
            shutil.copy(copy / f"results/{table}.parquet", small)
    if fault == "full":
        fill(small / "filler")
    else:
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    before = {path: path.read_bytes() for path in small.rglob("*") if path.is_file()}
    line = said(*WRITERS[stage], cwd=copy)
    assert line.startswith("small/")
    reason = "No space left on device" if fault == "full" else "Read-only file system"
    assert f": cannot be written ({reason}); mend that and run again" in line
    assert {path: path.read_bytes() for path in small.rglob("*") if path.is_file()} == before


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "other version":
        frame, made_by = pl.read_parquet(path), '{"schema": "extractions", "schema_version": 99}'
        frame.write_parquet(path, metadata={"rescore": made_by})
        return
    if how == "truncated":
        content = content[: len(content) // 2]
    elif how == "garbled":
        content[len(content) // 3 : len(content) // 3 + 40] = os.urandom(40)
    elif how == "one bit":
        content[len(content) // 3] ^= 4
    else:
        content = bytearray()
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["truncated", "garbled", "one bit", "empty", "other version"])
def test_a_damaged_table_is_refused_by_its_reader_and_made_anew_by_its_writer(copy: Path, how: str) -> None:
    path = copy / f"results/extractions/{MODEL}/{TASK}.parquet"
    before = path.read_bytes()
    damage(path, how)
    line = said(*score("out.parquet"), cwd=copy)
    assert line.startswith(str(path.relative_to(copy)))
    assert not (copy / "out.parquet").exists()
    if how in ("garbled", "one bit"):  # its metadata are whole, so that it passes for done
        assert line.endswith("remove it and make it anew")
        path.unlink()
    made(*extract("results"), cwd=copy)
    assert path.read_bytes() == before


def test_no_flipped_bit_reads_as_another_number(tmp_path: Path, finished: Runs) -> None:
    good = finished.folder / f"results/extractions/{MODEL}/{TASK}.parquet"
    content, frame, path = good.read_bytes(), read(good, EXTRACTIONS), tmp_path / "t.parquet"
    places = random.Random(0)  # noqa: S311 - where to damage
    refused = 0
    for _ in range(200):
        damaged = bytearray(content)
        damaged[places.randrange(len(content))] ^= 1 << places.randrange(8)
        path.write_bytes(damaged)
        try:
            assert read(path, EXTRACTIONS).equals(frame)
        except InputError:
            refused += 1
    assert refused > 190


def test_too_little_memory_ends_in_one_line(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def score_(*tables: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(scoring, "score", score_)
    assert said(*score("out.parquet"), cwd=copy) == "out of memory; give it more, or less at once"


def test_a_model_larger_than_memory_is_named(copy: Path) -> None:
    """The weights alone exceed the limit."""
    folder = copy / "huge"
    shutil.copytree(Path(__file__).parents[2] / "data/ladders/nano" / MODEL, folder)
    ladder = copy / "config/ladder.tsv"
    ladder.write_text(ladder.read_text().replace(f"data/ladders/nano/{MODEL}", "huge"))
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    [name] = [key for key in weights if "embed" in key and "position" not in key][:1]
    width = weights[name].shape[1]
    rows = 2**28 // (4 * width)
    weights[name] = torch.zeros(rows, width)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": rows}))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (600 * 2**20, 600 * 2**20))

    command = [RESCORE, *map(str, extract("out"))]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, preexec_fn=limited)
    line = the_line(done.returncode, done.stderr)
    assert MODEL in line or "out of memory" in line
    assert not list(copy.glob("out/**/*.parquet"))


def test_a_clock_that_went_back_is_said_and_changes_no_number(copy: Path, finished: Runs) -> None:
    runs = Runs.__new__(Runs)
    runs.folder, runs.config = copy, finished.config
    ahead = time.time() + 3600
    for path in (copy / "results/examples").iterdir():
        os.utime(path, (ahead, ahead))
    before = runs.tables()
    run = runs.start()
    assert run.wait(300) == 1
    assert "clock skew" in runs.log()
    assert runs.tables() == before


def test_a_model_folder_that_changes_between_runs_is_run_again_and_never_mixed(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(Path(__file__).parents[2] / "data/ladders/nano" / MODEL, copy / "mine")
    ladder = copy / "config/ladder.tsv"
    ladder.write_text(ladder.read_text().replace(f"data/ladders/nano/{MODEL}", "mine"))
    extractions = copy / f"results/extractions/{MODEL}/{TASK}.parquet"
    old = extractions.read_bytes()
    made(*extract("results"), cwd=copy)
    assert extractions.read_bytes() == old  # the same files in another folder
    weights = load_file(copy / "mine/model.safetensors")
    save_file({k: v * 1.5 for k, v in weights.items()}, copy / "mine/model.safetensors", metadata={"format": "pt"})
    made(*extract("results"), cwd=copy)
    new = extractions.read_bytes()
    assert provenance(extractions)["model_identity"].startswith("sha256:")
    assert new != old
    extractions.write_bytes(old)  # as one who copies a table of an earlier run beside
    line = said(*score("out.parquet"), cwd=copy)
    assert f"is of another run of '{MODEL}' than its twin; extract the model again" in line


def test_a_write_that_fails_names_the_table_not_the_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=rf"^{tmp_path}/file/t.parquet: cannot be written \(File exists\)"):
        write(CURVES.empty(), tmp_path / "file/t.parquet", CURVES, {})
