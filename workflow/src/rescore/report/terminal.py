"""The summary that ends a run: one screen of 80 columns and 40 lines."""

import shutil
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import polars as pl
from rich.text import Text

from rescore.report.sentences import sentences
from rescore.report.text import KEY, NONE, Subtask, group, in_order, percent, plain, question, times
from rescore.tables.metrics import HARD_METRICS, METRICS

_WIDTH, _HEIGHT = 80, 40
_COLOURS = {
    "mirage": "yellow",
    "both": "magenta",
    "real": "red",
    "ordinary": "green",
    **dict.fromkeys(("no cliff", "flat", "saturated", "not judged"), "dim"),
}
_HEADINGS = ("Label", "Cliff", "Metric", "Skill", "Share", "Faster")
_KEY_LINES = (
    "Share: how much of the climb the metric makes and the likelihood does not.",
    "Faster: how many times as fast the likelihood grew in the cliff as before it.",
    "False: how many of the yes and no are expected to be false.",
)


def summary(
    cliffs: pl.DataFrame, headline: pl.DataFrame, *, forecasts: pl.DataFrame | None = None, page: str | None = None
) -> Text:
    """Summarise a run, with its FORECAST_COUNTS and the place of its report if there are any.

    Returns lines of at most 80 characters, wider on a wider terminal: subtasks under their tasks, as many as fit in 40
    lines in the order of GROUPS, and then the counts. A star marks an answer of multiple choice.
    """
    width = max(_WIDTH, shutil.get_terminal_size((_WIDTH, _HEIGHT)).columns)
    below = [Text(line, style="bold") for line in wrap(sentences(cliffs)[0], width)]
    below += map(Text, _counts(headline))
    below += [Text(line) for line in wrap(_forecast(forecasts), width)]
    below += [Text(f"The report: {page}")] if page else []
    listed = in_order(cliffs)
    if listed.is_empty():
        return Text("\n").join(below)
    notes = [Text(line, style="dim") for line in _KEY_LINES]
    if (listed["hard_metric"] == "multiple_choice_grade").any():
        notes.append(Text("* multiple-choice grade, where there is no answer to match", style="dim"))
    room = _HEIGHT - 1 - len(notes) - len(below)  # a line more says what is left out, or sets the counts apart
    shown = min(listed.height, max(room, 1))
    while shown > 1 and len(_rows(listed.head(shown), width)) > room:
        shown -= 1
    rest = Text(_rest(listed.tail(-shown)), style="dim") if shown < listed.height else Text()
    return Text("\n").join([*_rows(listed.head(shown), width), rest, *notes, *below])


def _rows(shown: pl.DataFrame, width: int) -> list[Text]:
    """One line per subtask, under a line with the name of its task, and of its ladder where there are several."""
    with_ladder = shown["ladder"].n_unique() > 1
    lines: list[tuple[str, list[str]]] = [("Subtask", list(_HEADINGS))]
    for task in shown.partition_by("ladder", "task", maintain_order=True):
        for at, row in enumerate(task.iter_rows(named=True)):
            key = Subtask(*(row[column] for column in KEY))
            indented = with_ladder or key.subtask != key.task
            if at == 0 and indented:
                lines.append((plain(f"{key.task} ({key.ladder})" if with_ladder else key.task), []))
            name = plain(key.subtask.removeprefix(f"{key.task}:"))
            lines.append((f"  {name}" if indented else name, [group(row) or NONE, *_cells(row)]))
    sizes = [max(map(len, column)) for column in zip(*(cells for _, cells in lines if cells), strict=True)]
    room = min(width - sum(sizes) - 2 * len(sizes), max(len(name) for name, cells in lines if cells))
    return [
        _line(_cut(name, room), cells, [room, *sizes]) if cells else Text(_cut(name, width), style="bold")
        for name, cells in lines
    ]


def _line(name: str, cells: Sequence[str], sizes: Sequence[int]) -> Text:
    line = Text(name.ljust(sizes[0]))
    for cell, size in zip(cells, sizes[1:], strict=True):
        line.append("  ").append(cell.ljust(size), style=_COLOURS.get(cell, ""))
    line.rstrip()
    return line


def _cut(text: str, room: int) -> str:
    """Cut the middle out of a name that is too long: names differ at their ends."""
    return text if len(text) <= room else f"{text[: (room - 1) // 2]}…{text[len(text) - room // 2 :]}"


def _cells(row: Mapping[str, Any]) -> list[str]:
    star = "*" if row["hard_metric"] == "multiple_choice_grade" and row["cliff"] else ""
    return [
        (row["cliff"] or NONE) + star,
        row["metric_makes_it"] or NONE,
        row["skill_broke"] or NONE,
        percent(row["metric_share"] if row["metric_makes_it"] else None),
        times(row["acceleration_factor"] if row["skill_broke"] else None),
    ]


def _rest(hidden: pl.DataFrame) -> str:
    """Say what the subtasks are that the screen has no room for."""
    counts = hidden.group_by("label", maintain_order=True).len().iter_rows()
    return f"and {hidden.height} more: {', '.join(f'{n} {label}' for label, n in counts)} (rescore show cliffs)"


def _counts(headline: pl.DataFrame) -> list[str]:
    """Return a line per question and per soft metric: the answers, and how many to expect to be false."""
    lines = []
    for row in headline.filter(pl.col("asked") > 0).iter_rows(named=True):
        name = question(row["question"])
        counts = "".join(f"{row[key]:>6}" for key in ("yes", "no", "open"))
        lines.append(f"{name:<49}{counts}{row['expected_false']:>7.1f}")
    return [f"{'':<49}{'yes':>6}{'no':>6}{'open':>6}{'false':>7}", *lines] if lines else []


def _forecast(counts: pl.DataFrame | None) -> str:
    """Say how many forecasts of the hard metrics came out, on either side of the elbow."""
    if counts is None:
        return ""
    every = counts.filter(pl.col("won").is_null()).drop_nulls("above_elbow")
    told, undefined = [], 0
    for metric in HARD_METRICS:
        sides = (
            every.filter(metric=metric)
            .group_by("above_elbow")
            .agg(pl.col("within_5_percent", "with_relative_error", "forecasts").sum())
            .sort("above_elbow", descending=True)
        )
        came = [f"{w} of {n} {'above' if above else 'below'} the elbow" for above, w, n, _ in sides.iter_rows()]
        told += [f"of {METRICS[metric].title.lower()} {', '.join(came)}"] if came else []
        undefined += sum(n - defined for *_, defined, n in sides.iter_rows())
    more = f" Not counted, as the realised value is 0: {undefined}." if undefined else ""
    return f"Forecasts within 5%: {'; '.join(told)}.{more}" if told else ""
