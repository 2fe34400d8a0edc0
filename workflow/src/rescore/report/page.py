"""The report as one HTML page that opens from disk and asks no host for anything."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from rescore.report import charts, cliff_charts, diagnostics, panels, partial_credit, subtask_charts, text
from rescore.report.along import along, ladder_lines
from rescore.report.details import Details, details, models
from rescore.report.document import document
from rescore.report.grid import Column, Grid, Titles, of_table
from rescore.report.replies import asked
from rescore.report.sentences import sentences
from rescore.tables import CLIFFS, HEADLINE, METRICS

_HEADLINE: Titles = {
    "asked": ("Asked of", "number"),
    "yes": ("Yes", "number"),
    "no": ("No", "number"),
    "open": ("Open", "number"),
    "expected_false": ("Expected false", "number"),
    "share_of_decided": ("Yes, of the decided (95% interval)", "percent"),
}
_CLIFFS: Titles = {
    "label": ("Label", "word"),
    "cliff": ("Cliff", "word"),
    "metric_makes_it": ("Metric makes it", "word"),
    "skill_broke": ("Skill broke", "word"),
    "metric_share": ("Metric share", "percent"),
    "acceleration_factor": ("Times as fast", "times"),
    "reason": ("Why", "text"),
}
_GRADED = 24  # panels of subtasks with choices


def render(
    *,
    curves: pl.DataFrame,
    verdicts: pl.DataFrame,
    cliffs: pl.DataFrame,
    headline: pl.DataFrame,
    made_by: Mapping[str, object],
    settings: Mapping[str, Any],
    grading: pl.DataFrame | None = None,
    answers: pl.DataFrame | None = None,
    positions: pl.DataFrame | None = None,
    diagnosed: Mapping[str, pl.DataFrame] | None = None,
) -> str:
    """Return the report as one self-contained HTML page, a `document` with links to the sandbox and the CSV files.

    Details of a subtask are made of embedded data when the reader opens them, numbers to four significant digits, and
    tables come by the screenful, so that a thousand subtasks open at once.

    The frames are the tables of these names; `answers` has the columns ANSWERS, and `diagnosed` holds those of
    `diagnostics.TABLES` that there are. `made_by` and `settings` are printed as given, and may nest; the method's
    constants under `conventions` say from where a number is a yes.
    """
    axis = along(curves, verdicts)
    conventions = settings.get("conventions", {})
    found = diagnosed or {}
    given = {"grading": grading, "positions": positions, "answers": answers, **found}
    beside = {name: table for name, table in given.items() if table is not None}
    subtasks = details(curves, verdicts, cliffs, beside, axis)
    seeded = "seeds" in found and not found["seeds"].is_empty()
    drawn = dict.fromkeys(name for subtask in subtasks for name in subtask.data["charts"])
    return document(
        "page.html.j2",
        ["grid.js", "page.js"],
        sentences=sentences(cliffs),
        ladder_lines=ladder_lines(curves),
        axis=axis,
        groups=panels.grouped((subtask.group, subtask.panel) for subtask in subtasks),
        hard_metrics=set(cliffs["hard_metric"]),
        kinds={line.kind for subtask in subtasks for line in subtask.panel.lines},
        flagged=any(subtask.panel.flag for subtask in subtasks),
        box=(panels.WIDTH, panels.HEIGHT),
        labels=text.LABELS,
        verdict_meanings=text.VERDICTS,
        letters=text.LETTERS,
        definitions=METRICS,
        headline=_headline(headline.filter(pl.col("asked") > 0)),
        n_cliffs=cliff_charts.found(cliffs).height,
        lengths=partial_credit.cells(partial_credit.by_length(curves, cliffs, axis), axis),
        graded=[subtask.choices for subtask in subtasks if subtask.choices][:_GRADED],
        answer_grid=_answer_grid(subtasks, cliffs),
        matrix=_matrix(subtasks, text.metrics(verdicts)),
        metrics=text.metrics(verdicts),
        sections=subtasks,
        n_graded=sum(subtask.graded for subtask in subtasks),
        misgraded=sorted((subtask for subtask in subtasks if subtask.misgraded), key=lambda each: -each.misgraded),
        **diagnostics.sections(found, {subtask.key: place for place, subtask in enumerate(subtasks)}),
        specs={
            **{name: subtask_charts.spec(name, axis, seeded=seeded) for name in drawn},
            "map": charts.bare(cliff_charts.cliff_map(cliffs, conventions).properties(width="container")),
            "waterfall": charts.bare(cliff_charts.waterfall(cliffs).properties(width="container")),
            "parts": charts.bare(cliff_charts.climb()),
        },
        shared={
            "models": models(curves, axis),
            "axis": axis.title[0],
            "labels": text.GROUPS,
            "letters": text.LETTERS,
            "questions": asked(conventions),
        },
        files=["cliffs", "verdicts", "curves", "headline", *(t.name for t in diagnostics.TABLES if t.name in found)],
        settings=list(_flat(settings)),
        made_by=list(_flat(made_by)),
    )


def _headline(headline: pl.DataFrame) -> Grid:
    """Set out how often each question was answered yes, no and open."""
    questions = Column("Question", "name", [text.question(name) for name in headline["question"]])
    return of_table(HEADLINE, "Answers to each question", questions, headline, _HEADLINE, short=True)


def _answer_grid(subtasks: Sequence[Details], cliffs: pl.DataFrame) -> Grid:
    """Set out the answers and the two numbers behind them, where they were asked: a row per subtask with a label."""
    place = {subtask.key: place for place, subtask in enumerate(subtasks)}
    rows = text.in_order(cliffs)
    names = Column("Subtask", "subtask", [place[text.Subtask(*key)] for key in rows.select(text.KEY).iter_rows()])
    rows = rows.with_columns(
        pl.col(*text.QUESTIONS).fill_null(text.NOT_ASKED),
        pl.when(pl.col("metric_makes_it").is_not_null()).then("metric_share").alias("metric_share"),
        pl.when(pl.col("skill_broke").is_not_null()).then("acceleration_factor").alias("acceleration_factor"),
    )
    return of_table(CLIFFS, "Every subtask in numbers", names, rows, _CLIFFS)


def _matrix(subtasks: Sequence[Details], metrics: Sequence[str]) -> Grid:
    """Set out every verdict: a row per subtask, a column per metric."""
    columns = [
        Column("Subtask", "subtask", list(range(len(subtasks)))),
        Column("Label", "word", [subtask.label for subtask in subtasks]),
        *(Column(text.title(name), "verdict", [each.verdicts.get(name) for each in subtasks]) for name in metrics),
    ]
    return Grid("matrix", "Verdicts under every metric", columns)


def _flat(mapping: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield a nested mapping as dotted keys and printed values.

    >>> list(_flat({"a": {"b": 0.05}, "c": ["x", 1]}))
    [('a.b', '0.05'), ('c', '["x", 1]')]
    """
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            listed = isinstance(value, list | tuple)
            yield f"{prefix}{key}", json.dumps(value, default=str, ensure_ascii=False) if listed else str(value)
