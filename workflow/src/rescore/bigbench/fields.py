"""One task.json as a file: its text, the keys that may stand in it, and the kinds of their values."""

import functools
import gzip
import json
import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rescore.tables import InputError, did_you_mean, read_text, unknown

Json = Mapping[str, Any]
Say = Callable[[str], None]

TASK_KEYS = (
    "canary", "name", "description", "keywords", "metrics", "preferred_score", "examples", "subtasks", "task_prefix",
    "example_input_prefix", "example_output_prefix", "choice_prefix", "append_choices_to_input",
    "few_shot_example_separator", "output_regex", "stop_string", "absolute_normalization",
)  # fmt: skip
_TASK_NOTES = ("comment", "contributors", "expert_description")
_EXAMPLE_KEYS = ("input", "target", "target_scores")

_SLIPS_OF_BIG_BENCH: Mapping[str, frozenset[str]] = {
    "bbq_lite_json": frozenset({"prefix"}),
    "fact_checker": frozenset({"high_score", "low_score"}),
    "intent_recognition": frozenset({"high_score", "low_score"}),
    "logical_args": frozenset({"input_prefix"}),
    "object_counting": frozenset({"prefix"}),
    "periodic_elements": frozenset({"prefix"}),
    "tense": frozenset({"task_prefix"}),  # in three examples
    "timedial": frozenset({"append_choices_to_input"}),  # stands twice
}
"""By task of BIG-Bench, the keys that the reference ignores: the only such keys in its 1,041 files."""


UNPACKED_MAX = 2**28
"""Bytes that a packed file may have when it is unpacked: a few kilobytes can hold what fills the memory."""


class Repeated(dict[str, Any]):
    """An object with a repeated key. The last value holds, as in the reference."""

    key: str


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    keys = [key for key, _ in pairs]
    repeated = Repeated(found)
    repeated.key = next(key for i, key in enumerate(keys) if key in keys[:i])
    return repeated


def check_keys(path: Path, data: Json, *, task: str, say: Say) -> None:
    """Refuse keys of a task that nothing reads, and repeated keys; InputError names the key.

    Those in BIG-Bench's own files are reported through `say` instead: they change nothing there either.
    """
    slips = _SLIPS_OF_BIG_BENCH.get(task, frozenset())
    if isinstance(data, Repeated):
        if data.key not in slips:
            raise InputError(f"{path}: key {data.key!r}: stands twice; take one out")
        say(f"{path}: key '{data.key}': stands twice; the last one holds, as in BIG-bench")
    for key in data:
        if key in TASK_KEYS or key in _TASK_NOTES:
            continue
        if key not in slips:
            raise InputError(f"{path}: key {key!r}: {unknown(key, [*TASK_KEYS, *_TASK_NOTES])}")
        say(f"{path}: key '{key}': nothing reads it, as in BIG-bench")


def check_example_keys(where: str, example: dict[str, Any], *, task: str, say: Say) -> None:
    """Refuse keys of an example that look as if they were read and are not, and repeated keys; other keys are notes.

    InputError names the key, and what may have been meant.
    """
    if isinstance(example, Repeated):
        raise InputError(f"{where}: key {example.key!r}: stands twice; take one out")
    scores = example.get("target_scores")
    if isinstance(scores, Repeated):
        raise InputError(f"{where}: key 'target_scores', choice {scores.key!r}: stands twice; take one out")
    for key in example:
        problem = _example_key_problem(key)
        if problem is None:
            continue
        if key not in _SLIPS_OF_BIG_BENCH.get(task, ()):
            raise InputError(f"{where}: key {key!r}: {problem}")
        say(f"{where}: key '{key}': nothing reads it, as in BIG-bench")


@functools.lru_cache(maxsize=1024)
def _example_key_problem(key: str) -> str | None:
    """Say why a key of an example is refused; a key that resembles none that is read is a note."""
    if key in _EXAMPLE_KEYS:
        return None
    if key in TASK_KEYS:
        return "is read in a task and not in an example; move it there, or take it out"
    meant = did_you_mean(key, _EXAMPLE_KEYS, cutoff=0.8)  # 'tag' and 'start' may be notes
    return f"unknown; {meant}" if meant else None


def strings(path: Path, data: Json, key: str) -> list[str]:
    """Return a key's value, a list of strings."""
    values: list[str] = field(path, data, key, list)
    for value in values:
        if not isinstance(value, str):
            raise InputError(f"{path}: key '{key}': holds {kind(value)}, expected a list of strings")
    return values


def check_printable(path: Path, key: str, text: str) -> None:
    """Refuse control characters: names and keywords are printed on terminals."""
    for character in text:
        if not character.isprintable():
            raise InputError(f"{path}: key '{key}': holds {character!r}, expected printable characters")


def text(path: Path, data: Json, key: str, default: str | None) -> Any:
    """Return an optional string; null is allowed only where the default is null."""
    if key not in data or (default is None and data[key] is None):
        return default
    return field(path, data, key, str)


def field(path: Path, data: Json, key: str, expected: type) -> Any:
    """Return a key's value, which must be there and of the expected kind; InputError names the key and the kind."""
    if not isinstance(data, dict):
        raise InputError(f"{path}: holds {kind(data)}, expected an object")
    if key not in data:
        raise InputError(f"{path}: key '{key}': missing")
    if not isinstance(data[key], expected):
        raise InputError(f"{path}: key '{key}': {kind(data[key])}, expected {_NAMES[expected]}")
    return data[key]


_NAMES: Mapping[type, str] = {
    str: "a string",
    list: "a list",
    dict: "an object",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def kind(value: object) -> str:
    """Name the kind of a JSON value for a message."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN or infinite"
    if value in ([], {}):
        return "an empty " + ("list" if isinstance(value, list) else "object")
    return _NAMES.get(type(value), type(value).__name__)


def read(path: Path) -> Json:
    """Read a file as JSON; raises InputError as `content` and `parsed` do."""
    data: Json = parsed(content(path), path)
    return data


def content(path: Path) -> str:
    """Return a file's text; a file named `*.gz` is unpacked.

    Raises InputError where it cannot be read, or is more than `UNPACKED_MAX` bytes when it is unpacked.
    """
    if path.suffix.lower() != ".gz":
        return read_text(path)
    try:
        with gzip.open(path) as file:
            raw = file.read(UNPACKED_MAX + 1)
        if len(raw) > UNPACKED_MAX:
            raise InputError(f"{path}: holds more than {UNPACKED_MAX // 2**20} MB; unpack it, and name that file")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: not a whole gzip file ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def parsed(text: str, path: Path, line: int | None = None) -> Any:
    """Read the text of a file, or of one `line` of it, as JSON; InputError names the line."""
    where = path if line is None else f"{path}: line {line}"
    try:
        data = json.loads(text, object_pairs_hook=_object)
        if _SURROGATE.search(text):
            json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{where}: holds half a surrogate pair, which is no character") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {line or error.lineno}: not JSON ({error.msg})") from error
    except ValueError as error:
        raise InputError(f"{where}: a number has too many digits") from error
    except RecursionError as error:
        raise InputError(f"{where}: nested too deeply") from error
    return data


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
