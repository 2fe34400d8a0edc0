"""Results of other tools: read, brought to the tables, and where a ladder is given tested and reported."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rescore.importing import importers
from rescore.importing.finish import Options, Written
from rescore.importing.table import Columns


def results(paths: Sequence[Path], options: Options, settings: Mapping[str, Any], *, prefer: str | None) -> None:
    """Import results files and logs of examples; of a folder, all in it and in the folders in it."""
    _test(importers.results(paths, options, prefer=prefer), options, settings)


def bigbench_scores(files: Sequence[Path], options: Options, settings: Mapping[str, Any], *, n: int | None) -> None:
    """Import score files of BIG-bench; of a folder, all in it and in the folders in it."""
    _test(importers.bigbench_scores(files, options, n=n), options, settings)


def csv(file: Path, columns: Columns, options: Options, settings: Mapping[str, Any]) -> None:
    """Import a table of results: comma- or tab-separated, or parquet."""
    _test(importers.csv(file, columns, options), options, settings)


def _test(written: Written, options: Options, settings: Mapping[str, Any]) -> None:
    """Test and report what was imported, where a ladder is given."""
    if not options.ladders:
        return
    from rescore.stages import reporting, verdicts

    verdicts.test(
        written["scores"],
        options.ladders,
        options.out,
        settings,
        aggregates=written["aggregates"],
        examples=written["examples"],
    )
    reporting.report(options.out, None)
