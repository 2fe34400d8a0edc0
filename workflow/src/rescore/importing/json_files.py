"""Files of JSON, whatever their suffix: one value, an array, or a value per line; plain or compressed by gzip."""

import gzip
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from rescore.tables import InputError


class Content(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    value
        The file's only value, or the first of several.
    several
        Whether the file holds a value per line.
    problem
        Why it cannot be read; None where it can.
    """

    value: Any
    several: bool = False
    problem: str | None = None


def content(path: Path) -> Content:
    """Look into a file, and read no more than the first line where it holds a value per line.

    Raises
    ------
    InputError
        There is no such file.
    """
    try:
        with _open(path) as file:
            first = _line(file)
            try:
                value = json.loads(first)
            except ValueError:
                return Content(json.loads(first + file.read()))
            return Content(value, several=bool(_line(file)))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (ValueError, OSError, EOFError) as error:
        return Content(None, problem=f"no JSON ({error})")


def values(path: Path) -> Iterator[Any]:
    """Yield the values of a file: the elements of an array, else the value of each line.

    Lines end at a line feed alone: JSON may hold the other characters that Unicode takes for line ends.

    Raises
    ------
    InputError
        Names the line that is no JSON.
    """
    if not (whole := content(path)).several:
        yield from whole.value if isinstance(whole.value, list) else [whole.value]
        return
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise InputError(f"{path}: line {number}: no JSON ({error})") from error


def zipped(path: Path, member: str) -> Content:
    """Read one JSON member of a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return Content(json.loads(archive.read(member)))
    # The caller names the file with the problem and reads the others.
    except (KeyError, ValueError, OSError, NotImplementedError, zipfile.BadZipFile) as error:
        return Content(None, problem=f"no log of inspect_ai ({error})")


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]  # both read bytes


def _line(file: IO[bytes]) -> bytes:
    """Return the next line that is not blank; nothing at the end."""
    return next((line for line in file if line.strip()), b"")
