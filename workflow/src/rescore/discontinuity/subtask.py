"""One subtask along one ladder: its metrics' curves, drawn together and judged, and the answers to the questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rescore.discontinuity.cells import Cell, upward, width
from rescore.discontinuity.conventions import Conventions, Settings
from rescore.discontinuity.curve_verdicts import CurveVerdict, judge_curves
from rescore.discontinuity.progress import Floats
from rescore.discontinuity.resampling import Noise, item_draws, mean_draws, rung_draws, rung_means
from rescore.discontinuity.rung_noise import RungNoise, rung_noise
from rescore.discontinuity.seeds import seeds
from rescore.discontinuity.stages import stages_of, too_short, without_likelihood
from rescore.discontinuity.stream import stream
from rescore.discontinuity.synchrony import synchrony
from rescore.discontinuity.three_questions import Answer, ask
from rescore.tables import METRICS
from rescore.tables.metrics import GUESS_METRIC, HARD_METRICS, REFERENCE_METRIC, STAGES


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Metrics that the same models have, higher is better: bounded ones on [0, 1], an NLL as minus its nats."""

    metrics: tuple[str, ...]  # the stages of the three questions first, where they are among them
    stages: int  # how many of them are stages
    x: Floats  # places of the rungs; [rungs]
    models: tuple[int, ...]  # how many each rung has
    means: Floats  # of the models, in the order of the rungs; [metrics, models]
    point: Floats  # rung means; [metrics, rungs]
    draws: Floats  # of the rung means; [metrics, rungs, draws]
    item_draws: Floats  # the same draws without the noise of rungs
    n: Floats  # number of items of the means; [metrics]
    synchrony: float | None  # K of the stages' likelihood; None without items
    noise: RungNoise
    verdicts: Mapping[str, CurveVerdict]


@dataclass(frozen=True, kw_only=True)
class Subtask:
    """What is said of one subtask."""

    cells: Mapping[str, Cell]  # by metric, of metrics with a link scale; those of the stages as they were judged
    curves: tuple[Curves, ...]  # the groups of metrics that were judged together, that of the stages first
    not_judged: Mapping[str, str]  # why not, by metric
    hard: str | None  # the hard metric; None where there is none
    answer: Answer | None  # to the three questions; None where the hard metric is not judged
    tokens: float | None  # k of an answer; None where not known
    guess: float | None  # NLL of the guesser, nats; None where not known


def judge(found: Sequence[Cell], settings: Settings, ladder: str, *, in_training: bool = False) -> Subtask:
    """Judge every metric of a subtask, given its cells, and answer the three questions of the hard one.

    `in_training` says that the ladder's models are checkpoints of one.

    Each subtask draws from a stream of its own, so that a result does not depend on which others there are.
    """
    every = {cell.metric: cell for cell in found}
    cells = {name: cell for name, cell in every.items() if name in METRICS and METRICS[name].link}
    why = {name: cell.reason or too_short(cell.x, settings) for name, cell in cells.items()}
    usable = {name: cell for name, cell in cells.items() if why[name] is None}
    given = [name for name in HARD_METRICS if name in cells and cells[name].models]
    hard = next((name for name in given if cells[name].has_scores), given[0] if given else None)
    of_stages = stages_of(hard, usable, settings)
    stages, cells, usable = tuple(of_stages), cells | of_stages, usable | of_stages
    tokens = 1.0 if hard == "multiple_choice_grade" else _answer_tokens(every)
    names = (ladder, found[0].task, found[0].subtask)
    curves = tuple(
        _curves(
            group,
            settings.conventions,
            tokens or _tokens_about(usable, stages),
            stream(settings.seed, *names, *sorted(cell.metric for cell in group)),
            stages=0 if place else len(stages),
            in_training=in_training,
        )
        for place, group in enumerate(_groups(usable, stages))
    )
    unlikely = without_likelihood(cells, why, hard, settings)
    guess = _guess_nats(every) if stages and stages[0] == REFERENCE_METRIC else None
    return Subtask(
        cells=cells,
        curves=curves,
        not_judged={name: reason for name, reason in why.items() if reason},
        hard=hard,
        answer=_answer(curves[0], guess, settings.conventions, unlikely) if stages else None,
        tokens=tokens,
        guess=guess,
    )


def _answer(curves: Curves, guess: float | None, conventions: Conventions, unlikely: str) -> Answer:
    """Ask the three questions of the stages of a group; `unlikely` says why they have no likelihood, if so."""
    hard = curves.stages - 1
    by_rung = np.split(curves.means[hard], np.cumsum(curves.models)[:-1])
    return ask(
        curves.x,
        curves.point[: curves.stages],
        curves.draws[: curves.stages],
        hard=curves.verdicts[curves.metrics[hard]],
        guess=guess,
        synchrony=curves.synchrony,
        seeds=seeds(by_rung, float(curves.n[hard]), conventions),
        unlikely=unlikely,
        conventions=conventions,
    )


def _groups(usable: Mapping[str, Cell], stages: tuple[str, ...]) -> list[list[Cell]]:
    """Metrics by the models that have them; the stages first."""
    groups: dict[tuple[str, ...], list[Cell]] = {}
    rest = sorted(usable.keys() - set(stages), key=lambda name: (METRICS[name].link != "log", name))
    for name in (*stages, *rest):
        groups.setdefault(usable[name].models, []).append(usable[name])
    return list(groups.values())


def _curves(
    group: Sequence[Cell],
    conventions: Conventions,
    tokens: float,
    rng: np.random.Generator,
    *,
    stages: int,
    in_training: bool,
) -> Curves:
    """Draw the rung means of metrics that the same models have; the first of them are the stages."""
    metrics = [METRICS[cell.metric] for cell in group]
    x, at = np.unique(group[0].x, return_inverse=True)
    models = tuple(int(count) for count in np.bincount(at))
    means = np.stack([upward(cell.mean, metric) for cell, metric in zip(group, metrics, strict=True)])
    n = np.array([float(np.nan_to_num(cell.n, nan=1e6).min()) for cell in group])
    from_items = [j for j, cell in enumerate(group) if cell.scores is not None]
    others = [j for j in range(len(group)) if j not in from_items]
    per_model = np.empty((*means.shape, conventions.draws))
    together = None
    if from_items:
        scores, there = _items([group[j] for j in from_items])
        per_model[from_items] = item_draws(scores, there, conventions, rng)
        n[from_items] = there.sum(1)
        means[from_items] = np.where(there[:, None], scores, 0.0).sum(2) / there.sum(1)[:, None]
        if stages > 1 and 0 in from_items:
            by_item = -scores[0][:, there[0]]
            together = synchrony(rung_means(by_item[None], models)[0], conventions)
    if others:
        errors = np.stack([group[j].standard_error / width(metrics[j]) for j in others])
        per_model[others] = mean_draws(means[others], errors, conventions, rng)
    noise = Noise(
        likelihood=np.array([metric.link == "log" for metric in metrics]),
        whole_answer=np.array([metric.whole_answer for metric in metrics]),
        drawn=np.array([metric.discontinuous for metric in metrics]),
        middle=stages == len(STAGES["exact_match"]) + 2,
        tokens=tokens,
    )
    point = rung_means(means, models)
    nll = -means[0] / (tokens if noise.whole_answer[0] else 1.0) if noise.likelihood[0] else None
    of_rungs = rung_noise(x, nll, models, conventions, in_training=in_training)
    draws = rung_draws(x, point, per_model, models, n, noise, of_rungs.put_into(conventions), rng)
    verdicts = judge_curves(x, point, draws, noise.likelihood, conventions)
    return Curves(
        metrics=tuple(cell.metric for cell in group),
        stages=stages,
        x=x,
        models=models,
        means=means,
        point=point,
        draws=draws,
        item_draws=rung_means(per_model, models),
        n=n,
        synchrony=together,
        noise=of_rungs,
        verdicts={cell.metric: verdict for cell, verdict in zip(group, verdicts, strict=True)},
    )


def _items(group: Sequence[Cell]) -> tuple[Floats, NDArray[np.bool_]]:
    """Scores of all items, [metrics, models, items], and whether a metric has one, [metrics, items]."""
    ids = np.unique(np.concatenate([cell.item_ids for cell in group if cell.item_ids is not None]))
    scores = np.zeros((len(group), len(group[0].models), len(ids)))
    there = np.zeros((len(group), len(ids)), bool)
    for j, cell in enumerate(group):
        if cell.scores is not None and cell.item_ids is not None:
            at = np.searchsorted(ids, cell.item_ids)
            scores[j][:, at] = upward(cell.scores, METRICS[cell.metric])
            there[j, at] = True
    return scores, there


def _answer_tokens(cells: Mapping[str, Cell]) -> float | None:
    """Mean number of tokens of an answer, k = -ln(target_probability) / NLL per token; None where not known."""
    nll, whole = cells.get(REFERENCE_METRIC), cells.get("target_probability")
    if nll is None or nll.scores is None or nll.item_ids is None or whole is None or nll.models != whole.models:
        return None
    if whole.scores is None or whole.item_ids is None:
        return None
    _, mine, theirs = np.intersect1d(nll.item_ids, whole.item_ids, return_indices=True)
    nats, p = nll.scores[:, mine], whole.scores[:, theirs]
    known = (nats > 1e-3) & (p > 1e-300)  # beyond, either is rounding
    total = np.where(known, -np.log(np.where(known, p, 1.0)), 0.0).sum(0)
    per_token = np.where(known, nats, 0.0).sum(0)
    items = per_token > 0
    return float(np.mean(total[items] / per_token[items])) if items.any() else None


def _tokens_about(usable: Mapping[str, Cell], stages: tuple[str, ...]) -> float:
    """How many tokens' noise an answer has, where k is not known: the largest -ln(hard metric) / NLL per token."""
    if len(stages) < 2 or stages[0] != REFERENCE_METRIC:
        return 1.0
    nll, hard = usable[stages[0]], usable[stages[-1]]
    known = (hard.mean > 0.05) & (hard.mean < 0.95) & (nll.mean > 0)
    return float(np.clip(np.max(-np.log(hard.mean[known]) / nll.mean[known]), 1.0, 100.0)) if known.any() else 1.0


def _guess_nats(cells: Mapping[str, Cell]) -> float | None:
    cell = cells.get(GUESS_METRIC)
    return float(cell.mean.mean()) if cell is not None and cell.has_scores and not np.isnan(cell.mean).any() else None
