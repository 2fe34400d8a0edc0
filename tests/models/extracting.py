"""One model over tables of examples, skipping what is done, as `rescore extract` runs it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rescore.models.extraction import run_jobs
from rescore.models.jobs import ExtractSettings, open_jobs


def extract(row: Mapping[str, Any], examples: Sequence[Path], out: Path, settings: ExtractSettings) -> list[Path]:
    return run_jobs(row, open_jobs(row, examples, out, settings), settings)
