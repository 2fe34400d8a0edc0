"""What the charts run along: the axis of the verdicts, and the ladders on it in words."""

import math
from dataclasses import dataclass

import polars as pl

from rescore.report import text
from rescore.tables import count
from rescore.tables.axes import AXES, Axis, checkpoint_ladders

_COMPUTE = "compute_flops"


@dataclass(frozen=True)
class Along:
    """The axis of a run's charts; a log scale, better models further right.

    Attributes
    ----------
    column
        Of CURVES, one of AXES.
    progress
        Whether every ladder is the checkpoints of models of one size, so that compute is training progress.
    """

    column: str = _COMPUTE
    progress: bool = False

    @property
    def falls(self) -> bool:
        """Whether the scale is reversed: less is better."""
        return AXES[self.column].falls

    @property
    def unit(self) -> str:
        """The unit."""
        return AXES[self.column].unit

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        training = {_COMPUTE: "training progress (compute)" if self.progress else "training compute"}
        return training.get(self.column, AXES[self.column].noun)

    @property
    def title(self) -> list[str]:
        """The lines of its title in a chart.

        >>> Along("pretraining_loss_nats").title
        ['Pretraining loss (nats/token)', 'reversed: lower is further right']
        """
        first = self.name[0].upper() + self.name[1:]
        if self.progress and self.column == _COMPUTE:
            first = "Training progress"
        line = first if self.unit in first.lower() else f"{first} ({self.unit})"
        return [line, "reversed: lower is further right"] if self.falls else [line]


def along(curves: pl.DataFrame, verdicts: pl.DataFrame) -> Along:
    """Return the axis that verdicts were made along; compute where there is none.

    Parameters
    ----------
    curves, verdicts
        Tables of those contracts. Verdicts along several axes have no place in one report: the first counts.
    """
    axes = verdicts["axis"].unique(maintain_order=True)
    ladders = set(curves["ladder"])
    progress = bool(ladders) and ladders <= checkpoint_ladders(curves)
    return Along(axes[0] if len(axes) else _COMPUTE, progress)


def rung_means(curves: pl.DataFrame, axis: Along) -> pl.DataFrame:
    """Return the mean of each size's models under each metric, sizes from the smallest or of the highest loss on.

    Returns
    -------
    pl.DataFrame
        KEY, metric, x (log10 of the axis, its sign turned where the axis falls), mean; without nulls.
    """
    x = pl.col(axis.column).log10() * (-1 if axis.falls else 1)
    means = curves.drop_nulls(["mean", axis.column]).group_by(*text.KEY, "metric", x=x).agg(pl.col("mean").mean())
    return means.sort(*text.KEY, "metric", "x")


def ladder_lines(curves: pl.DataFrame) -> list[str]:
    """Say of each ladder in a sentence how many of its models have a score, and what these span.

    Parameters
    ----------
    curves
        The table CURVES.
    """
    steps = checkpoint_ladders(curves)
    models = curves.filter(pl.col("mean").is_not_null()).select("ladder", "model", *AXES).unique()
    return [
        text.plain(f"Ladder {ladder}: {_models(of, steps=ladder in steps)}.")
        for (ladder,), of in sorted(models.partition_by("ladder", as_dict=True).items())
    ]


def _models(of: pl.DataFrame, *, steps: bool) -> str:
    sizes = of["n_params"].drop_nulls().n_unique()
    if steps:
        first = f"training progress, {count(of.height, 'checkpoint')} of one size"
    else:
        first = count(of.height, "model") + (f" of {count(sizes, 'size')}" if sizes else "")
    return ", ".join([first, *(_span(of[column], axis) for column, axis in AXES.items() if of[column].count())])


def _span(values: pl.Series, axis: Axis) -> str:
    """Say from where to where values go, towards the better model."""
    known = values.drop_nulls().to_list()
    show = text.size if axis.unit == "parameters" else text.number
    low, high = show(min(known)), show(max(known))
    ends = low if low == high else f"{high} to {low}" if axis.falls else f"{low} to {high}"
    said = f"{ends} {axis.unit} of {axis.noun}" if axis.unit != axis.noun else f"{ends} {axis.noun}"
    decades = math.log10(max(known) / min(known))
    return said if axis.falls or not decades else f"{said} ({text.number(decades, 2)} decades)"
