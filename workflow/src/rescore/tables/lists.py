"""The lists beside this file: tables.tsv, columns.tsv and metrics.tsv."""

import csv
from pathlib import Path


def read_list(name: str) -> list[dict[str, str]]:
    """Read a list: one mapping from column to cell per row."""
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
