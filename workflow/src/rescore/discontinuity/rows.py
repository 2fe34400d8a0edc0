"""From what was judged of a subtask to rows of the tables; `analyse` adds its names."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from rescore.discontinuity.cells import Cell, upward, width
from rescore.discontinuity.conventions import Settings
from rescore.discontinuity.curve_verdicts import CurveVerdict
from rescore.discontinuity.emergence import emergence_score, interval, linearity
from rescore.discontinuity.estimands import PARTS
from rescore.discontinuity.progress import Floats
from rescore.discontinuity.resampling import Estimate
from rescore.discontinuity.seeds import through, wilson
from rescore.discontinuity.subtask import Curves, Subtask
from rescore.tables import CLIFFS, METRICS, RISES, VERDICTS, Table
from rescore.tables.axes import AXES
from rescore.tables.metrics import HARD_METRICS, SOFT_METRICS

Row = dict[str, Any]

_BARS = (10, 50, 90)  # per cent of a bounded score, higher being better, that a size's median seed is held against
_WITH_INTERVAL = (
    "metric_share",
    "chain_share",
    "hidden_progress",
    "acceleration",
    "acceleration_factor",
    "window_decades",
    "break_contrast",
)
_NAMES = ("ladder", "task", "subtask")


def point_rows(cell: Cell, places: list[dict[str, Any]]) -> list[Row]:
    """Rows of CURVES: one per model of the ladder (`places`), with null means where a model has no scores."""
    measured = {
        model: {"mean": _told(mean), "standard_error": _told(error), "n": None if np.isnan(n) else int(n)}
        for model, mean, error, n in zip(cell.models, cell.mean, cell.standard_error, cell.n, strict=True)
    }
    nothing = {"mean": None, "standard_error": None, "n": 0}
    return [{**row, "metric": cell.metric, **measured.get(row["model"], nothing)} for row in places]


def verdict_rows(subtask: Subtask, settings: Settings) -> list[Row]:
    """Rows of VERDICTS."""
    of = {metric: (curves, j) for curves in subtask.curves for j, metric in enumerate(curves.metrics)}
    return [_verdict_row(cell, subtask, of.get(metric), settings) for metric, cell in sorted(subtask.cells.items())]


def _verdict_row(cell: Cell, subtask: Subtask, place: tuple[Curves, int] | None, settings: Settings) -> Row:
    metric = METRICS[cell.metric]
    rungs = np.unique(cell.x)
    n = None
    if len(cell.n) and not np.isnan(cell.n.min()):
        n = int(cell.n.min() if place is None else place[0].n[place[1]])
    row = _empty(VERDICTS) | {
        "metric": cell.metric,
        "axis": settings.axis,
        "n_rungs": len(rungs),
        "decades": float(np.ptp(rungs)) if len(rungs) else 0.0,
        "n_items": n,
        "chance": cell.chance,
    }
    if metric.discontinuous and n:
        row["zero_of_n_upper_bound"] = wilson(0, n)[1]
    if cell.has_scores:
        means = np.array([cell.mean[cell.x == rung].mean() for rung in rungs])
        signed = means if metric.higher_is_better else -means
        row |= {"first_mean": float(means[0]), "last_mean": float(means[-1])}
        row |= {"emergence_score": _told(emergence_score(signed)), "linearity": _told(linearity(signed))}
    if place is None:
        return row | {"verdict": "not judged", "reason": "; ".join([subtask.not_judged[cell.metric], *cell.notes])}
    curves, j = place
    found = curves.verdicts[cell.metric]
    for name, score in (("emergence_score", emergence_score), ("linearity", linearity)):
        row[f"{name}_low"], row[f"{name}_high"] = interval(score(curves.item_draws[j]))
    row |= {"verdict": found.verdict, "reason": "; ".join([found.reason, *cell.notes])}
    row |= {"rise": None if found.verdict == "inverse" else found.rise * width(metric), "p_cliff": found.p_cliff}
    if found.rises:
        row |= _three("onset", found.onset) | _three("largest_gap", found.largest_gap)
    return row


def cliff_row(subtask: Subtask, settings: Settings, architecture: Mapping[float, str]) -> Row:
    """The row of CLIFFS; `architecture` has family and depth of a rung's models by its place."""
    row = _empty(CLIFFS) | {"hard_metric": subtask.hard, "answer_tokens": subtask.tokens, "guess_nats": subtask.guess}
    answer = subtask.answer
    if answer is None:
        reason = f"no scores under {' or '.join(HARD_METRICS)}"
        if subtask.hard is not None:
            reason = f"{subtask.hard}: {subtask.not_judged.get(subtask.hard, '')}"
        return row | {"label": "not judged", "reason": reason}
    row |= {
        name: getattr(answer, name)
        for name in ("cliff", "metric_makes_it", "skill_broke", "label", "reason", "p_skill")
    }
    first = subtask.curves[0]
    left_out = [
        note
        for note in subtask.cells[first.metrics[first.stages - 1]].notes
        if note.startswith("no scores for") or "left out" in note
    ]
    row["reason"] = "; ".join([answer.reason, *left_out])
    row |= {"p_cliff": answer.hard.p_cliff, "synchrony": first.synchrony}
    row |= {"rung_noise_logits": first.noise.logits, "rung_noise_from": first.noise.source}
    if answer.seeds:
        row |= {"seeds": answer.seeds.kind, "seed_rho": answer.seeds.rho}
    verdicts = {metric: found for curves in subtask.curves for metric, found in curves.verdicts.items()}
    if answer.cliff == "yes":
        row |= {f"under_{m}": _under(verdicts.get(m)) for m in SOFT_METRICS if m in subtask.cells}
    if first.stages > 1:
        row |= {"likelihood_first": -float(first.point[0, 0]), "likelihood_last": -float(first.point[0, -1])}
    if answer.evidence is None:
        return row
    found = answer.estimates
    row |= {"p_metric": answer.evidence.p_metric, "got_worse_first": answer.evidence.got_worse_first}
    for name in _WITH_INTERVAL:
        row |= _three(name, found[name])
    row |= {part: found[part].value for part in PARTS if part in found}
    start, end = found["window_start"].value, found["window_end"].value
    row |= {
        "window_start_log10_x": _shown(start, settings),
        "window_end_log10_x": _shown(end, settings),
        "break_log10_x": _shown(found["break_at"].value, settings),
        **_three("half_log10_x", _turned(found["half"], settings)),
        "rungs_in_window": int(((first.x >= start) & (first.x <= end)).sum()),
        "architecture": _changes(first.x, architecture, start, end, settings),
    }
    if row["architecture"]:
        row["reason"] = f"{row['reason']}; {row['architecture']}"
    return row


def _under(soft: CurveVerdict | None) -> str:
    """What becomes of the hard metric's cliff under a soft metric; None is a curve that is not judged."""
    return {"smooth": "disappears", "cliff": "survives"}.get(soft.verdict if soft else "", "open")


def _changes(x: Floats, architecture: Mapping[float, str], start: float, end: float, settings: Settings) -> str | None:
    """Name the changes of architecture between two rungs, if one of them is in or beside the window."""
    inside = np.flatnonzero((x >= start) & (x <= end))
    before = int(np.searchsorted(x, start, side="right")) - 1
    touched = range(max(before, 0), min(max(before, int(inside[-1]) if len(inside) else before) + 1, len(x) - 1))
    said = []
    for r in touched:
        old, new = architecture.get(float(x[r])), architecture.get(float(x[r + 1]))
        if old is not None and new is not None and old != new:
            places = f"10^{_shown(float(x[r]), settings):.1f} and 10^{_shown(float(x[r + 1]), settings):.1f}"
            said.append(f"the ladder changes from {old} to {new} between {places} {AXES[settings.axis].unit}")
    return "; ".join(said) or None


def rise_rows(subtask: Subtask, settings: Settings) -> list[Row]:
    """Rows of RISES."""
    rows = []
    for curves in subtask.curves:
        for metric, found in curves.verdicts.items():
            row = _empty(RISES) | {"metric": metric}
            if found.rises:
                row |= {"start_log10_x": _shown(found.start, settings), "end_log10_x": _shown(found.end, settings)}
                row |= _three("half_log10_x", _turned(found.half, settings))
            else:
                row["reason"] = f"{found.verdict}: {found.reason}"
            rows.append(row | _bars(curves, subtask.cells[metric], settings))
    return sorted(rows, key=lambda row: str(row["metric"]))


def _bars(curves: Curves, cell: Cell, settings: Settings) -> Row:
    row: Row = {}
    if METRICS[cell.metric].link != "logit":
        return row
    ends = np.cumsum(curves.models)
    means = upward(cell.mean, METRICS[cell.metric])
    for bar in _BARS:
        for rung, (end, m) in enumerate(zip(ends, curves.models, strict=True)):
            mine = means[end - m : end]
            median = int(np.argsort(mine, kind="stable")[(m - 1) // 2])
            if mine[median] >= bar / 100:
                row[f"size_over_{bar}_percent_log10_x"] = _shown(float(curves.x[rung]), settings)
                row[f"model_over_{bar}_percent"] = cell.models[end - m + median]
                break
    return row


def seed_rows(subtask: Subtask, settings: Settings) -> list[Row]:
    """Rows of SEEDS: of the hard metric, where some size has several seeds."""
    if subtask.answer is None or subtask.answer.seeds is None:
        return []
    rows = []
    for x, mine in zip(subtask.curves[0].x, subtask.answer.seeds.progress, strict=False):
        passed, (low, high) = through(mine)
        row: Row = {"metric": subtask.hard, "log10_x": _shown(float(x), settings), "seeds": len(mine)}
        shares = {"through": passed, "share": passed / len(mine), "share_low": low, "share_high": high}
        rows.append(row | shares)
    return rows


def _empty(table: Table) -> Row:
    """A row of nulls, without the names that `analyse` adds."""
    return {column: None for column in table.columns if column not in _NAMES}


def _three(name: str, estimate: Estimate) -> Row:
    return {name: _told(estimate.value), f"{name}_low": _told(estimate.low), f"{name}_high": _told(estimate.high)}


def _turned(estimate: Estimate, settings: Settings) -> Estimate:
    """An interval along the axis, in log10 of its quantity, which falls where better is lower."""
    if not AXES[settings.axis].falls:
        return estimate
    return Estimate(-estimate.value, -estimate.high, -estimate.low)


def _shown(x: float, settings: Settings) -> float:
    return -x if AXES[settings.axis].falls else x


def _told(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
