"""What BIG-Bench holds, without its 1.7 GB of examples: names, sizes, metrics and keywords of its tasks.

The shipped catalogue describes the `bigbench` 1.0.0 package. Make it anew from an unpacked copy with

    write_text(to_tsv(scan(folders(root))), CATALOGUE)

with `write_text` of `rescore.tables`.
"""

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import polars as pl

from rescore.bigbench.task_files import Subtask, load
from rescore.tables import InputError

CATALOGUE = Path(__file__).with_name("bigbench-1.0.0.tsv")

JSON_TASK, PROGRAMMATIC = "json", "programmatic"
WHY_UNSUPPORTED = "a programmatic task, which asks its questions by a program of its own instead of a task.json"

COLUMNS: Mapping[str, pl.DataType] = {
    "name": pl.String(),
    "kind": pl.String(),
    "n_examples": pl.Int64(),
    "n_choices": pl.Float64(),
    "preferred_score": pl.String(),
    "metrics": pl.List(pl.String()),
    "keywords": pl.List(pl.String()),
}
"""One row per leaf: `task` or `task:subtask`, `json` or `programmatic`, distinct examples, the mean number of choices
(null unless each example has choices, one of which scores 1 and the others 0), the leaf's own metrics, its task's
keywords. Only the name of a programmatic task is known; its other cells are null."""

_LISTS = ("metrics", "keywords")
_NUMBERS = {"n_examples": pl.Int64, "n_choices": pl.Float64}


@functools.cache
def catalogue() -> pl.DataFrame:
    """Read the shipped catalogue: 1,001 leaves of 167 JSON tasks, and 42 programmatic tasks; columns as `COLUMNS`."""
    text = CATALOGUE.read_bytes()
    frame = pl.read_csv(text, separator="\t", quote_char=None, schema_overrides=dict(_NUMBERS))
    return frame.with_columns(pl.col(c).str.split(", ") for c in _LISTS).select(list(COLUMNS))


@functools.cache
def kinds() -> Mapping[str, str]:
    """The kind of every task and subtask of the shipped catalogue, by name.

    Examples
    --------
    >>> kinds()["arithmetic"], kinds()["arithmetic:2_digit_addition"], kinds()["taboo"], kinds().get("sorting")
    ('json', 'json', 'programmatic', None)
    """
    rows = catalogue().select("name", "kind").rows()
    return {name.partition(":")[0]: kind for name, kind in rows} | dict(rows)


@functools.cache
def leaf_sizes() -> Mapping[str, dict[str, int]]:
    """By task and by subtask of the shipped catalogue: the number of questions of each of its leaves, by name."""
    sizes: dict[str, dict[str, int]] = {}
    for name, n in catalogue().select("name", "n_examples").drop_nulls().iter_rows():
        for key in {name, name.partition(":")[0]}:
            sizes.setdefault(key, {})[name] = n
    return sizes


def folders(root: Path) -> list[Path]:
    """Find the folders of tasks in a folder, sorted by name; InputError where none holds a task.json."""
    files = sorted([*root.glob("*/task.json"), *root.glob("*/task.py")])
    if not any(f.suffix == ".json" for f in files):
        raise InputError(f"{root}: no folder in it holds a task.json")
    return list(dict.fromkeys(f.parent for f in files))


def scan(tasks: Iterable[Path]) -> pl.DataFrame:
    """Load the tasks of folders and describe them, as `COLUMNS`; a folder without a task.json is programmatic."""
    rows: list[tuple[object, ...]] = []
    for folder in tasks:
        if not (folder / "task.json").is_file():
            rows.append((folder.name, PROGRAMMATIC, *[None] * (len(COLUMNS) - 2)))
            continue
        leaves = load(folder.parent, folder.name)
        keywords = list(dict.fromkeys(_keywords(folder, leaves[0])))  # one task of BIG-Bench repeats a keyword
        rows += [
            (s.name, JSON_TASK, len(s.examples), _choices(s), s.preferred_score, [*s.metrics], keywords) for s in leaves
        ]
    return pl.DataFrame(rows, schema=dict(COLUMNS), orient="row")


def _choices(leaf: Subtask) -> float | None:
    """Mean number of choices, to six digits; None unless each example has choices and one alone of them is right."""
    offered = [example.get("target_scores") or {} for example in leaf.examples]
    if all(sorted(scores.values()) == [0] * (len(scores) - 1) + [1] for scores in offered):
        return round(fmean(map(len, offered)), 6)
    return None


def _keywords(folder: Path, leaf: Subtask) -> Iterable[str]:
    """Keywords of the task; a subtask has its own, often fewer."""
    if leaf.name == leaf.task:
        return leaf.keywords
    keywords: list[str] = json.loads((folder / "task.json").read_text(encoding="utf-8-sig"))["keywords"]
    return keywords


def search(frame: pl.DataFrame, words: Sequence[str]) -> pl.DataFrame:
    """Keep the rows that hold every word, in any case, in their name, kind, metrics or keywords."""
    text = pl.concat_str(
        "name", "kind", *(pl.col(c).list.join("\n") for c in _LISTS), separator="\n", ignore_nulls=True
    )
    return frame.filter([text.str.to_lowercase().str.contains(word.lower(), literal=True) for word in words] or True)


def by_task(frame: pl.DataFrame) -> pl.DataFrame:
    """Sum up the leaves of each task: one row per task, in order, as `COLUMNS` and `n_subtasks`.

    `n_subtasks` is 0 for a task that is its only leaf. `metrics` are those of any leaf; `preferred_score` lists each
    that a leaf prefers (`a, b` for four tasks of BIG-Bench).
    """
    return (
        frame.with_columns(leaf=pl.col("name").str.contains(":", literal=True))
        .group_by(pl.col("name").str.split(":").list.first(), maintain_order=True)
        .agg(
            pl.col("kind").first(),
            pl.col("n_examples").sum(),
            pl.col("preferred_score").drop_nulls().unique(maintain_order=True).str.join(", "),
            pl.col("metrics").explode().unique(maintain_order=True).drop_nulls(),
            pl.col("keywords").first(),
            n_subtasks=pl.col("leaf").sum(),
        )
        .with_columns(pl.when(pl.col("kind") == JSON_TASK).then(pl.col(c)).alias(c) for c in _NULL_IN_PROGRAMMATIC)
    )


_NULL_IN_PROGRAMMATIC = ("n_examples", "preferred_score", "metrics", "n_subtasks")


def listing(frame: pl.DataFrame, *, aligned: bool) -> str:
    """Write rows of `search` or `by_task` as lines for people: a header, then one line per row.

    With `aligned`, columns are padded for a terminal; otherwise they are tab-separated.
    """
    shown = [c for c in ("name", "kind", "n_examples", "n_subtasks", "preferred_score") if c in frame.columns]
    texts = frame.select(pl.col(shown).cast(pl.String), *(pl.col(c).list.join(", ") for c in reversed(_LISTS)))
    rows = [texts.columns, *([cell or "" for cell in row] for row in texts.rows())]
    if aligned:
        widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
        return "".join("  ".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in rows)
    return "".join("\t".join(row) + "\n" for row in rows)


def to_tsv(frame: pl.DataFrame) -> str:
    """Write rows as tab-separated text, lists as `a, b`."""
    joined = frame.with_columns(pl.col(c).list.join(", ") for c in _LISTS)
    return joined.write_csv(separator="\t", quote_style="never")
