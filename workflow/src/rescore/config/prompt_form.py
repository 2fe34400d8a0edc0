"""How a prompt is put to a model, beside its text: in a chat template, and with reasoning before the answer."""

import re
from collections.abc import Mapping
from typing import Any

from rescore.tables import InputError

ANSWER_MARK = "So the answer is"
_NEEDS = {
    "system": "chat",
    "reasoning_cue": "reasoning_tokens",
    "reasoning_stop": "reasoning_tokens",
    "answer_mark": "reasoning_tokens",
}


def prompt_form(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    r"""Take from a suite's row, or from options, how its prompts are put to a model.

    Other keys of `given` are passed over, and each may be absent or None. In a text, `\n` stands for a new line and
    `\\` for a backslash. Returns what was given, and the answer mark where the model reasons; nothing for the text
    alone, answered at once. Raises InputError, which begins with `where`, for a key without the one that it belongs to.
    """
    for key, needed in _NEEDS.items():
        if given.get(key) and not given.get(needed):
            raise InputError(f"{where}: key '{key}': means nothing without '{needed}'; set that too, or leave it blank")
    keys = ("chat", "reasoning_tokens", *_NEEDS)
    form = {key: given[key] for key in keys if given.get(key)}
    if "reasoning_tokens" in form:
        form.setdefault("answer_mark", ANSWER_MARK)
    return {key: _unescaped(value) if isinstance(value, str) else value for key, value in form.items()}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(\\|n)", lambda found: "\n" if found[1] == "n" else "\\", text)


def escaped(text: str) -> str:
    """Write a text as `prompt_form` reads it."""
    return text.replace("\\", r"\\").replace("\n", r"\n")
