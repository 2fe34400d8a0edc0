"""Config and tables, checked against the JSON Schemas under workflow/schemas; every error names file, row and key."""

import difflib
import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import yaml

from rescore.schema.axes import AXES
from rescore.schema.errors import InputError

SCHEMAS = Path(__file__).parents[3] / "schemas"

Row = dict[str, Any]


@functools.cache
def _schema(name: str) -> dict[str, Any]:
    rules: dict[str, Any] = yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text(encoding="utf-8"))
    return rules


def validate(instance: object, schema: str, where: str) -> None:
    """Check an object against `workflow/schemas/{schema}.schema.yaml`.

    Raises
    ------
    InputError
        Names `where`, the key, and what was expected; for an unknown key the known one it resembles.
    """
    nan = _nan(instance)
    if nan is not None:  # it is neither below a minimum nor above a maximum
        raise InputError(f"{where}: key '{'.'.join(nan)}': nan is no number")
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(_schema(schema)).iter_errors(instance))
    if error is None:
        return
    path = [str(p) for p in error.absolute_path]
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        key = next(k for k in error.instance if k not in known)
        near = difflib.get_close_matches(key, known, n=1)
        raise InputError(
            f"{where}: key '{'.'.join([*path, key])}': unknown"
            + (f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(known)}")
        )
    if error.validator == "required":
        key = next(k for k in error.validator_value if k not in error.instance)
        raise InputError(f"{where}: key '{'.'.join([*path, key])}': missing")
    hint = error.schema.get("description")
    message = error.message if len(error.message) < 200 else f"{error.message[:200]}..."
    place = f"{where}: key '{'.'.join(path)}'" if path else where
    raise InputError(f"{place}: {message}" + (f" ({hint})" if hint else ""))


def _nan(instance: object) -> list[str] | None:
    """Find a value that is not a number; return its path, or None."""
    if isinstance(instance, float):
        return [] if math.isnan(instance) else None
    inner = (
        instance.items() if isinstance(instance, dict) else enumerate(instance) if isinstance(instance, list) else ()
    )
    for key, value in inner:
        path = _nan(value)
        if path is not None:
            return [str(key), *path]
    return None


def json_object(text: str, where: str) -> dict[str, Any]:
    """Parse a JSON object given as an argument.

    Raises
    ------
    InputError
        Names `where` and what is wrong.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object")
    return value


def read_rows(path: Path, schema: str, key: str) -> list[Row]:
    """Read a tab-separated table whose rows obey a JSON Schema; a blank cell is an absent value.

    Raises
    ------
    InputError
        The file is missing or empty, a row breaks the schema, or two rows share `key`.
    """
    return [row for _, row in _placed_rows(path, schema, key)]


def _placed_rows(path: Path, schema: str, key: str) -> Iterator[tuple[str, Row]]:
    """Give the rows of a table, each with where it stands, for a message."""
    try:
        frame = pl.read_csv(path, separator="\t", infer_schema=False, quote_char=None)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a tab-separated table ({str(error).splitlines()[0]})") from error
    properties = _schema(schema)["properties"]
    types = {name: rule.get("type") for name, rule in properties.items()}
    seen: dict[str, int] = {}
    for number, cells in enumerate(frame.iter_rows(named=True), start=2):
        row: Row = {k: _typed(v.strip(), types.get(k)) for k, v in cells.items() if v is not None and v.strip()}
        if not row:
            continue
        where = f"{path}: row {number}"
        validate(row, schema, where)
        if row[key] in seen:
            raise InputError(f"{where}: key '{key}': '{row[key]}' stands in row {seen[row[key]]} already")
        seen[row[key]] = number
        yield where, row
    if not seen:
        raise InputError(f"{path}: holds no row")


def _typed(text: str, kind: str | None) -> object:
    """Read a cell as the schema's type; a cell that is not of it stays text, for the schema to refuse."""
    if kind in ("integer", "number"):
        try:
            number = float(text)
        except ValueError:
            return text
        if not math.isfinite(number) or (kind == "integer" and abs(number) >= 2**63):
            return text
        return int(number) if kind == "integer" and number.is_integer() else number
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


LADDER_COLUMNS: Mapping[str, type[pl.DataType]] = {
    "ladder": pl.String,
    "model": pl.String,
    "family": pl.String,
    "source": pl.String,
    "revision": pl.String,
    "n_params": pl.Int64,
    "n_tokens": pl.Int64,
    "compute_flops": pl.Float64,
    "pretraining_loss_nats": pl.Float64,
    "dtype": pl.String,
    "trust_remote_code": pl.Boolean,
    "gguf_file": pl.String,
    "device_map": pl.String,
}


def read_ladders(paths: Sequence[Path], *, axis: str | None = None) -> pl.DataFrame:
    """Read ladder tables: one row a model of a ladder, `ladder` being the file's name without its suffix.

    `compute_flops` is 6 n_params n_tokens (Kaplan et al. 2020, arXiv:2001.08361, section 2.1) where a row gives none,
    null where it gives no `n_tokens` either. A model may stand in several ladders.

    Parameters
    ----------
    paths
        The tables.
    axis
        A column of `AXES` that every row must have; none of them if None.

    Raises
    ------
    InputError
        Two files share a name; a row breaks the schema, lacks the axis, or says otherwise than another ladder's row of
        the same model; two rows of one ladder share a slug.
    """
    rows: list[Row] = []
    ladders: dict[str, Path] = {}
    first: dict[str, tuple[str, Row]] = {}
    for path in paths:
        if path.stem in ladders:
            raise InputError(f"{path}: {ladders[path.stem]} gives a ladder '{path.stem}' already; rename the file")
        ladders[path.stem] = path
        for where, given in _placed_rows(path, "ladder", "model"):
            row = {"compute_flops": _compute_flops(given), "trust_remote_code": False} | given
            if axis is not None and row.get(axis) is None:
                raise InputError(_no_place(where, given["model"], axis))
            home, twin = first.setdefault(given["model"], (where, row))
            for key in _SAME_EVERYWHERE:
                if row.get(key) != twin.get(key):
                    here, there = _told(row.get(key)), _told(twin.get(key))
                    raise InputError(
                        f"{where}: key '{key}': {here} for '{given['model']}', but {there} in {home}; "
                        "make the two rows agree, or rename one"
                    )
            rows.append({"ladder": path.stem} | row)
    return pl.DataFrame(rows, schema=dict(LADDER_COLUMNS))


_SAME_EVERYWHERE = [column for column in LADDER_COLUMNS if column not in ("ladder", "model", "family")]


def _compute_flops(row: Row) -> float | None:
    return 6.0 * row["n_params"] * row["n_tokens"] if "n_tokens" in row else None


def _no_place(where: str, model: str, axis: str) -> str:
    """Say that a row lacks what its ladder is to be tested along, and the mend."""
    key = "n_tokens" if axis == "compute_flops" else axis
    return (
        f"{where}: key '{key}': missing, so '{model}' has no place along {AXES[axis].noun}; give it, or test along "
        "parameters (discontinuity.axis: n_params)"
    )


def _told(value: object) -> str:
    return "blank" if value is None else repr(value)


def read_suite(path: Path) -> list[Row]:
    """Read a suite table: one row a task or subtask, with its `slug` for file names.

    Raises
    ------
    InputError
        A row breaks the schema, a task stands there twice, or once as a whole and once in part.
    """
    rows = read_rows(path, "suite", "task")
    names = {row["task"] for row in rows}
    slugs: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        task, _, leaf = row["task"].partition(":")
        if leaf and task in names:
            raise InputError(f"{path}: row {number}: key 'task': '{row['task']}' is part of '{task}', also listed")
        row["slug"] = slug(row["task"])
        twin = slugs.setdefault(row["slug"], row["task"])
        if twin != row["task"]:
            raise InputError(f"{path}: row {number}: key 'task': '{row['task']}' and '{twin}' share one file name")
    return rows


def slug(task: str) -> str:
    """Turn a task's name into a file name.

    Examples
    --------
    >>> slug("arithmetic:2_digit_addition")
    'arithmetic.2_digit_addition'
    """
    return "".join(c if c.isalnum() or c in "_-." else "-" for c in task.replace(":", "."))
