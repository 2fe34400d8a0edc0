"""Which row of a ladder an imported model is: by its name on the Hub, its folder, and its revision."""

import re
from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

import polars as pl

from rescore.tables import InputError, some

_CACHED = re.compile(r"models--(?:([^/]+?)--)?([^/]+?)(?:/snapshots/([^/]+))?(?:/.*)?$")
_CHECKPOINT = re.compile(r"(global_?)?(step|checkpoint|ckpt|iter)[-_]?(\d+)", re.IGNORECASE)
_LAST = re.compile(r"main|final|hf", re.IGNORECASE)  # folders of a model in the end
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_MAIN = ("", "main", "-")


class Model(NamedTuple):
    """A model's name as a file gives it, taken apart."""

    name: str  # `org/name`, or a folder
    revision: str  # branch, tag or commit; "" where the file gives none, which means main
    snapshot: bool = False  # whether it is a folder of the Hub's cache: its commit may be that of main

    @property
    def last(self) -> str:
        """The name without the organisation or the folders before it."""
        return self.name.rpartition("/")[2]


class Matched(NamedTuple):
    """The name of each model of the files, and what the user should know about how it was found."""

    names: dict[str, str]
    notes: list[str]


def read_name(full: str) -> Model:
    """Take a model's name apart: `name@revision`, a folder of the Hub's cache, or `name/step1000`.

    >>> read_name("/hub/models--EleutherAI--pythia-70m/snapshots/0123abc")
    Model(name='EleutherAI/pythia-70m', revision='0123abc', snapshot=True)
    >>> read_name("/runs/pythia-70m/step1000/"), read_name("o/m@step1").revision
    (Model(name='/runs/pythia-70m', revision='step1000', snapshot=False), 'step1')
    """
    name, _, revision = full.replace("\\", "/").partition("@")
    name = name.rstrip("/") or name
    if cached := _CACHED.search(name):
        org, last, snapshot = cached.groups()
        return Model(f"{org}/{last}" if org else last, revision or snapshot or "", snapshot=not revision)
    above, _, last = name.rpartition("/")
    if above and not revision and _CHECKPOINT.fullmatch(last):
        return Model(above, last)
    if above.rpartition("/")[2] and not revision and _LAST.fullmatch(last):
        return Model(above, "")
    return Model(name, revision)


def match(found: Iterable[str], ladder: pl.DataFrame | None, renamed: Container[str] = ()) -> Matched:
    """Give each imported model the name of its row in the ladder.

    A row is a model's if its `source` is the model's name, else if the row or the last part of its source is called as
    the last part of the model's name, upper or lower case; and if its revision is the model's. A model without a
    revision is what the Hub's main branch holds: the rows of revision main, those of a folder, and those that say
    `is_main`. A row that is called as the model in full is taken as it is. A model without a row keeps the last part of
    its name, with the revision. Two models that are not of one row and come to the same name are refused, unless they
    will be `renamed`.
    """
    columns = ["model", "source", "revision", "is_main"]
    rows = [] if ladder is None else ladder.select(columns).unique(maintain_order=True).rows()  # once if in several
    told = {full: _row(full, rows) for full in sorted(set(found))}
    names = {full: name for full, (name, _) in told.items()}
    fixed = {full: name for full, name in names.items() if full not in renamed}
    _check_apart(fixed, {model for model, *_ in rows})
    return Matched(names, [note for _, note in told.values() if note])


def _row(full: str, rows: Iterable[tuple[str, str, str, bool | None]]) -> tuple[str, str | None]:
    """Name a model; say why a row that bears its name was not taken, or was taken from another organisation."""
    at = read_name(full)
    for model, source, *_ in rows:
        if model == full or (model.lower() == full.lower() and full != source.rpartition("/")[2]):
            return model, None
    named = [row for row in rows if row[1].lower() == at.name.lower()]
    elsewhere = not named
    if elsewhere:
        last = at.last.lower()
        named = [row for row in rows if last in (row[0].lower(), row[1].rstrip("/").rpartition("/")[2].lower())]
    fitting = {row[0]: row[1] for row in named if _same_revision(at.revision, row[2], row[3])}
    as_main = at.snapshot and not fitting
    if as_main:
        fitting = {row[0]: row[1] for row in named if _same_revision("", row[2], row[3])}
    if len(fitting) == 1:
        [(model, source)] = fitting.items()
        if as_main and at.revision:
            return model, f"'{full}' was taken for '{model}', as if its commit were that of main"
        other = elsewhere and _on_hub(at.name) and _on_hub(source)
        return model, f"'{full}' was taken for '{model}', whose source is {source}" if other else None
    own = "-".join([at.last, *([at.revision] if at.revision not in _MAIN and not at.snapshot else [])])
    if len(fitting) > 1:
        return own, f"'{full}' could be {' or '.join(fitting)}: not matched; name the row with --rename"
    if named:
        revisions = some((f"{row[0]}: {row[2]}" for row in named), 3)
        return own, (
            f"'{full}' is revision {at.revision or 'main'}, the ladder has another ({revisions}): not matched; "
            "if they are the same, say is_main in the row, or name the row with --rename"
        )
    return own, None


def _same_revision(found: str, row: str, is_main: bool | None) -> bool:
    if found == row:
        return True
    if found in _MAIN:
        return row in _MAIN or bool(is_main)
    steps = [_CHECKPOINT.fullmatch(name) for name in (found, row)]
    if steps[0] and steps[1]:
        return int(steps[0][3]) == int(steps[1][3])
    if _COMMIT.fullmatch(found) and _COMMIT.fullmatch(row):
        return found.startswith(row) or row.startswith(found)
    return False


def _on_hub(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/", "~"))


def _check_apart(names: Mapping[str, str], rows: set[str]) -> None:
    """Refuse two models of one name on the Hub, or in two folders; one in a folder may be that on the Hub."""
    homes: dict[tuple[str, bool], tuple[str, str]] = {}
    for full, name in names.items():
        place = read_name(full).name.lower()
        if name not in rows and "/" in place:
            first, other = homes.setdefault((name, _on_hub(place)), (place, full))
            if first != place:
                raise InputError(f"models '{other}' and '{full}' would both be '{name}'; tell them apart with --rename")
