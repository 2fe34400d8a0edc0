"""Keys of a task.json that nothing reads, and keys that stand twice: refused, or said where they are BIG-Bench's."""

import json
from pathlib import Path
from typing import Any

import pytest

from rescore.bigbench import load
from rescore.tables import InputError

ONE = {"input": "a", "target": "b"}


def refusal(path: Path, task: str = "fruit") -> str:
    with pytest.raises(InputError) as caught:
        load(path.parents[1], task)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("stop_strings", "key 'stop_strings': unknown; did you mean 'stop_string'?"),
        ("output_regexp", "key 'output_regexp': unknown; did you mean 'output_regex'?"),
        ("prefix", "key 'prefix': unknown; did you mean 'task_prefix'?"),  # as in some files of BIG-Bench
        ("zz\nz", r"key 'zz\nz': unknown; known are canary, name, description, keywords, metrics, preferred_score, "),
    ],
)
def test_a_key_that_nothing_reads_is_refused_wherever_a_task_stands(write_task: Any, key: str, message: str) -> None:
    assert refusal(write_task(**{key: "x"})).startswith(message)
    inline = json.loads(write_task("one", **{key: "x"}).read_text())
    assert refusal(write_task(examples=..., subtasks=[inline])).startswith(message)
    whole, part = write_task(examples=...), write_task("fruit/one", **{key: "x"})
    assert refusal(whole).startswith(f"{part}: {message}")


def test_notes_are_passed_over(write_task: Any) -> None:
    notes = {"comment": "x", "contributors": ["x"], "expert_description": "x"}
    examples = [ONE | {"comment": "x", "id": 1, "tag": "x", "start": 2, "meta": {"input": 1}}]
    said: list[str] = []
    [task] = load(write_task(**notes, examples=examples).parents[1], "fruit", say=said.append)
    assert (task.examples, said) == (examples, [])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("targets", "unknown; did you mean 'target'?"),
        ("Target", "unknown; did you mean 'target'?"),
        ("target_score", "unknown; did you mean 'target_scores'?"),
        ("inputs", "unknown; did you mean 'input'?"),
        ("stop_string", "is read in a task and not in an example; move it there, or take it out"),
    ],
)
def test_a_key_of_an_example_that_looks_read_is_refused(write_task: Any, key: str, message: str) -> None:
    assert refusal(write_task(examples=[ONE, ONE | {key: "x"}])) == f"example 2: key '{key}': {message}"


TWICE = {
    "choice": (
        '{"input": "a", "target_scores": {"a": 1, "b": 0, "a": 0, "c": 0.5}}',
        "example 1: key 'target_scores', choice 'a'",
    ),
    "target": ('{"input": "a", "target": "b", "target": "b"}', "example 1: key 'target'"),
    "of the task": ('{"input": "a", "target": "b"}], "name": "fruit", "examples": [', "key 'name'"),
}


@pytest.mark.parametrize(("example", "place"), TWICE.values(), ids=list(TWICE))
def test_a_key_that_stands_twice_is_refused(write_task: Any, example: str, place: str) -> None:
    path = write_task(examples=[0])
    path.write_text(path.read_text().replace("[0]", f"[{example}]"))
    assert refusal(path) == f"{place}: stands twice; take one out"


def test_what_stands_twice_in_a_note_is_let_be(write_task: Any) -> None:
    path = write_task(examples=[ONE | {"meta": 0}])
    path.write_text(path.read_text().replace('"meta": 0', '"meta": {"a": 1, "a": 2}'))
    assert load(path.parents[1], "fruit")


def test_the_key_that_stands_twice_in_timedial_is_said_and_the_last_holds_as_in_the_reference(write_task: Any) -> None:
    text = '"append_choices_to_input": true, "append_choices_to_input": false}'
    for folder in ("timedial", "fruit"):
        path = write_task(folder)
        path.write_text(path.read_text()[:-1] + ", " + text)
    said: list[str] = []
    [task] = load(path.parents[1], "timedial", say=said.append)
    where = path.parents[1] / "timedial/task.json"
    assert not task.append_choices_to_input
    assert said == [f"{where}: key 'append_choices_to_input': stands twice; the last one holds, as in BIG-bench"]
    assert refusal(path) == "key 'append_choices_to_input': stands twice; take one out"


def test_what_nothing_reads_in_a_file_of_big_bench_is_said_and_the_task_loads(write_task: Any) -> None:
    said: list[str] = []
    whole = write_task("bbq_lite_json", examples=..., prefix="x")
    part = write_task("bbq_lite_json/age", prefix="x")
    other = write_task("bbq_lite_json/race", prefix="x")
    tense = write_task("tense", examples=[ONE, ONE | {"task_prefix": "x"}])
    load(whole.parents[1], "bbq_lite_json:age", say=said.append)
    assert said == [f"{path}: key 'prefix': nothing reads it, as in BIG-bench" for path in (whole, part)]
    said.clear()
    load(whole.parents[1], "bbq_lite_json", say=said.append)
    assert [line.partition(":")[0] for line in said] == [str(path) for path in (whole, part, other)]
    said.clear()
    load(tense.parents[1], "tense", say=said.append)
    assert said == [f"{tense}: example 2: key 'task_prefix': nothing reads it, as in BIG-bench"]
    assert "did you mean 'stop_string'" in refusal(write_task("tense", stop_strings="x"), "tense")


def test_a_slip_is_told_before_the_key_that_it_leaves_missing(write_task: Any) -> None:
    path = write_task(examples=[{"input": "a", "targets": "b"}])
    assert refusal(path) == "example 1: key 'targets': unknown; did you mean 'target'?"
