"""What guessing scores: drawn as a line, since progress starts at the first rung whatever it is."""

from collections.abc import Mapping

import polars as pl

GUESSED = ("exact_match", "multiple_choice_grade", "token_accuracy")
"""The metrics of which chance may be told."""

Chances = Mapping[tuple[str, str, str], float]
"""Chance by task, subtask and metric."""


def chances(examples: pl.DataFrame) -> dict[tuple[str, str, str], float]:
    """Return what guessing among the listed choices scores under multiple-choice grade.

    The mean over a subtask's examples of the mean target score of their choices. Examples without choices do not count;
    a subtask without any, or in which every choice is right, has no entry.

    Parameters
    ----------
    examples
        The table EXAMPLES, of one task or several.

    Examples
    --------
    >>> choices = {"target_scores": [[1.0, 0.0], [0.0, 0.0, 1.0, 0.0], None]}
    >>> chances(pl.DataFrame({"task": "t", "subtask": "t", **choices}))  # (1/2 + 1/4) / 2
    {('t', 't', 'multiple_choice_grade'): 0.375}
    """
    guess = examples.group_by("task", "subtask").agg(chance=pl.col("target_scores").list.mean().mean())
    known = guess.filter((pl.col("chance") >= 0) & (pl.col("chance") < 1)).sort("task", "subtask")
    return {(task, subtask, "multiple_choice_grade"): chance for task, subtask, chance in known.iter_rows()}
