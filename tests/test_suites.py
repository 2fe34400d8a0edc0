"""The suites under config/suites: every row can be planned, and each holds what its description says."""

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from rescore.bigbench.catalogue import by_task, catalogue, kinds
from rescore.config import plan, task_sources
from rescore.config.inputs import Row, read_suite
from rescore.tables import InputError

SUITES = sorted(Path("config/suites").glob("*.tsv"))
CONFIG = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))


def suite(name: str) -> list[Row]:
    return read_suite(Path(f"config/suites/{name}.tsv"))


def leaves(rows: list[Row]) -> pl.DataFrame:
    """The catalogue's leaves of a suite's rows, and how many shots and questions are asked of each."""
    asked = pl.DataFrame(rows, schema={"task": pl.String, "shots": pl.Int64, "max_examples": pl.Int64})
    of_leaf = catalogue().with_columns(pl.col("name").str.split(":").list.first().alias("task"))
    both = (of_leaf, of_leaf.with_columns(task="name"))
    return pl.concat(both).unique(["task", "name"]).join(asked, on="task")


@pytest.mark.parametrize("path", SUITES, ids=lambda p: p.stem)
def test_every_suite_can_be_planned(path: Path) -> None:
    made = plan.make(CONFIG | {"suite": str(path)}, "config.yaml")
    assert len(made.tasks) == len(read_suite(path))
    assert all(kinds()[row["task"]] == "json" for row in made.tasks.values() if "data/tasks" not in row["root"])


@pytest.mark.parametrize("path", SUITES, ids=lambda p: p.stem)
def test_every_subtask_has_more_examples_than_shots(path: Path) -> None:
    assert leaves(read_suite(path)).filter(pl.col("n_examples") <= pl.col("shots")).is_empty()


def test_lite_holds_the_24_tasks_of_big_bench_lite_whole() -> None:
    rows = suite("lite")
    assert len(rows) == 24
    assert {"auto_debugging", "bbq_lite_json", "vitaminc_fact_verification", "winowhy"} < {r["task"] for r in rows}
    assert not any("max_examples" in row or row["shots"] for row in rows)
    assert leaves(rows)["n_examples"].sum() == 110_546


def test_direct_and_reasoning_ask_the_same_questions() -> None:
    asked = [[(r["task"], r["shots"], r["max_examples"], r["seed"]) for r in suite(n)] for n in ("direct", "reasoning")]
    assert asked[0] == asked[1]
    assert not any(row["form"] for row in suite("direct"))
    form = {"reasoning_tokens": 256, "reasoning_cue": "Let's think step by step.", "answer_mark": "So the answer is"}
    assert all(row["form"] == form for row in suite("reasoning"))


def test_all_holds_every_json_task() -> None:
    rows = suite("all")
    assert [row["task"] for row in rows] == by_task(catalogue()).filter(pl.col("kind") == "json")["name"].to_list()
    assert len(rows) == 167
    asked = leaves(rows)
    assert asked.height == 1001
    assert asked.select(pl.min_horizontal("n_examples", "max_examples").sum()).item() == 60_679


def test_arithmetic_holds_its_two_tasks_whole() -> None:
    assert [row["task"] for row in suite("arithmetic")] == ["arithmetic", "modified_arithmetic"]
    assert leaves(suite("arithmetic"))["n_examples"].sum() == 15_023 + 6_000


def test_emergent_holds_the_json_tasks_of_the_list_with_the_size_they_were_reported_for() -> None:
    rows = suite("emergent")
    # The list counts 67: 2, 15, 8, 3, 14 and 25. Two of GPT-3 175B's are programmatic.
    assert Counter(row["source"] for row in rows) == {
        "GPT-3 13B": 2,
        "GPT-3 175B": 13,
        "LaMDA 137B": 8,
        "PaLM 8B": 3,
        "PaLM 62B": 14,
        "PaLM 540B": 25,
    }
    assert {kinds()[t] for t in ("question_answer_creation", "self_evaluation_tutoring")} == {"programmatic"}
    by_name = {row["task"]: row["source"] for row in rows}
    assert by_name["modified_arithmetic"] == "GPT-3 13B"
    assert by_name["word_unscrambling"] == "LaMDA 137B"
    assert by_name["auto_debugging"] == "PaLM 8B"
    assert by_name["emoji_movie"] == "PaLM 62B"
    assert by_name["geometric_shapes"] == "PaLM 540B"


def test_most_emergent_tasks_prefer_exact_match_or_multiple_choice_grade() -> None:
    """Schaeffer et al. (arXiv:2304.15004, section 4): more than 92% of what was claimed to emerge does so here."""
    names = [row["task"] for row in suite("emergent")]
    preferred = by_task(catalogue()).filter(pl.col("name").is_in(names))["preferred_score"]
    assert preferred.len() == 65
    assert preferred.is_in(["exact_str_match", "multiple_choice_grade"]).mean() > 0.92


@pytest.mark.parametrize("name", ["taboo", "truthful_qa:mc"])
@pytest.mark.parametrize("folder", [None, "."])
def test_a_programmatic_task_in_a_suite_is_refused_with_its_reason(
    name: str, folder: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "s.tsv"
    path.write_text(f"task\tshots\tseed\n{name}\t0\t1\n")
    with pytest.raises(InputError) as caught:
        plan.make(CONFIG | {"suite": str(path), "bigbench": {"path": folder, "hub": None}}, "config.yaml")
    assert str(caught.value) == (
        f"{path}: row 2: key 'task': '{name.partition(':')[0]}' is a programmatic task, which asks its questions by a "
        "program of its own instead of a task.json; unsupported"
    )


def test_a_json_task_of_ones_own_may_have_a_programmatic_tasks_name(tmp_path: Path, write_task: Any) -> None:
    root = str(write_task("taboo").parents[1])
    path = tmp_path / "s.tsv"
    path.write_text("task\tshots\tseed\ntaboo\t0\t1\n")
    made = plan.make(CONFIG | {"suite": str(path), "bigbench": {"path": root, "hub": None}}, "config.yaml")
    assert made.task_file("taboo") == f"{root}/taboo/task.json"


COMMIT = "0123456789abcdef" * 2 + "01234567"
OF_FILES = (
    "task",
    "shots",
    "seed",
    "path",
    "revision",
    "subset",
    "split",
    "target_column",
    "choices_column",
    "list_choices",
)
GOOD = '{"question": "a", "answer": "b"}\n'


def made_of(folder: Path, *rows: dict[str, object]) -> plan.Plan:
    """Plan a suite of rows with a `path`."""
    cells = [[str(({"task": "mine", "shots": 0, "seed": 1} | row).get(c, "")) for c in OF_FILES] for row in rows]
    (folder / "s.tsv").write_text("".join("\t".join(line) + "\n" for line in (OF_FILES, *cells)))
    return plan.make(CONFIG | {"suite": str(folder / "s.tsv")}, "config.yaml")


def test_a_row_with_a_path_says_what_prompts_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "my questions.jsonl"
    path.write_text(GOOD * 3 + GOOD.replace('"a"', '"c"'))
    made = made_of(tmp_path, {"path": path, "target_column": "answer", "choices_column": "-", "list_choices": "false"})
    assert made.question_files("mine") == [str(path)]
    assert made.prompt_options("mine") == (
        f"--path '{path}' --target-column answer --choices-column - --task mine --shots 0 --seed 1 --no-list-choices"
    )
    assert made.n_questions("mine") == 2  # each distinct question once
    assert (made.downloads, made.datasets) == ([], [])
    before = made.task_digest("mine")
    path.write_text(GOOD)
    assert made.task_digest("mine") != before


@pytest.mark.parametrize(("name", "times"), [("q.jsonl", 1), ("q.JSONL.gz", 16), ("q.parquet", 16)])
def test_a_large_file_waits_for_its_use_and_a_packed_one_counts_sixteenfold(
    name: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    if name.endswith(".parquet"):
        pl.DataFrame({"question": ["a"], "answer": ["b"]}).write_parquet(path)
    else:
        path.write_bytes(gzip.compress(GOOD.encode()) if name.endswith(".gz") else GOOD.encode())
    for short, found in ((0, [1]), (1, [])):
        monkeypatch.setattr(task_sources, "_CHECKED_BYTES", times * path.stat().st_size - short)
        assert made_of(tmp_path, {"path": path}).tasks["mine"]["sizes"] == found


@pytest.mark.parametrize(
    ("name", "revision", "message"),
    [
        ("q.jsonl", "a" * 40, " is no dataset of the Hub (org/name); leave 'revision' blank for a file or folder"),
        ("my data/q", "a" * 40, " is no dataset of the Hub (org/name); leave 'revision' blank for a file or folder"),
        ("nothing", "", " holds no file"),
    ],
)
def test_a_path_that_holds_no_questions_stops_the_plan(name: str, revision: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(GOOD)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError) as caught:
        made_of(tmp_path, {"path": tmp_path / name, "revision": revision})
    assert str(caught.value) == f"{tmp_path / 's.tsv'}: row 2: key 'path': {tmp_path / name}{message}"


def test_braces_in_the_path_of_questions_are_refused_as_snakemake_reads_wildcards(tmp_path: Path) -> None:
    path = tmp_path / "{set}" / "q.jsonl"
    path.parent.mkdir()
    path.write_text(GOOD)
    for given in (path, path.parent):
        with pytest.raises(InputError) as caught:
            made_of(tmp_path, {"path": given})
        told = f"row 2: {path}: Snakemake takes braces in it for wildcards; rename it"
        assert str(caught.value) == f"{tmp_path / 's.tsv'}: {told}"


def test_the_files_of_a_folder_are_watched_but_hidden_ones(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    for name in ("README.md", "data/test.parquet", ".cache/lock", ".hidden"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    made = made_of(tmp_path, {"path": folder, "split": "test"})
    assert made.question_files("mine") == [f"{folder}/README.md", f"{folder}/data/test.parquet"]
    assert made.prompt_options("mine").startswith(f"--path {folder} --split test --task mine")


def test_a_dataset_of_the_hub_is_fetched_once_by_commit_subset_and_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("config", "data/ladders"):
        (tmp_path / part).parent.mkdir(exist_ok=True)
        (tmp_path / part).symlink_to(Path(part).absolute())
    monkeypatch.chdir(tmp_path)
    row = {"path": "org/quiz", "revision": COMMIT, "subset": "main", "split": "test"}
    made = made_of(tmp_path, row, row | {"task": "other", "subset": ""})
    files = [f"data/downloads/datasets/org-quiz+0123456789ab+{end}.parquet" for end in ("+test", "main+test")]
    assert made.datasets == files
    assert made.fetch_options() == f"--out data/downloads/bigbench --suite {tmp_path}/s.tsv"
    assert made.question_files("mine") == files[1:]
    assert made.prompt_options("mine") == f"--path {files[1]} --task mine --shots 0 --seed 1"
    assert made.task_digest("mine") is None
    Path(files[1]).parent.mkdir(parents=True)
    Path(files[1]).touch()
    assert made_of(tmp_path, row, row | {"task": "other", "subset": ""}).datasets == files[:1]


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "name of BIG-Bench": (
        {"task": "arithmetic:mine", "path": "q.jsonl"},
        "key 'task': BIG-Bench has a task 'arithmetic', for which yours would be taken; give yours another name",
    ),
    "nothing there": ({"path": "no.jsonl"}, "key 'path': no.jsonl: no such file or folder in "),
    "beside the suite": ({"path": "q.jsonl"}, "key 'path': q.jsonl: no such file or folder; paths begin where the"),
    "dataset without a commit": ({"path": "org/quiz"}, "; a dataset of the Hub needs its commit in column 'revision'"),
    "branch": ({"path": "org/quiz", "revision": "main"}, "key 'revision': 'main', expected the commit of a dataset"),
    "column without a path": (
        {"target_column": "a"},
        "key 'target_column': means nothing without 'path'; give that too, or leave it blank",
    ),
    "column that is not there": (
        {"path": "{folder}/q.jsonl", "target_column": "reply"},
        "q.jsonl: has no column 'reply', named in target_column; it has question, answer",
    ),
    "split of a file": ({"path": "{folder}/q.jsonl", "split": "test"}, "q.jsonl: is one file, and key 'split' is of a"),
    "bad row": ({"path": "{folder}/bad.jsonl"}, "bad.jsonl: line 2: 'answer' is null, expected a string"),
}


@pytest.mark.parametrize(("row", "message"), REFUSED.values(), ids=list(REFUSED))
def test_a_path_that_cannot_be_used_is_refused_with_the_row(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(GOOD)
    (tmp_path / "bad.jsonl").write_text(GOOD + '{"question": "a", "answer": null}\n')
    row = {key: str(value).replace("{folder}", str(tmp_path)) for key, value in row.items()}
    with pytest.raises(InputError) as caught:
        made_of(tmp_path, row)
    assert str(caught.value).startswith(f"{tmp_path}/s.tsv: row 2: ")
    assert message in str(caught.value)
