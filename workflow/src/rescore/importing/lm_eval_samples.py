"""Logs of examples that lm-evaluation-harness writes with --log_samples, to scores of items.

A log holds the log-probability of each answer that was scored, summed over its tokens: NLL per answer and per byte
follow, NLL per token does not.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

from rescore.importing.json_files import as_number, refusing
from rescore.importing.logged_answers import OF_ANSWER, OF_CHOICES, Scores, chosen, nats, scored
from rescore.importing.names import KNOWN
from rescore.importing.tidy import CHOICES, ITEMS, Schema

UNKNOWN = "the log does not say which of the choices is right"
NO_NUMBER = "the log gives null"

_NO_METRICS = frozenset(
    {"doc_id", "filter", "target", "perplexity", "bypass", "doc_hash", "prompt_hash", "target_hash"}
)


class Sample(NamedTuple):
    example_id: int
    question: str | None  # a digest of the example
    filter: str | None  # of answers; None where the log does not say
    target: str  # a number, a list of numbers, or a text
    prompt: str  # of the first answer
    texts: list[str]  # the answers that were scored; none where the answer was generated
    logprobs_nats: list[float]  # of these answers
    scores: dict[str, float | None]  # each metric that is one number, or null


class Log(NamedTuple):
    """ITEMS of a log; CHOICES, where it is known which are right; the filter taken, where the log names none."""

    items: pl.DataFrame
    choices: pl.DataFrame
    filter_taken: str | None


def read_sample(line: Mapping[str, Any]) -> Sample:
    """Keep of a line of a log what is scored.

    With `acc_mutual_info` the choices are logged twice, the second time without the question: that half is left out.
    """
    given = line["arguments"]
    pairs = [tuple(a.values()) for a in given.values()] if isinstance(given, Mapping) else [tuple(a) for a in given]
    scored = bool(pairs) and len(pairs[0]) > 1 and isinstance(pairs[0][1], str)
    prompt = str(pairs[0][0]) if pairs and pairs[0] else ""
    if not scored:
        pairs = []
    if "acc_mutual_info" in line:
        pairs = pairs[: len(pairs) // 2]
    logged = {m: line.get(m) for m in line.get("metrics") or line if m not in _NO_METRICS}
    if not line.get("metrics"):  # then any field may be a metric: one that is a number, or has the name of one
        logged = {m: value for m, value in logged.items() if isinstance(value, int | float) or m in KNOWN}
    return Sample(
        int(line["doc_id"]),
        line.get("doc_hash"),
        line.get("filter"),
        str(line["target"]),
        prompt,
        [text for _, text in pairs],
        nats(response[0] for response in line["filtered_resps"][: len(pairs)]),
        {m: as_number(value) for m, value in logged.items() if value is None or as_number(value) is not None},
    )


def read_log(
    lines: Iterable[Mapping[str, Any]], *, place: Mapping[str, Any], filters: Sequence[str], prefer: str | None
) -> Log:
    """Score the examples of one log.

    Per example, of what was logged: each metric that is one number, under its name; of an answer whose log-probability
    l over B bytes is known, also what `logged_answers` makes of it. The answer is the text as it was scored, with the
    space that the harness puts before it. Where several choices are right, the likeliest.

    `place` is what all rows have in common, PLACE and kind; `filters` names the task's filters in their order, for logs
    that do not; `prefer` is the filter of answers that counts, where there are several.
    """
    samples = []
    for number, line in enumerate(lines, start=1):
        with refusing(f"{place['where']}: example {number}", "not as lm-evaluation-harness logs it"):
            samples.append(read_sample(line))
    named, taken = _name_filters(samples, filters, prefer)
    there = [sample.filter for sample in named]
    chosen = prefer if prefer in there else there[0] if there else None
    kept = [sample for sample in named if sample.filter == chosen]
    rights, kind = right_choices(kept), _kind(kept)
    logs_mass = kind == "other" or place.get("kind") == "mass"  # then `acc` may be what choice_probability is
    rows = [
        (sample.example_id, sample.question, metric, value, reason)
        for sample, right in zip(kept, rights, strict=True)
        for metric, (value, reason) in _scores(sample, right).items()
        if metric != "choice_probability" or not logs_mass
    ]
    schema = {column: ITEMS[column] for column in ("example_id", "question", "metric", "value", "reason")}
    place_of_items = {**place, "kind": kind if kind == "other" else place.get("kind") or kind}
    items = _placed(pl.DataFrame(rows, schema=schema, orient="row"), ITEMS, place_of_items)
    return Log(items, _choices(kept, rights, place), taken)


def _name_filters(samples: list[Sample], filters: Sequence[str], prefer: str | None) -> tuple[list[Sample], str | None]:
    """Name filters where the log does not: each question comes once per filter, in their order."""
    if not samples or any(sample.filter is not None for sample in samples):
        return samples, None
    seen: Counter[int] = Counter()
    named = []
    for sample in samples:
        at = seen[sample.example_id]
        named.append(sample._replace(filter=filters[at] if at < len(filters) else f"filter {at + 1}"))
        seen[sample.example_id] += 1
    several = max(seen.values()) > 1
    there = {sample.filter for sample in named}
    return named, (prefer if prefer in there else named[0].filter) if several else None


def _kind(samples: Sequence[Sample]) -> str:
    """Say how the answers were scored; "other" where an accuracy of choices is neither right nor wrong."""
    if not samples or not samples[0].texts:
        return "generate_until"
    if all(len(sample.texts) == 1 for sample in samples):
        return "loglikelihood"
    return "multiple_choice" if all(sample.scores.get("acc") in (0, 1, None) for sample in samples) else "other"


def _choices(
    samples: Sequence[Sample], rights: Sequence[Sequence[int] | None], place: Mapping[str, Any]
) -> pl.DataFrame:
    known = [(s, at) for s, at in zip(samples, rights, strict=True) if at is not None and len(s.texts) > 1]
    scores = [[float(i in at) for i in range(len(s.texts))] for s, at in known]
    columns = {
        "example_id": [s.example_id for s, _ in known],
        "prompt": [s.prompt for s, _ in known],
        # Lists by pyarrow: polars itself takes 20 times as long.
        "targets": pa.array([[s.texts[i] for i in at] for s, at in known], pa.list_(pa.string())),
        "choices": pa.array([s.texts for s, _ in known], pa.list_(pa.string())),
        "target_scores": pa.array(scores, pa.list_(pa.float64())),
        "seed": [0] * len(known),
    }
    return _placed(pl.DataFrame(columns, schema={column: CHOICES[column] for column in columns}), CHOICES, place)


def _placed(rows: pl.DataFrame, columns: Schema, place: Mapping[str, Any]) -> pl.DataFrame:
    common = (pl.lit(place[c], kind).alias(c) for c, kind in columns.items() if c not in rows.columns)
    return rows.with_columns(*common).select(list(columns))


def _scores(sample: Sample, right: Sequence[int] | None) -> Scores:
    """Scores of one example by metric, each with the reason why it is null."""
    texts, logprobs = sample.texts, sample.logprobs_nats
    found: Scores = {m: (value, NO_NUMBER if value is None else None) for m, value in sample.scores.items()}
    if len(texts) < 2:
        return found | (scored(texts, logprobs, [0]) if texts else {})
    if right is None:
        return found | dict.fromkeys((*OF_ANSWER, *OF_CHOICES), (None, UNKNOWN))
    return found | scored(texts, logprobs, right) | chosen(logprobs, [float(i in right) for i in range(len(texts))])


def right_choices(samples: Sequence[Sample]) -> list[Sequence[int] | None]:
    """Say which choices are right, for each example; None where that cannot be told.

    The harness logs the target as a number or as a text. A log is read the one way under which every logged `acc` is
    that of the likeliest choice. Where no target can be read, as in winogrande, whose choices are one text behind two
    beginnings, `acc` itself tells which of two choices is right.
    """
    readings = [[reading(sample) for sample in samples] for reading in (_by_number, _by_text)]
    if not any(at for found in readings for at in found):
        readings = [[_by_accuracy(sample) for sample in samples]]
    for found in readings:
        if all(_agrees(sample, at) for sample, at in zip(samples, found, strict=True)):
            return found
    return [None] * len(samples)


def _by_number(sample: Sample) -> Sequence[int] | None:
    try:
        value = ast.literal_eval(sample.target)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    at = value if isinstance(value, list) else [value]
    whole = all(isinstance(i, int) and 0 <= i < len(sample.texts) for i in at)
    return at if at and whole else None


def _by_text(sample: Sample) -> Sequence[int] | None:
    at = [i for i, text in enumerate(sample.texts) if text.strip() == sample.target.strip()]
    return at if len(at) == 1 else None


def _by_accuracy(sample: Sample) -> Sequence[int] | None:
    accuracy = sample.scores.get("acc")
    if len(sample.texts) != 2 or accuracy not in (0, 1):
        return None
    likeliest = _likeliest(sample)
    return [likeliest if accuracy else 1 - likeliest]


def _agrees(sample: Sample, at: Sequence[int] | None) -> bool:
    if len(sample.texts) < 2:
        return True
    accuracy = sample.scores.get("acc")
    return at is not None and (accuracy is None or accuracy == float(_likeliest(sample) in at))


def _likeliest(sample: Sample) -> int:
    return sample.logprobs_nats.index(max(sample.logprobs_nats))
