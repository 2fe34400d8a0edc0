"""Ladder and suite tables, checked against their JSON Schemas; every error names file, row and key."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from rescore.config.prompt_form import prompt_form
from rescore.config.validation import home_expanded, rules, typed, validate
from rescore.tables.axes import AXES
from rescore.tables.errors import InputError, together, unknown
from rescore.tables.files import read_text

Row = dict[str, Any]


def read_rows(path: Path, schema: str, key: str) -> list[tuple[str, Row]]:
    """Return the rows of a tab-separated table, each with its place; a blank cell is an absent value.

    Raises InputError where the file is missing or empty, rows break the JSON Schema, or two rows share `key`.
    """
    types = {name: rule.get("type") for name, rule in rules(schema)["properties"].items()}
    seen: dict[str, int] = {}
    rows = []
    with together() as one:
        for number, cells in _cells(path, schema):
            row: Row = {name: typed(cell, types.get(name)) for name, cell in cells.items() if cell}
            where = f"{path}: row {number}"
            with one():
                validate(row, schema, where)
                first = seen.setdefault(row[key], number)
                if first != number:
                    raise InputError(f"{where}: key '{key}': '{row[key]}' stands in row {first} already")
                rows.append((where, row))
    if not rows:
        raise InputError(f"{path}: holds no row")
    return rows


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def text_lines(path: Path) -> list[str]:
    """Read the lines of a file that a user wrote, with line ends of any system."""
    return re.split(r"\r\n|[\r\n]", read_text(path))


def _cells(path: Path, schema: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows that are not blank as cells by column, each with the number of its line.

    A column that the schema does not know is left out where all its cells are blank.
    """
    rows = []
    for number, line in enumerate(text_lines(path), start=1):
        if (control := CONTROL.search(line)) is not None:
            raise InputError(f"{path}: row {number}: holds the control character {control[0]!r}; take it out")
        cells = [cell.strip() for cell in line.rstrip().split("\t")]
        if any(cells):
            rows.append((number, cells))
    if not rows:
        return
    (first, header), *rows = rows
    filled = {at for _, cells in rows for at, cell in enumerate(cells) if cell}
    known = rules(schema)["properties"]
    kept = [at for at, name in enumerate(header) if name in known or at in filled or len(header) == 1]
    _check_header([header[at] for at in kept], schema, f"{path}: row {first}")
    for number, cells in rows:
        if len(cells) > len(header):
            raise InputError(
                f"{path}: row {number}: {len(cells)} cells, but the header has {len(header)} columns; "
                "one tab stands between two cells"
            )
        yield number, {header[at]: cells[at] for at in kept if at < len(cells)}


_SEPARATORS = {";": "semicolons", ",": "commas", " ": "spaces"}


def _check_header(header: Sequence[str], schema: str, where: str) -> None:
    """Refuse other separators than tabs, columns that stand twice, are unknown, or are needed and missing."""
    known = rules(schema)["properties"]
    for name in header:
        if name in known:
            continue
        used = next((word for sign, word in _SEPARATORS.items() if sign in name), None)
        if used and len(header) == 1:
            raise InputError(
                f"{where}: the header holds {used}, '{name[:100]}'; put a tab between two cells, in this row and in all"
            )
        raise InputError(f"{where}: column '{name}' of the header: {unknown(name, known)}")
    twins = [name for name in header if header.count(name) > 1]
    if twins:
        raise InputError(f"{where}: column '{twins[0]}' of the header: stands twice; take one out")
    for name in rules(schema)["required"]:
        if name not in header:
            raise InputError(f"{where}: column '{name}' of the header: missing")


_KINDS = {"string": pl.String, "integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean}


@cache
def _ladder_columns() -> Mapping[str, type[pl.DataType]]:
    """Return the columns of ladders: those of the schema, but for notes."""
    known = rules("ladder")["properties"].items()
    return {"ladder": pl.String} | {name: _KINDS[rule["type"]] for name, rule in known if name != "figures"}


def read_ladders(paths: Sequence[Path], *, axis: str | None = None) -> pl.DataFrame:
    """Read ladder tables: one row per model of a ladder. `ladder` is the file's name without its suffix.

    `compute_flops` is 6 n_params n_tokens (Kaplan et al. 2020, arXiv:2001.08361, section 2.1) if a row gives none, and
    null if it gives no `n_tokens` either. A model may be in several ladders. `axis` is a column that every row must
    have.

    Raises InputError where rows break the schema, lack the axis, or disagree with another ladder's row of the same
    model; where two files share a name; and where two rows of one ladder name one model.
    """
    return pl.DataFrame(_ladder_rows(paths, axis), schema=dict(_ladder_columns()))


def read_models(paths: Sequence[Path], *, axis: str | None = None) -> dict[str, Row]:
    """By model, its row in the first ladder that lists it, with its place as `where`; raises as `read_ladders` does."""
    models: dict[str, Row] = {}
    for row in _ladder_rows(paths, axis):
        models.setdefault(row["model"], dict.fromkeys(_ladder_columns()) | row)
    return models


def _ladder_rows(paths: Sequence[Path], axis: str | None) -> list[Row]:
    rows: list[Row] = []
    ladders: dict[str, Path] = {}
    first: dict[str, Row] = {}
    with together() as one:
        for path in paths:
            if path.stem in ladders:
                twin = ladders[path.stem]
                raise InputError(
                    f"{path}: stands twice among the ladders; take one out"
                    if path == twin
                    else f"{path}: {twin} gives a ladder '{path.stem}' already; rename the file"
                )
            ladders[path.stem] = path
            for where, given in read_rows(path, "ladder", "model"):
                with one():
                    row = {"ladder": path.stem, "where": where} | _model(given, where, axis)
                    _check_same(row, first.setdefault(row["model"], row))
                    rows.append(row)
    return rows


def _model(given: Row, where: str, axis: str | None) -> Row:
    """Fill in what a row of a ladder leaves out; refuse one that lacks the axis."""
    if given["source"].startswith("~"):
        given["source"] = str(home_expanded(given["source"], f"{where}: key 'source'"))
    flops = 6.0 * given["n_params"] * given["n_tokens"] if "n_tokens" in given else None
    given.pop("figures", None)  # a note for readers
    row = {"compute_flops": flops, "trust_remote_code": False} | given
    if axis is not None and row.get(axis) is None:
        key = "n_tokens" if axis == "compute_flops" else axis
        raise InputError(
            f"{where}: key '{key}': missing, so '{row['model']}' has no place along {AXES[axis].noun}; give it, or "
            "test along parameters (discontinuity.axis: n_params)"
        )
    return row


_OF_A_LADDER = ("ladder", "family", "n_layers")


def _check_same(row: Row, twin: Row) -> None:
    """Refuse a row that differs from that of the same model in another ladder."""
    for key in _ladder_columns():
        if key not in _OF_A_LADDER and row.get(key) != twin.get(key):
            here, there = ("blank" if one.get(key) is None else repr(one[key]) for one in (row, twin))
            raise InputError(
                f"{row['where']}: key '{key}': {here} for '{row['model']}', but {there} in {twin['where']}; "
                "make the two rows agree, or rename one"
            )


def check_cases(models: Mapping[str, Row]) -> None:
    """Refuse models that differ in case only: each has a folder of its name, and some file systems know no case.

    `models` is what `read_models` returns. Raises InputError that names both rows.
    """
    first: dict[str, str] = {}
    for model, row in models.items():
        twin = first.setdefault(model.lower(), model)
        if twin != model:
            where = row["where"]
            there = models[twin]["where"].removeprefix(f"{where.rpartition(': ')[0]}: ")
            raise InputError(
                f"{where}: key 'model': '{model}' differs from '{twin}' ({there}) in case only; rename one"
            )


def with_losses(path: Path, losses: Mapping[str, float]) -> str:
    """Write a ladder table anew, with `pretraining_loss_nats` by model in place of what stood there."""
    rows = [cells | {"pretraining_loss_nats": f"{losses[cells['model']]:.9g}"} for _, cells in _cells(path, "ladder")]
    header = list(dict.fromkeys(name for row in rows for name in row))
    return "\n".join("\t".join(cells) for cells in [header, *([row.get(c, "") for c in header] for row in rows)]) + "\n"


def read_suite(path: Path) -> list[Row]:
    """Read a suite table: one row per task or subtask, with its `slug` for file names and its place as `where`.

    `form` is how its prompts are put to a model (see `rescore.config.prompt_form`). Raises InputError where rows break
    the schema or have half of a form, and where a task stands there twice, or once as a whole and once in part.
    """
    rows = read_rows(path, "suite", "task")
    names = {row["task"] for _, row in rows}
    slugs: dict[str, str] = {}
    with together() as one:
        for where, row in rows:
            row |= {"where": where, "slug": slug(row["task"])}
            with one():
                row["form"] = prompt_form(row, where)
                task, _, leaf = row["task"].partition(":")
                if leaf and task in names:
                    raise InputError(f"{where}: key 'task': '{row['task']}' is part of '{task}', also listed")
                twin = slugs.setdefault(row["slug"].lower(), row["task"])
                if twin != row["task"]:
                    raise InputError(f"{where}: key 'task': '{row['task']}' and '{twin}' share one file name")
                if len(row["slug"].encode()) > _NAME_MAX:
                    raise InputError(f"{where}: key 'task': longer than a file's name may be; give it a shorter name")
    return [row for _, row in rows]


_NAME_MAX = 200  # bytes; a file system allows 255, of which a file in the making takes some


def slug(task: str) -> str:
    """Turn a task's name into a file name.

    Examples
    --------
    >>> slug("arithmetic:2_digit_addition")
    'arithmetic.2_digit_addition'
    """
    return "".join(c if c.isalnum() or c in "_-." else "-" for c in task.replace(":", "."))
