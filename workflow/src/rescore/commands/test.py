"""`rescore test`: scores and ladders to curves, verdicts, cliffs, the headline and the tables beside them."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rescore.commands.shared import Ladders, Out, Settings, Threads, say

if TYPE_CHECKING:
    import polars as pl

_SAID = ("task_digest", "shots", "seed", "max_examples", "form", "models")
_OF_THE_FILE = ("schema", "schema_version", "code_version")
_NEEDED = ("model", "task", "subtask", "example_id", "metric", "score")


def test(
    ladder: Ladders,
    out: Out,
    scores: Annotated[list[Path] | None, typer.Option(help="Tables of scores.", show_default=False)] = None,
    more_scores: Annotated[list[Path] | None, typer.Argument(help="More tables of scores.", show_default=False)] = None,
    aggregates: Annotated[
        list[Path] | None,
        typer.Option(help="Tables of means without their items; may be given several times.", show_default=False),
    ] = None,
    examples: Annotated[
        list[Path] | None,
        typer.Option(
            help="Tables of examples, which tell what guessing scores; may be given several times.",
            show_default=False,
        ),
    ] = None,
    grading: Annotated[
        list[Path] | None,
        typer.Option(help="Tables of the grader's errors; may be given several times.", show_default=False),
    ] = None,
    settings: Settings = "{}",
    threads: Threads = None,
) -> None:
    """Answer the three questions of every cliff.

    Is there one, does the metric make it, did the skill itself break? Takes --scores, --aggregates or both. Writes
    curves, verdicts, cliffs, the headline and the diagnostics to OUT, each as parquet and CSV.
    """
    from rescore import discontinuity
    from rescore.config.inputs import read_ladders
    from rescore.config.validation import json_object
    from rescore.tables import (
        AGGREGATES,
        EXAMPLES,
        GRADING,
        SCORES,
        TABLES,
        InputError,
        count,
        distinct,
        provenance,
        read_all,
        some,
        write_twins,
    )

    chosen = discontinuity.Settings.from_mapping(json_object(settings, "--settings"))
    paths, aggregates = [*(scores or []), *(more_scores or [])], aggregates or []
    if not paths and not aggregates:
        raise InputError("nothing to test: give --scores, --aggregates or both")
    [(path, times)] = Counter([*paths, *aggregates]).most_common(1)
    if times > 1:
        raise InputError(f"{path}: is given twice; name each table once")
    models = read_ladders(ladder, axis=chosen.axis)
    if not aggregates:
        _check_metrics(paths)
    means = read_all(aggregates, AGGREGATES)
    try:
        analysis = discontinuity.analyse(
            by_task(paths),
            models,
            chosen,
            aggregates=means,
            chances=discontinuity.chances(
                read_all(examples or [], EXAMPLES, columns=["task", "subtask", "target_scores"])
            ),
            workers=threads or os.cpu_count() or 1,
        )
    except discontinuity.ScoreError as error:
        raise InputError(f"{'; '.join(_standing(error.row, paths))}: {error.problem}") from error
    scored = set(means["model"]).union(*(distinct(path, SCORES, "model") for path in paths))
    if unlisted := sorted(scored - set(models["model"])):
        say(
            f"{count(len(unlisted), 'model')} of the scores left out, in no ladder table: {some(unlisted, 3)}; "
            "add their rows to test them"
        )
    made_by: dict[str, Any] = {
        "ladders": {str(path): models.filter(ladder=path.stem).height for path in ladder},
        "scores": {path.stem: {k: v for k, v in provenance(path).items() if k in _SAID} for path in paths},
        "settings": chosen.__dict__,
        "conventions": asdict(chosen.conventions),
    }
    if aggregates:
        made_by["aggregates"] = {
            path.stem: {k: v for k, v in provenance(path).items() if k not in _OF_THE_FILE} for path in aggregates
        }
    written = []
    for name, frame in _tables(analysis, chosen, read_all(grading or [], GRADING)):
        write_twins(frame, out, TABLES[name], made_by)
        written.append(name)
    say(f"wrote {', '.join(written)} to {out}, each as parquet and CSV")


def by_task(paths: Sequence[Path]) -> Iterator["pl.DataFrame"]:
    """Read tables of scores, one task after the other: no more is held at a time, and each file is read once.

    Files may hold any models and tasks; those that share a task are read together.

    Raises
    ------
    InputError
        A file that is no such table.
    """
    from rescore.tables import SCORES, distinct, read_all

    groups: list[tuple[set[str], list[Path]]] = []
    for path in paths:
        tasks = set(distinct(path, SCORES, "task"))
        linked = [group for group in groups if group[0] & tasks]
        groups = [group for group in groups if group not in linked]
        groups.append((tasks.union(*(t for t, _ in linked)), [*chain.from_iterable(f for _, f in linked), path]))
    for tasks, files in groups:
        frame = read_all(files, SCORES, columns=_NEEDED)
        yield from frame.partition_by("task", maintain_order=True) if len(tasks) > 1 else [frame]


def _standing(row: Mapping[str, Any], paths: Sequence[Path]) -> Iterator[str]:
    """Say where a row of scores stands: each file that has it, with its places, the first row being 0."""
    import polars as pl

    for path in paths:
        of_file = pl.scan_parquet(path).with_row_index("place").filter(**row)
        places = of_file.select("place").collect()["place"].to_list()
        if places:
            yield f"{path}: row {' and '.join(map(str, places))}"


def _check_metrics(paths: Sequence[Path]) -> None:
    """Refuse scores if none of them can be tested."""
    from rescore.tables import METRICS, SCORES, InputError, distinct

    metrics = {metric for path in paths for metric in distinct(path, SCORES, "metric")}
    if not metrics:
        raise InputError(f"{paths[0]}: holds no score; make it with `rescore score`, from at least one model")
    if not metrics & METRICS.keys():
        raise InputError(
            f"{paths[0]}: holds no metric that is tested, but '{min(metrics)}'; tested are {', '.join(METRICS)}"
        )


def _tables(analysis: Any, settings: Any, graded: "pl.DataFrame") -> Iterator[tuple[str, "pl.DataFrame"]]:
    """Yield every table that the command writes, by name."""
    from rescore import planning
    from rescore.discontinuity import families, headline

    curves, verdicts, cliffs = analysis.curves, analysis.verdicts, analysis.cliffs
    yield from analysis._asdict().items()
    yield "headline", headline(cliffs, verdicts, seed=settings.seed)
    yield "families", families(cliffs)
    yield "ladder_shifts", planning.ladder_shifts(curves, verdicts, cliffs, seed=settings.seed)
    forecasts = planning.forecasts(curves, verdicts, settings.conventions, seed=settings.seed)
    yield "forecasts", forecasts
    yield "forecast_counts", planning.forecast_counts(forecasts)
    yield "flags", planning.flags(curves, verdicts, graded)
    yield "planted", planning.planted(curves, settings)
