"""Other tools' names of metrics: what they are called here, and on which scale they stand."""

from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from rescore.tables import METRICS

Scale = Literal["as it is", "negative", "log", "bits"]


class Name(NamedTuple):
    """A metric's name here, and how its numbers come to be in its unit.

    With m the number and e its standard error: "negative" is -m, e; "log" is log m, e/m (delta method); "bits" is
    m log 2, e log 2.
    """

    metric: str
    scale: Scale = "as it is"


ACCURACY = frozenset({"acc", "accuracy"})
"""Of listed choices, unless the task has an `ANSWER_PERPLEXITY` too: then of the answer's tokens, all of them."""

ANSWER_PERPLEXITY = frozenset({"ppl", "perplexity"})
"""exp of the mean over examples of minus the log-probability of the answer in full."""

NAMES: dict[str, Name] = {
    **dict.fromkeys(ACCURACY, Name("multiple_choice_grade")),
    **dict.fromkeys(ANSWER_PERPLEXITY, Name("nll_nats_per_answer", "log")),
    "em": Name("exact_match"),
    "exact_str_match": Name("exact_match"),
    "answer_perplexity": Name("nll_nats_per_answer", "log"),
    "token_perplexity": Name("nll_nats_per_token", "log"),
    "word_perplexity": Name("nll_nats_per_word", "log"),
    "byte_perplexity": Name("nll_nats_per_byte", "log"),
    "bits_per_byte": Name("nll_nats_per_byte", "bits"),
    "log_likelihood": Name("nll_nats_per_answer", "negative"),
}
"""By a tool's name; any other keeps the name that it has."""

KNOWN = frozenset(NAMES) | frozenset(METRICS)

_FACTOR = {"as it is": 1.0, "negative": -1.0, "log": 1.0, "bits": float(np.log(2))}


def standard(found: pl.DataFrame) -> pl.DataFrame:
    """Give metrics their names here and numbers in their units.

    Parameters
    ----------
    found
        task, subtask, metric, value, and more; a `standard_error` goes along with `value`.

    Returns
    -------
    polars.DataFrame
        The same rows and columns, and `was`, the metric's name in the file. The logarithm of a perplexity that is not
        positive is not a number or infinite.
    """
    answer = pl.col("metric").is_in(list(ANSWER_PERPLEXITY)).any().over("task", pl.col("subtask").fill_null(""))
    metric, scale = (
        pl.col("metric").replace_strict(
            {name: new[part] for name, new in NAMES.items()}, default=default, return_dtype=pl.String
        )
        for part, default in ((0, pl.col("metric")), (1, pl.lit("as it is")))
    )
    found = found.with_columns(
        was="metric",
        metric=pl.when(pl.col("metric").is_in(list(ACCURACY)) & answer).then(pl.lit("exact_match")).otherwise(metric),
        scale=scale,
        factor=scale.replace_strict(_FACTOR, return_dtype=pl.Float64),
    )
    log = pl.col("scale") == "log"
    changed = {"value": pl.when(log).then(pl.col("value").log()).otherwise(pl.col("value") * pl.col("factor"))}
    if "standard_error" in found.columns:
        per = pl.when(log).then(1 / pl.col("value")).otherwise(pl.col("factor").abs())
        changed["standard_error"] = pl.col("standard_error") * per
    return found.with_columns(**changed).drop("scale", "factor")
