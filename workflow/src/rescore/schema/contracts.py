"""The parquet tables between the stages: their columns in order, and which of them may hold nulls."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from rescore.schema.metrics import SOFT_METRICS


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

POSITIONS = Table(
    "positions",
    {
        "model": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "position": pl.Int64,  # of the token in the answer, from 1
        "n_items": pl.Int64,  # whose answer is as long
        "accuracy": pl.Float64,
        "probability_mean": pl.Float64,
    },
)

_CORRELATED = ("token_correlation", "token_correlation_low", "token_correlation_high")
_RATIO = ("ratio", "ratio_low", "ratio_high")

TOKEN_ERRORS = Table(
    "token_errors",
    {
        "model": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "n_items": pl.Int64,  # with a token
        "answer_tokens_mean": pl.Float64,
        **dict.fromkeys(_CORRELATED, pl.Float64),
        "all_right": pl.Float64,
        "all_right_if_independent": pl.Float64,
        **dict.fromkeys(_RATIO, pl.Float64),
        "reason": pl.String,
    },
    frozenset({"answer_tokens_mean", "all_right", "all_right_if_independent", *_CORRELATED, *_RATIO, "reason"}),
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

_SHAPES = tuple(f"{score}{end}" for score in ("emergence_score", "linearity") for end in ("", "_low", "_high"))

VERDICTS = Table(
    "verdicts",
    {
        "ladder": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "metric": pl.String,
        "verdict": pl.String,
        "route": pl.String,
        "reason": pl.String,
        "axis": pl.String,  # the ladder's column that x is, log10: of `decades`, `jump_log10_x`, `kink_log10_x`
        "n_rungs": pl.Int64,
        "decades": pl.Float64,
        "n_items": pl.Int64,
        "chance": pl.Float64,  # what guessing scores; where it is given, all but the means is of the score above it
        "first_mean": pl.Float64,
        "last_mean": pl.Float64,
        "rise": pl.Float64,
        "trend_sign": pl.Int64,
        "p_trend": pl.Float64,
        "q_trend": pl.Float64,
        "p_cliff": pl.Float64,
        "q_cliff": pl.Float64,
        "p_jump": pl.Float64,
        "p_jump_share": pl.Float64,
        "jump_share": pl.Float64,
        "jump_share_low": pl.Float64,
        "jump_share_high": pl.Float64,
        "jump_log10_x": pl.Float64,
        "p_onset_share": pl.Float64,
        "onset_share": pl.Float64,
        "onset_share_low": pl.Float64,
        "onset_share_high": pl.Float64,
        "p_kink": pl.Float64,
        "p_kink_share": pl.Float64,
        "kink_log10_x": pl.Float64,
        "p_edge": pl.Float64,
        "edge_jump": pl.Boolean,
        "p_rise": pl.Float64,
        "p_amplification": pl.Float64,
        "amplification": pl.Float64,
        "rung_noise_scale": pl.Float64,
        **dict.fromkeys(_SHAPES, pl.Float64),
    },
    frozenset(
        {
            "route",
            "reason",
            "n_items",
            "chance",
            "first_mean",
            "last_mean",
            "rise",
            "trend_sign",
            "p_trend",
            "q_trend",
            "p_cliff",
            "q_cliff",
            "p_jump",
            "p_jump_share",
            "jump_share",
            "jump_share_low",
            "jump_share_high",
            "jump_log10_x",
            "p_onset_share",
            "onset_share",
            "onset_share_low",
            "onset_share_high",
            "p_kink",
            "p_kink_share",
            "kink_log10_x",
            "p_edge",
            "edge_jump",
            "p_rise",
            "p_amplification",
            "amplification",
            "rung_noise_scale",
            *_SHAPES,
        }
    ),
)

HEADLINE = Table(
    "headline",
    {
        "metric": pl.String,
        "cliffs": pl.Int64,
        "disappear": pl.Int64,
        "share": pl.Float64,
        "share_low": pl.Float64,
        "share_high": pl.Float64,
    },
    frozenset({"share", "share_low", "share_high"}),
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

CLIFFS = Table(
    "cliffs",
    {
        "ladder": pl.String,
        "task": pl.String,
        "subtask": pl.String,
        "hard_metric": pl.String,
        "hard_verdict": pl.String,
        "label": pl.String,
        "reason": pl.String,
        "cliff_metrics": pl.String,
        "p_gain_below_cliff": pl.Float64,
        **{f"under_{metric}": pl.String for metric in SOFT_METRICS},
    },
    frozenset({"hard_metric", "hard_verdict", "reason", "p_gain_below_cliff", *(f"under_{m}" for m in SOFT_METRICS)}),
)
