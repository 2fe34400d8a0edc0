"""The questions of each training step as tokens: the same for every model of a ladder."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from rescore.train.questions import draw
from rescore.train.recipe import Recipe

_QUESTION_SEED = 0  # of all models alike: a model's own seed decides its first weights only, so all see the same tokens


@dataclass(frozen=True)
class Batch:
    """Sequences of questions of one kind as tokens."""

    tokens: Tensor  # [batch, time], padded on the right
    where: Tensor  # Boolean, [batch, time]: the positions from which a token of an answer, or the end, is predicted
    labels: Tensor  # [positions]: those tokens, row by row
    n_tokens: int  # of prompts and answers, without padding


def batch(step: int, *, recipe: Recipe, excluded: Collection[str], tokenizer: PreTrainedTokenizerFast) -> Batch:
    r"""Draw the questions of one step: one kind, one length, one way of asking, so that little is padded.

    A few-shot sequence trains on every answer, but on the end only of the last one: the next question follows the
    others. One sequence of one shot::

                  prompt                       answer    prompt                            answer
        tokens    [Sort: ] [c] [a] [\nSorted: ] [a]  [c]  [\n] [Sort: ] [z] [b] [\nSorted: ] [b]  [z]
        where      0        0   0   1            1    0    0    0        0   0   1            1    1
        labels                      a            c                               b            z    <eos>
    """
    rng = np.random.default_rng([_QUESTION_SEED, step])
    kind = str(rng.choice(list(recipe.mixture), p=list(recipe.mixture.values())))
    shots = recipe.shots if rng.random() < recipe.few_shot_share else 0
    listed = bool(rng.random() < recipe.listed_share)
    sequences = draw(kind, n=recipe.batch_size, rng=rng, excluded=excluded, shots=shots, listed=listed)
    texts = [text for sequence in sequences for question in sequence for text in (question.prompt, question.answer)]
    pieces = iter(tokenizer(texts)["input_ids"])
    rows: list[list[int]] = []
    asked: list[list[int]] = []
    labels: list[int] = []
    for sequence in sequences:
        row: list[int] = []
        positions: list[int] = []
        for _ in sequence:
            row += next(pieces)
            answer = next(pieces)
            positions += range(len(row) - 1, len(row) - 1 + len(answer))
            labels += answer
            row += answer
        rows.append(row)
        asked.append([*positions, len(row) - 1])
        labels.append(tokenizer.eos_token_id)
    tokens = np.full((len(rows), max(map(len, rows))), tokenizer.pad_token_id)
    where = np.zeros(tokens.shape, dtype=bool)
    for i, (row, positions) in enumerate(zip(rows, asked, strict=True)):
        tokens[i, : len(row)] = row
        where[i, positions] = True
    return Batch(torch.from_numpy(tokens), torch.from_numpy(where), torch.tensor(labels), sum(map(len, rows)))
