"""What the page says of grading: right answers that are rejected, no correct choice, errors that go together."""

from typing import NamedTuple

import polars as pl

from rescore.report import text
from rescore.tables import count


class Grader(NamedTuple):
    """The line of a subtask, and the larger of its two shares, by which subtasks are listed."""

    line: str
    worst_share: float


def grader(grading: pl.DataFrame) -> Grader | None:
    """Say from a subtask's rows of GRADING how often the grader is wrong; None where it is not.

    The worst model has the highest share, of equals the first by name.
    """
    if grading.is_empty():
        return None
    worst = grading.sort("rejected_share", "model", descending=[True, False], nulls_last=True).row(0, named=True)
    rejected, no_correct, n = worst["rejected"], worst["no_correct_choice"], worst["n_examples"]
    said = []
    if rejected:
        verbs = ("holds", "is") if rejected == 1 else ("hold", "are")
        said.append(
            f"{rejected:,} of {count(worst['n_text'], 'answer')} of {worst['model']} {verbs[0]} the right answer "
            f"and {verbs[1]} rejected (worst model)"
        )
    if no_correct:
        said.append(
            f"{no_correct:,} of {count(n, 'question')} {'has' if no_correct == 1 else 'have'} no correct choice"
        )
    if not said:
        return None
    return Grader(f"Grader: {'; '.join(said)}.", max(worst["rejected_share"] or 0.0, no_correct / n))


def tokens_line(positions: pl.DataFrame) -> str | None:
    """Say from a subtask's rows of POSITIONS whether errors at the tokens of an answer go together; None if unknown."""
    told = positions.filter(pl.col("position") == 1).drop_nulls("token_correlation_low")
    if told.is_empty():
        return None
    above = told.filter(pl.col("token_correlation_low") > 0).height
    below = told.filter(pl.col("token_correlation_high") < 0).height
    median = told.select(pl.col("token_correlation").median().round(2) + 0.0).item()  # no -0
    return (
        f"Errors at the tokens of an answer have a median correlation of {text.number(median)} over "
        f"{count(told.height, 'model')} (0: independent, 1: all right or all wrong); its 95% interval is above 0 in "
        f"{above} of them and below 0 in {below}."
    )
