"""The tokens of each answer that are right, and accuracy and probability by position in the answer."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from rescore.scoring.likelihood import TOTAL_NATS, likeliest
from rescore.scoring.runs import KEYS, SUBTASK_KEYS, filled, placed
from rescore.scoring.token_errors import DEPENDENCE, token_errors
from rescore.tables import POSITIONS


def answer_tokens(examples: pl.DataFrame, extractions: pl.DataFrame) -> pl.DataFrame:
    """Take the tokens of each example's likeliest target, the one that NLL and token accuracy look at.

    A token is right where it is the model's first choice given the true tokens before it, as for token_accuracy.

    Parameters
    ----------
    examples, extractions
        As `rescore.tables.EXAMPLES` and `EXTRACTIONS`, with `model`: the examples once for each.

    Returns
    -------
    polars.DataFrame
        model, task, subtask, right (a list of 0 and 1), logprob_nats (a list): one row an example, in their order. The
        lists are empty where no target has a token.
    """
    targets = extractions.filter("is_target").select(
        *(*KEYS, "logprob_nats"),
        right=(pl.col("argmax_ids") - pl.col("token_ids")).list.eval((pl.element() == 0).cast(pl.Int8)),
        total_nats=TOTAL_NATS,
    )
    best = likeliest(targets.pipe(placed, examples).pipe(filled, examples.height))
    lists = [pl.col("right").fill_null([]), pl.col("logprob_nats").fill_null([])]
    return examples.select(SUBTASK_KEYS).hstack(best.select(lists))


def positions(answers: pl.DataFrame) -> pl.DataFrame:
    """Accuracy and mean probability of the first token of the answers, of the second, and so on.

    Both given the true tokens before (teacher forcing), means over the answers that are as long; higher is better.
    Those of late positions are of the long answers alone.

    Parameters
    ----------
    answers
        As `answer_tokens` gives them.

    Returns
    -------
    polars.DataFrame
        As `rescore.tables.POSITIONS`, one row per model, subtask and position, counted from 1. What `token_errors` says
        of an answer's tokens together is the same in all rows of a subtask.
    """
    told = answers.filter(pl.col("right").list.len() > 0)
    rows = [POSITIONS.empty().drop(list(DEPENDENCE)), *_positions(told)]
    together = token_errors(told)
    found = pl.concat(rows).join(together, on=SUBTASK_KEYS, how="left", maintain_order="left")
    return found.select(list(POSITIONS.columns))


def _positions(answers: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for names, mine in answers.partition_by(SUBTASK_KEYS, as_dict=True, maintain_order=True).items():
        lengths = mine["right"].list.len().to_numpy().astype(np.int64)  # [items]
        place = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # [tokens]
        n = np.bincount(place)  # [positions]
        probability = np.exp(mine["logprob_nats"].explode().to_numpy().astype(float))  # [tokens]
        yield pl.DataFrame(
            {
                **dict(zip(SUBTASK_KEYS, names, strict=True)),
                "position": np.arange(1, len(n) + 1),
                "n_items": n,
                "accuracy": np.bincount(place, mine["right"].explode().to_numpy()) / n,
                "probability_mean": np.bincount(place, probability) / n,
            }
        )
