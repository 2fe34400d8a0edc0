"""Tables on disk: checked when written and when read, written whole or not at all, with what made them."""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from rescore import __version__
from rescore.tables.contracts import Table
from rescore.tables.errors import InputError

SCHEMA_VERSION = 1
_KEY = "rescore"
_SEAL = "rescore_sha256"
_BLANK = "0" * 64

Provenance = Mapping[str, Any]


def write(frame: pl.DataFrame, path: Path, table: Table, made_by: Provenance) -> None:
    """Check `frame` against `table` and write it whole or not at all; its folder is made.

    `made_by` says what made the frame (model revision, task digest, prompt settings, dtype, ...). It is kept in the
    file's metadata beside the schema version and the version of this code.

    Raises InputError where the file cannot be written; ValueError, a defect of the caller, where a column is missing,
    surplus or of another type, or holds a null or NaN that it may not.
    """
    problem = _bad_columns(frame.schema, table) or _bad_value(frame, table)
    if problem:
        raise ValueError(f"{table.name}: {problem}")
    metadata = {"schema": table.name, "schema_version": SCHEMA_VERSION, "code_version": __version__, **made_by}
    with _atomic(path) as temporary:
        frame.select(list(table.columns)).write_parquet(
            temporary, metadata={_KEY: json.dumps(metadata, sort_keys=True), _SEAL: _BLANK}, statistics=True
        )
        _seal(temporary)


def digest(frame: pl.DataFrame) -> str:
    """SHA-256 over a frame's rows, in order: shows whether something was made from this table."""
    return hashlib.sha256(frame.write_ndjson().encode()).hexdigest()


def to_csv(frame: pl.DataFrame) -> str:
    """Write a table as CSV: floats in full, a null as an empty field, no nested columns.

    A text that a spreadsheet would read as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a line's end) gets an
    apostrophe in front, as OWASP's page on CSV injection advises. Numbers stay as they are.

    >>> print(to_csv(pl.DataFrame({"task": ["=1+1", "a"], "rise": [-0.5, None]})), end="")
    task,rise
    '=1+1,-0.5
    a,
    """
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    formula = r"^[=+\-@\t\r\n]"
    safe = [pl.when(pl.col(c).str.contains(formula)).then(pl.lit("'") + pl.col(c)).otherwise(c).alias(c) for c in texts]
    return frame.with_columns(safe).write_csv()


def write_twins(frame: pl.DataFrame, folder: Path, table: Table, made_by: Provenance) -> None:
    """Write a table to a folder under its own name, as parquet (see `write`) and as CSV (see `to_csv`)."""
    write(frame, folder / f"{table.name}.parquet", table, made_by)
    write_text(to_csv(frame), folder / f"{table.name}.csv")


def read(path: Path, table: Table, *, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Read a table from a parquet file: all of its columns, or some.

    Raises InputError where the file is missing or no parquet file, is of another table or schema version, lacks a
    column or has another, holds a value that it may not, or was changed since it was written.
    """
    made_by = provenance(path)
    content = path.read_bytes()
    _check_seal(path, content)
    return _parsed(io.BytesIO(content), path, table, columns or list(table.columns), made_by)


def read_all(paths: Iterable[Path], table: Table, *, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Read files of one table below each other: all columns, or some."""
    frames = [read(path, table, columns=columns) for path in paths]
    return pl.concat([table.empty().select(columns or list(table.columns)), *frames])


def distinct(path: Path, table: Table, column: str) -> list[Any]:
    """Look up the distinct values of one column, without reading the others; raises as `read` does."""
    values: list[Any] = _parsed(path, path, table, [column], provenance(path))[column].unique().to_list()
    return values


def _parsed(
    source: Path | io.BytesIO, path: Path, table: Table, columns: Sequence[str], made_by: Provenance
) -> pl.DataFrame:
    """Read columns; check that the file is of the table, and the columns' values."""
    if made_by.get("schema", table.name) != table.name:
        raise InputError(f"{path}: holds the table '{made_by['schema']}', expected '{table.name}'")
    try:
        problem = _bad_columns(pl.read_parquet_schema(source), table)
        frame = table.empty() if problem else pl.read_parquet(source, columns=list(columns))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InputError(f"{path}: not readable as parquet ({str(error).splitlines()[0]})") from error
    problem = problem or _bad_value(frame, table)
    if problem:
        raise InputError(f"{path}: {problem}")
    return frame


def provenance(path: Path) -> dict[str, Any]:
    """Read what made a parquet file from its metadata; empty for a file that Rescore did not write.

    Raises InputError where it is missing, no parquet file, or of a schema version that this code does not know.
    """
    text = _metadata(path).get(_KEY)
    if text is None:
        return {}
    try:
        made_by: dict[str, Any] = json.loads(text)
        version = made_by["schema_version"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: its metadata '{_KEY}' was not written by Rescore; make the file anew") from error
    if version != SCHEMA_VERSION:
        raise InputError(f"{path}: schema version {version}, this code reads {SCHEMA_VERSION}; make the file anew")
    return made_by


def content_digest(path: Path) -> str:
    """Return the SHA-256 of its own bytes that a table carries; computed if it carries none; raises as `provenance`."""
    return _metadata(path).get(_SEAL) or hashlib.sha256(path.read_bytes()).hexdigest()


def fingerprint(path: Path, table: Table) -> str | None:
    """Return the `fingerprint` in a table's provenance; None if it is absent, damaged, another table or not ours."""
    try:
        made_by = provenance(path)
        _check_seal(path, path.read_bytes())
    except InputError:
        return None
    return made_by.get("fingerprint") if made_by.get("schema") == table.name else None


def _metadata(path: Path) -> dict[str, str]:
    try:
        return pl.read_parquet_metadata(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InputError(f"{path}: not a parquet file ({str(error).splitlines()[0]})") from error


def _seal(path: Path) -> None:
    """Put the file's SHA-256, computed with zeros in its place, into its metadata.

    Readers of the format check no checksum: one in ten of the single bits flipped in a table of extractions gave
    another number without an error.
    """
    content = path.read_bytes()
    at = _place(content)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(hashlib.sha256(content).hexdigest().encode())


def _check_seal(path: Path, content: bytes) -> None:
    """Compare a file with the digest in it; a file of another tool has none, and passes."""
    at = _place(content)
    if at < 0:
        return
    digest = hashlib.sha256(memoryview(content)[:at])
    digest.update(_BLANK.encode())
    digest.update(memoryview(content)[at + len(_BLANK) :])
    if digest.hexdigest().encode() != content[at : at + len(_BLANK)]:
        raise InputError(f"{path}: is damaged: not what was written (its SHA-256 differs); remove it and make it anew")


def _place(content: bytes) -> int:
    """Find the digest: it is in the metadata at the file's end, two bytes (type and length) after its key."""
    at = content.rfind(_SEAL.encode())
    return at if at < 0 else at + len(_SEAL) + 2


def read_text(path: Path) -> str:
    """Read a text file (UTF-8, with or without a byte order mark) as it stands; InputError where it is none."""
    content = b""
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        used = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "LATIN1"
        raise InputError(
            f"{path}: not UTF-8 at byte {error.start}; convert it (iconv -f {used} -t UTF-8, if it is {used})"
        ) from error


def write_text(text: str, path: Path) -> None:
    """Write a text file (UTF-8) as `write_bytes` writes one."""
    write_bytes(text.encode(), path)


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file whole or not at all, and make its folder; raises InputError if it cannot be written."""
    with _atomic(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def _atomic(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path` that takes its place when the block ends without an error."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    except (OSError, pl.exceptions.ComputeError) as error:  # polars wraps the system's error while it writes
        reason = getattr(error, "strerror", None) or str(error).rpartition("IO error: ")[2].partition(" (os error")[0]
        raise InputError(f"{path}: cannot be written ({reason}); mend that and run again") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _bad_columns(schema: Mapping[str, pl.DataType], table: Table) -> str | None:
    """Return which column is missing, surplus or of another type, or None."""
    problems = [f"column '{c}' is missing" for c in table.columns if c not in schema]
    problems += [f"unknown column '{c}'" for c in schema if c not in table.columns]
    if problems:
        return "; ".join(problems)
    other = [f"column '{c}' is {schema[c]}, expected {kind}" for c, kind in table.columns.items() if schema[c] != kind]
    return other[0] if other else None


def _bad_value(frame: pl.DataFrame, table: Table) -> str | None:
    """Return column and row of a null or NaN that the table does not allow, or None."""
    for name in frame.columns:
        series = frame[name]
        if name not in table.nullable and series.null_count():
            return f"column '{name}' is null in row {series.is_null().arg_max()}"
        is_list = isinstance(series.dtype, pl.List)
        values = series.explode(empty_as_null=False, keep_nulls=False) if is_list else series
        if is_list and values.null_count():
            row = (series.list.drop_nulls().list.len() < series.list.len()).arg_max()
            return f"column '{name}' holds a null in row {row}"
        if values.dtype.is_float() and values.is_nan().any():
            nan = series.list.eval(pl.element().is_nan()).list.any() if is_list else series.is_nan()
            return f"column '{name}' is not a number in row {nan.arg_max()}"
    return None
