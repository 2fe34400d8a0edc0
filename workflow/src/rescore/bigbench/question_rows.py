"""Rows of questions that are not in BIG-Bench's format, to a subtask with defaults for all that they do not say."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rescore.bigbench.fields import Json, Say
from rescore.bigbench.question_columns import (
    SCORES,
    Choices,
    Columns,
    cell,
    check_no_slip,
    choices_of,
    find,
    input_of,
    targets_of,
)
from rescore.bigbench.question_files import Question, columns, read_questions
from rescore.bigbench.task_files import Subtask, clip_scores, example_problem
from rescore.tables import InputError, together

FIRST_LINE = r"\S[^\n]*\S|\S"
"""Cuts an answer: the first line with text in it, without the white space around it."""

_TO_NEXT_QUESTION = r"(?s)\s*(.*?)\s*(?:\n\s*Q: |\Z)"  # for targets of several lines: up to where the model asks itself
_OPTIONS = re.compile(r"(?:\A|\n)options:[ \t]*\n(.*)\Z", re.DOTALL | re.IGNORECASE)
_OPTION = re.compile(r"(\([A-Z]\))(?: .*)?|- (.+)")


def load_questions(
    path: Path,
    name: str,
    *,
    subset: str | None = None,
    split: str | None = None,
    named: Columns,
    list_choices: bool = True,
    say: Say = lambda _: None,
) -> list[Subtask]:
    """Load a task from a file of questions, with defaults for all that a task.json would say; a list of one subtask.

    Prompts are formed as BIG-bench forms them where a task says nothing (`Q: ` and `A: ` on lines of their own). The
    answer is the first line of text. Texts are compared by exact match; choices are graded, and no text is asked for.
    Where every input ends in a list headed `Options:` that holds the target, as in BIG-Bench-Hard, both are done.

    `name` is the subtask's, `task` or `task:subtask`. Columns that are not `named` are found by their usual names
    (`USUAL`). `say` is called with a line for each thing that a reader may not expect. Raises InputError that names
    file and row: the file cannot be read, a column is not there or ambiguous, or a row is not as expected.
    """
    questions = read_questions(path, subset=subset, split=split)
    there = columns(questions)
    use = {role: find(path, there, role, given) for role, given in named._asdict().items()}
    both = next((column for column in use["input"] if column in use["target"]), None)
    if both is not None:
        raise InputError(f"{path}: column '{both}' is the input and the target; name another in one of the two")
    graded = SCORES in there and named.choices is None
    if graded and use["choices"]:
        raise InputError(
            f"{path}: '{SCORES}' and '{use['choices'][0]}' may each be the choices; name one in choices_column"
        )
    for role in ("input", "target"):
        if not use[role] and not (role == "target" and graded):
            raise InputError(f"{path}: no column for the {role}; it has {', '.join(there)}. Name it in {role}_column")
    if not use["choices"] and not graded and named.choices is None:
        check_no_slip(path, there, [*use["input"], *use["target"]])
    say(f"{path}: {len(questions)} rows; " + "; ".join(f"{r}: {', '.join(c)}" for r, c in use.items() if c))
    metrics: tuple[str, ...] = ("multiple_choice_grade",)
    if use["choices"]:
        examples = _chosen(questions, use, say)
    else:
        examples = []
        with together() as one:
            for question in questions:
                with one():
                    examples.append(_example(question, use, graded=graded))
        listed = None if graded else _listed(questions, examples, say)
        if listed:
            examples, metrics, list_choices = listed, ("exact_str_match", *metrics), False
        elif not graded:
            metrics = ("exact_str_match",)
    once = list({json.dumps(example): example for example in examples}.values())
    if len(once) < len(examples):
        say(f"{path}: {len(examples) - len(once)} rows repeat others and are asked once")
    several_lines = any("\n" in text for example in once for text in _as_list(example.get("target", "")))
    return [
        Subtask(
            name=name,
            keywords=(),
            metrics=metrics,
            preferred_score=metrics[0],
            task_prefix="",
            input_prefix="\nQ: ",
            output_prefix="\nA: ",
            choice_prefix="\n  choice: ",
            append_choices_to_input=list_choices,
            few_shot_separator="\n",
            output_regex=_TO_NEXT_QUESTION if several_lines else FIRST_LINE,
            stop_string=None,
            examples=once,
        )
    ]


def _example(question: Question, use: Mapping[str, Sequence[str]], *, graded: bool) -> Json:
    """Form an example of a row with targets, with scores of choices, or with both."""
    example: dict[str, Any] = {"input": input_of(question, use["input"])}
    if use["target"] and not (graded and all(cell(question, column) is None for column in use["target"])):
        targets = targets_of(question, use["target"])
        example["target"] = targets if len(targets) > 1 else targets[0]
    if graded:
        scores = question.cells.get(SCORES)
        if isinstance(scores, dict):  # a nested column of a table has the choices of all rows
            scores = {choice: score for choice, score in scores.items() if score is not None}
        example[SCORES] = scores
        problem = example_problem(example, needs_choices=True, needs_target=False)
        if problem:
            raise InputError(f"{question.where}: {problem}; mend the row or take it out")
        clip_scores(example)
    return example


def _chosen(questions: Sequence[Question], use: Mapping[str, Sequence[str]], say: Say) -> list[Json]:
    """Form the examples of rows with choices. What a target is (a choice, its label, its place) is one for all rows."""
    rows = []
    with together() as one:
        for q in questions:
            with one():
                rows.append((q, choices_of(q, use["choices"]), targets_of(q, use["target"])))
    ways: dict[str, Callable[[Choices], Sequence[str]]] = {
        "text": lambda choices: choices.texts,
        "label": lambda choices: choices.labels,
        "place, from 0": lambda choices: [str(n) for n in range(len(choices.texts))],
        "place, from 1": lambda choices: [str(n + 1) for n in range(len(choices.texts))],
    }
    fits = {way: [all(t in known(c) for t in targets) for _, c, targets in rows] for way, known in ways.items()}
    if [way for way in ways if all(fits[way])] == ["place, from 0", "place, from 1"]:
        raise InputError(
            f"{_file(questions)}: the targets may be places counted from 0 or from 1; write the right choice or its "
            "label (A, B, ...) in the column of the target"
        )
    way = max(ways, key=lambda way: sum(fits[way]))
    most = f" (most rows name a choice by its {way})" if any(fits[way]) else ""
    examples: list[Json] = []
    with together() as one:
        for question, choices, targets in rows:
            with one():
                known = ways[way](choices)
                for target in targets:
                    if target not in known:
                        told = f"target {target!r} is none of {', '.join(known)[:200]}{most}; mend the row"
                        raise InputError(f"{question.where}: {told}")
                right = {choices.texts[known.index(target)] for target in targets}
                scores = {text: int(text in right) for text in choices.texts}
                if len(right) == len(scores):
                    told = "every choice is right, so there is nothing to choose; mend the row"
                    raise InputError(f"{question.where}: {told}")
                if len(scores) < len(choices.texts):
                    say(f"{question.where}: a choice stands twice, and counts once")
                examples.append({"input": input_of(question, use["input"]), SCORES: scores})
    say(f"{_file(questions)}: targets name a choice by its {way}")
    return examples


def _listed(questions: Sequence[Question], examples: Sequence[Json], say: Say) -> list[Json] | None:
    """Add the choices that the inputs list themselves under `Options:`; None unless all do, with the target in it."""
    found: list[Json] = []
    others: list[str] = []
    for question, example in zip(questions, examples, strict=True):
        head = _OPTIONS.search(example["input"])
        options = [_OPTION.fullmatch(line.strip()) for line in head[1].split("\n") if line.strip()] if head else []
        choices = list(dict.fromkeys(option[1] or option[2].strip() if option else "" for option in options))
        if "" in choices or len(choices) < 2 or example["target"] not in choices:
            others.append(question.where)
        found.append(dict(example) | {SCORES: {choice: int(choice == example["target"]) for choice in choices}})
    if len(others) == len(questions):
        return None
    if others:
        say(
            f"{others[0]}: lists no options under 'Options:' that hold the target, so the task's options are not graded"
        )
        return None
    say(f"{_file(questions)}: the inputs list their options, which are graded too")
    return found


def _file(questions: Sequence[Question]) -> str:
    return questions[0].where.rpartition(": ")[0]


def _as_list(value: Any) -> Iterable[str]:
    return value if isinstance(value, list) else [value]
