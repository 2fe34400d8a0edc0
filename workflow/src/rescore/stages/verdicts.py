"""Verdicts: testing the curves of a ladder."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from rescore import tables as schema
from rescore.config.inputs import read_ladders
from rescore.stages.parts import Parts, read_all

_SAID = ("task_digest", "shots", "seed", "max_examples", "models")
_OF_THE_FILE = ("schema", "schema_version", "code_version")


def test(
    scores: Sequence[Path],
    ladders: Sequence[Path],
    out: Path,
    settings: Mapping[str, Any],
    *,
    aggregates: Sequence[Path] = (),
    examples: Sequence[Path] = (),
    grading: Sequence[Path] = (),
    threads: int | None = None,
) -> None:
    """Write curves, verdicts, cliffs, the headline and the diagnostics of all scores, each as parquet and CSV.

    Parameters
    ----------
    scores, aggregates
        Tables SCORES and AGGREGATES; one of either at least.
    ladders
        Tables of models.
    out
        The folder to write to.
    settings
        Those of `discontinuity.Settings` that differ from the defaults.
    examples
        Tables EXAMPLES, which tell what guessing scores where choices are listed.
    grading
        Tables GRADING, for the flags of the grader's errors.
    threads
        Processes; all cores if None.

    Raises
    ------
    InputError
        Nothing to test, or a file, row or setting that cannot be used.
    """
    if not scores and not aggregates:
        raise schema.InputError("nothing to test: give --scores, --aggregates or both")
    from rescore import discontinuity as stage
    from rescore.stages.diagnosing import diagnose

    chosen = stage.Settings.from_mapping(settings)
    ladder = read_ladders(ladders, axis=chosen.axis)
    parts = Parts.of(scores)
    if not parts.metrics and not aggregates:
        raise schema.InputError(f"{scores[0]}: holds no score; make it with `rescore score`, from at least one model")
    if not aggregates and not parts.metrics & schema.METRICS.keys():
        raise schema.InputError(
            f"{scores[0]}: holds no metric that is tested, but '{min(parts.metrics)}'; "
            f"tested are {', '.join(schema.METRICS)}"
        )
    analysis = stage.analyse(
        parts,
        ladder,
        chosen,
        aggregates=read_all(aggregates, schema.AGGREGATES),
        chances=stage.chances(read_all(examples, schema.EXAMPLES, columns=["task", "subtask", "target_scores"])),
        workers=threads or os.cpu_count() or 1,
    )
    headline = stage.headline(analysis.cliffs, analysis.verdicts, seed=chosen.seed)
    made_by: dict[str, Any] = {
        "ladders": {str(path): ladder.filter(pl.col("ladder") == path.stem).height for path in ladders},
        "scores": {path.stem: {k: v for k, v in schema.provenance(path).items() if k in _SAID} for path in scores},
        "settings": chosen.__dict__,
        "conventions": asdict(chosen.conventions),
    }
    if aggregates:
        made_by["aggregates"] = {
            path.stem: {k: v for k, v in schema.provenance(path).items() if k not in _OF_THE_FILE}
            for path in aggregates
        }
    for frame, table in (
        (analysis.curves, schema.CURVES),
        (analysis.verdicts, schema.VERDICTS),
        (analysis.cliffs, schema.CLIFFS),
        (headline, schema.HEADLINE),
    ):
        schema.write_twins(frame, out, table, made_by)
    diagnose(analysis, chosen, out, made_by, graded=read_all(grading, schema.GRADING))
