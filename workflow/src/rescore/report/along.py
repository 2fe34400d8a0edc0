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
    """The axis of a run's charts, one of AXES; a log scale, better models further right.

    `progress` says that every ladder is the checkpoints of models of one size, so that compute is training progress.
    """

    column: str = _COMPUTE
    progress: bool = False

    @property
    def falls(self) -> bool:
        """Whether the scale is reversed: less is better."""
        return AXES[self.column].falls

    @property
    def unit(self) -> str:
        return AXES[self.column].unit

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        if self.column != _COMPUTE:
            return AXES[self.column].noun
        return "training progress (compute)" if self.progress else "training compute"

    @property
    def title(self) -> list[str]:
        """The lines of its title in a chart.

        >>> Along("pretraining_loss_nats").title
        ['Pretraining loss (nats/token)', 'reversed: lower is further right']
        """
        name = self.name.removesuffix(" (compute)").capitalize()
        line = name if self.unit in self.name else f"{name} ({self.unit})"
        return [line, "reversed: lower is further right"] if self.falls else [line]


def along(curves: pl.DataFrame, verdicts: pl.DataFrame) -> Along:
    """Return the axis that VERDICTS were made along, the first of several; compute where there is none."""
    axes = verdicts["axis"].unique(maintain_order=True)
    ladders = set(curves["ladder"])
    progress = bool(ladders) and ladders <= checkpoint_ladders(curves)
    return Along(axes[0] if len(axes) else _COMPUTE, progress)


def rung_means(curves: pl.DataFrame, axis: Along) -> pl.DataFrame:
    """Return the mean of each size's models under each metric, towards the better size.

    The columns are KEY, metric, x (log10 of the axis, its sign turned where the axis falls) and mean, without nulls.
    """
    measured = curves.drop_nulls(["mean", axis.column])
    x = pl.Series(AXES[axis.column].places(measured[axis.column]))
    return measured.group_by(*text.KEY, "metric", x=x).agg(pl.col("mean").mean()).sort(*text.KEY, "metric", "x")


def ladder_lines(curves: pl.DataFrame) -> list[str]:
    """Say of each ladder of CURVES in a sentence how many of its models have a score, and what these span."""
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
