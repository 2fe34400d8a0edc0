"""The workflow from end to end, on own tasks and shipped models, in a folder of its own."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from rescore.tables import CLIFFS, CURVES, HEADLINE, METRICS, SCORES, VERDICTS, provenance, read
from rescore.tables.metrics import IMPORTED_METRICS

REPOSITORY = Path(__file__).parents[1]
OPERATIONS = REPOSITORY / "docs/operations.md"
SUITE_HEADER = "task\tshots\tmax_examples\tseed\n"
SCORED = ("--until", "score")  # where a test looks at no later table


class Checkout:
    """A folder laid out as the repository is, with a small config of its own."""

    def __init__(self, folder: Path, n_models: int) -> None:
        self.folder = folder
        self.config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
        self.config |= {"ladders": ["config/ladder.tsv"], "suite": "config/suite.tsv"}
        self.config["discontinuity"] |= {"draws": 99}
        (folder / "config").mkdir()
        (folder / "data").symlink_to(REPOSITORY / "data")
        lines = (REPOSITORY / "config/ladders/nano.tsv").read_text().splitlines()
        self.models = lines[1 : 1 + n_models]
        (folder / "config/ladder.tsv").write_text("\n".join([lines[0], *self.models]) + "\n")
        self.suite("letter_sorting:length_3")

    def suite(self, *tasks: str, seed: int = 1) -> None:
        rows = "".join(f"{task}\t0\t12\t{seed}\n" for task in tasks)
        (self.folder / "config/suite.tsv").write_text(SUITE_HEADER + rows)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "config/config.yaml").write_text(yaml.safe_dump(self.config))
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", str(REPOSITORY / "Snakefile")]
        command += ["--workflow-profile", str(REPOSITORY / "workflow/profiles/default"), *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def written(self, pattern: str) -> dict[str, tuple[int, str]]:
        """Inode and digest of files; Snakemake touches what a job left alone, so times say nothing."""
        found = (self.folder / "results").glob(pattern)
        return {
            str(p.relative_to(self.folder)): (p.stat().st_ino, hashlib.sha256(p.read_bytes()).hexdigest())
            for p in found
        }


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path, n_models=1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Run the whole job once over three models; the tests below look at it in order."""
    checkout = Checkout(tmp_path_factory.mktemp("run"), n_models=3)
    done = checkout.run()
    assert done.returncode == 0, done.stderr + done.stdout
    return checkout, done


def test_whole_job_leaves_tables_report_and_summary(finished):
    checkout, done = finished
    results = checkout.folder / "results"
    for table in (CURVES, VERDICTS, CLIFFS, HEADLINE):
        frame = read(results / f"{table.name}.parquet", table)
        assert frame.height == pl.read_csv(results / f"{table.name}.csv").height > 0
    scores = read(results / "scores/letter_sorting.length_3.parquet", SCORES)
    assert scores["model"].n_unique() == 3
    assert scores.height == 3 * 12 * (len(METRICS) - len(IMPORTED_METRICS))
    page = (results / "report/index.html").read_text()
    assert all(text in page for text in ("letter_sorting", "How often grading is wrong"))
    for picture in ("figure.svg", "figure.png"):
        assert (results / "report" / picture).stat().st_size > 1000
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith(("letter", "  length"))] == [
        "letter_sorting",
        "length_3",
    ]
    assert all(p.read_text().startswith("wrote results/scores/") for p in results.glob("logs/score/*.log"))


def test_the_notebook_goes_from_results_to_a_figure(finished, tmp_path, monkeypatch):
    checkout, _ = finished
    (tmp_path / "results").symlink_to(checkout.folder / "results")
    monkeypatch.chdir(tmp_path)
    cells = json.loads((REPOSITORY / "docs/own_figure.ipynb").read_text())["cells"]
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102 - the cells are ours
    assert set(names["points"]["metric"]) == {"exact_match", "token_probability"}
    assert "Training compute" in (tmp_path / "own_figure.svg").read_text()


def test_second_call_does_nothing(finished):
    checkout, _ = finished
    again = checkout.run()
    assert again.returncode == 0
    assert "Nothing to be done" in again.stderr + again.stdout


def test_a_model_is_run_again_as_the_documentation_says(finished):
    checkout, _ = finished
    tables = ("extractions/*/*.parquet", "generations/*/*.parquet")
    before = {path: seen for pattern in tables for path, seen in checkout.written(pattern).items()}
    documented = re.search(r"^    rm -r (results/extractions/\S+ .*)$", OPERATIONS.read_text(), re.MULTILINE)
    for path in documented[1].replace("pythia-160m", "nano-w2-s1").split():
        shutil.rmtree(checkout.folder / path)
    done = checkout.run(*SCORED)
    assert done.returncode == 0, done.stderr
    after = {path: seen for pattern in tables for path, seen in checkout.written(pattern).items()}
    assert {path for path in before if after[path][0] != before[path][0]} == {
        f"results/{kind}/nano-w2-s1/letter_sorting.length_3.parquet" for kind in ("extractions", "generations")
    }
    assert {path: digest for path, (_, digest) in after.items()} == {
        path: digest for path, (_, digest) in before.items()
    }
    again = checkout.run(*SCORED)
    assert "Nothing to be done" in again.stderr + again.stdout


def test_nested_keys_on_the_command_line_are_of_their_type_and_keep_their_siblings(checkout):
    keys = ("extract={batch_tokens: 100}", "discontinuity={confidence: 0.8}")
    planned = checkout.run("--dry-run", "--printshellcmds", "--quiet", "reason", "--config", *keys)
    assert planned.returncode == 0, planned.stderr
    lines = (planned.stdout + planned.stderr).splitlines()
    [extract] = [line for line in lines if "rescore extract " in line]
    assert " --batch-tokens 100 --max-new-tokens 32 " in extract
    [test] = [shlex.split(line) for line in lines if "rescore test " in line]
    settings = json.loads(test[test.index("--settings") + 1])
    assert settings == checkout.config["discontinuity"] | {"confidence": 0.8}


def test_added_task_changes_nothing_else(finished):
    checkout, _ = finished
    before = checkout.written("*/**/letter_sorting.length_3.parquet")
    checkout.suite("letter_sorting:length_3", "letter_reversal:length_3")
    assert checkout.run(*SCORED).returncode == 0
    after = checkout.written("*/**/letter_*.parquet")
    assert {path: after[path] for path in before} == before
    assert len(after) == 2 * len(before)


def test_a_changed_model_is_extracted_and_scored_in_one_run_or_in_the_next_where_that_failed(
    finished, tmp_path, monkeypatch
):
    """Snakemake puts back what a failed job was to replace, and takes it for made with the new parameters."""
    checkout, _ = finished
    ladder = checkout.folder / "config/ladder.tsv"
    before = ladder.read_text(), checkout.written("scores/*.parquet")
    ladder.write_text(before[0].replace("float32", "bfloat16", 1))
    assert checkout.run(*SCORED).returncode == 0
    for path in before[1]:
        models = provenance(checkout.folder / path)["models"]
        assert sorted(made["dtype"] for made in models.values()) == ["bfloat16", "float32", "float32"]
    ladder.write_text(before[0])
    for stage in ("extract", "score"):
        (tmp_path / "sitecustomize.py").write_text(f"import os, sys\n{stage!r} in sys.orig_argv and os._exit(1)\n")
        with monkeypatch.context() as broken:
            broken.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
            assert checkout.run(*SCORED).returncode == 1
    assert checkout.run(*SCORED).returncode == 0
    assert {path: digest for path, (_, digest) in checkout.written("scores/*.parquet").items()} == {
        path: digest for path, (_, digest) in before[1].items()
    }


def test_other_prompts_are_extracted_and_scored_again(finished):
    checkout, _ = finished
    checkout.suite("letter_sorting:length_3", seed=2)
    before = checkout.written("*/**/letter_sorting.length_3.parquet")
    assert checkout.run(*SCORED).returncode == 0
    after = checkout.written("*/**/letter_sorting.length_3.parquet")
    # examples, extractions, generations; scores under either's metrics, grading, positions
    assert len(before) == 1 + 3 + 3 + 4
    assert all(after[path][1] != before[path][1] for path in before)


def test_a_path_may_hold_whatever_a_shell_would_read(tmp_path):
    """README's command in a checkout, an environment, tables and tasks whose paths all hold such characters."""
    folder = tmp_path / "a dir/it's $HOME; (re) & `score`"
    folder.mkdir(parents=True)
    (folder / "bin dir").symlink_to(Path(sys.executable).parents[1], target_is_directory=True)
    for part in ("Snakefile", "workflow", "profiles"):
        (folder / part).symlink_to(REPOSITORY / part)
    checkout = Checkout(folder, n_models=1)
    (folder / "config/suites").symlink_to(REPOSITORY / "config/suites")
    shutil.copytree(REPOSITORY / "data/tasks/letter_sorting", folder / "my $tasks (2)/sorting")
    task = folder / "my $tasks (2)/sorting/task.json"
    task.write_text(task.read_text().replace('"letter_sorting"', '"sorting"'))
    checkout.suite("sorting:length_3")
    for table in ("ladder", "suite"):
        (folder / f"config/{table}.tsv").rename(folder / f"config/my {table}'s $1 & (2) {{task}}.tsv")
    config = checkout.config | {
        "ladders": ["config/my ladder's $1 & (2) {task}.tsv"],
        "suite": "config/my suite's $1 & (2) {task}.tsv",
    }
    config["bigbench"] |= {"path": "my $tasks (2)"}
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config))
    command = [folder / "bin dir/bin/python", "-m", "snakemake", "--cores", "2"]
    environment = os.environ | {"PATH": os.defpath}  # the environment was not activated
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "The report: results/report/index.html" in done.stdout
    assert read(folder / "results/verdicts.parquet", VERDICTS)["subtask"].unique().to_list() == ["sorting:length_3"]


def typo(checkout: Checkout) -> None:
    checkout.config["discontinuity"]["confidnce"] = 0.9


def no_weights(checkout: Checkout) -> None:
    source = Path(checkout.models[0].split("\t")[2])
    shutil.copytree(REPOSITORY / source, checkout.folder / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    ladder = checkout.folder / "config/ladder.tsv"
    ladder.write_text(ladder.read_text().replace(str(source), "bare"))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (typo, ["config/config.yaml", "key 'discontinuity.confidnce'", "did you mean 'confidence'"]),
        (no_weights, ["config/ladder.tsv", "key 'source'", "bare", "no weights"]),
    ],
)
def test_bad_input_stops_the_dag_with_one_line(checkout, spoil: Callable[[Checkout], None], says):
    spoil(checkout)
    stopped = checkout.run("--dry-run")
    assert stopped.returncode == 2
    lines = [line for line in (stopped.stderr + stopped.stdout).splitlines() if not line.startswith("Using workflow")]
    assert len(lines) == 1, lines
    assert all(part in lines[0] for part in says), lines[0]
    assert not (checkout.folder / "results").exists()


def test_published_results_are_reproduced_only_where_asked_for(checkout):
    refused = checkout.run("reproduce", "--dry-run", "--quiet")
    assert refused.returncode == 2
    assert [line for line in refused.stderr.splitlines() if not line.startswith("Using workflow")] == [
        "rescore: key 'published.path': null; name a checkout of BIG-bench, or any folder of results"
    ]
    (checkout.folder / "BIG-bench").mkdir()
    checkout.config["published"] = {"path": "BIG-bench"}
    planned = checkout.run("--dry-run", "reproduce")
    assert planned.returncode == 0, planned.stderr
    assert re.search(r"^reproduce +1$", planned.stdout, re.MULTILINE)
