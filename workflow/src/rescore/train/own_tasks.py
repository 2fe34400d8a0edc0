"""Rescore's own tasks in BIG-bench's format: they vary one thing, such as the length of the answer, at a time."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rescore.tables import write_text
from rescore.train.questions import LENGTHS, MODULI, SWAPS, Maker, Style, letters, modular_sum, swapped_letters

EXAMPLES_PER_SUBTASK = 300


class _Task(NamedTuple):
    """One task: its questions by subtask, and the words around them."""

    name: str
    description: str
    prefix: str
    answer_prefix: str
    subtasks: dict[str, tuple[int, str]]  # name -> (what `draw` varies, description)
    draw: Maker


def _of_letters(name: str, verb: str, answer_prefix: str, *, sort: bool) -> _Task:
    """A task that sorts or reverses strings of each length."""
    return _Task(
        name,
        f"{verb} a string of distinct letters",
        f"{verb}: ",
        answer_prefix,
        {f"length_{n}": (n, f"{verb} a string of {n} distinct letters") for n in LENGTHS},
        lambda rng, style: letters(rng, style.length, sort=sort, test=True),
    )


_TASKS = (
    _of_letters("letter_sorting", "Sort", "\nSorted: ", sort=True),
    _of_letters("letter_reversal", "Reverse", "\nReversed: ", sort=False),
    _Task(
        "modular_addition",
        "Add two numbers of two digits and give the remainder",
        "Compute: ",
        "\nResult: ",
        {f"modulus_{n}": (n, f"Add two numbers of two digits modulo {n}") for n in MODULI},
        lambda rng, style: modular_sum(rng, style.length, test=True),
    ),
    _Task(
        "letter_swaps",
        "Swap letters of a string of four, one pair after the other",
        "Swap: ",
        "\nSwapped: ",
        {f"steps_{n}": (n, f"Swap {n} pairs of letters, one after the other") for n in SWAPS},
        lambda rng, style: swapped_letters(rng, style.length, test=True),
    ),
)


def write_tasks(out: Path, *, seed: int) -> None:
    """Write the tasks in BIG-bench's format: OUT/{task}/{subtask}/task.json, 300 distinct examples each.

    The same seed gives the same files byte for byte.
    """
    for number, task in enumerate(_TASKS):
        head = {
            "canary": "none: the questions are generated, and models may be trained on others of their kind",
            "name": task.name,
            "description": task.description,
            "keywords": ["non-language", "zero-shot"],
        }
        write_text(json.dumps(head, indent=1) + "\n", out / task.name / "task.json")
        for name, (varied, description) in task.subtasks.items():
            rng = np.random.default_rng([seed, number, varied])
            answers: dict[str, str] = {}
            while len(answers) < EXAMPLES_PER_SUBTASK:
                question = task.draw(rng, Style(varied, listed=False))
                answers[question.question] = question.answer
            leaf = head | {
                "name": name,
                "description": description,
                "metrics": ["exact_str_match"],
                "preferred_score": "exact_str_match",
                "example_input_prefix": task.prefix,
                "example_output_prefix": task.answer_prefix,
                "output_regex": "[^\n]+",
                "stop_string": "\n",
                "examples": [{"input": asked, "target": answer} for asked, answer in answers.items()],
            }
            write_text(json.dumps(leaf, indent=1) + "\n", out / task.name / name / "task.json")
