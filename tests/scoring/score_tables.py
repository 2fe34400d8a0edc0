"""Hand-made examples, candidates and answers, one row a call, and all their scores."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from rescore.scoring import score
from rescore.tables import EXAMPLES, EXTRACTIONS

ANSWERS = {
    "subtask": pl.String,
    "example_id": pl.Int64,
    "answer": pl.String,
    "answer_token_ids": pl.List(pl.Int32),
    "reason": pl.String,
}

Row = dict[str, Any]


def example(
    example_id: int,
    targets: Sequence[str],
    target_scores: dict[str, float] | None = None,
    *,
    subtask: str = "t",
) -> Row:
    return {
        "task": subtask.partition(":")[0],
        "subtask": subtask,
        "example_id": example_id,
        "prompt": "?",
        "targets": list(targets),
        "choices": None if target_scores is None else list(target_scores),
        "target_scores": None if target_scores is None else list(target_scores.values()),
        "shots": 0,
        "seed": 0,
    }


def candidate(
    example_id: int,
    text: str,
    logprob_nats: Sequence[float],
    *,
    ids: Sequence[int] | None = None,
    firsts: Sequence[int] | None = None,
    others: Sequence[float] | None = None,
    target: bool = True,
    choice: bool = False,
    subtask: str = "t",
) -> Row:
    """Return a candidate's row; unless told, its tokens are 1, 2, ... and each is the model's first choice."""
    ids = list(range(1, len(logprob_nats) + 1)) if ids is None else list(ids)
    return {
        "subtask": subtask,
        "example_id": example_id,
        "candidate": text,
        "is_target": target,
        "is_choice": choice,
        "token_ids": ids,
        "logprob_nats": list(logprob_nats),
        "argmax_ids": ids if firsts is None else list(firsts),
        "best_other_logprob_nats": [-9.0] * len(ids) if others is None else list(others),
    }


def answer(
    example_id: int, text: str | None, ids: Sequence[int] | None = (), reason: str | None = None, *, subtask: str = "t"
) -> Row:
    held = None if ids is None else list(ids)
    return {"subtask": subtask, "example_id": example_id, "answer": text, "answer_token_ids": held, "reason": reason}


def of_model(frame: pl.DataFrame, model: str = "m") -> pl.DataFrame:
    return frame.with_columns(model=pl.lit(model))


def scores(
    examples: Sequence[Row],
    candidates: Sequence[Row],
    answers: Sequence[Row] | None = None,
    *,
    asks_text: bool = True,
) -> pl.DataFrame:
    """Score everything; where no answers are given, every answer is the empty one."""
    if answers is None:
        answers = [answer(e["example_id"], "", subtask=e["subtask"]) for e in examples]
    return score(
        of_model(pl.DataFrame(list(examples), schema=dict(EXAMPLES.columns))),
        of_model(pl.DataFrame(list(candidates), schema=dict(EXTRACTIONS.columns))),
        of_model(pl.DataFrame(list(answers), schema=ANSWERS)),
        {e["subtask"]: {"asks_text": asks_text} for e in examples},
    )


def of(frame: pl.DataFrame, metric: str) -> list[float | None]:
    """Return a metric's scores in the order of the examples."""
    return frame.filter(metric=metric).sort("subtask", "example_id")["score"].to_list()


def why(frame: pl.DataFrame, metric: str) -> list[str | None]:
    """Return the reasons of a metric's nulls in the order of the examples."""
    return frame.filter(metric=metric).sort("subtask", "example_id")["reason"].to_list()
