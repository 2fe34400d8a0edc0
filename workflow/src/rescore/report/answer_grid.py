"""The three questions on the page: one row per subtask, with every number that an answer rests on."""

from collections.abc import Sequence

import polars as pl

from rescore.report import text
from rescore.report.details import Details
from rescore.report.grid import Column, Grid
from rescore.report.text import KEY, Subtask
from rescore.tables.columns import columns

_WORDS = {
    "label": "Label",
    "cliff": "Cliff",
    "metric_makes_it": "Metric makes it",
    "skill_broke": "Skill broke",
    "seeds": "Seeds",
}
_SHARES = {
    "metric_share": "Not the likelihood's",
    "hidden_progress": "Likelihood's progress at the start",
    "acceleration_factor": "Times as fast",
    "window_decades": "Window (decades)",
}
_NUMBERS = {
    "likelihood_part": "Likelihood",
    "probability_part": "Nats to probability",
    "answer_part": "Every token",
    "argmax_part": "Likeliest",
    "p_cliff": "P(cliff)",
    "p_metric": "P(metric)",
    "p_skill": "P(skill)",
}


def answer_grid(subtasks: Sequence[Details], cliffs: pl.DataFrame) -> Grid:
    """Set out CLIFFS in the page's order of subtasks.

    Parameters
    ----------
    subtasks
        The page's.
    cliffs
        The table CLIFFS.
    """
    place = {subtask.key: n for n, subtask in enumerate(subtasks)}
    rows = sorted(cliffs.iter_rows(named=True), key=lambda row: place[Subtask(*(row[c] for c in KEY))])
    described = columns()["cliffs"]
    return Grid(
        id="answers",
        caption="Three questions of every subtask",
        columns=[
            Column(title="Subtask", kind="subtask", cells=[place[Subtask(*(row[c] for c in KEY))] for row in rows]),
            *(
                Column(title=title, kind="word", cells=[row[name] for row in rows], about=str(described[name]))
                for name, title in _WORDS.items()
            ),
            *(
                Column(
                    title=title,
                    kind="text",
                    cells=[None if row[name] is None else text.interval(row, name) for row in rows],
                    about=str(described[name]),
                )
                for name, title in _SHARES.items()
            ),
            *(
                Column(title=title, kind="number", cells=[row[name] for row in rows], about=str(described[name]))
                for name, title in _NUMBERS.items()
            ),
            Column(title="Why", kind="text", cells=[row["reason"] for row in rows]),
        ],
    )
