"""Scores of a ladder in, curves, verdicts and cliffs out."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from statsmodels.stats.multitest import multipletests

from rescore.discontinuity.aggregates import aggregate_chances, check_aggregates, check_apart, with_aggregates
from rescore.discontinuity.chance import Chances
from rescore.discontinuity.curve import Curve
from rescore.discontinuity.frames import cells, check_ladder, check_models, check_scores
from rescore.discontinuity.label import Label
from rescore.discontinuity.measured import Measured, width
from rescore.discontinuity.parallel import each
from rescore.discontinuity.settings import Settings
from rescore.discontinuity.shape import emergence_score, intervals, linearity
from rescore.discontinuity.subtask import (
    Scales,
    analyse_subtask,
    best_scale,
    label_subtask,
    p_cliff,
    p_gain,
    p_trend,
    stream,
    too_short,
)
from rescore.discontinuity.task import hard_metric, label_task, under
from rescore.schema import AGGREGATES, CLIFFS, CURVES, METRICS, VERDICTS
from rescore.schema.axes import AXES
from rescore.schema.metrics import SOFT_METRICS, reference_metric

_DEFAULT = Settings()


class Analysis(NamedTuple):
    """The tables CURVES, VERDICTS and CLIFFS."""

    curves: pl.DataFrame
    verdicts: pl.DataFrame
    cliffs: pl.DataFrame


@dataclass(frozen=True)
class _Judged:
    """A cell before the p-values of its ladder are adjusted; `scales` is None where it was not tested."""

    measured: Measured
    facts: dict[str, Any]
    scales: Scales | None
    reason: str | None


def analyse(
    scores: pl.DataFrame | Iterable[pl.DataFrame],
    ladder: pl.DataFrame,
    settings: Settings = _DEFAULT,
    *,
    aggregates: pl.DataFrame | None = None,
    chances: Chances | None = None,
    workers: int = 1,
) -> Analysis:
    """Test every curve of every ladder for a cliff, and say which cliffs disappear under another metric.

    Parameters
    ----------
    scores
        The table SCORES. Metrics without a link scale, and metrics outside the table of metrics, get curves
        and no verdicts. Or parts of it, all rows of a task in one: no more than a part is then held at a time.
    ladder
        Columns ladder, model, compute_flops, and the settings' axis; one row a model. Models of equal value on the
        axis are seeds of one rung.
    settings
        The constants of the method.
    aggregates
        The table AGGREGATES: means without their items. Such curves have a diagonal covariance. A standard error that
        is null is bounded by sqrt(m (1 - m) / n) for a score m in [0, 1], the most that n items in that range can have
        (Bhatia and Davis 2000); of an NLL it has no bound, and the cell is unresolved.
    chances
        What guessing scores under exact match, multiple-choice grade or token accuracy, by task, subtask and metric;
        see `chance.chances`. Such curves are tested above it, see `chance.above_chance`. Aggregates bring their own.
    workers
        Processes to spread the subtasks over; the results are the same.

    Returns
    -------
    Analysis
        Curves, in the metric's own unit, over the items that every model answered; verdicts, one row a
        (ladder, task, subtask, metric); cliffs, one row a (ladder, task, subtask). p-values are adjusted
        over all cells of a ladder (Benjamini and Hochberg 1995), for the trend and for the cliff apart. Of
        NLL, which is tested on two link scales, the verdict row holds the statistics on the scale -log m;
        its p_trend is the larger and its p_cliff the smaller of the two. `decades`, `jump_log10_x` and `kink_log10_x`
        are log10 of the quantity that `axis` names; `rise` is above chance where `chance` is given.

    Raises
    ------
    InputError
        Scores, aggregates or ladder that cannot be worked with, by the row.
    """
    given = AGGREGATES.empty() if aggregates is None else aggregates
    models_of = check_ladder(ladder, settings.axis).partition_by("ladder", as_dict=True)
    check_aggregates(given)
    known = aggregate_chances(given, chances or {})
    measured: dict[Any, list[Measured]] = {name: [] for name in models_of}
    found_models = set(given["model"].unique())
    for part in [scores] if isinstance(scores, pl.DataFrame) else scores:
        check_scores(part)
        check_apart(given, part)
        found_models |= set(part["model"].unique())
        for name, models in models_of.items():
            measured[name] += cells(part, models, known)
    check_models(ladder, found_models)
    curves: list[dict[str, Any]] = []
    verdicts: list[dict[str, Any]] = []
    cliffs: list[dict[str, Any]] = []
    for (name,), models in sorted(models_of.items()):
        found = with_aggregates(measured[name,], given, models, known)
        places = models.drop("x").to_dicts()
        for cell in found:
            curves += _points(cell, places)
        subtasks = [list(group) for _, group in groupby(found, key=lambda cell: cell.key[:2])]
        test = partial(_judge, settings=settings, ladder=str(name))
        judged = each(test, subtasks, workers=workers, desc=f"testing {name}", unit="subtask")
        rows, per_subtask = _conclude([cell for group in judged for cell in group], settings)
        verdicts += [{"ladder": name, **row} for row in rows]
        cliffs += [{"ladder": name, **row} for row in per_subtask]
    return Analysis(
        pl.DataFrame(curves, schema=dict(CURVES.columns)),
        pl.DataFrame(verdicts, schema=dict(VERDICTS.columns)),
        pl.DataFrame(cliffs, schema=dict(CLIFFS.columns)),
    )


def _points(cell: Measured, places: list[dict[str, Any]]) -> list[dict[str, Any]]:
    measured = zip(map(_known, cell.mean), map(_known, cell.standard_error), map(_count, cell.n), strict=True)
    points = dict(zip(cell.models, measured, strict=True))
    columns = ("mean", "standard_error", "n")
    return [
        {
            **row,
            "task": cell.task,
            "subtask": cell.subtask,
            "metric": cell.metric,
            **dict(zip(columns, points.get(row["model"], (None, None, 0)), strict=True)),
        }
        for row in places
    ]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _count(value: float) -> int | None:
    return None if np.isnan(value) else int(value)


def _judge(found: list[Measured], *, settings: Settings, ladder: str) -> list[_Judged]:
    """Test the cells of one subtask."""
    tested = [cell for cell in found if cell.metric in METRICS and METRICS[cell.metric].link]
    curves: dict[str, Curve] = {cell.metric: cell.curve for cell in tested if cell.curve}
    short = {metric: too_short(curve, settings) for metric, curve in curves.items()}
    fit = {metric: curve for metric, curve in curves.items() if short[metric] is None}
    scales = analyse_subtask(fit, settings, names=(ladder, found[0].task, found[0].subtask))
    return [
        _Judged(cell, _facts(cell, settings, ladder), scales.get(cell.metric), cell.reason or short[cell.metric])
        for cell in tested
    ]


def _facts(cell: Measured, settings: Settings, ladder: str) -> dict[str, Any]:
    """What a verdict row says of any cell, tested or not."""
    rungs = np.unique(cell.x)
    facts: dict[str, Any] = {
        "task": cell.task,
        "subtask": cell.subtask,
        "metric": cell.metric,
        "axis": settings.axis,
        "n_rungs": len(rungs),
        "decades": float(np.ptp(rungs)) if len(rungs) else 0.0,
        "n_items": _count(cell.n.min()) if len(cell.n) else 0,
        "chance": cell.chance,
    }
    if cell.has_scores:
        means = [float(cell.mean[cell.x == rung].mean()) for rung in rungs]
        upward = np.array(means) * (1 if METRICS[cell.metric].higher_is_better else -1)
        facts |= {
            "first_mean": means[0],
            "last_mean": means[-1],
            "emergence_score": emergence_score(upward),
            "linearity": linearity(upward),
        }
        if cell.curve:
            unit = width(METRICS[cell.metric]) * (1 - (cell.chance or 0.0))  # back to the metric's own
            rng = stream(settings.seed, ladder, *cell.key, "shape")
            facts |= intervals(upward, cell.curve.covariance * unit**2, draws=settings.draws, rng=rng)
    return facts


def _conclude(judged: list[_Judged], settings: Settings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Adjust the p-values of one ladder, label cells and subtasks; rows of VERDICTS and CLIFFS."""
    tested = [cell.scales for cell in judged if cell.scales]
    q = zip(_adjust(map(p_trend, tested)), _adjust(map(p_cliff, tested)), strict=True)
    adjusted = [next(q) if cell.scales else (1.0, 1.0) for cell in judged]
    verdicts, cliffs = [], []
    for _, pairs in groupby(
        zip(judged, adjusted, strict=True), key=lambda pair: (pair[0].measured.task, pair[0].measured.subtask)
    ):
        group = list(pairs)
        labels = {
            cell.measured.metric: Label("unresolved", cell.reason or "") for cell, _ in group if not cell.scales
        } | label_subtask(
            {cell.measured.metric: cell.scales for cell, _ in group if cell.scales},
            settings,
            reference=reference_metric(cell.measured.metric for cell, _ in group if cell.measured.has_scores),
            q={cell.measured.metric: qs for cell, qs in group},
        )
        verdicts += [_verdict_row(cell, labels[cell.measured.metric], *qs, settings) for cell, qs in group]
        cliffs.append(_cliff_row([cell for cell, _ in group], labels, settings))
    return verdicts, cliffs


def _adjust(p: Iterable[float]) -> list[float]:
    values = list(p)
    return [float(q) for q in multipletests(values, method="fdr_bh")[1]] if values else []


def _verdict_row(cell: _Judged, label: Label, q_trend: float, q_cliff: float, settings: Settings) -> dict[str, Any]:
    row: dict[str, Any] = {
        **dict.fromkeys(VERDICTS.columns),
        **cell.facts,
        "verdict": label.verdict,
        "reason": "; ".join([label.reason, *cell.measured.notes]),
    }
    del row["ladder"]
    if not cell.scales:
        return row
    scale = cell.scales[0]
    tests, effects, compared = scale.tests, scale.effects, scale.amplification
    log10_x = -scale.curve.x if AXES[settings.axis].falls else scale.curve.x
    return row | {
        "route": best_scale(cell.scales).route if label.verdict == "cliff" else None,
        "rise": scale.rise,
        "trend_sign": tests.sign,
        "p_trend": p_trend(cell.scales),
        "q_trend": q_trend,
        "p_cliff": p_cliff(cell.scales),
        "q_cliff": q_cliff,
        "p_jump": tests.p_jump,
        "p_jump_share": effects.p_jump_share,
        "jump_share": scale.jump_share,
        "jump_share_low": effects.jump_share_interval[0],
        "jump_share_high": effects.jump_share_interval[1],
        "jump_log10_x": float(log10_x[tests.jump_at : tests.jump_at + 2].mean()),
        "p_onset_share": effects.p_onset_share,
        "onset_share": scale.onset_share,
        "onset_share_low": effects.onset_share_interval[0],
        "onset_share_high": effects.onset_share_interval[1],
        "p_kink": tests.p_kink,
        "p_kink_share": effects.p_kink_share,
        "kink_log10_x": float(log10_x[tests.kink_at]),
        "p_edge": tests.p_edge,
        "edge_jump": effects.edge_jump,
        "p_rise": effects.p_rise,
        "p_amplification": compared.p if compared else None,
        "amplification": compared.gain if compared else None,
        "rung_noise_scale": tests.scale,
    }


def _cliff_row(group: list[_Judged], labels: dict[str, Label], settings: Settings) -> dict[str, Any]:
    """Label one subtask; only metrics with scores count."""
    scales = {cell.measured.metric: cell.scales for cell in group if cell.measured.has_scores}
    verdicts = {metric: labels[metric].verdict for metric in scales}
    hard = hard_metric(verdicts)
    gain = None
    if hard and verdicts[hard] == "cliff":
        pair = scales[hard], scales.get(reference_metric(scales))
        gain = p_gain(pair[0], pair[1], settings) if pair[0] and pair[1] else None
    outcome = label_task(
        verdicts, {metric: labels[metric].reason for metric in scales}, p_gain=gain, alpha=settings.alpha
    )
    return {
        "task": group[0].measured.task,
        "subtask": group[0].measured.subtask,
        "hard_metric": hard,
        "hard_verdict": verdicts[hard] if hard else None,
        "label": outcome.label,
        "reason": outcome.reason,
        "cliff_metrics": ";".join(m for m in METRICS if verdicts.get(m) == "cliff"),
        "p_gain_below_cliff": gain,
        **{f"under_{m}": under(verdicts[hard], verdicts.get(m)) if hard else None for m in SOFT_METRICS},
    }
