"""Prompts: by hand, against numpy's own draws, and against the reference implementation's digests."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rescore.bigbench import examples, load, settings
from rescore.config.inputs import read_suite
from rescore.tables import EXAMPLES, InputError

FIGS = {"fig": 0.0, "pear": 0.5, "apple": 0.5}


def task(path: Path) -> Any:
    [found] = load(path.parents[1], "fruit")
    return found


def test_a_prompt_is_task_prefix_input_prefix_input_output_prefix(write_task: Any) -> None:
    path = write_task(
        task_prefix="Fruits.\n",
        example_input_prefix="Is ",
        example_output_prefix="? ",
        examples=[{"input": "a", "target": "b"}],
    )
    frame = examples(task(path), shots=0, seed=42)
    assert frame.to_dicts() == [
        {
            "task": "fruit",
            "subtask": "fruit",
            "example_id": 0,
            "prompt": "Fruits.\nIs a? ",
            "targets": ["b"],
            "choices": None,
            "target_scores": None,
            "shots": 0,
            "seed": 42,
        }
    ]
    assert frame.schema == dict(EXAMPLES.columns)


def test_choices_are_listed_in_the_draws_order_and_kept_in_the_files(write_task: Any) -> None:
    path = write_task(examples=[{"input": "Which?", "target_scores": FIGS}], metrics=["multiple_choice_grade"])
    [row] = examples(task(path), shots=0, seed=7).to_dicts()
    # RandomState(7).permutation(3) is 2, 1, 0, of the sorted choices apple, fig, pear
    assert row["prompt"] == "\nQ: Which?\n  choice: pear\n  choice: fig\n  choice: apple\nA: "
    assert row["choices"] == ["fig", "pear", "apple"]
    assert row["target_scores"] == [0.0, 0.5, 0.5]
    assert row["targets"] == ["pear"]  # the first of the best, in the file's order


@pytest.mark.parametrize("seed", [0, 3, 42])
def test_the_permutation_is_numpys_and_the_same_for_every_example(write_task: Any, seed: int) -> None:
    examples_ = [{"input": f"{i}", "target_scores": FIGS} for i in range(3)]
    path = write_task(examples=examples_, metrics=["multiple_choice_grade"], choice_prefix="|")
    order = np.random.RandomState(seed).permutation(sorted(FIGS))
    for i, prompt in enumerate(examples(task(path), shots=0, seed=seed)["prompt"]):
        assert prompt == f"\nQ: {i}|" + "|".join(order) + "\nA: "


def test_choices_stay_out_of_the_input_where_the_task_says_so(write_task: Any) -> None:
    path = write_task(
        examples=[{"input": "a", "target": ["b", "c"], "target_scores": FIGS}], append_choices_to_input=False
    )
    [row] = examples(task(path), shots=0, seed=42).to_dicts()
    assert row["prompt"] == "\nQ: a\nA: "
    assert row["targets"] == ["b", "c"]
    assert row["choices"] == ["fig", "pear", "apple"]


def test_all_questions_come_in_file_order_and_some_in_the_order_of_the_draw(write_task: Any) -> None:
    found = task(write_task())
    for enough in (None, 4, 5):
        assert examples(found, shots=0, seed=42, max_examples=enough)["example_id"].to_list() == [0, 1, 2, 3]
    some = examples(found, shots=0, seed=42, max_examples=3)
    assert some["example_id"].to_list() == np.random.RandomState(42).choice(4, 3, replace=False).tolist() == [1, 3, 0]
    assert some["targets"].to_list() == [["answer 1"], ["answer 3"], ["answer 0"]]


def test_shots_are_drawn_as_the_reference_draws_them(write_task: Any) -> None:
    """The reference's own steps, on its own objects: questions first, then for each question its shots and targets."""
    samples = [{"input": f"\nQ: {i}\nA: ", "target": [f"{i}", f"{i}!"]} for i in range(6)]
    path = write_task(examples=[{"input": f"{i}", "target": [f"{i}", f"{i}!"]} for i in range(6)], task_prefix="P",
                      few_shot_example_separator=" ## ")  # fmt: skip
    rng = np.random.RandomState(5)
    expected = []
    for sample in rng.choice(np.array(samples), 4, replace=False):
        others = [s for s in samples if s != sample]
        shots = rng.choice(np.array(others), 2, replace=False)
        expected.append("P" + "".join(s["input"] + rng.choice(s["target"]) + " ## " for s in shots) + sample["input"])
    assert examples(task(path), shots=2, seed=5, max_examples=4)["prompt"].to_list() == expected


def test_a_question_is_never_among_its_own_shots(write_task: Any) -> None:
    frame = examples(task(write_task()), shots=3, seed=1)
    for prompt, [target] in frame.select("prompt", "targets").iter_rows():
        assert target not in prompt
        assert prompt.count("answer") == 3


def test_nor_is_its_twin_that_reads_the_same_once_formatted(write_task: Any) -> None:
    """`target` as text and as a list of one are two lines of the file and one sample to the reference."""
    twins = [{"input": "a", "target": "b"}, {"input": "a", "target": ["b"]}, {"input": "c", "target": "d"}]
    frame = examples(task(write_task(examples=twins)), shots=1, seed=0)
    by_id = dict(frame.select("example_id", "prompt").iter_rows())
    assert by_id[0] == by_id[1] == "\nQ: c\nA: d\n\nQ: a\nA: "


def test_more_shots_than_other_examples(write_task: Any) -> None:
    with pytest.raises(
        InputError, match=r"^fruit: example_id \d: 4 shots need as many .* differ from it, there are 3; ask for"
    ):
        examples(task(write_task()), shots=4, seed=0)
    twins = [{"input": "a", "target": "b"}, {"input": "a", "target": ["b"]}, {"input": "c", "target": "d"}]
    with pytest.raises(
        InputError, match=r"^fruit: example_id [01]: 2 shots need as many .* there are 1; ask for fewer shots$"
    ):
        examples(task(write_task(examples=twins)), shots=2, seed=0)


@pytest.mark.parametrize(
    ("metrics", "asks"),
    [
        (["multiple_choice_grade"], False),
        (["multiple_choice_grade", "expected_calibration_error"], False),
        (["multiple_choice_grade", "exact_str_match"], True),
        (["log_likelihood"], True),
    ],
)
def test_settings_say_whether_a_subtask_asks_for_text(write_task: Any, metrics: list[str], asks: bool) -> None:
    path = write_task(metrics=metrics, examples=[{"input": "a", "target": "b", "target_scores": FIGS}], stop_string=".")
    assert settings([task(path)]) == {
        "fruit": {
            "metrics": metrics,
            "asks_text": asks,
            "preferred_score": "exact_str_match",
            "output_regex": None,
            "stop_string": ".",
            "task_prefix": "",
            "input_prefix": "\nQ: ",
            "few_shot_separator": "\n",
            "chance": pytest.approx(sum(FIGS.values()) / len(FIGS)),
        }
    }


def test_chance_is_the_mean_over_questions_of_the_mean_score(write_task: Any) -> None:
    questions = [{"a": 1.0, "b": 0.0}, {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0}]
    path = write_task(
        metrics=["multiple_choice_grade"], examples=[{"input": "?", "target_scores": q} for q in questions]
    )
    assert settings([task(path)])["fruit"]["chance"] == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert settings([task(write_task(examples=[{"input": "a", "target": "b"}]))])["fruit"]["chance"] is None


def rows(reference: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((reference / "prompts.json").read_text(encoding="utf-8"))["rows"]
    return found


def digest(frame: pl.DataFrame) -> str:
    """SHA-256 over the lines [prompt, targets, choices], as the reference values define it."""
    lines = hashlib.sha256()
    for prompt, targets, choices in frame.select("prompt", "targets", "choices").iter_rows():
        lines.update(json.dumps([prompt, targets, choices or []], ensure_ascii=False).encode() + b"\n")
    return lines.hexdigest()


def differing(root: Path, wanted: list[dict[str, Any]]) -> Iterator[str]:
    """Name the subtasks whose prompts differ from the reference's."""
    by_task: dict[str, list[dict[str, Any]]] = {}
    for row in wanted:
        by_task.setdefault(row["task"], []).append(row)
    for name, group in by_task.items():
        subtasks = {s.name: s for s in load(root, name)}
        for row in group:
            subtask = subtasks[row["subtask"]]
            frame = examples(subtask, shots=row["shots"], seed=row["seed"], max_examples=row["max_examples"])
            if (len(subtask.examples), digest(frame)) != (row["n_examples"], row["sha256"]):
                yield f"{row['subtask']}, {row['shots']} shots"
            chance = settings([subtask])[subtask.name]["chance"]
            if row["preferred"] == "multiple_choice_grade" and chance != pytest.approx(row["low_score"], abs=1e-9):
                yield f"{row['subtask']}, low score"


def test_the_default_suites_prompts_are_the_references(reference: Path) -> None:
    root = Path("data/downloads/bigbench")
    names = {row["task"] for row in read_suite(Path("config/suites/default.tsv"))}
    wanted = [r for r in rows(reference) if r["subtask"] in names and (root / r["task"] / "task.json").exists()]
    if not wanted:
        pytest.skip(f"no task of the suite is in {root}: `rescore fetch` brings them")
    assert not list(differing(root, wanted))


def test_all_prompts_are_the_references(reference: Path) -> None:
    root = os.environ.get("RESCORE_BIGBENCH")
    if not root:
        pytest.skip("RESCORE_BIGBENCH names no unpacked copy of BIG-Bench")
    wanted = rows(reference)
    assert len(wanted) == 1646
    assert not list(differing(Path(root), wanted))
