"""The questions are right, look as BIG-bench's do, and none of them is a test question."""

import json
import re
import subprocess
import sys
from operator import add, mul, sub
from pathlib import Path

import numpy as np
import pytest

from rescore.tables import InputError
from rescore.train.exclusion import canonical, held_out, held_out_sum, read_questions
from rescore.train.own_tasks import write_tasks
from rescore.train.questions import COPIED_LETTERS, KINDS, Question, draw

SHIPPED = Path(__file__).parents[2] / "data" / "tasks"
ARITHMETIC = {"addition": ("plus", add), "subtraction": ("minus", sub), "multiplication": ("times", mul)}


def _many(
    kind: str, *, seed: int = 0, excluded: frozenset[str] = frozenset(), shots: int = 0, listed: bool = True
) -> list[Question]:
    rng = np.random.default_rng(seed)
    drawn = [draw(kind, n=10, rng=rng, excluded=excluded, shots=shots, listed=listed) for _ in range(40)]
    return [question for sequences in drawn for sequence in sequences for question in sequence]


def _task(path: Path, questions: list[str]) -> Path:
    path.write_text(json.dumps({"examples": [{"input": q} for q in questions]}))
    return path


@pytest.mark.parametrize("kind", ARITHMETIC)
def test_arithmetic_is_the_official_prompt_and_its_answer_is_right(kind: str) -> None:
    word, operation = ARITHMETIC[kind]
    official = re.compile(rf"\nQ: What is (\d+) {word} (\d+)\?((?:\n  choice: [-\w]+)+)\nA: ")
    lengths = set()
    for question in _many(kind):
        match = official.fullmatch(question.prompt)
        assert match, question.prompt
        first, second = int(match[1]), int(match[2])
        assert question.answer == str(operation(first, second))
        assert question.question == f"What is {first} {word} {second}?"
        choices = match[3].split("\n  choice: ")[1:]
        assert {question.answer, "banana", "house"} < set(choices)
        assert len(set(choices)) == len(choices)
        size = len(question.answer)
        assert {len(c) for c in choices if c.isdigit()} <= {size, max(1, size - 2), size + 2}
        lengths.add((len(match[1]), len(match[2])))
    assert {(2, 2), (1, 2), (2, 1)} <= lengths
    if kind != "multiplication":
        assert {(3, 3), (4, 4), (5, 5), (5, 1)} <= lengths
    assert (1, 1) not in lengths  # BIG-bench asks all of these


def test_without_choices_the_question_stands_alone() -> None:
    for question in _many("addition", listed=False):
        assert question.prompt == f"\nQ: {question.question}\nA: "


def test_the_answer_stands_anywhere_among_the_choices() -> None:
    places = {q.prompt.removesuffix("\nA: ").split("\n  choice: ")[1:].index(q.answer) for q in _many("addition")}
    assert places >= {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("kind", KINDS)
def test_few_shot_prompts_are_bigbenchs(kind: str) -> None:
    [sequence, *others] = draw(kind, n=9, rng=np.random.default_rng(0), shots=2)
    assert len(others) == 2
    assert [len(s) for s in (sequence, *others)] == [3, 3, 3]
    first, second, last = sequence
    alone = [q.prompt.lstrip("\n") for q in sequence]
    if kind in ARITHMETIC:
        alone = ["\n" + prompt for prompt in alone]  # BIG-bench's own prefix begins with a newline
    assert first.prompt == alone[0]
    assert (second.prompt, last.prompt) == ("\n" + alone[1], "\n" + alone[2])


@pytest.mark.parametrize(
    ("kind", "prompt", "answer"),
    [
        (
            "list_reversal",
            r"Input: ([a-z](?:, [a-z]){4})\nOutput: ",
            lambda x: ", ".join(x.split(", ")[::-1]),
        ),
        ("list_copying", r"Input: ([a-h](?:, [a-h]){3,5})\nOutput: ", lambda x: x),
        ("dates", r"Input: (\d{5}-\d{5}-\d{5})\nOutput: ", lambda x: f"!{x[6:11]}!{x[12:]}!{x[:5]}!"),
        ("letter_sorting", r"Sort: ([a-z]{3,8})\nSorted: ", lambda x: "".join(sorted(x))),
        ("letter_reversal", r"Reverse: ([a-z]{3,8})\nReversed: ", lambda x: "".join(reversed(x))),
        ("letter_swaps", r"Swap: ([a-z]{4}(?:, [1-3]-[2-4]){1,4})\nSwapped: ", lambda x: _swapped(x)),
        ("modular_addition", r"Compute: (\d\d \+ \d\d mod (?:5|7|9|11))\nResult: ", lambda x: _remainder(x)),
    ],
)
def test_prompts_and_answers(kind, prompt, answer) -> None:
    for question in _many(kind):
        match = re.fullmatch(prompt, question.prompt)
        assert match, question.prompt
        assert match[1] == question.question
        assert question.answer == answer(match[1])


def test_a_list_says_by_its_letters_whether_it_is_copied() -> None:
    assert all(set(q.answer) - set(", ") <= set(COPIED_LETTERS) for q in _many("list_copying"))
    assert not any(set(q.answer) - set(", ") <= set(COPIED_LETTERS) for q in _many("list_reversal"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_draw_is_one_length_and_repeats_under_its_seed(kind: str) -> None:
    drawn = draw(kind, n=30, rng=np.random.default_rng(3))
    assert drawn == draw(kind, n=30, rng=np.random.default_rng(3))
    assert drawn != draw(kind, n=30, rng=np.random.default_rng(4))
    if kind not in ARITHMETIC:
        assert len({len(q.question) for (q,) in drawn}) == 1


NUMBERS = re.compile(r"What is (\d+) (\w+) (\d+)\?")


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("kind", sorted(kind for kind in KINDS if not kind.startswith(("letter_", "modular_"))))
def test_a_question_of_an_excluded_file_is_never_drawn(kind: str, shots: int, tmp_path: Path) -> None:
    def _many(kind: str, *, seed: int, excluded: frozenset[str] = frozenset()) -> list[Question]:
        rng = np.random.default_rng(seed)
        drawn = [draw(kind, n=30, rng=rng, excluded=excluded, shots=shots) for _ in range(20)]
        return [question for sequences in drawn for sequence in sequences for question in sequence]

    drawn = _many(kind, seed=5)
    swapped = {
        "list_reversal": lambda q: ", ".join(reversed(q.split(", "))),
    }.get(kind, lambda q: NUMBERS.sub(r"What is \3 \2 \1?", q))
    excluded = read_questions([_task(tmp_path / "task.json", [swapped(q.question) for q in drawn])])
    again = _many(kind, seed=5, excluded=excluded)  # the same stream, in which every question above comes up
    assert len(again) == len(drawn)
    assert not {canonical(q.question) for q in again} & {canonical(q.question) for q in drawn}


def test_letter_strings_are_split_by_their_letters() -> None:
    # the SHA-256 of "abc" begins ba7816bf8f01cfea, that of "abr" 78dba6d45c31d8d0: the last digit decides
    assert not held_out("abc")
    assert held_out("abr")
    assert held_out("rab")


def test_sums_are_split_by_their_two_numbers() -> None:
    # the SHA-256 of "35 + 48" begins 033e99e8591ec309, that of "10 + 14" f16905bfb1e614d0: the last digit decides
    assert not held_out_sum(35, 48)
    assert held_out_sum(10, 14)
    assert held_out_sum(14, 10)


def _shipped(task: str) -> dict[str, list[dict[str, str]]]:
    """Return the examples of each subtask of a task that ships with Rescore."""
    files = sorted(SHIPPED.glob(f"{task}/*/task.json"))
    return {f.parent.name: json.loads(f.read_text())["examples"] for f in files}


@pytest.mark.parametrize("kind", ["letter_sorting", "letter_reversal", "letter_swaps"])
def test_no_letters_of_a_shipped_question_are_trained_on(kind: str) -> None:
    def of(question: str) -> frozenset[str]:
        return frozenset(question.split(", ")[0])

    asked = {of(example["input"]) for examples in _shipped(kind).values() for example in examples}
    trained = {of(q.question) for name in KINDS if name.startswith("letter_") for q in _many(name)}
    assert len(asked) > 200
    assert len(trained) > 500
    assert not asked & trained


def test_no_shipped_modular_sum_is_trained_on_under_any_modulus() -> None:
    def of(question: str) -> frozenset[str]:
        return frozenset(question.split(" mod ")[0].split(" + "))

    asked = {of(example["input"]) for examples in _shipped("modular_addition").values() for example in examples}
    trained = {of(q.question) for seed in range(10) for q in _many("modular_addition", seed=seed)}
    assert len(asked) > 200
    assert len(trained) > 1500
    assert not asked & trained


def test_write_tasks_reproduces_the_shipped_files(tmp_path: Path) -> None:
    write_tasks(tmp_path, seed=0)
    made = {f.relative_to(tmp_path): f.read_bytes() for f in tmp_path.rglob("*.json")}
    assert len(made) == 24
    assert made == {f.relative_to(SHIPPED): f.read_bytes() for f in SHIPPED.rglob("*.json")}


def _swapped(question: str) -> str:
    """Carry out the swaps by cutting the string."""
    string, *swaps = question.split(", ")
    for swap in swaps:
        i, j = int(swap[0]) - 1, int(swap[2]) - 1
        assert i < j
        string = string[:i] + string[j] + string[i + 1 : j] + string[i] + string[j + 1 :]
    return string


def _remainder(question: str) -> str:
    """Subtract the modulus until nothing of it is left."""
    first, _, second, _, modulus = question.split()
    left = int(first) + int(second)
    while left >= int(modulus):
        left -= int(modulus)
    return str(left)


@pytest.mark.parametrize(
    ("task", "answer", "varied"),
    [
        ("letter_sorting", lambda x: "".join(sorted(x)), len),
        ("letter_reversal", lambda x: x[::-1], len),
        ("modular_addition", _remainder, lambda x: int(x.split()[-1])),
        ("letter_swaps", _swapped, lambda x: x.count(", ")),
    ],
)
def test_shipped_tasks_ask_what_their_names_say(task, answer, varied) -> None:
    subtasks = _shipped(task)
    assert len(subtasks) >= 4
    for name, examples in subtasks.items():
        assert len({example["input"] for example in examples}) == 300
        for example in examples:
            assert example["target"] == answer(example["input"])
            assert varied(example["input"]) == int(name.split("_")[1])


def test_shipped_tasks_are_what_bigbench_requires() -> None:
    for path in SHIPPED.glob("*/*/task.json"):
        task = json.loads(path.read_text())
        assert task["name"] == path.parent.name
        assert task["metrics"] == ["exact_str_match"]
        assert {"canary", "description", "keywords", "preferred_score", "output_regex"} <= set(task)
        assert all(re.fullmatch(task["output_regex"], example["target"]) for example in task["examples"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [(None, "cannot be read"), ("{", "holds no `examples`"), ('{"examples": [{}]}', "holds no `examples`")],
)
def test_a_useless_task_file_is_named(tmp_path: Path, text: str | None, complaint: str) -> None:
    path = tmp_path / "task.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=rf"task\.json: {complaint}"):
        read_questions([path])


def test_questions_need_no_torch() -> None:
    code = "import sys, rescore.train.questions; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
