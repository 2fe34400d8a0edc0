"""The letter tasks, in BIG-bench's format: what BIG-bench lacks for sweeping the length of an answer."""

import json
from pathlib import Path

import numpy as np

from rescore.tables import write_text
from rescore.train.questions import LENGTHS, Question, letters

EXAMPLES_PER_SUBTASK = 200


def write_tasks(out: Path, *, seed: int) -> None:
    """Write the letter tasks in BIG-bench's format: `{task}/length_{3..8}/task.json`, 200 examples each.

    Parameters
    ----------
    out
        The folder that receives a folder a task.
    seed
        Decides the questions; the same seed gives the same files byte for byte.
    """
    for number, (task, verb, answer) in enumerate(
        (("letter_sorting", "Sort", "Sorted"), ("letter_reversal", "Reverse", "Reversed"))
    ):
        head = {
            "canary": "none: the questions are generated, and models may be trained on others of their kind",
            "name": task,
            "description": f"{verb} a string of distinct letters",
            "keywords": ["non-language", "zero-shot"],
        }
        write_text(json.dumps(head, indent=1) + "\n", out / task / "task.json")
        for length in LENGTHS:
            rng = np.random.default_rng([seed, number, length])
            questions: dict[str, Question] = {}
            while len(questions) < EXAMPLES_PER_SUBTASK:
                question = letters(rng, length, sort=task == "letter_sorting", test=True)
                questions[question.question] = question
            leaf = head | {
                "name": f"length_{length}",
                "description": f"{verb} a string of {length} distinct letters",
                "metrics": ["exact_str_match"],
                "preferred_score": "exact_str_match",
                "example_input_prefix": f"{verb}: ",
                "example_output_prefix": f"\n{answer}: ",
                "output_regex": "[^\n]+",
                "stop_string": "\n",
                "examples": [{"input": q.question, "target": q.answer} for q in questions.values()],
            }
            write_text(json.dumps(leaf, indent=1) + "\n", out / task / f"length_{length}" / "task.json")
