"""The report as one HTML page that opens from disk and asks no host for anything."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from rescore.report import charts, text
from rescore.report.document import document
from rescore.report.grader import Grader, grader
from rescore.report.text import KEY, Subtask
from rescore.schema import GRADING, METRICS
from rescore.schema.metrics import SOFT_METRICS

_CURVE = ("model", "compute_flops", "metric", "mean", "standard_error", "n", "low", "high")
_LISTED = 12  # subtasks with an unreliable grader at the top of the page; each has its line in its section as well


@dataclass(frozen=True, kw_only=True)
class _Section:
    """What the page says of a subtask."""

    anchor: str
    name: str
    label: str | None
    reason: str | None
    hard_metric: str | None
    fates: Mapping[str, str]  # soft metric -> what becomes of the hard metric's cliff under it; empty without a cliff
    verdicts: Mapping[str, Mapping[str, Any]]  # metric -> row of VERDICTS
    curve: Mapping[str, Any]
    panels: tuple[str, ...]
    measured: frozenset[str]
    graded: bool  # whether GRADING has rows of its models
    grader: Grader | None


def render(
    *,
    curves: pl.DataFrame,
    verdicts: pl.DataFrame,
    cliffs: pl.DataFrame,
    headline: pl.DataFrame,
    made_by: Mapping[str, object],
    settings: Mapping[str, object],
    grading: pl.DataFrame | None = None,
    concentration: pl.DataFrame | None = None,
) -> str:
    """Return the report as one self-contained HTML page.

    It is a `document`, whose charts are drawn when scrolled into view, and has a link to the sandbox beside it.
    Names of tasks and models are text wherever they stand.

    Parameters
    ----------
    curves, verdicts, cliffs
        Tables of the contracts CURVES, VERDICTS and CLIFFS; any may be empty.
    headline
        One row a soft metric: metric, cliffs, disappear, share, share_low, share_high (95%); the shares are
        null where there is no cliff.
    made_by
        What made the tables (models, task digests, versions), printed as given; may nest.
    settings
        The constants of the method, printed as given; may nest.
    grading, concentration
        Tables of the contracts GRADING and CONCENTRATION; the page is silent on one that is not there. Of the former
        the rows count whose model has a point on the subtask's curves.
    """
    sections = _sections(curves, verdicts, cliffs, GRADING.empty() if grading is None else grading)
    return document(
        "page.html.j2",
        "page.js",
        sentence=text.sentence(cliffs),
        counts={label: int((cliffs["label"] == label).sum()) for label in text.LABELS},
        labels=text.LABELS,
        verdict_meanings=text.VERDICTS,
        definitions=METRICS,
        headline=headline.to_dicts(),
        concentrated=None if concentration is None else text.concentrated(concentration),
        concentration=[] if concentration is None else concentration.to_dicts(),
        n_graded=sum(section.graded for section in sections),
        misgraded=sorted((s for s in sections if s.grader), key=_worst_share, reverse=True),
        n_listed=_LISTED,
        metrics=_metrics(verdicts),
        sections=sections,
        specs=charts.specs(sorted({metric for section in sections for metric in section.panels})),
        dataset=charts.DATASET,
        settings=list(_flat(settings)),
        made_by=list(_flat(made_by)),
        where=_where,
    )


def _sections(
    curves: pl.DataFrame, verdicts: pl.DataFrame, cliffs: pl.DataFrame, grading: pl.DataFrame
) -> list[_Section]:
    """Gather what each subtask of any of the tables has, in the order of `in_order`."""
    keys = pl.concat([frame.select(KEY) for frame in (cliffs, verdicts, curves)]).unique()
    subtasks = text.in_order(keys.join(cliffs, on=KEY, how="left"))
    with_ladder = subtasks["ladder"].n_unique() > 1
    curves = charts.with_interval(curves)
    curve_of = curves.partition_by(KEY, as_dict=True)
    verdicts_of = verdicts.partition_by(KEY, as_dict=True)
    models = curves.select(*KEY, "model").unique()
    grading_of = models.join(grading, on=["model", "task", "subtask"]).partition_by(KEY, as_dict=True)
    found = []
    for place, row in enumerate(subtasks.iter_rows(named=True), start=1):
        key = Subtask(*(row[column] for column in KEY))
        curve = curve_of.get(tuple(key), curves.clear())
        cells = verdicts_of.get(tuple(key), verdicts.clear())
        graded = grading_of.get(tuple(key), grading.clear())
        found.append(
            _Section(
                anchor=f"s{place}",
                name=text.display_name(key, with_ladder=with_ladder),
                label=row["label"],
                reason=row["reason"],
                hard_metric=row["hard_metric"],
                fates={m: row[f"under_{m}"] for m in SOFT_METRICS if row[f"under_{m}"] is not None},
                verdicts={cell["metric"]: cell for cell in cells.iter_rows(named=True)},
                curve={**key._asdict(), "columns": curve.select(_CURVE).to_dict(as_series=False)},
                panels=charts.panels(curve),
                measured=frozenset(curve.filter(pl.col("mean").is_not_null())["metric"]),
                graded=graded.height > 0,
                grader=grader(graded),
            )
        )
    return found


def _worst_share(section: _Section) -> float:
    return section.grader.worst_share if section.grader else 0.0


def _metrics(verdicts: pl.DataFrame) -> list[str]:
    """Return the metrics with a verdict: ours in their order, then BIG-bench's own by name."""
    present = set(verdicts["metric"])
    return [name for name in METRICS if name in present] + sorted(present - METRICS.keys())


def _where(row: Mapping[str, Any]) -> float | None:
    """Return the training compute (FLOPs) of a cliff; elsewhere the best step or kink means nothing."""
    if row["verdict"] != "cliff":
        return None
    log10 = row["kink_log10_compute"] if row["route"] == "kink" else row["jump_log10_compute"]
    return None if log10 is None else float(10**log10)


def _flat(mapping: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield a nested mapping as dotted keys and printed values.

    >>> list(_flat({"a": {"b": 0.05}, "c": ["x", 1]}))
    [('a.b', '0.05'), ('c', '["x", 1]')]
    """
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            listed = isinstance(value, list | tuple)
            yield (
                f"{prefix}{key}",
                json.dumps(value, default=str, ensure_ascii=False) if listed else str(value),
            )
