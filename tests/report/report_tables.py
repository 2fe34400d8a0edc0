"""Hand-made tables: a task whose cliff is a mirage, and a choice task without exact match."""

from types import SimpleNamespace
from typing import Any

import polars as pl

from rescore.tables import CLIFFS, CURVES, HEADLINE, VERDICTS

WORDS = ("nano", "words", "words")
CHOICES = ("nano", "choices", "choices:age")
MODELS = (("small-0", 1e16), ("small-1", 1e16), ("middle", 1e18), ("large", 1e20))
PLACES = {  # n_params, pretraining_loss_nats
    "small-0": (1e6, 4.0),
    "small-1": (1e6, 4.0),
    "middle": (1e7, 8**0.5),
    "large": (1e8, 2.0),
}

CURVE = {
    (WORDS, "exact_match"): [(0.0, 0.0), (0.1, 0.03), (0.5, 0.05), (0.98, 0.02)],
    (WORDS, "nll_nats_per_token"): [(4.0, 0.2), (3.0, 0.2), (1.0, 0.1), (0.25, 0.05)],
    (WORDS, "token_edit_distance"): [(0.9, 0.02), (0.8, 0.02), (0.4, None), (None, None)],
    (CHOICES, "exact_match"): [(None, None)] * 4,
    (CHOICES, "multiple_choice_grade"): [(0.2, 0.04), (0.3, 0.04), (0.6, 0.05), (0.7, 0.05)],
    (CHOICES, "nll_nats_per_token"): [(2.0, 0.1), (2.0, 0.1), (1.5, 0.1), (1.25, 0.1)],
    (CHOICES, "brier_score"): [(1.5, 0.1), (1.5, 0.1), (0.75, 0.05), (0.5, 0.05)],
}


def curve_rows(key: tuple[str, str, str], metric: str, points: list[tuple[float | None, float | None]]) -> pl.DataFrame:
    """Return the rows of one curve, a point a model."""
    ladder, task, subtask = key
    rows = [
        (ladder, model, compute, *PLACES[model], task, subtask, metric, mean, error, 64)
        for (model, compute), (mean, error) in zip(MODELS, points, strict=True)
    ]
    return pl.DataFrame(rows, schema=dict(CURVES.columns), orient="row")


def verdict_row(key: tuple[str, str, str], metric: str, verdict: str, **values: Any) -> pl.DataFrame:
    """Return one row of VERDICTS, null where not given."""
    needed = {"axis": "compute_flops", "n_rungs": 3, "decades": 4.0, "n_items": 64}
    needed |= {"metric": metric, "verdict": verdict}
    row = (
        dict.fromkeys(VERDICTS.columns)
        | {"reason": ""}
        | needed
        | dict(zip(("ladder", "task", "subtask"), key, strict=True))
    )
    return pl.DataFrame([row | values], schema=dict(VERDICTS.columns))


def cliff_row(key: tuple[str, str, str], label: str, **values: Any) -> pl.DataFrame:
    """Return one row of CLIFFS, null where not given."""
    row = dict.fromkeys(CLIFFS.columns) | {"label": label, "reason": ""}
    row |= dict(zip(("ladder", "task", "subtask"), key, strict=True))
    return pl.DataFrame([row | values], schema=dict(CLIFFS.columns))


def headline_row(question: str, yes: int, no: int, undecided: int, false: float = 0.0) -> dict[str, Any]:
    """Return one row of HEADLINE, without the shares of the decided."""
    asked = yes + no + undecided
    counts = {"question": question, "asked": asked, "yes": yes, "no": no, "open": undecided, "expected_false": false}
    shares = {"share_low": yes / asked, "share_high": (yes + undecided) / asked} if asked else {}
    return dict.fromkeys(HEADLINE.columns) | counts | shares


def make_tables() -> SimpleNamespace:
    """Return the four frames that the report reads."""
    share = {"metric_share": 0.625, "metric_share_low": 0.5, "metric_share_high": 0.75}
    factor = {"acceleration_factor": 1.25, "acceleration_factor_low": 1.0, "acceleration_factor_high": float("inf")}
    return SimpleNamespace(
        curves=pl.concat([curve_rows(key, metric, points) for (key, metric), points in CURVE.items()]),
        verdicts=pl.concat(
            [
                verdict_row(WORDS, "exact_match", "cliff", first_mean=0.05, last_mean=0.98, p_cliff=0.9876543219),
                verdict_row(WORDS, "nll_nats_per_token", "smooth", first_mean=3.5, last_mean=0.25, p_cliff=0.25),
                verdict_row(WORDS, "token_edit_distance", "open", reason="two rungs < five"),
                verdict_row(CHOICES, "multiple_choice_grade", "smooth", first_mean=0.25, last_mean=0.7, p_cliff=0.5),
                verdict_row(CHOICES, "nll_nats_per_token", "inverse", first_mean=2.0, last_mean=1.25),
                verdict_row(CHOICES, "brier_score", "saturated", first_mean=1.5, last_mean=0.5),
                verdict_row(CHOICES, "bleu", "cliff", p_cliff=1.0),
            ]
        ),
        cliffs=pl.concat(
            [
                cliff_row(CHOICES, "no cliff", hard_metric="multiple_choice_grade", cliff="no", reason="no <cliff>"),
                cliff_row(
                    WORDS,
                    "mirage",
                    hard_metric="exact_match",
                    cliff="yes",
                    metric_makes_it="yes",
                    skill_broke="no",
                    under_nll_nats_per_token="disappears",
                    under_token_edit_distance="open",
                    **share,
                    **factor,
                ),
            ]
        ),
        headline=pl.DataFrame(
            [
                headline_row("cliff", 1, 1, 0, 0.0625),
                headline_row("metric_makes_it", 1, 0, 0),
                headline_row("skill_broke", 0, 1, 0),
                headline_row("under_nll_nats_per_token", 1, 0, 0),
                headline_row("under_token_accuracy", 0, 0, 0),
            ],
            schema=dict(HEADLINE.columns),
        ),
    )
