"""The parquet tables between the stages: their columns in order, and which of them may hold nulls."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from rescore.tables.metrics import SOFT_METRICS


@dataclass(frozen=True)
class Table:
    """A table's name, its columns in order, and which of them may hold nulls."""

    name: str
    columns: Mapping[str, pl.DataType | type[pl.DataType]]
    nullable: frozenset[str] = frozenset()

    def empty(self) -> pl.DataFrame:
        """Return the table without a row."""
        return pl.DataFrame(schema=dict(self.columns))


EXAMPLES = Table(
    "examples",
    {
        "task": pl.String,
        "subtask": pl.String,
        "example_id": pl.Int64,
        "prompt": pl.String,
        "targets": pl.List(pl.String),
        "choices": pl.List(pl.String),
        "target_scores": pl.List(pl.Float64),
        "shots": pl.Int64,
        "seed": pl.Int64,
    },
    frozenset({"choices", "target_scores"}),
)

EXTRACTIONS = Table(
    "extractions",
    {
        "subtask": pl.String,
        "example_id": pl.Int64,
        "candidate": pl.String,
        "is_target": pl.Boolean,
        "is_choice": pl.Boolean,
        "token_ids": pl.List(pl.Int32),
        "logprob_nats": pl.List(pl.Float32),
        "argmax_ids": pl.List(pl.Int32),
        "best_other_logprob_nats": pl.List(pl.Float32),
    },
)

GENERATIONS = Table(
    "generations",
    {
        "subtask": pl.String,
        "example_id": pl.Int64,
        "token_ids": pl.List(pl.Int32),
        "text": pl.String,
        "span_ids": pl.List(pl.Int32),  # `text` in tokens as a candidate's are counted: cut from those of prompt + text
        "span_ends": pl.List(pl.Int32),  # characters of `text` up to and with each of them
        "finish_reason": pl.String,
        "logprob_nats": pl.List(pl.Float32),
    },
)

SCORES = Table(
    "scores",
    {
        "model": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "example_id": pl.Int64,
        "metric": pl.String,
        "score": pl.Float64,
        "reason": pl.String,
    },
    frozenset({"score", "reason"}),
)

AGGREGATES = Table(
    "aggregates",
    {
        "model": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "metric": pl.String,
        "mean": pl.Float64,
        "standard_error": pl.Float64,  # null where neither given nor to be had from n
        "n": pl.Int64,
        "chance": pl.Float64,  # what guessing scores under this metric; null where unknown
    },
    frozenset({"standard_error", "n", "chance"}),
)

BIGBENCH = Table(
    "bigbench",
    {
        "model": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "metric": pl.String,
        "value": pl.Float64,
        "standard_error": pl.Float64,
        "n": pl.Int64,
        "normalized": pl.Float64,
        "reason": pl.String,
    },
    frozenset({"value", "standard_error", "normalized", "reason"}),
)

GRADING = Table(
    "grading",
    {
        "model": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "n_examples": pl.Int64,
        "n_text": pl.Int64,  # examples with a post-processed answer that exact match judges
        "rejected": pl.Int64,  # of n_text: exact match is 0, yet a target stands in the greedy text
        "rejected_share": pl.Float64,
        "no_correct_choice": pl.Int64,  # examples with choices of which none scores above 0: the same for every model
    },
    frozenset({"rejected_share"}),
)


def interval_columns(*names: str) -> tuple[str, ...]:
    """Name numbers with both ends of their intervals."""
    return tuple(f"{name}{end}" for name in names for end in ("", "_low", "_high"))


_DEPENDENCE = interval_columns("token_correlation")

POSITIONS = Table(
    "positions",
    {
        "model": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "position": pl.Int64,  # of the token in the answer, from 1
        "n_items": pl.Int64,  # whose answer is as long
        "accuracy": pl.Float64,
        **dict.fromkeys(_DEPENDENCE, pl.Float64),  # of the answer's tokens together: the same in all rows of a subtask
        "dependence_reason": pl.String,
    },
    frozenset({*_DEPENDENCE, "dependence_reason"}),
)

CURVES = Table(
    "curves",
    {
        "ladder": pl.String,
        "model": pl.String,
        "compute_flops": pl.Float64,
        "n_params": pl.Float64,  # these three are null where the ladder does not say
        "pretraining_loss_nats": pl.Float64,
        "task": pl.String,
        "subtask": pl.String,
        "metric": pl.String,
        "mean": pl.Float64,
        "standard_error": pl.Float64,
        "n": pl.Int64,  # null where an aggregate does not say
    },
    frozenset({"compute_flops", "n_params", "pretraining_loss_nats", "mean", "standard_error", "n"}),
)

_SHAPES = interval_columns("onset", "largest_gap", "emergence_score", "linearity")
_JUDGED = ("first_mean", "last_mean", "rise", "p_cliff", "chance", "zero_of_n_upper_bound", *_SHAPES)

VERDICTS = Table(
    "verdicts",
    {
        "ladder": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "metric": pl.String,
        "verdict": pl.String,
        "reason": pl.String,
        "axis": pl.String,  # the ladder's column that curves run along, log10
        "n_rungs": pl.Int64,
        "decades": pl.Float64,
        "n_items": pl.Int64,
        "zero_of_n_upper_bound": pl.Float64,
        "chance": pl.Float64,  # what guessing scores
        "first_mean": pl.Float64,
        "last_mean": pl.Float64,
        "rise": pl.Float64,
        "p_cliff": pl.Float64,
        **dict.fromkeys(_SHAPES, pl.Float64),
    },
    frozenset({"n_items", *_JUDGED}),
)

_SHARES = ("share_low", "share_high", *interval_columns("share_of_decided"))

HEADLINE = Table(
    "headline",
    {
        "question": pl.String,  # cliff, metric_makes_it, skill_broke, or under_METRIC
        "asked": pl.Int64,
        "yes": pl.Int64,
        "no": pl.Int64,
        "open": pl.Int64,
        "expected_false": pl.Float64,
        **dict.fromkeys(_SHARES, pl.Float64),
    },
    frozenset(_SHARES),
)

CONCENTRATION = Table(
    "concentration",
    {
        "group": pl.String,
        "tasks": pl.Int64,
        "hard_preferred": pl.Int64,  # tasks of which every leaf prefers exact match or multiple-choice grade
        "mixed": pl.Int64,  # tasks of which some leaves do and some do not
        "share": pl.Float64,
        "share_low": pl.Float64,
        "share_high": pl.Float64,
        "odds_ratio": pl.Float64,
        "p_fisher": pl.Float64,
    },
    frozenset({"share", "share_low", "share_high", "odds_ratio", "p_fisher"}),
)

_EFFECTS = interval_columns(
    "metric_share", "chain_share", "hidden_progress", "acceleration", "acceleration_factor", "window_decades"
)
_WATERFALL = ("likelihood_part", "probability_part", "answer_part", "argmax_part")
_PLACES = ("window_start_log10_x", *interval_columns("half_log10_x"), "window_end_log10_x")
_BREAK = (*interval_columns("break_contrast"), "break_log10_x", "synchrony")
_CHANCES = ("p_cliff", "p_metric", "p_skill")
_AT_ENDS = ("answer_tokens", "guess_nats", "likelihood_first", "likelihood_last")
_REPLIES = ("cliff", "metric_makes_it", "skill_broke")

CLIFFS = Table(
    "cliffs",
    {
        "ladder": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "hard_metric": pl.String,
        **dict.fromkeys(_REPLIES, pl.String),
        "label": pl.String,
        "reason": pl.String,
        **dict.fromkeys(_EFFECTS, pl.Float64),
        **dict.fromkeys(_WATERFALL, pl.Float64),
        **dict.fromkeys(_CHANCES, pl.Float64),
        "seeds": pl.String,
        "seed_rho": pl.Float64,
        **{f"under_{metric}": pl.String for metric in SOFT_METRICS},
        **dict.fromkeys(_PLACES, pl.Float64),
        "rungs_in_window": pl.Int64,
        **dict.fromkeys(_BREAK, pl.Float64),
        **dict.fromkeys(_AT_ENDS, pl.Float64),
        "got_worse_first": pl.Boolean,
        "architecture": pl.String,
    },
    frozenset(
        {"hard_metric", *_REPLIES, *_EFFECTS, *_WATERFALL, *_CHANCES, "seeds", "seed_rho", *_PLACES, *_BREAK, *_AT_ENDS}
        | {f"under_{metric}" for metric in SOFT_METRICS}
        | {"rungs_in_window", "got_worse_first", "architecture"}
    ),
)
