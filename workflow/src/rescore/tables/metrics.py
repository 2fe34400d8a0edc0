"""The one table of metrics: unit, range, direction, continuity. Code, report and documentation read it from here."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What a metric's numbers mean.

    Attributes
    ----------
    name
        Its name in every table.
    title
        Its name for readers.
    unit
        Unit of a score; "" for a pure number.
    low, high
        The range of an example's score.
    higher_is_better
        Direction.
    discontinuous
        Whether an example's score jumps while the model's token probabilities move smoothly.
    link
        The scale on which its curve is tested: "logit" for a bounded score, "log" for a negative log-likelihood
        (a power law is then a straight line), None where the curve is shown and not tested.
    whole_answer
        Whether it is of the whole answer, so that all of its tokens must be right, or of a token.
    definition
        One line on how it is computed for an example.
    """

    name: str
    title: str
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool = True
    discontinuous: bool = False
    link: Literal["logit", "log"] | None = "logit"
    whole_answer: bool = False
    definition: str


_ALL = (
    Metric(
        name="exact_match",
        title="Exact match",
        discontinuous=True,
        whole_answer=True,
        definition="1 where the post-processed greedy answer equals a target (BIG-bench's exact_str_match), else 0",
    ),
    Metric(
        name="exact_match_teacher_forced",
        title="Exact match, teacher-forced",
        discontinuous=True,
        whole_answer=True,
        definition="1 where every token of the target is the model's first choice given the true tokens before it",
    ),
    Metric(
        name="nll_nats_per_token",
        title="NLL per token",
        unit="nats/token",
        high=inf,
        higher_is_better=False,
        link="log",
        definition="minus the mean log-probability of the target's tokens",
    ),
    Metric(
        name="nll_nats_per_answer",
        title="NLL per answer",
        unit="nats/answer",
        high=inf,
        higher_is_better=False,
        link="log",
        whole_answer=True,
        definition="minus the target's log-probability in full; of results that tell no number of tokens",
    ),
    Metric(
        name="nll_nats_per_byte",
        title="NLL per byte",
        unit="nats/byte",
        high=inf,
        higher_is_better=False,
        link=None,
        definition="minus the target's log-probability over its length in UTF-8 bytes; comparable across tokenizers",
    ),
    Metric(
        name="token_accuracy",
        title="Token accuracy",
        definition="share of the target's tokens that are the model's first choice given the true tokens before them",
    ),
    Metric(
        name="token_edit_distance",
        title="Token edit distance",
        higher_is_better=False,
        definition="Levenshtein distance of greedy answer and target in tokens, over the longer of the two",
    ),
    Metric(
        name="char_edit_distance",
        title="Character edit distance",
        higher_is_better=False,
        definition="Levenshtein distance of greedy answer and target in characters, over the longer of the two",
    ),
    Metric(
        name="multiple_choice_grade",
        title="Multiple-choice grade",
        discontinuous=True,
        whole_answer=True,
        definition="the target score of the choice to which the model gives the highest log-probability",
    ),
    Metric(
        name="brier_score",
        title="Brier score",
        high=2.0,
        higher_is_better=False,
        definition="sum over choices of (probability among the choices - normalised target score)^2 (Brier 1950)",
    ),
    Metric(
        name="token_probability",
        title="Token probability",
        definition="mean over the target's tokens of their probability given the true tokens before them",
    ),
    Metric(
        name="target_probability",
        title="Target probability",
        whole_answer=True,
        definition="the probability of the target's tokens, in full",
    ),
    Metric(
        name="choice_probability",
        title="Choice probability",
        whole_answer=True,
        definition="probability of the right choice among the listed; those of several right ones add",
    ),
    Metric(
        name="guess_nats_per_token",
        title="NLL of guessing",
        unit="nats/token",
        high=inf,
        higher_is_better=False,
        link=None,
        definition="NLL per token of a guesser who knows by position which tokens the other items' targets have",
    ),
    Metric(
        name="margin_nats",
        title="Margin",
        unit="nats/token",
        low=-inf,
        high=inf,
        link=None,
        definition="mean over the target's tokens of its log-probability minus that of the strongest other token",
    ),
)

METRICS: dict[str, Metric] = {m.name: m for m in _ALL}

HARD_METRICS = ("exact_match", "multiple_choice_grade")
"""The metrics in which a cliff is looked for; of these the first that a subtask has decides its label."""

REFERENCE_METRIC = "nll_nats_per_token"
"""The smooth metric every other one is held against."""

REFERENCE_METRICS = (REFERENCE_METRIC, "nll_nats_per_answer")
"""The reference, and what stands in for it on a subtask that lacks it."""

IMPORTED_METRICS = ("nll_nats_per_answer",)
"""Metrics of imported results alone: `rescore score` knows the tokens, so it has no use for them."""

STAGES = {
    "exact_match": ("token_probability", "target_probability"),
    "multiple_choice_grade": ("target_probability", "choice_probability"),
}
"""By hard metric, what lies between the likelihood and it: of a token (or the right choice), and the whole answer (or
the right choice among the listed)."""

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
"""The metrics under which a cliff may disappear. The last two are shown, and in no headline: Brier grades another
question, picking among listed choices, and target probability keeps the product of all tokens."""


def reference_metric(metrics: Iterable[str]) -> str:
    """Return which of a subtask's metrics the others are held against; `REFERENCE_METRIC` where it has none.

    >>> reference_metric(["exact_match", "nll_nats_per_answer"])
    'nll_nats_per_answer'
    """
    there = set(metrics)
    return next((metric for metric in REFERENCE_METRICS if metric in there), REFERENCE_METRIC)
