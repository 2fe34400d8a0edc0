"""What is reported beside the verdicts and never decides one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from rescore import tables as schema
from rescore.discontinuity import Analysis, Settings


def diagnose(
    analysis: Analysis,
    settings: Settings,
    out: Path,
    made_by: Mapping[str, Any],
    *,
    graded: pl.DataFrame,
) -> None:
    """Write the tables of `rescore.tables.DIAGNOSTICS`, each as parquet and CSV.

    Parameters
    ----------
    analysis
        What the curves' tests found.
    settings
        What a user turned.
    out
        The folder.
    made_by
        Provenance of the tables.
    graded
        The table GRADING, for the grader's flags; without a row where it is not known.
    """
    for frame, table in _tables(analysis, settings, graded):
        schema.write_twins(frame, out, table, made_by)


def _tables(
    analysis: Analysis, settings: Settings, graded: pl.DataFrame
) -> Iterator[tuple[pl.DataFrame, schema.Table]]:
    from rescore import planning as of
    from rescore.discontinuity import families

    curves, verdicts, cliffs = analysis.curves, analysis.verdicts, analysis.cliffs
    yield analysis.rises, schema.RISES
    yield analysis.seeds, schema.SEEDS
    yield families(cliffs), schema.FAMILIES
    yield of.ladder_shifts(curves, verdicts, cliffs, seed=settings.seed), schema.LADDER_SHIFTS
    yield of.forecasts(curves, settings.conventions), schema.FORECASTS
    yield of.flags(curves, verdicts, graded), schema.FLAGS
