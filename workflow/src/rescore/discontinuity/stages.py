"""The stages of the three questions: which metrics they are, on the models and items that all of them have."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from rescore.discontinuity.cells import Cell
from rescore.discontinuity.conventions import Settings
from rescore.discontinuity.progress import Floats
from rescore.tables import count, some
from rescore.tables.axes import AXES
from rescore.tables.metrics import REFERENCE_METRIC, STAGES, reference_metric


def stages_of(hard: str | None, usable: Mapping[str, Cell], settings: Settings) -> dict[str, Cell]:
    """The stages of the three questions on what all of them have, the hard metric last.

    Four; two where those in the middle are not known, or of fewer models or items; one without a likelihood.
    """
    if hard is None or hard not in usable:
        return {}
    reference = reference_metric(usable)
    if reference not in usable or _apart(usable[reference], usable[hard], settings):
        return {hard: usable[hard]}
    stages = [usable[reference], usable[hard]]
    models, items = _common(stages)
    known = all(name in usable for name in STAGES[hard])
    if known and (reference == REFERENCE_METRIC or hard == "multiple_choice_grade"):  # a choice is one token: k = 1
        four = [usable[name] for name in (reference, *STAGES[hard], hard)]
        same, of_all = _common(four)
        if same == models and (items is None or of_all is None or len(of_all) == len(items)):
            stages = four
    return {cell.metric: _only(cell, models, items) for cell in stages}


def without_likelihood(
    cells: Mapping[str, Cell], why: Mapping[str, str | None], hard: str | None, settings: Settings
) -> str:
    """Say why the questions have no likelihood, from the cells and why each is not judged."""
    name = reference_metric(name for name in cells if cells[name].has_scores)
    if hard is None or why[hard] or name not in cells or not cells[name].has_scores:
        return "no likelihood"
    return f"no likelihood ({name}: {why[name] or _apart(cells[name], cells[hard], settings)})"


def _apart(likelihood: Cell, hard: Cell, settings: Settings) -> str | None:
    """Why a likelihood and the hard metric have too little in common to be judged together; None where they have not.

    Under half of the hard metric's items, not its first or last size, or too short a ladder.
    """
    models, items = _common([likelihood, hard])
    x = hard.x[[model in models for model in hard.models]]
    for end, place in (("first", hard.x[0]), ("last", hard.x[-1])):
        if place not in x:
            return f"not known at the {end} size of {hard.metric}"
    if short := too_short(x, settings):
        return f"at the sizes that have {hard.metric} too, {short}"
    if likelihood.item_ids is None or hard.item_ids is None or items is None:
        return None
    if len(items) < max(2, len(hard.item_ids) / 2):
        return f"known of {len(items)} of the {len(hard.item_ids)} items of {hard.metric}, half are needed"
    return None


def _common(stages: Sequence[Cell]) -> tuple[set[str], NDArray[np.int64] | None]:
    """Models and items that all of them have; no items where all are aggregates."""
    ids = [cell.item_ids for cell in stages if cell.item_ids is not None]
    return set.intersection(*(set(cell.models) for cell in stages)), reduce(np.intersect1d, ids) if ids else None


def _only(cell: Cell, models: set[str], items: NDArray[np.int64] | None) -> Cell:
    """A cell without the models and the items that others lack, with a note on what is left out."""
    lacking = "without the likelihood or the hard metric"
    keep = np.array([model in models for model in cell.models])
    if not keep.all():
        left = [model for model in cell.models if model not in models]
        cell = replace(
            cell,
            models=tuple(model for model in cell.models if model in models),
            x=cell.x[keep],
            mean=cell.mean[keep],
            standard_error=cell.standard_error[keep],
            n=cell.n[keep],
            scores=None if cell.scores is None else cell.scores[keep],
            notes=(*cell.notes, f"{some(left)} left out: {lacking}"),
        )
    if cell.scores is None or cell.item_ids is None or items is None or len(items) == len(cell.item_ids):
        return cell
    scores, n = cell.scores[:, np.isin(cell.item_ids, items)], len(items)
    return replace(
        cell,
        mean=scores.mean(1),
        standard_error=scores.std(axis=1, ddof=1) / np.sqrt(n),
        n=np.full(len(scores), float(n)),
        item_ids=items,
        scores=scores,
        notes=(*cell.notes, f"{len(cell.item_ids) - n} of {len(cell.item_ids)} items left out: {lacking}"),
    )


def too_short(x: Floats, settings: Settings) -> str | None:
    """Why a curve with models at these places is not judged; None where it is."""
    rungs = np.unique(x)
    axis, decades = AXES[settings.axis], float(np.ptp(rungs)) if len(rungs) else 0.0
    if len(rungs) < settings.rungs_min or decades < settings.span_min:
        return (
            f"the ladder is too short: {count(len(rungs), 'size')} over {decades:.{2 if axis.falls else 1}f} decades "
            f"of {axis.noun}, at least {settings.rungs_min} over {settings.span_min:g} are needed"
        )
    return None
