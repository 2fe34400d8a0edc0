"""The report as one HTML page that opens from disk and asks no host for anything."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from rescore.report import charts, cliff_charts, diagnostics, panels, partial_credit, subtask_charts, text
from rescore.report.along import Along, along, ladder_lines, rung_means
from rescore.report.details import Details, details, models
from rescore.report.document import document
from rescore.report.grid import Column, Grid
from rescore.report.panels import Panel, times
from rescore.tables import METRICS

_MATRIX_ROWS = 100  # shown at once: laying out a thousand takes a browser longer than all the rest of the page
_LISTED = 12  # subtasks with an unreliable grader at the top of the page; each has its line in its section as well
_GRADED = 24  # panels of subtasks with choices
_ENTRIES = 20  # of one group of settings or provenance; more are counted


def render(
    *,
    curves: pl.DataFrame,
    verdicts: pl.DataFrame,
    cliffs: pl.DataFrame,
    headline: pl.DataFrame,
    made_by: Mapping[str, object],
    settings: Mapping[str, Any],
    grading: pl.DataFrame | None = None,
    concentration: pl.DataFrame | None = None,
    answers: pl.DataFrame | None = None,
    positions: pl.DataFrame | None = None,
    diagnosed: Mapping[str, pl.DataFrame] | None = None,
) -> str:
    """Return the report as one self-contained HTML page.

    It is a `document` with a link to the sandbox and to the tables' CSV files beside it. Small panels are part of the
    page; charts and numbers of a subtask are made of embedded data when the reader opens its details, and chart data
    are rounded to five significant digits, so that a thousand subtasks open at once. Names of tasks and models are
    text wherever they stand.

    Parameters
    ----------
    curves, verdicts, cliffs
        Tables of the contracts CURVES, VERDICTS and CLIFFS; any may be empty.
    headline
        The table HEADLINE.
    made_by
        What made the tables (versions, ladders), printed as given; may nest.
    settings
        The constants of the method, printed as given; may nest. Those under `conventions` say from where a number is a
        yes.
    grading, concentration
        Tables of the contracts GRADING and CONCENTRATION; the page is silent on one that is not there. Of the former
        the rows count whose model has a point on the subtask's curves.
    answers
        Real answers, columns as `real_answers.ANSWERS`; without it the page has none.
    positions
        The table POSITIONS; without it the page says nothing of the tokens of an answer.
    diagnosed
        By name, those of `diagnostics.TABLES` that there are.
    """
    axis = along(curves, verdicts)
    conventions = settings.get("conventions", {})
    found = diagnosed or {}
    given = {"grading": grading, "positions": positions, "seeds": found.get("seeds"), "answers": answers}
    beside = {name: table for name, table in given.items() if table is not None}
    subtasks = details(curves, verdicts, cliffs, beside, axis=axis, conventions=conventions)
    drawn = dict.fromkeys(name for subtask in subtasks for name in subtask.charts)
    several = cliff_charts.found(cliffs).height
    return document(
        "page.html.j2",
        ["grid.js", "page.js"],
        sentence=text.sentence(cliffs),
        ladder_lines=ladder_lines(curves),
        axis=axis,
        ladders=len({subtask.key.ladder for subtask in subtasks}),
        groups=panels.grouped((subtask.label, subtask.panel) for subtask in subtasks),
        with_skill=any(line.kind == "skill" for subtask in subtasks for line in subtask.panel.lines),
        box=(panels.WIDTH, panels.HEIGHT),
        labels=text.LABELS,
        verdict_meanings=text.VERDICTS,
        letters=text.LETTERS,
        definitions=METRICS,
        headline=headline.filter(pl.col("asked") > 0).to_dicts(),
        questions=text.QUESTIONS,
        n_cliffs=several,
        lengths=partial_credit.cells(partial_credit.by_length(curves, cliffs, axis), axis),
        graded=_graded(subtasks, curves, axis),
        answer_grid=_answer_grid(subtasks, cliffs),
        metrics=text.metrics(verdicts),
        matrix_rows=_MATRIX_ROWS,
        sections=subtasks,
        n_graded=sum(subtask.graded for subtask in subtasks),
        misgraded=sorted((s for s in subtasks if s.grader), key=_worst_share, reverse=True),
        n_listed=_LISTED,
        concentrated=None if concentration is None else text.concentrated(concentration),
        concentration=[] if concentration is None else concentration.to_dicts(),
        **diagnostics.sections(found, subtasks),
        specs=subtask_charts.specs(drawn, axis)
        | {
            "map": charts.bare(cliff_charts.cliff_map(cliffs, conventions).properties(width="container")),
            "waterfall": charts.bare(cliff_charts.waterfall(cliffs).properties(width="container")),
            "parts": charts.bare(cliff_charts.waterfall_bars(alt.NamedData("parts"), None, width="container")),
        },
        models=models(curves, axis),
        pills=list(text.LABELS),
        files=["cliffs", "verdicts", "curves", "headline", *(t.name for t in diagnostics.TABLES if t.name in found)],
        settings=list(_flat(settings)),
        made_by=list(_flat(_brief(made_by))),
    )


def _answer_grid(subtasks: Sequence[Details], cliffs: pl.DataFrame) -> Grid:
    """Set out the answers and the two numbers behind them, a row per subtask with a label."""
    rows = {tuple(row[column] for column in text.KEY): row for row in cliffs.iter_rows(named=True)}
    shown = [(place, rows[subtask.key]) for place, subtask in enumerate(subtasks) if subtask.key in rows]

    def words(title: str, name: str) -> Column:
        return Column(title=title, kind="word", cells=[row[name] for _, row in shown])

    return Grid(
        id="answers",
        caption="Every subtask in numbers",
        columns=[
            Column(title="Subtask", kind="subtask", cells=[place for place, _ in shown]),
            words("Label", "label"),
            words("Cliff", "cliff"),
            words("Metric", "metric_makes_it"),
            words("Skill", "skill_broke"),
            Column(
                title="Metric share",
                kind="number",
                cells=[row["metric_share"] for _, row in shown],
                said=[text.interval(row, "metric_share", text.percent) for _, row in shown],
                about="how much of the climb the likelihood does not make, with its 90% interval",
            ),
            Column(
                title="Times as fast",
                kind="number",
                cells=[row["acceleration_factor"] for _, row in shown],
                said=[text.interval(row, "acceleration_factor", times) for _, row in shown],
                about="how many times as fast the likelihood grew in the cliff as before it, with its 90% interval",
            ),
            Column(title="Why", kind="text", cells=[row["reason"] for _, row in shown]),
        ],
    )


def _graded(subtasks: Sequence[Details], curves: pl.DataFrame, axis: Along) -> list[Panel]:
    """Draw multiple-choice grade and Brier score of the subtasks that have both."""
    both = {"brier_score": "partial", "multiple_choice_grade": "hard"}
    means = rung_means(curves.filter(pl.col("metric").is_in(list(both))), axis)
    of = means.partition_by(text.KEY, as_dict=True)
    found = []
    for subtask in subtasks:
        rows = of.get(tuple(subtask.key), means.clear())
        if rows["metric"].n_unique() == len(both):
            xs = rows["x"].to_list()
            lines = [
                panels.line(
                    kind,
                    rows.filter(metric=metric).select("x", "mean").rows(),
                    (min(xs), max(xs)),
                    top=METRICS[metric].high,
                    falls=not METRICS[metric].higher_is_better,
                )
                for metric, kind in both.items()
            ]
            found.append(subtask.panel._replace(lines=lines, caption=""))
    return found[:_GRADED]


def _worst_share(subtask: Details) -> float:
    return subtask.grader.worst_share if subtask.grader else 0.0


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
            yield (
                f"{prefix}{key}",
                json.dumps(value, default=str, ensure_ascii=False) if listed else str(value),
            )


def _brief(made_by: Mapping[str, object]) -> dict[str, object]:
    """Say of a long entry, as the digests of each task's scores are, only how many there are."""
    return {
        key: f"{len(value)} of them, each named in the metadata of verdicts.parquet"
        if isinstance(value, Mapping) and len(list(_flat(value))) > _ENTRIES
        else value
        for key, value in made_by.items()
    }
