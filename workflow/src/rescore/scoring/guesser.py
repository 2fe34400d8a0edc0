"""NLL of a guesser who knows the other items' targets and nothing of the question."""

import polars as pl

from rescore.scoring.likelihood import NO_TOKEN, likeliest

ALONE = "no other item's target has as many tokens"


def guess(answered: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """NLL per token of a guesser who knows, by position, which tokens the other items' targets have.

    Let an item's likeliest target have T tokens w_1 ... w_T. Of the n other items of its subtask whose target has T
    tokens too, c_t(w) have w at position t, and V_t different tokens occur there in all n + 1 items:

    guess_nats_per_token = -1/T sum_t log[(c_t(w_t) + 1/2) / (n + V_t / 2)]

    This is a unigram by position with one half added to every count (Krichevsky and Trofimov 1981). It depends on the
    tokenizer, and on the model only through which of several targets is likeliest. Lower is a better guess; a model
    below it knows more than the format of an answer.
    """
    best = likeliest(targets.select("row", "token_ids", "total_nats"))
    group = ["model", "subtask", "T"]
    items = answered.select("model", "subtask").hstack(
        best.select("row", "token_ids", T=pl.col("token_ids").list.len())
    )
    several = items.filter(pl.col("T") > 0).filter(pl.len().over(group) > 1)
    place = [*group, "t"]
    tokens = several.with_columns(n=pl.len().over(group) - 1, t=pl.int_ranges(pl.col("T"))).explode("token_ids", "t")
    counts = tokens.group_by(*place, "token_ids", "n").len("c")
    rates = counts.select(
        *place,
        "token_ids",
        nats=-((pl.col("c") - 0.5) / (pl.col("n") + pl.len().over(place) / 2)).log(),  # of the others: c - 1, plus 1/2
    )
    scores = tokens.join(rates, on=[*place, "token_ids"]).group_by("row").agg(score=pl.col("nats").mean())
    reason = (
        pl.when(pl.col("T").fill_null(0) == 0)
        .then(pl.lit(NO_TOKEN))
        .when(pl.col("score").is_null())
        .then(pl.lit(ALONE))
    )
    return items.join(scores, on="row", how="left", maintain_order="left").select(
        metric=pl.lit("guess_nats_per_token"), score="score", reason=reason
    )
