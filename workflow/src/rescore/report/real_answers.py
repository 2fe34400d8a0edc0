"""Three real answers per size: what the models said to the same three questions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from rescore.report import text
from rescore.tables import EXAMPLES, GENERATIONS, read

_QUESTIONS = 3
_SIZES = 16  # of a longer ladder, as one of checkpoints is, so many in even steps
_LONGEST = {"question": 160, "target": 60, "said": 60}  # characters; of a question the end, where it is asked

_COLUMNS = ("model", "task", "subtask", "example_id", "question", "target", "said")

ANSWERS = dict.fromkeys(_COLUMNS, pl.String()) | {"example_id": pl.Int64()}
"""Columns of the table of real answers: a row per model and chosen question."""


def read_answers(results: Path, tasks: Iterable[str], curves: pl.DataFrame, axes: Sequence[str]) -> pl.DataFrame | None:
    """Read what one model of each size said to three questions of each subtask; None where no file is at hand.

    The folder has `examples/TASK.parquet` and `generations/MODEL/TASK.parquet`; sizes are those of CURVES along the
    first of `axes`.
    """
    models = one_per_size(curves, axes[0]) if axes else {}
    found = []
    for task in tasks:
        examples = results / "examples" / f"{task}.parquet"
        paths = {m: results / "generations" / m / f"{task}.parquet" for ladder in models.values() for m in ladder}
        paths = {model: path for model, path in paths.items() if path.is_file()}
        if examples.is_file() and paths:
            asked = questions(read(examples, EXAMPLES))
            found.append(said(asked, {model: read(path, GENERATIONS) for model, path in paths.items()}))
    return pl.concat(found) if found else None


def questions(examples: pl.DataFrame) -> pl.DataFrame:
    """Choose three of EXAMPLES for each subtask, evenly spaced among those with a target.

    The columns are task, subtask, example_id, question (the end of the prompt) and target (the first).
    """
    place, n = pl.int_range(pl.len()).over("subtask"), pl.len().over("subtask")
    chosen = pl.any_horizontal(place == n * k // _QUESTIONS for k in range(_QUESTIONS))
    return (
        examples.filter(pl.col("targets").list.len() > 0)
        .sort("subtask", "example_id")
        .filter(chosen)
        .select("task", "subtask", "example_id", question="prompt", target=pl.col("targets").list.first())
    )


def said(chosen: pl.DataFrame, generations: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return what each model's GENERATIONS said to the chosen `questions`, as ANSWERS."""
    frames = [
        chosen.join(frame.select("subtask", "example_id", said="text"), on=["subtask", "example_id"])
        .with_columns(model=pl.lit(model))
        .select(ANSWERS.keys())
        for model, frame in generations.items()
    ]
    return pl.concat(frames)


def one_per_size(curves: pl.DataFrame, column: str) -> dict[str, list[str]]:
    """Return by ladder one model per size, from the smallest on: the first by name of its seeds; at most 16 sizes."""
    models = curves.select("ladder", "model", column).drop_nulls().group_by("ladder", column).agg(pl.col("model").min())
    found = {}
    for (ladder,), rows in models.sort("ladder", column).partition_by("ladder", as_dict=True).items():
        names, last = rows["model"].to_list(), rows.height - 1
        steps = min(last, _SIZES - 1)
        found[ladder] = [names[round(step * last / (steps or 1))] for step in range(steps + 1)]
    return found


def shown(answers: pl.DataFrame, models: list[str]) -> dict[str, Any]:
    """Set out the ANSWERS of one subtask: the questions, and what each of `models` that has answers said to them.

    Of what is said the whole decides whether it is the target: both are cut to be shown.
    """
    asked = answers.unique("example_id").sort("example_id").select("example_id", "question", "target").rows()
    of = {(model, example): said for model, example, said in answers.select("model", "example_id", "said").iter_rows()}

    def told(model: str) -> list[tuple[str, str]]:
        return [(of.get((model, example)) or "", target) for example, _, target in asked]

    answered = [model for model in models if any((model, example) in of for example, *_ in asked)]
    return {
        "questions": [[_short(question, "question"), _short(target, "target")] for _, question, target in asked],
        "said": [
            [
                text.plain(model),
                *([_short(words, "said"), words.strip() == target.strip()] for words, target in told(model)),
            ]
            for model in answered
        ],
    }


def _short(words: str, kind: str) -> str:
    """Cut a long text, and show its line ends as such: names and answers are untrusted."""
    longest = _LONGEST[kind]
    told = words.strip().replace("\n", " ⏎ ")
    if len(told) > longest:
        told = "…" + re.sub(r"^\S{0,20}\s+", "", told[-longest:]) if kind == "question" else f"{told[:longest]}…"
    return text.plain(told)
