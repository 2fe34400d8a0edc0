"""The catalogue of tasks: what the shipped one holds, how it is made from a folder, and how it is searched."""

import os
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rescore.bigbench import catalogue as module
from rescore.bigbench.catalogue import COLUMNS, by_task, catalogue, folders, kinds, listing, scan, search, to_tsv
from rescore.commands.tasks import tasks
from rescore.tables import InputError, write_text

CHOICES = [{"input": "a", "target_scores": {"b": 1, "c": 0}}]


def task(name: str) -> dict[str, Any]:
    return by_task(catalogue()).row(by_predicate=pl.col("name") == name, named=True)


def test_the_shipped_catalogue_holds_all_of_big_bench() -> None:
    leaves = catalogue().filter(pl.col("kind") == "json")
    assert (leaves.height, leaves["name"].n_unique()) == (1001, 1001)
    assert leaves["n_examples"].sum() == 2_631_256
    assert leaves.drop("n_choices").null_count().sum_horizontal().item() == 0
    choices = dict(leaves.select("name", "n_choices").rows())
    assert (choices["analogical_similarity"], choices["anachronisms"], choices["word_sorting"]) == (7.0, 2.0, None)
    tasks = by_task(catalogue())
    assert dict(tasks["kind"].value_counts().rows()) == {"json": 167, "programmatic": 42}
    assert tasks["name"].is_sorted()
    assert catalogue().schema == COLUMNS


def test_a_task_with_subtasks_one_without_and_a_programmatic_one() -> None:
    assert task("arithmetic") == {
        "name": "arithmetic",
        "kind": "json",
        "n_examples": 15_023,
        "preferred_score": "exact_str_match",
        "metrics": ["exact_str_match", "multiple_choice_grade"],
        "keywords": ["mathematics", "arithmetic", "numerical response"],
        "n_subtasks": 20,
    }
    assert (task("anachronisms")["n_examples"], task("anachronisms")["n_subtasks"]) == (230, 0)
    assert task("taboo") == dict.fromkeys(task("taboo")) | {"name": "taboo", "kind": "programmatic"}


def test_names_have_kinds() -> None:
    assert len(kinds()) == 167 + 1001 - 127 + 42  # 127 tasks are their own only leaf
    assert {"arithmetic", "arithmetic:1_digit_addition", "taboo"} < set(kinds())


@pytest.fixture
def folder(write_task: Any) -> Path:
    """Four tasks: fruit, of one leaf; trees, of two; apple, of choices; and a programmatic one."""
    root = Path(write_task("fruit", keywords=["words", "easy", "words"])).parents[1]
    write_task("trees", examples=..., keywords=["wood"])
    write_task("trees/oak", preferred_score="bleu", metrics=["bleu", "exact_str_match"])
    write_task("trees/ash")
    write_task("apple", metrics=["multiple_choice_grade"], preferred_score="multiple_choice_grade", examples=CHOICES)
    (root / "maze").mkdir()
    (root / "maze" / "task.py").write_text("import os")
    (root / "notes").mkdir()
    return root


def test_a_folder_is_scanned_in_order_of_names(folder: Path) -> None:
    expected = [
        ("apple", "json", 1, 2.0, "multiple_choice_grade", ["multiple_choice_grade"], ["words"]),
        ("fruit", "json", 4, None, "exact_str_match", ["exact_str_match"], ["words", "easy"]),
        ("maze", "programmatic", None, None, None, None, None),
        ("trees:ash", "json", 4, None, "exact_str_match", ["exact_str_match"], ["wood"]),
        ("trees:oak", "json", 4, None, "bleu", ["bleu", "exact_str_match"], ["wood"]),
    ]
    assert scan(folders(folder)).rows() == expected


def test_a_scan_is_read_back_from_its_file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = scan(folders(folder))
    write_text(to_tsv(made), tmp_path / "made.tsv")
    monkeypatch.setattr(module, "CATALOGUE", tmp_path / "made.tsv")
    assert_frame_equal(catalogue.__wrapped__(), made)


def test_leaves_sum_up_to_tasks(folder: Path) -> None:
    assert by_task(scan(folders(folder))).rows()[1:] == [
        ("fruit", "json", 4, "exact_str_match", ["exact_str_match"], ["words", "easy"], 0),
        ("maze", "programmatic", None, None, None, None, None),
        ("trees", "json", 8, "exact_str_match, bleu", ["exact_str_match", "bleu"], ["wood"], 2),
    ]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["apple", "fruit", "maze", "trees:ash", "trees:oak"]),
        (["WORDS"], ["apple", "fruit"]),
        (["words", "Easy"], ["fruit"]),
        (["bleu"], ["trees:oak"]),
        (["tree", "exact"], ["trees:ash", "trees:oak"]),
        (["programmatic"], ["maze"]),
        (["words", "bleu"], []),
        (["e.sy"], []),  # letters, not a regular expression
        (["mazeprogrammatic"], []),  # cells do not run into each other
    ],
)
def test_search_wants_every_word_in_one_row(folder: Path, words: list[str], found: list[str]) -> None:
    assert search(scan(folders(folder)), words)["name"].to_list() == found


def test_a_listing_has_one_line_a_row(folder: Path) -> None:
    tasks = by_task(scan(folders(folder))).filter(pl.col("name").is_in(["maze", "trees"]))
    assert listing(tasks, aligned=False).splitlines() == [
        "name\tkind\tn_examples\tn_subtasks\tpreferred_score\tkeywords\tmetrics",
        "maze\tprogrammatic\t\t\t\t\t",
        "trees\tjson\t8\t2\texact_str_match, bleu\twood\texact_str_match, bleu",
    ]
    assert listing(tasks.select("name", "kind", "metrics", "keywords"), aligned=True).splitlines() == [
        "name   kind          keywords  metrics",
        "maze   programmatic",
        "trees  json          wood      exact_str_match, bleu",
    ]


def test_tasks_whose_subtask_is_found_are_listed_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks(["oak"], bigbench=folder, subtasks=False)
    assert [line.split("\t")[:4] for line in capsys.readouterr().out.splitlines()[1:]] == [["trees", "json", "8", "2"]]
    tasks(["oak"], bigbench=folder, subtasks=True)
    assert [line.split("\t")[:3] for line in capsys.readouterr().out.splitlines()[1:]] == [["trees:oak", "json", "4"]]


def test_own_tasks_and_big_bench_are_listed_and_what_is_unsupported_said(capsys: pytest.CaptureFixture[str]) -> None:
    tasks([], bigbench=None, subtasks=False)
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1 + 4 + 167 + 42
    assert printed.err == (
        "42 of these tasks are unsupported and cannot stand in a suite: each is a programmatic task, which asks its "
        "questions by a program of its own instead of a task.json\n"
        "of data/tasks: letter_reversal, letter_sorting, letter_swaps, modular_addition; the others are BIG-Bench's\n"
    )
    tasks(["2_digit", "multiplication"], bigbench=None, subtasks=True)
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].startswith("arithmetic:2_digit_multiplication\tjson\t1000\texact_str_match\t")
    assert (len(printed.out.splitlines()), printed.err) == (2, "")


def test_an_own_task_that_is_broken_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "tasks" / "broken").mkdir(parents=True)
    (tmp_path / "data" / "tasks" / "broken" / "task.json").write_text("{bad")
    tasks(["2_digit", "multiplication"], bigbench=None, subtasks=True)
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].startswith("arithmetic:2_digit_multiplication\t")
    assert printed.err.startswith("left out: data/tasks/broken/task.json: line 1: not JSON")
    with pytest.raises(InputError, match=r"^no task of BIG-Bench holds 'nowhere'"):
        tasks(["nowhere"], bigbench=None, subtasks=True)


def test_an_own_task_is_listed_instead_of_big_benchs_of_its_name(
    write_task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tasks(["arithmetic", "numerical"], bigbench=None, subtasks=False)  # where there is no data/tasks
    assert "arithmetic\tjson\t15023\t20\t" in capsys.readouterr().out
    shutil.copytree(Path(write_task("arithmetic")).parent, "data/tasks/arithmetic")
    tasks(["arithmetic"], bigbench=None, subtasks=True)
    rows = [line.split("\t")[:3] for line in capsys.readouterr().out.splitlines()]
    assert [row for row in rows if row[0].startswith("arithmetic")] == [["arithmetic", "json", "4"]]


def test_words_that_are_nowhere(folder: Path) -> None:
    with pytest.raises(
        InputError, match=r"^no task of data/tasks and BIG-Bench holds 'sorting 77': each word is looked for in name"
    ):
        tasks(["sorting", "77"], bigbench=None, subtasks=False)
    with pytest.raises(InputError, match=f"^no task of {folder} holds 'arithmetic'"):
        tasks(["arithmetic"], bigbench=folder, subtasks=True)


def test_a_folder_without_a_json_task(tmp_path: Path) -> None:
    (tmp_path / "maze").mkdir()
    (tmp_path / "maze" / "task.py").write_text("")
    with pytest.raises(InputError, match=f"^{tmp_path}: no folder in it holds a task.json$"):
        folders(tmp_path)


def test_the_shipped_catalogue_is_what_an_unpacked_copy_holds() -> None:
    root = os.environ.get("RESCORE_BIGBENCH")
    if not root:
        pytest.skip("RESCORE_BIGBENCH names no unpacked copy of BIG-Bench")
    small = [f for f in folders(Path(root)) if sum(t.stat().st_size for t in f.rglob("task.json")) < 2**20]
    made = scan(f for f in small if (f / "task.json").is_file())
    assert_frame_equal(catalogue().join(made, on="name", how="semi"), made)
