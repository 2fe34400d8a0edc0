"""How often the grader is wrong: right answers that exact match rejects, and questions without a correct choice."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import regex

from rescore.scoring.exact import exact_match
from rescore.scoring.runs import KEYS, SUBTASK_KEYS
from rescore.tables import GRADING


def grading(
    examples: pl.DataFrame,
    generations: pl.DataFrame,
    answers: pl.DataFrame,
    settings: Mapping[str, Mapping[str, Any]],
) -> pl.DataFrame:
    """Count, by subtask, the answers that hold a target and are rejected, and the questions nobody can get right.

    BIG-bench's regular expressions cut a piece out of what the model said, and it may be the wrong one (BIG-bench issue
    917: the first number of "The sum of 4 and 5 is 9."). Some of its questions have no correct choice (issue 869).

    `rejected` of the table GRADING counts the examples whose exact match is 0 though what the model `said` `holds` a
    target: answers to look at, no proven errors. A text that names the right answer and then another counts ("9, no,
    8"); a right answer in other words, in another case or after the first line does not.
    """
    texts = generations.select(*KEYS, "text")
    judged = exact_match(examples, answers, settings).join(texts, on=KEYS, how="left", maintain_order="left")
    wrong = judged.filter(pl.col("score") == 0).select(*KEYS, "text", "targets")
    held = []
    for subtask, text, targets in wrong.select("subtask", "text", "targets").iter_rows():
        answer = said(text, settings[subtask]["stop_string"])
        held.append(any(holds(answer, target) for target in targets))
    rejected = wrong.select(*KEYS, rejected=pl.Series(held, dtype=pl.Boolean))
    without_correct = (pl.col("target_scores").list.max() <= 0).fill_null(False)
    return (
        judged.join(rejected, on=KEYS, how="left", maintain_order="left")
        .group_by(SUBTASK_KEYS, maintain_order=True)
        .agg(
            n_examples=pl.len().cast(pl.Int64),
            n_text=pl.col("score").is_not_null().sum().cast(pl.Int64),
            rejected=pl.col("rejected").sum().cast(pl.Int64),
            no_correct_choice=without_correct.sum().cast(pl.Int64),
        )
        .with_columns(rejected_share=pl.when(pl.col("n_text") > 0).then(pl.col("rejected") / pl.col("n_text")))
        .select(list(GRADING.columns))
    )


def said(text: str, stop_string: str | None) -> str:
    r"""Return the part of a continuation that a reader would call the answer; the model may go on to a new question.

    This is the first piece up to a stop string (up to the end of a line, where the subtask names none) that holds more
    than white space.

    >>> said("The sum is 9.\n\nQ: What is 3 plus 4?\nA: 7", None)
    'The sum is 9.\n'
    >>> said("\n9\nQ: 3+4", "\n")
    '9\n'
    """
    stop = stop_string or "\n"
    *closed, last = text.split(stop)
    return next((piece + stop for piece in closed if piece.strip()), last)


def holds(text: str, target: str) -> bool:
    """Whether the text contains the target as a separate word, letter for letter, without white space at its ends.

    A target is no separate word next to a letter or digit ("4" in "42"); nor a number that goes on through a sign or a
    mark other than "=" ("4" in "-4", "4.5", "1,004" or "4+5", but not in "4, 5"); nor a list that goes on with the same
    joint ("a, b" in "a, b, c"). In scripts without spaces between words, too few are therefore counted.

    >>> holds("The sum of 4 and 5 is 9.", "9"), holds("29", "9"), holds("x, y, z", "x, y")
    (True, False, False)
    """
    target = target.strip()
    if not target or target not in text:
        return False
    before, after = [r"\w"], [r"\w"]
    if target[0].isdigit():
        before += [r"[-+\u2212]", r"\d[^\w\s=]"]
    if target[-1].isdigit():
        after += [r"[^\w\s=]\d"]
    for joint in set(regex.findall(r"(?<=\w)\W+(?=\w)", target)):
        if joint.strip():
            before += [r"\w" + regex.escape(joint)]
            after += [regex.escape(joint) + r"\w"]
    alone = rf"(?<!{'|'.join(before)}){regex.escape(target)}(?!{'|'.join(after)})"
    return regex.search(alone, text) is not None
