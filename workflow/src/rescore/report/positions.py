"""What the page says of an answer's tokens: accuracy by position as a heat map, and whether errors go together."""

from collections.abc import Sequence

import altair as alt
import polars as pl

from rescore.report import text
from rescore.report.along import Along

POSITIONS = "positions"
"""The chart, and the name under which the page gives it its rows."""

_SHOWN = 24  # positions; a page of a thousand subtasks stays small, and a square as high as a letter


def accuracies(positions: pl.DataFrame, order: Sequence[str]) -> list[list[float] | None]:
    """Return each model's accuracy at the first positions, in the order of the models; null of a model without.

    Parameters
    ----------
    positions
        Rows of POSITIONS of one subtask.
    order
        Models.

    Returns
    -------
    list
        Empty where answers are a single token, which needs no chart.
    """
    if positions.filter(pl.col("position") > 1).is_empty():
        return []
    shown = positions.filter(pl.col("position") <= _SHOWN).sort("position")
    of_model = dict(shown.group_by("model").agg(pl.col("accuracy").round(3)).iter_rows())
    return [of_model.get(model) for model in order]


def line(positions: pl.DataFrame) -> str | None:
    """Say whether a subtask's errors go together; None where no model tells it.

    Parameters
    ----------
    positions
        Rows of POSITIONS of one subtask.
    """
    told = positions.filter(pl.col("position") == 1).drop_nulls("token_correlation_low")
    if told.is_empty():
        return None
    above = told.filter(pl.col("token_correlation_low") > 0).height
    below = told.filter(pl.col("token_correlation_high") < 0).height
    median = told.select(pl.col("token_correlation").median().round(2) + 0.0).item()  # no -0
    models = f"{told.height} model{'' if told.height == 1 else 's'}"
    return (
        f"Errors at the tokens of an answer: median correlation {text.number(median)} over {models} "
        f"(0: independent, 1: all right or all wrong); the 95% interval is above 0 in {above}, below 0 in {below}."
    )


def chart(along: Along) -> alt.Chart:
    """Draw accuracy by position in the answer and by rung, the mean of a rung's models; rows as the page makes them."""
    rung, accuracy = f"{along.column}:O", "mean(accuracy):Q"
    label = f"replace(format(datum.value, '{'.3~g' if along.falls else '.0e'}'), '+', '')"
    drawn: alt.Chart = (
        alt.Chart(alt.NamedData(POSITIONS))
        .mark_rect()
        .encode(
            x=alt.X(rung)
            .title(along.title)
            .sort("descending" if along.falls else "ascending")
            .axis(labelExpr=label, labelAngle=0, labelOverlap="greedy", labelSeparation=6),
            y=alt.Y("position:O").title("Token of the answer").axis(labelOverlap="greedy"),
            color=alt.Color(accuracy).scale(domain=[0, 1], scheme="viridis").legend(title=None, format=".0%"),
            tooltip=[
                alt.Tooltip(rung, title=along.title[0], format=".3~g"),
                alt.Tooltip("position:O", title="token"),
                alt.Tooltip(accuracy, title="accuracy", format=".3~g"),
            ],
        )
        .properties(title=alt.TitleParams("Accuracy by token", subtitle="given the true tokens before it"))
    )
    return drawn
