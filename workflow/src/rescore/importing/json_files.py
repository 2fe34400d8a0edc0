"""Files of JSON, whatever their suffix: one value, an array, or a value per line; plain or compressed by gzip."""

import gzip
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from rescore.tables import InputError

# What broken files raise; a RuntimeError where JSON is nested too deep or an archive is encrypted.
_BROKEN = (ValueError, OSError, EOFError, KeyError, RuntimeError, zlib.error, zipfile.BadZipFile)


class Content(NamedTuple):
    """The only value of a file, or the first of `several` lines; or why the file cannot be read."""

    value: Any
    several: bool = False
    problem: str | None = None


def content(path: Path) -> Content:
    """Look into a file, and read no more than the first line where it holds a value per line."""
    try:
        with _open(path) as file:
            first = _line(file)
            if not first:
                return Content(None, problem="empty")
            try:
                value = json.loads(first)
            except ValueError:
                return Content(json.loads(first + file.read()))
            return Content(value, several=bool(_line(file)))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except _BROKEN as error:
        return Content(None, problem=f"no JSON ({error})")


def values(path: Path) -> Iterator[Any]:
    """Yield the values of a file: the elements of an array, else the value of each line.

    Lines end at a line feed alone: JSON may hold the other characters that Unicode takes for line ends.
    """
    if not (whole := content(path)).several:
        yield from whole.value if isinstance(whole.value, list) else [whole.value]
        return
    number = 0
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):  # noqa: B007  # the message names it
                if line.strip():
                    yield json.loads(line)
    except _BROKEN as error:
        raise InputError(f"{path}: line {number}: no JSON ({error}); the file may be cut: write it again") from error


def zipped(path: Path, member: str) -> Content:
    """Read one JSON member of a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return Content(json.loads(archive.read(member)))
    except _BROKEN as error:
        return Content(None, problem=f"no log of inspect_ai ({error})")


@contextmanager
def refusing(where: object, what: str) -> Iterator[None]:
    """Name the place of a part that is missing, or that is of another kind than its tool writes."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        told = f"{error} is missing" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"[:200]
        raise InputError(f"{where}: {what} ({told}); take the file out, or let its tool write it again") from error


def text(part: Mapping[str, Any], key: str) -> str:
    """Return a part that has to be a text; raises KeyError where there is none, and otherwise TypeError."""
    value = part[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is {value!r}, not a text")
    value.encode()  # raises where it holds half of a surrogate pair, which no table can
    return value


def as_number(value: object) -> float | None:
    """Read a number, or a text that is one, as which lm-evaluation-harness writes those of NumPy; None otherwise.

    >>> as_number(1), as_number("0.5"), as_number("True"), as_number("N/A"), as_number([1])
    (1.0, 0.5, 1.0, None, None)
    """
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return {"True": 1.0, "False": 0.0}.get(str(value))


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]  # both read bytes


def _line(file: IO[bytes]) -> bytes:
    return next((line for line in file if line.strip()), b"")
