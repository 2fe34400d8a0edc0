"""What the model's probabilities say of the likeliest target."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from rescore.scoring.runs import Runs

NO_TOKEN = "the target has no token"  # noqa: S105 - a reason, no secret

TOTAL_NATS = pl.when(pl.col("logprob_nats").list.len() > 0).then(
    pl.col("logprob_nats").cast(pl.List(pl.Float64)).list.sum()
)
"""Log-probability of a candidate's tokens together, summed in double precision; null where it has no token."""

RIGHT_TOKENS = (pl.col("argmax_ids") - pl.col("token_ids")).list.eval((pl.element() == 0).cast(pl.Int8))
"""By token of a candidate, 1 where it is the model's first choice given the true tokens before it, else 0."""


def likeliest(targets: pl.DataFrame) -> pl.DataFrame:
    """Keep each example's likeliest target, the first of equals; `targets` has row and total_nats, by row."""
    rank = targets["total_nats"].fill_null(-np.inf).to_numpy()
    return targets[Runs.of(targets["row"]).best(rank)]


def metrics(targets: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """NLL per token and byte, token accuracy, probabilities and margin of each example's likeliest target.

    With l_t the log-probability of target token t (nats), m_t that of the strongest other token, T tokens, B bytes:

    - nll_nats_per_token = -sum l_t / T, lower is better;
    - nll_nats_per_byte = -sum l_t / B, lower is better, comparable across tokenizers;
    - token_accuracy = share of t that are the model's first choice (Schaeffer et al. 2023), higher is better;
    - token_probability = mean of exp(l_t), higher is better;
    - target_probability = exp(sum l_t), higher is better: the probability that an answer drawn from the model is right;
    - margin_nats = sum (l_t - m_t) / T, higher is better.

    Each is a mean over examples when aggregated: tokens of a long answer weigh less than those of a short one.
    """
    best = likeliest(targets)
    n_tokens = pl.col("token_ids").list.len()
    others = pl.col("best_other_logprob_nats").cast(pl.List(pl.Float64)).list.sum()
    scores = {
        "nll_nats_per_token": -pl.col("total_nats") / n_tokens,
        "nll_nats_per_byte": -pl.col("total_nats") / pl.col("candidate").str.len_bytes(),
        "token_accuracy": pl.col("token_accuracy"),
        "token_probability": pl.col("logprob_nats").cast(pl.List(pl.Float64)).list.eval(pl.element().exp()).list.mean(),
        "target_probability": pl.col("total_nats").exp(),
        "margin_nats": (pl.col("total_nats") - others) / n_tokens,
    }
    reason = pl.when(pl.col("total_nats").is_null()).then(pl.lit(NO_TOKEN))
    for metric, score in scores.items():
        yield best.select(metric=pl.lit(metric), score=score, reason=reason)
