"""What importers found, brought to the tables as the command does it."""

import polars as pl

from rescore.importing import tidy
from rescore.importing.names import meanings


def means(found: pl.DataFrame, *, percent: bool = False) -> pl.DataFrame:
    """Make rows of AGGREGATES."""
    return tidy.aggregates(found, meanings([found]), percent=percent)


def scores(found: pl.DataFrame, *, percent: bool = False) -> pl.DataFrame:
    """Make rows of SCORES."""
    return tidy.items(found, meanings([found]), percent=percent)
