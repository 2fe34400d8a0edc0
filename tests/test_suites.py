"""The suites under config/suites: every row can be planned, and each holds what its description says."""

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from rescore.bigbench.catalogue import by_task, catalogue, kinds
from rescore.config import plan
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
    """Schaeffer et al. (arXiv:2304.15004, section 4) count more than 92% of what was claimed to emerge."""
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
