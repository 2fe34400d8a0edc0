"""The report as one HTML page that opens from disk and asks no host for anything."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import polars as pl

from rescore.report import charts, cliff_charts, diagnostics, panels, partial_credit, subtask_charts, text
from rescore.report.along import along, ladder_lines
from rescore.report.details import Details, details, models
from rescore.report.document import document
from rescore.report.grid import Column, Grid, measured
from rescore.report.replies import asked
from rescore.tables import METRICS

_LISTED = 12  # subtasks with an unreliable grader at the top of the page; each has its line in its section as well
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
        sentence=text.sentence(cliffs),
        ladder_lines=ladder_lines(curves),
        axis=axis,
        groups=panels.grouped((subtask.label, subtask.panel) for subtask in subtasks),
        kinds={line.kind for subtask in subtasks for line in subtask.panel.lines},
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
        misgraded=sorted(
            (subtask for subtask in subtasks if subtask.grader), key=attrgetter("grader.worst_share"), reverse=True
        ),
        n_listed=_LISTED,
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
            "labels": text.LABELS,
            "letters": text.LETTERS,
            "questions": asked(conventions),
        },
        files=["cliffs", "verdicts", "curves", "headline", *(t.name for t in diagnostics.TABLES if t.name in found)],
        settings=list(_flat(settings)),
        made_by=list(_flat(made_by)),
    )


def _headline(headline: pl.DataFrame) -> Grid:
    """Set out how often each question was answered yes, no and open."""
    counts = {"Asked of": "asked", "Yes": "yes", "No": "no", "Open": "open", "Expected false": "expected_false"}
    asked_of = [text.question(name) for name in headline["question"]]
    columns = [
        Column("Question", "name", asked_of),
        *(Column(title, "number", headline[name].to_list()) for title, name in counts.items()),
        measured("Yes, of the decided (95% interval)", headline.to_dicts(), "share_of_decided", text.percent),
    ]
    return Grid("headline", "Answers to each question", columns, short=True)


def _answer_grid(subtasks: Sequence[Details], cliffs: pl.DataFrame) -> Grid:
    """Set out the answers and the two numbers behind them, a row per subtask with a label."""
    rows = {tuple(row[column] for column in text.KEY): row for row in cliffs.iter_rows(named=True)}
    shown = [(place, rows[subtask.key]) for place, subtask in enumerate(subtasks) if subtask.key in rows]

    def words(title: str, name: str) -> Column:
        return Column(title, "word", [row[name] or text.NOT_ASKED for _, row in shown])

    def numbers(title: str, name: str, answer: str, show: Callable[[float | None], str]) -> Column:
        return measured(title, [row if row[answer] else row | {name: None} for _, row in shown], name, show)

    columns = [
        Column("Subtask", "subtask", [place for place, _ in shown]),
        words("Label", "label"),
        words("Cliff", "cliff"),
        words("Metric makes it", "metric_makes_it"),
        words("Skill broke", "skill_broke"),
        numbers("Metric share", "metric_share", "metric_makes_it", text.percent),
        numbers("Times as fast", "acceleration_factor", "skill_broke", text.times),
        Column("Why", "text", [row["reason"] for _, row in shown]),
    ]
    return Grid("answers", "Every subtask in numbers", columns)


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
