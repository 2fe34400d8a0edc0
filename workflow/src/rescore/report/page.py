"""The report as one HTML page that opens from disk and asks no host for anything."""

import json
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from rescore.report import charts, diagnostics, run_charts, subtask_charts, text
from rescore.report.along import along, ladder_lines
from rescore.report.answer_grid import answer_grid
from rescore.report.details import Details, details, models, verdict_grid
from rescore.report.document import document
from rescore.tables import GRADING, METRICS, POSITIONS

_MATRIX_ROWS = 100  # shown at once: laying out a thousand takes a browser longer than all the rest of the page
_LISTED = 12  # subtasks with an unreliable grader at the top of the page; each has its line in its section as well

LENGTHS: Mapping[str, type[pl.DataType]] = {
    "task": pl.String,
    "subtask": pl.String,
    "characters": pl.Int64,
    "questions": pl.Int64,
}
"""Columns of the table of answer lengths: how many questions of a subtask have a first target that long."""


def render(
    *,
    curves: pl.DataFrame,
    verdicts: pl.DataFrame,
    cliffs: pl.DataFrame,
    headline: pl.DataFrame,
    made_by: Mapping[str, object],
    settings: Mapping[str, object],
    grading: pl.DataFrame | None = None,
    concentration: pl.DataFrame | None = None,
    lengths: pl.DataFrame | None = None,
    positions: pl.DataFrame | None = None,
    diagnosed: Mapping[str, pl.DataFrame] | None = None,
) -> str:
    """Return the report as one self-contained HTML page.

    It is a `document` with a link to the sandbox beside it. Charts and numbers of a subtask are made of embedded data
    when the reader opens its details, and chart data are rounded to seven significant digits, so that a thousand
    subtasks open at once. Names of tasks and models are text wherever they stand.

    Parameters
    ----------
    curves, verdicts, cliffs
        Tables of the contracts CURVES, VERDICTS and CLIFFS; any may be empty.
    headline
        The table HEADLINE.
    made_by
        What made the tables (models, task digests, versions), printed as given; may nest.
    settings
        The constants of the method, printed as given; may nest.
    grading, concentration
        Tables of the contracts GRADING and CONCENTRATION; the page is silent on one that is not there. Of the former
        the rows count whose model has a point on the subtask's curves.
    lengths
        How long answers are, columns as LENGTHS; without it the page has no chart of them.
    positions
        The table POSITIONS; without it the page says nothing of the tokens of an answer.
    diagnosed
        By name, those of `diagnostics.TABLES` that there are.
    """
    axis = along(curves, verdicts)
    subtasks = details(
        curves,
        verdicts,
        cliffs,
        grading=GRADING.empty() if grading is None else grading,
        lengths=pl.DataFrame(schema=LENGTHS) if lengths is None else lengths,
        by_position=POSITIONS.empty() if positions is None else positions,
        axis=axis,
    )
    beside = diagnostics.sections(diagnosed or {}, subtasks, cliffs)
    run_specs = beside.pop("run_specs")
    if verdicts["emergence_score"].is_finite().any():
        run_specs["emergence"] = charts.bare(run_charts.emergence(verdicts).properties(width="container"))
    drawn = sorted({name for subtask in subtasks for name in subtask.charts})
    return document(
        "page.html.j2",
        ("grid.js", "page.js"),
        sentence=text.sentence(cliffs),
        counts={label: int((cliffs["label"] == label).sum()) for label in text.LABELS},
        labels=text.LABELS,
        verdict_meanings=text.VERDICTS,
        letters=text.LETTERS,
        pills=[*text.LABELS, *text.VERDICTS, *text.FATES],
        definitions=METRICS,
        headline=headline.filter(pl.col("asked") > 0).to_dicts(),
        questions=text.QUESTIONS,
        answer_grid=answer_grid(subtasks, cliffs),
        concentrated=None if concentration is None else text.concentrated(concentration),
        concentration=[] if concentration is None else concentration.to_dicts(),
        n_graded=sum(subtask.graded for subtask in subtasks),
        misgraded=sorted((s for s in subtasks if s.grader), key=_worst_share, reverse=True),
        n_listed=_LISTED,
        metrics=text.metrics(verdicts),
        sections=subtasks,
        example=_example(subtasks),
        axis=axis,
        ladder_lines=ladder_lines(curves),
        ladders=len({subtask.key.ladder for subtask in subtasks}),
        matrix_rows=_MATRIX_ROWS,
        verdict_grid=verdict_grid(subtasks, verdicts),
        models=models(curves, axis),
        run_specs=run_specs,
        specs=subtask_charts.specs(drawn, axis) | run_specs,
        **beside,
        settings=list(_flat(settings)),
        made_by=list(_flat(made_by)),
    )


def _example(subtasks: Sequence[Details]) -> Details | None:
    """Return the first subtask, if it has a cliff whose fate is known and a chart of both metrics."""
    first = subtasks[0] if subtasks else None
    if first is None or first.label not in ("mirage", "both", "real"):
        return None
    return first if first.charts and "+" in first.charts[0] else None


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
