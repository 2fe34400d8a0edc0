"""What BIG-bench's multiple-choice metrics need of each example."""

import numpy as np
import polars as pl

from rescore.scoring.choice import choices
from rescore.scoring.likelihood import TOTAL_NATS
from rescore.scoring.runs import KEYS, placed


def choice_values(examples: pl.DataFrame, extractions: pl.DataFrame) -> pl.DataFrame:
    """Grade, weigh and calibrate the choices: one row per example, with its keys and the reason of null values.

    With L_c the log-probability of choice c in nats, s_c its target score, p = softmax(L) and t = s / sum(s), or 0
    where the scores sum to 0, as `api/task_metrics.py` of the `bigbench` 1.0.0 package has them:

    - multiple_choice_grade = s of argmax L, the first of equals (the reference breaks ties by a hash);
    - weighted_log_probabilities = sum_c s_c L_c;
    - weighted_probabilities = sum_c s_c exp(L_c);
    - brier_total = sum_c t_c (p_c - 1)^2 + (1 - t_c) p_c^2, over n_choices choices;
    - confidence = max p, and right: whether argmax p is argmax t, both the first of equals;
    - predicted = argmax L; correct: the choice of score 1 where there is one such and the scores sum to 1, else null.

    L is not normalised over the choices, whatever a task's `absolute_normalization` says. In the reference
    (`evaluate_fixed_shot` of `api/json_task.py`) it decides whether metrics find L or L - log sum exp L as `log_prob`;
    but those that read it take its argmax or softmax, the same for both, and the weighted ones always read L.
    """
    candidates = extractions.select(*KEYS, "candidate", "is_choice", "logprob_nats").pipe(placed, examples)
    found = choices(examples, candidates.with_columns(total_nats=TOTAL_NATS))
    runs, total, score, p, t = found.runs, found.total_nats, found.scores, found.p, found.t
    one = score == 1
    single = (runs.sum(one.astype(np.int64)) == 1) & (found.mass == 1)
    values = pl.DataFrame(
        {
            "multiple_choice_grade": score[found.pick],
            "weighted_log_probabilities": runs.sum(score * total),
            "weighted_probabilities": runs.sum(score * np.exp(total)),
            "brier_total": runs.sum(t * (p - 1) ** 2 + (1 - t) * p**2),
            "n_choices": runs.lengths,
            "confidence": runs.max(p),
            "right": runs.best(p) == runs.best(t),
            "predicted": found.texts.gather(found.pick),
            "correct": found.texts.gather(np.where(single, runs.first(one), 0)).set(pl.Series(~single), None),
        }
    )
    return examples.select(KEYS).hstack(found.frame(values))
