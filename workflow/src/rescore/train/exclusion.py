"""What is kept out of training: the test questions of BIG-bench, and a share of all strings of letters."""

import hashlib
import json
import re
from collections.abc import Collection
from pathlib import Path

from rescore.tables import InputError

HELD_OUT_ONE_IN = 16


def canonical(question: str) -> str:
    r"""One spelling for all questions that give each other away.

    The operands of a sum, product or difference may be swapped; a list and its reverse ask the same of a model that
    reverses. Any other question is its own spelling.

    >>> canonical("What is 68 minus 9?"), canonical("t, a, c"), canonical("12-34-56")
    ('9 minus 68', 'c, a, t', '12-34-56')
    """
    if asked := re.search(r"What is (\d+) (plus|minus|times) (\d+)\?$", question.strip()):
        low, high = sorted((int(asked[1]), int(asked[3])))
        return f"{low} {asked[2]} {high}"
    if ", " in question and "\n" not in question:
        return min(question, ", ".join(reversed(question.split(", "))))
    return question


def read_questions(paths: Collection[Path]) -> frozenset[str]:
    """Read the canonical questions of BIG-bench task.json files.

    Raises InputError if a file is missing, no JSON, or has no examples with an `input`.
    """
    questions: set[str] = set()
    for path in paths:
        try:
            examples = json.loads(path.read_text(encoding="utf-8"))["examples"]
            questions.update(canonical(example["input"]) for example in examples)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); bring it with `rescore fetch`") from error
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: holds no `examples` with an `input` each; name a task.json without subtasks"
            ) from error
    return frozenset(questions)


def held_out(letters: str) -> bool:
    """Whether a string of letters belongs to the letter tasks; the order of its letters does not matter.

    So neither a test string nor its reverse nor any other arrangement of its letters is ever trained on.
    """
    return _is_held_out("".join(sorted(letters)))


def held_out_sum(a: int, b: int) -> bool:
    """Whether the sum of two numbers belongs to the modular task, under every modulus and in either order."""
    return _is_held_out(f"{min(a, b)} + {max(a, b)}")


def _is_held_out(text: str) -> bool:
    """Hold out 1 text in 16: the first 8 bytes of its SHA-256, modulo 16, are 0."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % HELD_OUT_ONE_IN == 0
