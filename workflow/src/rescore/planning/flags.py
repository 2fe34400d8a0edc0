"""Subtasks that someone should look at, and why."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from rescore.discontinuity.conventions import CONVENTIONS
from rescore.planning.curves import Curve, read_curves
from rescore.tables import FLAGS
from rescore.tables.metrics import HARD_METRICS, REFERENCE_METRICS

OUTLIER = 3.5
"""Robust z from which a value is an outlier among its siblings (Iglewicz and Hoaglin 1993)."""

SIBLINGS_MIN = 4
GRADER_SHARE_MIN = 0.01

_MAD_TO_SD = 1.4826
_MAD_MIN = 0.05 / _MAD_TO_SD  # siblings that agree to the last digit would make any other share an outlier
_ONE_SIDED = 1.645  # standard errors: 5%

_Flag = tuple[str | float | None, ...]


def flags(curves: pl.DataFrame, verdicts: pl.DataFrame, grading: pl.DataFrame) -> pl.DataFrame:
    """Flag saturation, inverse scaling, signatures of contamination, and errors of the grader: the table FLAGS.

    docs/diagnostics.md says when each is raised. Saturation takes a fall of NLL at one-sided 5%; contamination is
    looked for in exact match, multiple choice and NLL. `grading` (GRADING) is empty where it is not known.
    """
    rows = [*_saturated(curves), *_inverse(verdicts), *_contaminated(verdicts), *_grader(grading, curves)]
    frame = pl.DataFrame(rows, schema=dict(FLAGS.columns), orient="row")
    return frame.sort("ladder", "task", "subtask", "flag", "metric", nulls_last=True)


def robust_z(value: float, siblings: np.ndarray) -> float:
    """(value - median) / (1.4826 MAD) with median and MAD of the siblings; the scale is at least 0.05.

    >>> round(robust_z(0.9, np.array([0.1, 0.2, 0.3, 0.4])), 2)
    4.38
    """
    median = np.median(siblings)
    mad = max(float(np.median(np.abs(siblings - median))), _MAD_MIN)
    return float((value - median) / (_MAD_TO_SD * mad))


def _saturated(curves: pl.DataFrame) -> Iterator[_Flag]:
    wanted = curves.filter(pl.col("metric").is_in(["exact_match", *REFERENCE_METRICS]))
    cells = {curve.key: curve for curve in read_curves(wanted)}
    for key, exact in cells.items():
        nll = next((cells[(*key[:3], name)] for name in REFERENCE_METRICS if (*key[:3], name) in cells), None)
        if key[3] != "exact_match" or nll is None:
            continue
        below = np.flatnonzero(exact.mean < CONVENTIONS.saturated_at)
        sizes = exact.x[below[-1] + 1 if len(below) else 0 :]
        found = _falls(nll, sizes)
        if found is None:
            continue
        detail = (
            f"exact match is at least {CONVENTIONS.saturated_at:g} on the top {len(sizes)} sizes while NLL falls from "
            f"{found[0]:.3g} to {found[1]:.3g} {nll.metric.unit}: retire exact match here, it cannot tell them apart"
        )
        yield *key[:3], "saturation", "exact_match", "top_mean", exact.mean[-1], CONVENTIONS.saturated_at, detail


def _falls(nll: Curve, sizes: np.ndarray) -> tuple[float, float] | None:
    """NLL at the first and the last of these sizes, where it falls beyond its standard errors."""
    at = np.flatnonzero(np.isin(nll.x, sizes))
    if len(at) < 2:
        return None
    first, last = nll.mean[[at[0], at[-1]]].tolist()
    error = np.sqrt(nll.variance[at[0]] + nll.variance[at[-1]])
    return (first, last) if first - last > _ONE_SIDED * error else None  # None too where no error is known (NaN)


def _inverse(verdicts: pl.DataFrame) -> Iterator[_Flag]:
    inverse = verdicts.filter(pl.col("verdict") == "inverse")
    names = ("ladder", "task", "subtask", "metric", "first_mean", "last_mean")
    for *key, metric, first, last in inverse.select(names).iter_rows():
        detail = f"{metric} gets worse up the ladder: from {first:.3g} at the first size to {last:.3g}"
        yield *key, "inverse scaling", metric, "change_first_to_last", last - first, None, detail


def _contaminated(verdicts: pl.DataFrame) -> Iterator[_Flag]:
    rising = verdicts.filter(
        pl.col("metric").is_in([*HARD_METRICS, *REFERENCE_METRICS]),
        pl.col("largest_gap").is_not_null(),
    )
    for (_, _, metric), family in sorted(rising.partition_by(["ladder", "task", "metric"], as_dict=True).items()):
        shares = family["largest_gap"].to_numpy()
        for i, row in enumerate(family.iter_rows(named=True)):
            siblings = np.delete(shares, i)
            if len(siblings) < SIBLINGS_MIN or row["largest_gap_low"] <= np.median(siblings):
                continue
            if not siblings.max() < CONVENTIONS.jump_min <= shares[i]:
                continue
            z = robust_z(shares[i], siblings)
            if z >= OUTLIER:
                detail = (
                    f"{shares[i]:.0%} of the rise of {metric} lies in one gap; the median of its "
                    f"{len(siblings)} siblings is {np.median(siblings):.0%}: look for leaked items"
                )
                key = (row["ladder"], row["task"], row["subtask"])
                yield *key, "contamination signature", str(metric), "robust_z_of_largest_gap", z, OUTLIER, detail


def _grader(grading: pl.DataFrame, curves: pl.DataFrame) -> Iterator[_Flag]:
    rows = curves.select("ladder", "model").unique().join(grading, on="model")
    rejected = ("exact_match", "rejected", "n_text", "of the answers hold a target and are rejected, model {model}")
    impossible = ("multiple_choice_grade", "no_correct_choice", "n_examples", "of the items have no correct choice")
    kinds = (("grader rejects right answers", *rejected), ("no correct choice", *impossible))
    for flag, metric, count, of, words in kinds:
        worst = (
            rows.filter(pl.col(of) > 0)
            .with_columns(share=pl.col(count) / pl.col(of))
            .filter(pl.col("share") >= GRADER_SHARE_MIN)
            .sort("share", "model", descending=[True, False])
            .unique(["ladder", "task", "subtask"], keep="first", maintain_order=True)
        )
        for row in worst.iter_rows(named=True):
            key = (row["ladder"], row["task"], row["subtask"])
            detail = f"{row[count]} of {row[of]} {words.format(model=row['model'])}"
            yield *key, flag, metric, f"{count}_share", row["share"], GRADER_SHARE_MIN, detail
