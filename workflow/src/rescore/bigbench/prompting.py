"""Prompts, few-shot draws, targets and choices as the reference forms them."""

from collections.abc import Hashable, Mapping, Sequence
from functools import cache
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from rescore.bigbench.fields import Json
from rescore.bigbench.task_files import MULTIPLE_CHOICE_METRICS, Subtask
from rescore.tables import EXAMPLES, InputError


class _Sample(NamedTuple):
    text: str
    targets: list[str]
    scores: Mapping[str, float] | None
    identity: Hashable


def examples(subtask: Subtask, *, shots: int, seed: int, max_examples: int | None = None) -> pl.DataFrame:
    """Form the prompts of one subtask: the table EXAMPLES, one row per question.

    `shots` solved examples before each question are drawn from the subtask's others. `seed` seeds the order of the
    choices and, separately, the draw of questions and shots, as `random_seed` does in the reference. `max_examples` are
    drawn, or all asked. `example_id` is the place among the distinct examples of the file. Questions are in file order
    if all are asked without shots, else in the order of the draw.
    """
    samples = [_format(subtask, example, seed) for example in subtask.examples]
    rng = np.random.RandomState(seed)
    n = min(max_examples or len(samples), len(samples))
    in_file_order = shots == 0 and n == len(samples)
    ids = list(range(n)) if in_file_order else rng.choice(len(samples), n, replace=False).tolist()
    contexts = _contexts(samples, ids, subtask, shots, rng) if shots else [""] * n
    asked = [samples[i] for i in ids]
    return pl.DataFrame(
        {
            "task": subtask.task,
            "subtask": subtask.name,
            "example_id": ids,
            "prompt": [subtask.task_prefix + c + s.text for c, s in zip(contexts, asked, strict=True)],
            "targets": [s.targets for s in asked],
            "choices": [None if s.scores is None else list(s.scores) for s in asked],
            "target_scores": [None if s.scores is None else [float(v) for v in s.scores.values()] for s in asked],
            "shots": shots,
            "seed": seed,
        },
        schema=dict(EXAMPLES.columns),
    )


def settings(subtasks: Sequence[Subtask]) -> dict[str, dict[str, Any]]:
    """By subtask, what scoring needs beside its examples; kept in the metadata of the examples table."""
    return {
        s.name: {
            "metrics": list(s.metrics),
            "asks_text": not MULTIPLE_CHOICE_METRICS.issuperset(s.metrics),
            "preferred_score": s.preferred_score,
            "output_regex": s.output_regex,
            "stop_string": s.stop_string,
            "task_prefix": s.task_prefix,
            "input_prefix": s.input_prefix,
            "few_shot_separator": s.few_shot_separator,
            "chance": _chance(s),
        }
        for s in subtasks
    }


def _chance(subtask: Subtask) -> float | None:
    """Multiple-choice grade of a random choice over the whole file, the reference's low score; None without choices."""
    scores = [list(e["target_scores"].values()) for e in subtask.examples if e.get("target_scores")]
    return fmean(sum(values) / len(values) for values in scores) if scores else None


def _format(subtask: Subtask, example: Json, seed: int) -> _Sample:
    """Turn an example into the text of its question, its targets and its choices with their scores."""
    scores = example.get("target_scores")
    text = example["input"]
    target = example.get("target")
    if scores is not None:
        if subtask.append_choices_to_input:
            choices = sorted(scores)
            text += "".join(subtask.choice_prefix + choices[i] for i in _order(seed, len(choices)))
        if target is None:
            target = max(scores, key=scores.__getitem__)  # the first of the best
    targets = target if isinstance(target, list) else [str(target)]
    formatted = {**example, "input": text, "target": targets}
    return _Sample(subtask.input_prefix + text + subtask.output_prefix, targets, scores, _freeze(formatted))


@cache
def _order(seed: int, n: int) -> list[int]:
    """Order of the choices: the reference seeds anew for every example."""
    order: list[int] = np.random.RandomState(seed).permutation(n).tolist()
    return order


def _contexts(
    samples: Sequence[_Sample], ids: Sequence[int], subtask: Subtask, shots: int, rng: np.random.RandomState
) -> list[str]:
    """Draw the solved examples of each question from those that differ from it."""
    twins: dict[Hashable, list[int]] = {}
    for i, sample in enumerate(samples):
        twins.setdefault(sample.identity, []).append(i)
    contexts = []
    for i in ids:
        others = np.delete(np.arange(len(samples)), twins[samples[i].identity])
        if len(others) < shots:
            raise InputError(
                f"{subtask.name}: example_id {i}: {shots} shots need as many examples that differ from it, there are "
                f"{len(others)}; ask for fewer shots"
            )
        drawn = [samples[j] for j in others[rng.choice(len(others), shots, replace=False)]]
        contexts.append(
            "".join(s.text + s.targets[rng.choice(len(s.targets))] + subtask.few_shot_separator for s in drawn)
        )
    return contexts


def _freeze(value: Any) -> Hashable:
    """Make a JSON value hashable; two results are equal if the values are, with the same order of keys."""
    if isinstance(value, dict):
        return ("object", *((k, _freeze(v)) for k, v in value.items()))
    if isinstance(value, list):
        return ("list", *(_freeze(v) for v in value))
    return value  # type: ignore[no-any-return]  # a JSON scalar: 1 and 1.0 are equal, as they are to the reference
