"""The list of metrics, metrics.tsv: unit, range, direction, continuity. Code, report and documentation read it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from rescore.tables.contracts import read_list


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What a metric's numbers mean; `title` and `definition` (of an example's score) are for readers.

    Attributes
    ----------
    unit, low, high
        Of an example's score; "" for a pure number.
    discontinuous
        Whether an example's score jumps while the model's token probabilities move smoothly.
    link
        The scale on which its curve is tested: "logit" for a bounded score, "log" for a negative log-likelihood
        (a power law is then a straight line), None where the curve is shown and not tested.
    whole_answer
        Whether it is of the whole answer, so that all of its tokens must be right, or of a token.
    """

    name: str
    title: str
    unit: str
    low: float
    high: float
    higher_is_better: bool
    discontinuous: bool
    link: Literal["logit", "log"] | None
    whole_answer: bool
    definition: str


def _metric(cells: Mapping[str, str]) -> Metric:
    return Metric(
        name=cells["metric"],
        title=cells["title"],
        unit=cells["unit"],
        low=float(cells["low"]),
        high=float(cells["high"]),
        higher_is_better=cells["better"] == "higher",
        discontinuous=cells["discontinuous"] == "yes",
        link={"logit": "logit", "log": "log", "": None}[cells["link"]],
        whole_answer=cells["whole_answer"] == "yes",
        definition=cells["definition"],
    )


METRICS: dict[str, Metric] = {row["metric"]: _metric(row) for row in read_list("metrics.tsv")}

HARD_METRICS = ("exact_match", "multiple_choice_grade")
"""The metrics that may have cliffs. The first of them that a subtask has decides its label."""

REFERENCE_METRIC = "nll_nats_per_token"
"""The smooth metric that all others are compared with."""

REFERENCE_METRICS = (REFERENCE_METRIC, "nll_nats_per_answer")
"""The reference, and its substitute on a subtask that lacks it."""

IMPORTED_METRICS = ("nll_nats_per_answer",)
"""Metrics that only imported results have: `rescore score` knows the tokens, so it does not need them."""

STAGES = {
    "exact_match": ("token_probability", "target_probability"),
    "multiple_choice_grade": ("target_probability", "choice_probability"),
}
"""By hard metric, the two stages between the likelihood and it: of a token (or the right choice), and of the whole
answer (or the right choice among the listed)."""

GUESS_METRIC = "guess_nats_per_token"
"""What guessing scores under the reference metric."""

HEADLINE_METRICS = (
    "nll_nats_per_token",
    "nll_nats_per_answer",
    "token_accuracy",
    "token_edit_distance",
    "char_edit_distance",
)
"""The soft metrics of the headline, the reference first."""

SOFT_METRICS = (*HEADLINE_METRICS, "brier_score", "target_probability")
"""The metrics under which a cliff may disappear. The last two are in no headline: Brier score grades another question,
the pick among listed choices, and target probability keeps the product over all tokens."""


def reference_metric(metrics: Iterable[str]) -> str:
    """Return the metric of a subtask that the others are compared with; `REFERENCE_METRIC` if it has none.

    >>> reference_metric(["exact_match", "nll_nats_per_answer"])
    'nll_nats_per_answer'
    """
    there = set(metrics)
    return next((metric for metric in REFERENCE_METRICS if metric in there), REFERENCE_METRIC)
