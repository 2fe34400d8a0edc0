"""Questions in files of one's own, from a suite's row to the page: every place gives the same scores."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hub_standin import serve
from test_workflow import SCORED, Checkout

from rescore.tables import EXAMPLES, SCORES, VERDICTS, read

COLUMNS = ("task", "shots", "max_examples", "seed", "path", "revision", "split", "target_column", "choices_column")
SUMS = [{"input": f"What is {a} plus {b}?", "target": str(a + b)} for a in range(2, 8) for b in range(3, 7)]
PICKS = [
    {"question": row["input"], "options": [row["target"], "12", "1"], "answer": 0, "answer_text": row["target"]}
    for row in SUMS
    if row["target"] != "12"
]
SAME = ("lines", "folder", "hub")


def suite(*rows: dict[str, str | int]) -> str:
    cells = [[str(({"seed": 7} | row).get(column, "")) for column in COLUMNS] for row in rows]
    return "".join("\t".join(line) + "\n" for line in (COLUMNS, *cells))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Checkout, "subprocess.CompletedProcess[str]"]]:
    """Run the whole job over the same questions in three places, and over one of choices."""
    checkout = Checkout(tmp_path_factory.mktemp("run"), n_models=2)
    data = checkout.folder / "my data"
    data.mkdir()
    write_lines(checkout, SUMS)
    for split in ("train", "test"):
        (data / "folder").mkdir(exist_ok=True)
        pl.DataFrame(SUMS).write_parquet(data / f"folder/{split}-00000-of-00001.parquet")
    pl.DataFrame(PICKS).write_parquet(data / "picks.parquet")
    (checkout.folder / "data").unlink()  # the checkout's is a link to ours, where downloads would go
    (checkout.folder / "data").mkdir()
    for inner in ("tasks", "ladders"):
        (checkout.folder / "data" / inner).symlink_to(Path("data", inner).absolute())
    with serve() as hub, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", hub.url)
        patch.setenv("HF_HOME", str(checkout.folder / "hf"))
        patch.setenv("NO_PROXY", "127.0.0.1")
        commit = hub.publish("org/sums", data / "folder", "main")
        asked = {"shots": 2, "max_examples": 10}
        (checkout.folder / "config/suite.tsv").write_text(
            suite(
                {"task": "lines", "path": "my data/lines.jsonl"} | asked,
                {"task": "folder", "path": "my data/folder", "split": "test"} | asked,
                {"task": "hub", "path": "org/sums", "revision": commit, "split": "test"} | asked,
                {"task": "quiz:picks", "path": "my data/picks.parquet", "target_column": "answer", "shots": 1},
            )
        )
        done = checkout.run()
        yield checkout, done


def write_lines(checkout: Checkout, rows: list[dict[str, str]]) -> None:
    text = "".join(json.dumps(row) + "\r\n" for row in rows)
    (checkout.folder / "my data/lines.jsonl").write_text(text, encoding="utf-8-sig", newline="")


def scores(checkout: Checkout, task: str) -> pl.DataFrame:
    return read(checkout.folder / f"results/scores/{task}.parquet", SCORES).drop("task", "subtask")


def test_every_form_of_the_same_questions_has_the_same_prompts_and_scores(finished):
    checkout, done = finished
    assert done.returncode == 0, done.stderr + done.stdout
    first = scores(checkout, "lines")
    told = first.filter(pl.col("score").is_not_null())
    assert told["model"].n_unique() == 2
    assert told.filter(metric="nll_nats_per_token")["example_id"].n_unique() == 10
    assert {"exact_match", "exact_match_trimmed", "token_edit_distance"} < set(told["metric"])
    examples = checkout.folder / "results/examples"
    prompts = read(examples / "lines.parquet", EXAMPLES)["prompt"]
    assert prompts.str.count_matches("\nQ: What is ").to_list() == [3] * 10
    assert len(set(prompts)) == 10
    for task in SAME[1:]:
        assert scores(checkout, task).equals(first), task
        assert read(examples / f"{task}.parquet", EXAMPLES)["prompt"].equals(prompts), task


def test_choices_are_graded_and_no_text_is_asked_for(finished):
    checkout, _ = finished
    told = scores(checkout, "quiz.picks").filter(pl.col("score").is_not_null())
    assert told.filter(metric="multiple_choice_grade").height == 2 * len(PICKS)
    assert told.filter(metric="exact_match").is_empty()
    prompt = read(checkout.folder / "results/examples/quiz.picks.parquet", EXAMPLES)["prompt"][0]
    assert prompt.count("\n  choice: ") == 6


def test_every_task_has_a_verdict_and_stands_on_the_page(finished):
    checkout, _ = finished
    verdicts = read(checkout.folder / "results/verdicts.parquet", VERDICTS)
    assert set(verdicts["subtask"]) == {*SAME, "quiz:picks"}
    page = (checkout.folder / "results/report/index.html").read_text()
    assert all(f'"{task}"' in page or f">{task}<" in page for task in (*SAME, "quiz:picks"))


def test_the_log_says_what_was_read(finished):
    checkout, _ = finished
    log = (checkout.folder / "results/logs/prompts/quiz.picks.log").read_text()
    assert "picks.parquet: 22 rows; input: question; target: answer; choices: options" in log
    assert "targets name a choice by its place, from 0" in log


def test_a_changed_file_makes_its_task_anew_and_nothing_else(finished):
    checkout, _ = finished
    again = checkout.run()
    assert "Nothing to be done" in again.stderr + again.stdout
    tables = "*/**/*.parquet"
    before = checkout.written(tables)
    write_lines(checkout, [SUMS[0] | {"target": "six"}, *SUMS[1:]])
    assert checkout.run(*SCORED).returncode == 0
    after = checkout.written(tables)
    changed = {path for path in before if after[path] != before[path]}
    assert {Path(path).name for path in changed} == {"lines.parquet"}
    assert {Path(path).parts[1] for path in changed} > {"examples", "extractions", "generations", "scores"}


def test_a_missing_row_of_a_file_stops_the_dag_with_one_line(finished):
    checkout, _ = finished
    write_lines(checkout, [*SUMS[:3], {"input": "What is 1 plus 1?"}])
    stopped = checkout.run("--dry-run")
    assert stopped.returncode == 2
    [line] = [ln for ln in (stopped.stderr + stopped.stdout).splitlines() if not ln.startswith("Using workflow")]
    assert line == (
        "rescore: config/suite.tsv: row 2: key 'path': my data/lines.jsonl: line 4: 'target' is missing; "
        "the row has input; add it or take the row out"
    )
