"""One planted task: its truth, and what the method answers. One row each, for `calibration.py`."""

from typing import Any

import numpy as np
from calibration_kinds import KEY, Design, draw
from planted import Floats, Task

from rescore.discontinuity.conventions import CONVENTIONS
from rescore.discontinuity.emergence import emergence_score
from rescore.discontinuity.estimands import estimands
from rescore.discontinuity.progress import has_cliff, isotonic, progress
from rescore.discontinuity.three_questions import answer

NUMBERS = ("metric_share", "chain_share", "hidden_progress", "acceleration")


def judge(design: Design, *, seed: int) -> dict[str, Any]:
    """Plant the task of a design and answer the three questions."""
    task = draw(design, seed)
    found = answer(task.x, task.rungs, k=task.tokens, guess=task.guess_nats, seed=design.index)
    row = {name: getattr(design, name) for name in KEY} | dict(task.facts) | truth(task)
    row |= {"cliff": found.cliff, "metric": found.metric_makes_it, "skill": found.skill_broke, "label": found.label}
    row |= {"reason": found.reason, "seeds": found.seeds.kind if found.seeds else None}
    for name in NUMBERS:
        value, low, high = found.estimates.get(name, (None, None, None))
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    hard, likelihood = (np.array([rung[stage].mean() for rung in task.rungs]) for stage in (-1, 0))
    return row | {"emergence": _score(hard), "emergence_nll": _score(likelihood)}


def truth(task: Task) -> dict[str, Any]:
    """Return the method's estimands of the noise-free means."""
    c = CONVENTIONS
    e = estimands(task.x[:, None], task.means[:, :, None], task.guess_nats, c)
    done, rise = progress(isotonic(task.means[-1]))
    return {
        "true_cliff": bool(has_cliff(task.x, done, rise, c)),
        "true_break": float(e.break_contrast[0]),
        "true_acceleration_low": float(e.acceleration_low[0]),
        **{f"true_{name}": float(getattr(e, name)[0]) for name in NUMBERS},
    }


def _score(means: Floats) -> float:
    return float(np.nan_to_num(emergence_score(means), nan=0.0, posinf=np.inf, neginf=-np.inf))
