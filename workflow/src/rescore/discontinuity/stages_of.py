"""The stages of a subtask, and what else the three questions need of its cells: tokens of an answer, guessing floor."""

from collections.abc import Mapping

import numpy as np

from rescore.discontinuity.measured import Measured
from rescore.tables.metrics import GUESS_METRIC, REFERENCE_METRIC, STAGES, reference_metric


def answer_tokens(cells: Mapping[str, Measured]) -> float | None:
    """Mean number of tokens of an answer, k = -ln(target_probability) / NLL per token; None where not known."""
    nll, whole = cells.get(REFERENCE_METRIC), cells.get("target_probability")
    if nll is None or nll.scores is None or nll.item_ids is None or whole is None or nll.models != whole.models:
        return None
    if whole.scores is None or whole.item_ids is None:
        return None
    _, mine, theirs = np.intersect1d(nll.item_ids, whole.item_ids, return_indices=True)
    nats, p = nll.scores[:, mine], whole.scores[:, theirs]
    told = (nats > 1e-3) & (p > 1e-300)  # beyond, either is rounding
    total = np.where(told, -np.log(np.where(told, p, 1.0)), 0.0).sum(0)
    per_token = np.where(told, nats, 0.0).sum(0)
    items = per_token > 0
    return float(np.mean(total[items] / per_token[items])) if items.any() else None


def tokens_about(usable: Mapping[str, Measured], stages: tuple[str, ...]) -> float:
    """How many tokens' noise an answer has, where k is not known: the largest -ln(hard metric) / NLL per token."""
    if len(stages) < 2 or stages[0] != REFERENCE_METRIC:
        return 1.0
    nll, hard = usable[stages[0]], usable[stages[-1]]
    if nll.models != hard.models:
        return 1.0
    told = (hard.mean > 0.05) & (hard.mean < 0.95) & (nll.mean > 0)
    return float(np.clip(np.max(-np.log(hard.mean[told]) / nll.mean[told]), 1.0, 100.0)) if told.any() else 1.0


def stages_of(hard: str | None, usable: Mapping[str, Measured]) -> tuple[str, ...]:
    """The stages of the three questions: four, two without those in the middle, one without a likelihood."""
    if hard is None or hard not in usable:
        return ()
    reference = reference_metric(name for name in usable if usable[name].has_scores)
    if reference not in usable:
        return (hard,)
    four = (reference, *STAGES[hard], hard)
    if reference == REFERENCE_METRIC and all(name in usable for name in four) and _share_items(usable, four):
        models = set(usable[hard].models) & set(usable[reference].models)
        if all(models <= set(usable[name].models) for name in four):
            return four
    return (reference, hard) if _share_items(usable, (reference, hard)) else (hard,)


def _share_items(usable: Mapping[str, Measured], names: tuple[str, ...]) -> bool:
    ids = [usable[name].item_ids for name in names]
    told = [set(of.tolist()) for of in ids if of is not None]
    return not told or len(set.intersection(*told)) > 1


def guess_nats(cells: Mapping[str, Measured]) -> float | None:
    """Mean NLL of the guesser over items and models."""
    cell = cells.get(GUESS_METRIC)
    return float(cell.mean.mean()) if cell is not None and cell.has_scores and not np.isnan(cell.mean).any() else None
