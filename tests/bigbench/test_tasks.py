"""task.json to subtasks: every branch by hand, and every kind of malformed file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rescore.bigbench import leaf_digest, load
from rescore.bigbench.task_files import DEFAULT_OUTPUT_REGEX
from rescore.tables import InputError

TEXT = [{"input": "a", "target": "b"}]
CHOICES = [{"input": "a", "target_scores": {"yes": 1, "no": 0}}]


def root(path: Path) -> Path:
    return path.parents[1]


def test_a_plain_task_has_the_defaults_of_the_reference(write_task: Any) -> None:
    [task] = load(root(write_task()), "fruit")
    assert (task.name, task.task, task.keywords) == ("fruit", "fruit", ("words",))
    assert (task.task_prefix, task.input_prefix, task.output_prefix) == ("", "\nQ: ", "\nA: ")
    assert (task.choice_prefix, task.few_shot_separator) == ("\n  choice: ", "\n")
    assert task.append_choices_to_input is True
    assert (task.stop_string, task.output_regex) == (None, DEFAULT_OUTPUT_REGEX)
    assert task.examples[1] == {"input": "question 1", "target": "answer 1"}


@pytest.mark.parametrize(
    ("field", "attribute", "value"),
    [
        ("task_prefix", "task_prefix", "Fruits. "),
        ("example_input_prefix", "input_prefix", ""),
        ("example_output_prefix", "output_prefix", " = "),
        ("choice_prefix", "choice_prefix", "\n- "),
        ("few_shot_example_separator", "few_shot_separator", "\n\n"),
        ("append_choices_to_input", "append_choices_to_input", False),
        ("output_regex", "output_regex", r"\d+"),
        ("stop_string", "stop_string", "\n"),
    ],
)
def test_a_field_that_is_given_is_kept(write_task: Any, field: str, attribute: str, value: object) -> None:
    [task] = load(root(write_task(**{field: value})), "fruit")
    assert getattr(task, attribute) == value


def test_a_stop_string_replaces_the_default_expression(write_task: Any) -> None:
    [task] = load(root(write_task(stop_string="\n", output_regex=None)), "fruit")
    assert (task.stop_string, task.output_regex) == ("\n", None)


def test_an_example_that_stands_twice_counts_once_and_a_rewritten_one_twice(write_task: Any) -> None:
    examples = [
        {"input": "a", "target": "b"},
        {"input": "c", "target": "d"},
        {"input": "a", "target": "b"},
        {"target": "b", "input": "a"},  # the same to a reader; the reference compares the text of the file
    ]
    [task] = load(root(write_task(examples=examples)), "fruit")
    assert task.examples == [examples[0], examples[1], examples[3]]


def test_subtasks_in_folders_come_in_the_order_of_their_paths(write_task: Any) -> None:
    path = write_task(examples=..., metrics=..., preferred_score=...)
    for folder, name in (("10", "ten"), ("9", "nine"), ("a", "first")):
        write_task(f"fruit/{folder}", name=name)
    assert [t.name for t in load(root(path), "fruit")] == ["fruit:ten", "fruit:nine", "fruit:first"]
    assert {t.task for t in load(root(path), "fruit")} == {"fruit"}


def test_subtasks_may_stand_in_the_file_itself(write_task: Any) -> None:
    one = json.loads(write_task("one").read_text())
    path = write_task(examples=..., subtasks=[one, one | {"name": "two"}])
    assert [t.name for t in load(root(path), "fruit")] == ["fruit:one", "fruit:two"]


def test_one_subtask_is_loaded_alone_and_its_siblings_examples_are_not_looked_at(write_task: Any) -> None:
    path = write_task(examples=...)
    write_task("fruit/good")
    broken = write_task("fruit/broken", examples=[{"input": 1}])
    [task] = load(root(path), "fruit:good")
    assert task.name == "fruit:good"
    with pytest.raises(InputError, match=str(broken)):
        load(root(path), "fruit")


def test_a_name_outside_ascii_is_spelt_with_question_marks(write_task: Any) -> None:
    write_task("fruit", examples=...)
    path = write_task("fruit/x", name="años")
    assert load(root(path.parent), "fruit:a?os")[0].name == "fruit:a?os"


@pytest.mark.parametrize("name", ["apple", "fruit:apple", "fruit:"])
def test_a_task_or_subtask_that_is_not_there(write_task: Any, name: str) -> None:
    path = write_task()
    if name == "fruit:":  # no leaf named: the whole task
        assert load(root(path), name)
        return
    with pytest.raises(InputError, match=rf"{name.partition(':')[0]}/task.json: .*'apple'"):
        load(root(path), name)


def test_the_digest_tells_tasks_apart_and_holds_still(write_task: Any) -> None:
    def digest(**fields: object) -> str:
        return leaf_digest(load(root(write_task(**fields)), "fruit"))

    assert digest() == digest()
    assert len({digest(), digest(task_prefix="x"), digest(examples=TEXT), digest(examples=[*TEXT, *CHOICES][:1])}) == 3


MALFORMED = {
    "no name": ({"name": ...}, "key 'name': missing"),
    "name of another kind": ({"name": 7}, "key 'name': a number, expected a string"),
    "no description": ({"description": ...}, "key 'description': missing"),
    "no keywords": ({"keywords": ...}, "key 'keywords': missing"),
    "keywords as text": ({"keywords": "a, b"}, "key 'keywords': a string, expected a list"),
    "keywords of numbers": ({"keywords": [1]}, "key 'keywords': holds a number, expected a list of strings"),
    "no examples": ({"examples": ...}, "key 'examples': missing"),
    "examples null": ({"examples": None}, "key 'examples': null, expected a list"),
    "examples as object": ({"examples": {}}, "key 'examples': an empty object, expected a list"),
    "no example": ({"examples": []}, "key 'examples': holds no example"),
    "no metrics": ({"metrics": ...}, "key 'metrics': missing"),
    "unknown metric": ({"metrics": ["exact"]}, "key 'metrics': 'exact' is not one of"),
    "a list as metric": ({"metrics": [["bleu"]]}, "key 'metrics': holds a list, expected a list of strings"),
    "no preferred score": ({"preferred_score": ...}, "key 'preferred_score': missing"),
    "rouge preferred": ({"preferred_score": "rouge"}, "key 'preferred_score': 'rouge' is not one of"),
    "no metric": ({"metrics": []}, "key 'metrics': names none, expected some of bleu, bleurt, "),
    "colon in the name": ({"name": "fruit:a"}, "key 'name': 'fruit:a', expected a name without ':'"),
    "blank name": ({"name": ""}, "key 'name': '', expected a name"),
    "examples and subtasks": ({"subtasks": [{}]}, "key 'subtasks': stands beside 'examples'; take one of the two out"),
    "bad expression": ({"output_regex": "(a"}, "key 'output_regex': missing )"),
    "two groups": ({"output_regex": "(a)(b)"}, "key 'output_regex': 2 groups"),
    "expression no text": ({"output_regex": 3}, "key 'output_regex': a number, expected a string"),
    "stop string no text": ({"stop_string": ["\n"]}, "key 'stop_string': a list, expected a string"),
    "prefix null": ({"example_input_prefix": None}, "key 'example_input_prefix': null, expected a string"),
    "choice prefix no text": ({"choice_prefix": 0}, "key 'choice_prefix': a number, expected a string"),
    "separator no text": ({"few_shot_example_separator": {}}, "key 'few_shot_example_separator': an empty object"),
    "subtasks no list": ({"examples": ..., "subtasks": 3}, "key 'subtasks': a number, expected a list"),
    "subtask no object": ({"examples": ..., "subtasks": [3]}, "holds a number, expected an object"),
    "example no object": ({"examples": [*TEXT, "x"]}, "example 2: is a string, expected an object"),
    "no input": ({"examples": [{"target": "b"}]}, "example 1: key 'input': missing"),
    "no target": ({"examples": [{"input": "a"}]}, "example 1: key 'target_scores': missing, and so is 'target'"),
    "target no text": ({"examples": [{"input": "a", "target": 4}]}, "example 1: key 'target': a number"),
    "targets empty": ({"examples": [{"input": "a", "target": []}]}, "example 1: key 'target': an empty list"),
    "targets mixed": ({"examples": [{"input": "a", "target": ["b", 1]}]}, "example 1: key 'target': a list"),
    "no target for a text metric": ({"examples": CHOICES}, "example 1: key 'target': missing, needed by a text-to"),
    "no choices for a choice metric": (
        {"metrics": ["multiple_choice_grade"], "examples": [*CHOICES, *TEXT]},
        "example 2: key 'target_scores': missing, needed by a multiple-choice metric",
    ),
    "half a surrogate pair": ({"description": "\ud800"}, "holds half a surrogate pair"),
}


@pytest.mark.parametrize(("fields", "message"), MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_task_is_named_with_file_and_field(write_task: Any, fields: dict[str, Any], message: str) -> None:
    path = write_task(**fields)
    with pytest.raises(InputError) as caught:
        load(root(path), "fruit")
    assert str(caught.value).startswith(f"{path}: {message}")


SCORES = {
    "no object": ([1, 0], "key 'target_scores': a list, expected an object"),
    "empty": ({}, "key 'target_scores': an empty object, expected an object of choice: score"),
    "text": ({"x\ny": "1"}, r"key 'target_scores', choice 'x\ny': a string, expected a number from 0 to 1"),
    "truth value": ({"x": True}, "key 'target_scores', choice 'x': true or false, expected a number from 0 to 1"),
    "not a number": ({"x": float("nan")}, "key 'target_scores', choice 'x': nan, expected a number from 0 to 1"),
    "below 0": ({"x": 1, "y": -0.5}, "key 'target_scores', choice 'y': -0.5, expected a number from 0 to 1"),
    "above 1": ({"x": 2, "y": 0}, "key 'target_scores', choice 'x': 2, expected a number from 0 to 1"),
    "larger than any float": (
        {"x": 10**400},
        "key 'target_scores', choice 'x': 10000000000000000000, expected a number from 0 to 1",
    ),
    "none better": ({"x": 1, "y": 1}, "key 'target_scores': no choice scores above the others"),
    "better by rounding alone": ({"x": 1.0000001, "y": 1}, "key 'target_scores': no choice scores above the others"),
    "one and wrong": ({"x": 0}, "key 'target_scores': no choice scores above the others"),
}


@pytest.mark.parametrize(("scores", "message"), SCORES.values(), ids=list(SCORES))
def test_malformed_target_scores(write_task: Any, scores: object, message: str) -> None:
    path = write_task(metrics=["multiple_choice_grade"], examples=[*CHOICES, {"input": "a", "target_scores": scores}])
    with pytest.raises(InputError) as caught:
        load(root(path), "fruit")
    assert str(caught.value).startswith(f"{path}: example 2: {message}")


@pytest.mark.parametrize("subtasks", [[], None])
def test_examples_may_stand_beside_no_subtasks(write_task: Any, subtasks: object) -> None:
    assert len(load(root(write_task(subtasks=subtasks, examples=TEXT)), "fruit")[0].examples) == 1


def test_scores_of_choices_may_be_outside_0_and_1_by_rounding(write_task: Any) -> None:
    scores = {"x": 1.0000001, "y": -1e-7, "z": 0.25, "w": 1}
    path = write_task(metrics=["multiple_choice_grade"], examples=[{"input": "a", "target_scores": scores}])
    assert load(root(path), "fruit")[0].examples[0]["target_scores"] == {"x": 1.0, "y": 0.0, "z": 0.25, "w": 1}
    path = write_task(metrics=["multiple_choice_grade"], examples=[{"input": "a", "target_scores": {"x": 1.00001}}])
    with pytest.raises(InputError, match=r"choice 'x': 1\.00001, expected a number from 0 to 1"):
        load(root(path), "fruit")


def test_no_correct_choice_is_fine_where_a_target_is_given(write_task: Any) -> None:
    examples = [{"input": "a", "target": "7", "target_scores": {"1": 0, "2": 0}}]  # as in BIG-Bench's arithmetic
    assert load(root(write_task(examples=examples)), "fruit")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: not JSON"),
        (b'{\n"name": }', "line 2: not JSON"),
        (b'{"name": "\xff"}', "not UTF-8 at byte 10"),
        (b"[]", "holds an empty list, expected an object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"name": ' + b"1" * 5000 + b"}", "a number has too many digits"),
    ],
)
def test_a_file_that_is_no_task(write_task: Any, content: bytes, message: str) -> None:
    path = write_task()
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load(root(path), "fruit")
    assert str(caught.value).startswith(f"{path}: {message}")


def test_two_subtasks_of_one_name(write_task: Any) -> None:
    path = write_task(examples=...)
    write_task("fruit/a", name="same")
    twin = write_task("fruit/b", name="same")
    with pytest.raises(InputError, match=f"{twin}: key 'name': subtask 'fruit:same' stands here twice"):
        load(root(path), "fruit")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["(a", "a{2", "[[a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    "canary", "name", "description", "keywords", "metrics", "preferred_score", "examples", "subtasks", "task_prefix",
    "example_input_prefix", "example_output_prefix", "choice_prefix", "append_choices_to_input", "stop_string",
    "few_shot_example_separator", "output_regex", "absolute_normalization",
]  # fmt: skip


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    field=st.sampled_from(FIELDS),
    inner=st.sampled_from([None, "input", "target", "target_scores"]),
    value=JSON,
    flat=st.booleans(),
)
def test_whatever_stands_in_a_field_the_task_loads_or_one_line_names_the_file(
    write_task: Any, field: str, inner: str | None, value: object, flat: bool
) -> None:
    if inner:
        field, value = "examples", [{"input": "a", "target": "b", "target_scores": {"b": 1, "c": 0}} | {inner: value}]
    fields = {field: value} | ({} if flat else {"examples": ..., "subtasks": value})
    path = write_task(**fields)
    try:
        tasks = load(root(path), "fruit")
    except InputError as error:
        message = str(error)
    else:
        assert leaf_digest(tasks)
        return
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


def test_a_task_of_ones_own_needs_no_canary(write_task: Any) -> None:
    [subtask] = load(root(write_task(canary=...)), "fruit")
    assert subtask.name == "fruit"


def test_the_task_in_the_readme_is_one(tmp_path: Path) -> None:
    text = Path("config/README.md").read_text(encoding="utf-8").partition("```json\n")[2].partition("```")[0]
    path = tmp_path / "my_task" / "task.json"
    path.parent.mkdir()
    path.write_text(text)
    assert len(load(tmp_path, "my_task")[0].examples) == 2
    data = json.loads(text)
    for key in data:
        path.write_text(json.dumps({k: v for k, v in data.items() if k != key}))
        with pytest.raises(InputError, match=f"key '{key}': missing"):
            load(tmp_path, "my_task")
