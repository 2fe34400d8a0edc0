"""The two tables of a task, from the model's output."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from rescore.models.candidates import TokenScores
from rescore.models.forward import Greedy
from rescore.models.tokenising import Asked, Question, answer_spans
from rescore.models.vocabulary import Vocabulary
from rescore.tables import EXTRACTIONS, GENERATIONS, REASONING, Table


def extractions(
    frame: pl.DataFrame,
    asked: Sequence[Asked],
    questions: Sequence[Question],
    scored: Sequence[Sequence[TokenScores]],
) -> pl.DataFrame:
    """Make the table EXTRACTIONS: one row per example and candidate, in the order of the examples."""
    choices = [set(texts or ()) for texts in frame["choices"].to_list()]
    rows = [(i, c) for i, one in enumerate(asked) for c in range(len(one.candidates))]
    scores = [scored[i][c] for i, c in rows]
    owner = pl.Series([i for i, _ in rows], dtype=pl.UInt32)
    columns: dict[str, Any] = {
        "subtask": frame["subtask"].gather(owner),
        "example_id": frame["example_id"].gather(owner),
        "candidate": [asked[i].candidates[c] for i, c in rows],
        "is_target": [c < asked[i].n_targets for i, c in rows],
        "is_choice": [asked[i].candidates[c] in choices[i] for i, c in rows],
        "token_ids": [questions[i].candidates[c] for i, c in rows],
        **{field: [getattr(score, field) for score in scores] for field in TokenScores._fields},
    }
    return _table(columns, EXTRACTIONS)


def generations(
    frame: pl.DataFrame,
    prompts: Sequence[str],
    questions: Sequence[Question],
    answered: Sequence[Greedy],
    vocabulary: Vocabulary,
    *,
    spaces: Sequence[str],
) -> pl.DataFrame:
    """Make the table GENERATIONS: one row per example, in their order; arguments as of `one_task.tables`."""
    texts = [
        vocabulary.decode(greedy.token_ids).removeprefix(space) for greedy, space in zip(answered, spaces, strict=True)
    ]
    behind = [space + text for text, space in zip(texts, spaces, strict=True)]
    spans = answer_spans(vocabulary, prompts, behind, [len(question.prompt_tail) for question in questions])
    ends = []
    for span, text in zip(spans, texts, strict=True):
        reach = vocabulary.ends(span)
        merged = reach[-1] - len(text) if reach else 0  # characters of the prompt that the span's first token holds
        ends.append([max(0, end - merged) for end in reach])
    columns: dict[str, Any] = {
        "subtask": frame["subtask"],
        "example_id": frame["example_id"],
        "token_ids": [greedy.token_ids for greedy in answered],
        "text": texts,
        "span_ids": spans,
        "span_ends": ends,
        "finish_reason": [greedy.finish_reason for greedy in answered],
        "logprob_nats": [greedy.logprob_nats for greedy in answered],
    }
    return _table(columns, GENERATIONS)


def reasoning(
    frame: pl.DataFrame, written: Sequence[Greedy], n_kept: Sequence[int], vocabulary: Vocabulary
) -> pl.DataFrame:
    """Make the table REASONING: one row per example, in their order; what was written is cut after `n_kept` tokens."""
    kept = [greedy.token_ids[:n] for greedy, n in zip(written, n_kept, strict=True)]
    columns: dict[str, Any] = {
        "subtask": frame["subtask"],
        "example_id": frame["example_id"],
        "token_ids": kept,
        "text": [vocabulary.decode(ids) for ids in kept],
        "finish_reason": [greedy.finish_reason for greedy in written],
        "logprob_nats": [greedy.logprob_nats[:n] for greedy, n in zip(written, n_kept, strict=True)],
    }
    return _table(columns, REASONING)


def _table(columns: Mapping[str, Any], table: Table) -> pl.DataFrame:
    """Build a frame; its lists through Arrow, which converts lists of lists several times faster."""
    arrow = {
        name: pl.Series(pa.array(values, pa.large_list(_ARROW[name]))) if name in _ARROW else values
        for name, values in columns.items()
    }
    return pl.DataFrame(arrow, schema=dict(table.columns))


_IDS, _NATS = pa.int32(), pa.float32()
_ARROW = {
    **dict.fromkeys(("token_ids", "argmax_ids", "span_ids", "span_ends"), _IDS),
    **dict.fromkeys(("logprob_nats", "best_other_logprob_nats"), _NATS),
}
