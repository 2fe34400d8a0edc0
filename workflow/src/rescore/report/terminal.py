"""The summary that ends a run: one screen, plain text where the output is no terminal."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rescore.report.text import (
    KEY,
    LABELS,
    NONE,
    QUESTIONS,
    Subtask,
    display_name,
    in_order,
    number,
    percent,
    sentence,
    title,
)

_ROWS = 30
_COLOURS = {
    "mirage": "yellow",
    "both": "magenta",
    "real": "red",
    "ordinary": "green",
    "no cliff": "dim",
    "flat": "dim",
    "saturated": "dim",
    "not judged": "dim",
}


def summary(cliffs: pl.DataFrame, headline: pl.DataFrame) -> RenderableType:
    """Summarise a run for the terminal; readable from 80 columns on.

    Parameters
    ----------
    cliffs, headline
        Tables of the contracts CLIFFS and HEADLINE.

    Returns
    -------
    RenderableType
        For `rich.print`: a row per subtask by task (the first 30, in the order of LABELS), then the counts. A star
        marks an answer of multiple choice, where no text is asked for.
    """
    shown = in_order(cliffs).head(_ROWS)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Subtask", overflow="fold")
    for heading in ("Label", "Cliff", "Metric", "Skill", "Not NLL's", "Faster"):
        table.add_column(heading, no_wrap=True)
    with_ladder = cliffs["ladder"].n_unique() > 1
    last = None
    by_task = shown.partition_by("task", maintain_order=True) or [shown]
    for row in pl.concat(by_task).iter_rows(named=True):
        key = Subtask(*(row[column] for column in KEY))
        name = display_name(key, with_ladder=with_ladder)
        if name.startswith(f"{key.task}:"):  # the task once, its subtasks under it: names are long, screens narrow
            if key.task != last:
                table.add_row(Text(key.task, style="bold"))
            name = f"  {name.removeprefix(key.task + ':')}"
        last = key.task
        table.add_row(Text(name), _coloured(row["label"]), *map(Text, _cells(row)))
    parts: list[RenderableType] = [table, Text()] if shown.height else []
    if (shown["hard_metric"] == "multiple_choice_grade").any():
        parts.append(Text("* multiple-choice grade, where there is no answer to match", style="dim"))
    if cliffs.height > _ROWS:
        parts.append(Text(_rest(in_order(cliffs).tail(-_ROWS)), style="dim"))
    if shown.height:
        parts.append(Text("Not NLL's: how much of the climb the likelihood does not share.", style="dim"))
        parts.append(Text("Faster: how many times as fast the likelihood grew in the cliff as before it.", style="dim"))
    parts.append(Text(sentence(cliffs), style="bold"))
    parts.extend(Text(line) for line in _counts(headline))
    return Group(*parts)


def _cells(row: Mapping[str, Any]) -> list[str]:
    star = "*" if row["hard_metric"] == "multiple_choice_grade" and row["cliff"] else ""
    asked = row["cliff"] in ("yes", "open")
    return [
        (row["cliff"] or NONE) + star,
        row["metric_makes_it"] or NONE,
        row["skill_broke"] or NONE,
        percent(row["metric_share"]) if asked else NONE,
        _times(row["acceleration_factor"]) if asked else NONE,
    ]


def _times(factor: float | None) -> str:
    return NONE if factor is None else ">20x" if factor > 20 else f"{number(factor, 2)}x"


def _coloured(word: str) -> Text:
    return Text(word, style=_COLOURS.get(word, ""))


def _rest(hidden: pl.DataFrame) -> str:
    """Say what the subtasks are that the screen has no room for."""
    counts = {label: int((hidden["label"] == label).sum()) for label in LABELS}
    listed = ", ".join(f"{count} {label}" for label, count in counts.items() if count)
    return f"and {hidden.height} more subtasks: {listed}"


def _counts(headline: pl.DataFrame) -> list[str]:
    """Return a line per question and per soft metric: the answers, and how many of them to expect to be false."""
    lines: list[str] = []
    if headline.height:
        lines.append("Counts, and after ~ how many of the yes and no to expect to be false:")
    asked = headline.filter(pl.col("asked") > 0)
    for row in asked.iter_rows(named=True):
        metric = row["question"].removeprefix("under_")
        words = ("yes", "no", "open") if row["question"] in QUESTIONS else ("disappear", "survive", "open")
        name = QUESTIONS.get(row["question"], title(metric))
        if row["question"].startswith("under_") and not any(line.startswith("Cliffs under") for line in lines):
            lines.append("Cliffs under each metric (undecided ones are neither):")
        counts = "  ".join(f"{row[key]:>3} {word}" for key, word in zip(("yes", "no", "open"), words, strict=True))
        lines.append(f"  {name:<25}{counts}; ~{row['expected_false']:.1f} false")
    return lines
