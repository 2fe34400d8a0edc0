"""Which columns of a file of questions hold what, and their cells as texts."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rescore.bigbench.fields import kind
from rescore.bigbench.question_files import Question
from rescore.tables import InputError, did_you_mean

USUAL: Mapping[str, Sequence[str]] = {
    "input": ("input", "inputs", "question", "prompt", "instruction", "context", "passage", "article", "ctx"),
    "target": ("target", "targets", "answer", "answers", "answerKey", "label", "output"),
    "choices": ("choices", "options", "endings"),
}
"""The names by which a column is known where the suite names none. Two of them in one file are ambiguous."""

SCORES = "target_scores"
NONE = "-"


class Columns(NamedTuple):
    """What a suite's row says of the columns: a name, `a.b` inside a nested one, or several with a comma between."""

    input: str | None = None
    target: str | None = None
    choices: str | None = None  # NONE for none


class Choices(NamedTuple):
    texts: Sequence[str]
    labels: Sequence[str]  # A, B, ..., or those of the file


def find(path: Path, there: Sequence[str], role: str, given: str | None) -> list[str]:
    """Say which columns hold the input, the target or the choices; none where there is none of a usual name."""
    if given == NONE and role == "choices":
        return []
    if given is None:
        found = [column for column in USUAL[role] if column in there]
        if len(found) > 1:
            both = ", ".join(f"'{column}'" for column in found)
            raise InputError(
                f"{path}: {both} may each be the {role}; name one in {role}_column, or several with a comma between"
            )
        return found
    names = [given] if given in there else [name.strip() for name in given.split(",")]
    for column in names:
        if column not in there and column.partition(".")[0] not in there:
            raise InputError(f"{path}: has no column '{column}', named in {role}_column; it has {', '.join(there)}")
        if names.count(column) > 1:
            raise InputError(f"{path}: column '{column}' stands twice in {role}_column; take one out")
    return names


def check_no_slip(path: Path, there: Sequence[str], used: Sequence[str]) -> None:
    """Refuse a column that looks as if it held choices: without them the task is another one."""
    for column in there:
        meant = did_you_mean(column, [*USUAL["choices"], SCORES], cutoff=0.8)
        if meant and column not in used:
            raise InputError(
                f"{path}: column '{column}': nothing reads it; {meant} Rename it, name it in "
                f"choices_column, or write '{NONE}' there for a task without choices"
            )


def cell(question: Question, column: str) -> Any:
    """Return a cell, `a.b` from inside a nested one; None where it is not there."""
    if column in question.cells:
        return question.cells[column]
    value: Any = question.cells
    for key in column.split("."):
        if isinstance(value, list):
            value = [inner.get(key) if isinstance(inner, dict) else None for inner in value]
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def input_of(question: Question, names: Sequence[str]) -> str:
    """Return a row's question; of several columns, those that are not blank, one below the other."""
    texts = []
    for column in names:
        value = cell(question, column)
        if value is not None and not isinstance(value, str):
            raise _bad(question, column, f"{kind(value)}, expected a string")
        if value and value.strip():
            texts.append(value)
    if not texts:
        raise _bad(question, names[0], "blank")
    return "\n".join(texts)


def targets_of(question: Question, names: Sequence[str]) -> list[str]:
    """Return the targets of a row, each once: texts or numbers, lists of them, or `text` of a nested cell."""
    texts = [text for column in names for text in _texts(question, column, cell(question, column))]
    return list(dict.fromkeys(texts))


def _texts(question: Question, column: str, value: Any) -> list[str]:
    if isinstance(value, dict) and "text" in value:
        value = value["text"]
    found: list[str] = []
    for one in value if isinstance(value, list) else [value]:
        text = one.strip() if isinstance(one, str) else _number(one)
        if not text and isinstance(one, str):
            raise _bad(question, column, "blank")
        if not text and isinstance(one, dict):
            raise _bad(question, column, "an object", f"name a part of it, such as {column}.{next(iter(one), 'text')}")
        if not text:
            raise _bad(question, column, f"{kind(one)}, expected a string, a number or a list of them")
        found.append(text)
    if not found:
        raise _bad(question, column, "an empty list")
    return found


def _bad(question: Question, column: str, held: str, mend: str = "mend the row or take it out") -> InputError:
    """Say what a cell holds, or that the row lacks it."""
    if column.partition(".")[0] not in question.cells:
        held, mend = f"missing; the row has {', '.join(question.cells)}", "add it or take the row out"
    return InputError(f"{question.where}: '{column}' is {held}; {mend}")


def _number(value: Any) -> str:
    """Write a number as text, a whole one without decimals; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return ""
    return str(int(value)) if value == int(value) else repr(value)


def choices_of(question: Question, names: Sequence[str]) -> Choices:
    """Return a row's choices: a list, one column each, texts by label, or `text` and `label` as in ARC."""
    if len(names) > 1:
        return _lettered([text for column in names for text in _texts(question, column, cell(question, column))])
    value = cell(question, names[0])
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        value = {key: [one.get(key) for one in value] for key in ("text", "label")}
    if not isinstance(value, dict):
        return _lettered(_texts(question, names[0], value))
    if "text" not in value:
        pairs = {label: text for label, text in value.items() if text is not None}
        return Choices(_texts(question, names[0], list(pairs.values())), list(pairs))
    texts = _texts(question, names[0], value)
    labels = value.get("label", value.get("labels"))
    if labels is None:
        return _lettered(texts)
    labels = _texts(question, f"{names[0]}.label", labels)
    if len(labels) != len(texts):
        raise InputError(
            f"{question.where}: '{names[0]}' has {len(texts)} texts and {len(labels)} labels; mend the row"
        )
    return Choices(texts, labels)


def _lettered(texts: Sequence[str]) -> Choices:
    return Choices(texts, [chr(ord("A") + n) for n in range(len(texts))])
