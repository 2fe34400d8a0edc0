"""The tokens of each answer that are right, and accuracy by position in the answer."""

import polars as pl

from rescore.scoring.likelihood import RIGHT_TOKENS, TOTAL_NATS, likeliest
from rescore.scoring.runs import KEYS, SUBTASK_KEYS, filled, placed
from rescore.scoring.token_errors import token_errors
from rescore.tables import POSITIONS


def answer_tokens(examples: pl.DataFrame, extractions: pl.DataFrame) -> pl.DataFrame:
    """Say which tokens of each example's likeliest target are right, the target that NLL and token accuracy look at.

    Returns model, task, subtask, right (a list of 0 and 1, empty where no target has a token).
    """
    targets = extractions.filter("is_target").select(*KEYS, right=RIGHT_TOKENS, total_nats=TOTAL_NATS)
    best = likeliest(targets.pipe(placed, examples).pipe(filled, examples.height))
    return examples.select(SUBTASK_KEYS).hstack(best.select(pl.col("right").fill_null([])))


def positions(answers: pl.DataFrame) -> pl.DataFrame:
    """Accuracy of the first token of the answers, of the second, and so on, given the true tokens before it.

    Each is a mean over the answers that are as long. `answers` is as `answer_tokens` returns them. Returns the table
    POSITIONS; the columns of `token_errors` are the same in all rows of a subtask.
    """
    with_tokens = answers.filter(pl.col("right").list.len() > 0)
    tokens = with_tokens.with_columns(position=pl.int_ranges(1, pl.col("right").list.len() + 1))
    by_position = (
        tokens.explode("right", "position")
        .group_by(*SUBTASK_KEYS, "position", maintain_order=True)
        .agg(n_items=pl.len().cast(pl.Int64), accuracy=pl.col("right").mean())
        .cast({"model": pl.String})
    )
    together = token_errors(with_tokens)
    return together.join(by_position, on=SUBTASK_KEYS, maintain_order="left_right").select(list(POSITIONS.columns))
