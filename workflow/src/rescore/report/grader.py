"""What the page says of the grader: right answers it rejects, and questions without a correct choice."""

from typing import NamedTuple

import polars as pl


class Grader(NamedTuple):
    """The line of a subtask, and the larger of its two shares, by which subtasks are listed."""

    line: str
    worst_share: float


def grader(grading: pl.DataFrame) -> Grader | None:
    """Say how often the grader is wrong on a subtask; None where it is not.

    Parameters
    ----------
    grading
        Rows of GRADING, one a model. The worst model has the highest share, of equals the first by name.
    """
    if grading.is_empty():
        return None
    worst = grading.sort("rejected_share", "model", descending=[True, False], nulls_last=True).row(0, named=True)
    rejected, no_correct, n = worst["rejected"], worst["no_correct_choice"], worst["n_examples"]
    said = []
    if rejected:
        verbs = ("holds", "is") if rejected == 1 else ("hold", "are")
        said.append(
            f"{rejected:,} of {worst['n_text']:,} answers of {worst['model']} {verbs[0]} the right answer and "
            f"{verbs[1]} rejected (worst model)"
        )
    if no_correct:
        said.append(f"{no_correct:,} of {n:,} items {'has' if no_correct == 1 else 'have'} no correct choice")
    if not said:
        return None
    return Grader(f"Grader: {'; '.join(said)}.", max(worst["rejected_share"] or 0.0, no_correct / n))
