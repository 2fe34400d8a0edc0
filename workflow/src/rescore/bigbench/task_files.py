"""task.json to checked subtasks."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex

from rescore.bigbench import fields
from rescore.bigbench.fields import Json, Say, check_printable, field, kind, strings, text
from rescore.tables import InputError, together

_TARGET_METRICS = frozenset({
    "bleu", "bleurt", "exact_str_match", "case_insensitive_str_match", "sequence_f1",
    "numeric_match_with_0_1_relative_error", "rouge", "log_likelihood",
})  # fmt: skip
MULTIPLE_CHOICE_METRICS = frozenset({
    "multiple_choice_grade", "calibration_multiple_choice_brier_score", "expected_calibration_error",
    "weighted_log_probabilities", "weighted_probabilities", "macro_f1",
})  # fmt: skip
_KNOWN_METRICS = _TARGET_METRICS | MULTIPLE_CHOICE_METRICS

DEFAULT_OUTPUT_REGEX = r"[^\.\?\!\;\n]+"
"""Cuts an answer where a task names neither an `output_regex` nor a `stop_string`."""


@dataclass(frozen=True, kw_only=True)
class Subtask:
    """A leaf task: one task.json with examples.

    `name` is the reference's, `task` or `task:subtask`. `examples` are the distinct ones in file order, each a checked
    dictionary as in the file.
    """

    name: str
    keywords: tuple[str, ...]
    metrics: tuple[str, ...]
    preferred_score: str
    task_prefix: str
    input_prefix: str
    output_prefix: str
    choice_prefix: str
    append_choices_to_input: bool
    few_shot_separator: str
    output_regex: str | None
    stop_string: str | None
    examples: Sequence[Json]

    @property
    def task(self) -> str:
        """The name of the task it belongs to."""
        return self.name.partition(":")[0]


def load(root: Path, name: str, *, say: Say = lambda _: None) -> list[Subtask]:
    """Load a task, or one subtask of it, from a folder of task folders, in the reference's order.

    `root` is the folder that holds `arithmetic/task.json` and its like; `name` is `arithmetic` for all its subtasks, or
    `arithmetic:2_digit_addition` for one. `say` is called with one line for each key in BIG-Bench's own files that
    changes nothing; elsewhere such keys are refused.

    Raises InputError where there is no such task or subtask, or a task.json breaks the format; names file, example and
    field.
    """
    task, _, leaf = name.partition(":")
    path = root / task / "task.json"
    if not path.is_file():
        raise InputError(f"{path}: no such file; '{task}' is no JSON task of {root}")
    subtasks = list(_leaves(path, fields.read(path), parent=None, only=leaf or None, say=say))
    if subtasks and subtasks[0].task != task:
        raise InputError(f"{path}: key 'name': {subtasks[0].task!r}, expected its folder's name, {task!r}")
    if leaf:
        subtasks = [s for s in subtasks if s.name == name]
    if not subtasks:
        raise InputError(f"{path}: task '{task}' has no subtask '{leaf}'")
    return subtasks


def leaf_digest(subtasks: Sequence[Subtask]) -> str:
    """SHA-256 over all fields of subtasks: decides whether prompts and answers are still the same."""
    digest = hashlib.sha256()
    for subtask in subtasks:
        digest.update(json.dumps(subtask.__dict__, sort_keys=False, ensure_ascii=False).encode())
    return digest.hexdigest()


def _leaves(path: Path, data: Json, *, parent: str | None, only: str | None, say: Say) -> Iterator[Subtask]:
    """Yield the leaf tasks under one task.json; with `only`, skip checking the examples of the others."""
    own_name = field(path, data, "name", str).encode("ascii", errors="replace").decode()
    check_printable(path, "name", own_name)
    if not own_name or ":" in own_name:
        raise InputError(f"{path}: key 'name': {own_name!r}, expected a name without ':'")
    name = f"{parent}:{own_name}" if parent else own_name
    field(path, data, "description", str)
    check_printable(path, "keywords", "".join(strings(path, data, "keywords")))
    if parent is not None and only is not None and own_name != only:
        return
    fields.check_keys(path, data, task=name.partition(":")[0], say=say)
    if "examples" in data:
        if data.get("subtasks") not in (None, []):
            raise InputError(f"{path}: key 'subtasks': stands beside 'examples'; take one of the two out")
        yield _leaf(path, data, name, say)
        return
    inline = field(path, data, "subtasks", list) if data.get("subtasks") is not None else []
    files = sorted(path.parent.glob("*/task.json"), key=str)  # the order of the paths as text
    if not inline and not files:
        raise InputError(f"{path}: key 'examples': missing, and no folder beside it holds a subtask's task.json")
    seen = set()
    for where, child in [(path, d) for d in inline] + [(f, fields.read(f)) for f in files]:
        for subtask in _leaves(where, child, parent=name, only=only, say=say):
            if subtask.name in seen:
                raise InputError(f"{where}: key 'name': subtask {subtask.name!r} stands here twice")
            seen.add(subtask.name)
            yield subtask


def _leaf(path: Path, data: Json, name: str, say: Say) -> Subtask:
    metrics = strings(path, data, "metrics")
    if not metrics:
        raise InputError(f"{path}: key 'metrics': names none, expected some of {', '.join(sorted(_KNOWN_METRICS))}")
    preferred = field(path, data, "preferred_score", str)
    for metric in metrics:
        if metric not in _KNOWN_METRICS:
            raise InputError(f"{path}: key 'metrics': {metric!r} is not one of {', '.join(sorted(_KNOWN_METRICS))}")
    scores = _KNOWN_METRICS - {"rouge"} | {"rouge1", "rouge2", "rougeLsum"}
    if preferred not in scores:
        raise InputError(f"{path}: key 'preferred_score': {preferred!r} is not one of {', '.join(sorted(scores))}")
    stop_string, output_regex = text(path, data, "stop_string", None), text(path, data, "output_regex", None)
    if output_regex is not None:
        _check_regex(path, output_regex)
    if stop_string is None and output_regex is None:
        output_regex = DEFAULT_OUTPUT_REGEX
    return Subtask(
        name=name,
        keywords=tuple(data["keywords"]),
        metrics=tuple(metrics),
        preferred_score=preferred,
        task_prefix=text(path, data, "task_prefix", ""),
        input_prefix=text(path, data, "example_input_prefix", "\nQ: "),
        output_prefix=text(path, data, "example_output_prefix", "\nA: "),
        choice_prefix=text(path, data, "choice_prefix", "\n  choice: "),
        append_choices_to_input=bool(data.get("append_choices_to_input", True)),  # "False" counts as true there too
        few_shot_separator=text(path, data, "few_shot_example_separator", "\n"),
        output_regex=output_regex,
        stop_string=stop_string,
        examples=_distinct(path, data, name.partition(":")[0], metrics, say),
    )


def _distinct(path: Path, data: Json, task: str, metrics: Sequence[str], say: Say) -> list[Json]:
    """Check the examples and drop repeated ones."""
    needs_choices = bool(MULTIPLE_CHOICE_METRICS.intersection(metrics))
    needs_target = bool(_TARGET_METRICS.intersection(metrics))
    distinct: dict[str, Json] = {}
    with together() as one:
        for i, example in enumerate(field(path, data, "examples", list), start=1):
            with one():
                if isinstance(example, dict):  # first: what is missing may be there under a misspelt key
                    fields.check_example_keys(f"{path}: example {i}", example, task=task, say=say)
                problem = example_problem(example, needs_choices=needs_choices, needs_target=needs_target)
                if problem:
                    raise InputError(f"{path}: example {i}: {problem}")
                clip_scores(example)
                distinct.setdefault(json.dumps(example), example)
    if not distinct:
        raise InputError(f"{path}: key 'examples': holds no example")
    return list(distinct.values())


_ROUNDING = 1e-6
"""How far a score may be outside [0, 1], being rounded or held in single precision."""


def clip_scores(example: dict[str, Any]) -> None:
    """Bring scores of choices that are outside [0, 1] by rounding into it, in place."""
    scores = example.get("target_scores") or {}
    for choice, score in scores.items():
        if not 0 <= score <= 1:
            scores[choice] = min(max(score, 0.0), 1.0)


def example_problem(example: Any, *, needs_choices: bool, needs_target: bool) -> str | None:
    """Say what is wrong with an example, the field and what was expected; None for a right one."""
    if not isinstance(example, dict):
        return f"is {kind(example)}, expected an object"
    if "input" not in example:
        return "key 'input': missing"
    if not isinstance(example["input"], str):
        return f"key 'input': {kind(example['input'])}, expected a string"
    target, scores = example.get("target"), example.get("target_scores")
    if scores is None and (needs_choices or target is None):
        return "key 'target_scores': missing" + (
            ", needed by a multiple-choice metric" if needs_choices else ", and so is 'target'"
        )
    if target is None and needs_target:
        return "key 'target': missing, needed by a text-to-text metric"
    if target is not None and not (
        isinstance(target, str) or (isinstance(target, list) and target and all(isinstance(t, str) for t in target))
    ):
        return f"key 'target': {kind(target)}, expected a string or a list of strings"
    if scores is not None:
        if not isinstance(scores, dict) or not scores:
            return f"key 'target_scores': {kind(scores)}, expected an object of choice: score"
        for choice, score in scores.items():
            number = isinstance(score, int | float) and not isinstance(score, bool)
            # from 0 to 1 as the multiple-choice grade is, and all of BIG-Bench's are
            if not number or not -_ROUNDING <= score <= 1 + _ROUNDING:
                held = repr(score)[:20] if number else kind(score)
                return f"key 'target_scores', choice {choice!r}: {held}, expected a number from 0 to 1"
        low, high = (min(max(score, 0), 1) for score in (min(scores.values()), max(scores.values())))  # once clipped
        if target is None and (high <= low if len(scores) > 1 else high == 0):
            return "key 'target_scores': no choice scores above the others, and there is no 'target'"
    return None


_REGEX_MAX = 10_000  # characters: a million take half a minute to compile


def _check_regex(path: Path, expression: str) -> None:
    if len(expression) > _REGEX_MAX:
        raise InputError(f"{path}: key 'output_regex': {len(expression)} characters, expected {_REGEX_MAX} at most")
    try:
        groups = regex.compile(expression).groups
    except regex.error as error:
        raise InputError(f"{path}: key 'output_regex': {error}") from error
    except RecursionError as error:
        raise InputError(f"{path}: key 'output_regex': nested too deeply") from error
    if groups > 1:
        raise InputError(f"{path}: key 'output_regex': {groups} groups, expected one at most; write others as (?:...)")
