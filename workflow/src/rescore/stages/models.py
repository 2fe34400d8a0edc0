"""Models: running them over tasks, and scoring what they said."""

import hashlib
import json
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from rescore import tables as schema
from rescore.config.folder import check_source
from rescore.config.inputs import read_ladders
from rescore.tables import InputError
from rescore.tables.source import code

_AT_ONCE = 2**13
"""Examples, of as many models, that are scored at once: a query of a hundred rows takes as long as one of thousands."""

SCORING_CODE = ("stages/models", "scoring", "bigbench", "tables")
"""Modules and packages that scores hang on."""


def extract(
    examples: Sequence[Path],
    ladder: Path,
    models: Sequence[str],
    out: Path,
    *,
    batch_tokens: int,
    max_new_tokens: int,
    threads: int | None,
) -> None:
    """Run models over tasks, one model after the other.

    Raises
    ------
    InputError
        A model is not in the ladder, or two tables of examples share a name. Of the models that cannot be run, the
        first one's, after the others were run.
    """
    from rescore.models.jobs import ExtractSettings

    names = [path.stem for path in examples]
    for i, path in enumerate(examples):
        if path.stem in names[:i]:
            twin = examples[names.index(path.stem)]
            raise InputError(f"{path}: {twin} has this name too, and tables are named by it; rename one of the files")
    rows = {row["model"]: row for row in read_ladders([ladder]).iter_rows(named=True)}
    for model in models:
        if model not in rows:
            raise InputError(f"{ladder}: key 'model': no row for '{model}'; it lists {', '.join(rows)}")
        check_source(rows[model], str(ladder))
    settings = ExtractSettings(batch_tokens=batch_tokens, max_new_tokens=max_new_tokens)
    errors = []
    for model in models:
        try:
            _extract(rows[model], examples, out, settings, threads)
        except InputError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _extract(row: Mapping[str, Any], examples: Sequence[Path], out: Path, settings: Any, threads: int | None) -> None:
    """Run one model over what is left to do; a model of the Hub is downloaded first."""
    from rescore.models.jobs import open_jobs

    of_the_hub = not Path(row["source"]).is_dir()
    if of_the_hub:
        from rescore.models import hub

        row = {**row, "revision": hub.commit(row)}
    jobs = open_jobs(row, examples, out, settings)
    first = next(jobs, None)
    if first is None:
        return
    if of_the_hub:
        row = {**row, "source": str(hub.model(row))}
    from rescore.models.extraction import run_jobs  # imports torch: only where there is work

    run_jobs(row, chain([first], jobs), settings, threads=threads)


def score(
    files: Sequence[Path],
    examples: Path,
    out: Path,
    *,
    bigbench_out: Path | None,
    grading_out: Path | None,
    positions_out: Path | None = None,
) -> None:
    """Score the extractions and generations of one task, of any number of models.

    BIG-bench's own numbers, how often the grader is wrong, and accuracy by position in the answer with how errors go
    together, go to tables of their own. Where all that are asked for stand there already, whole, and made by the same
    code from inputs of the same content, nothing is done.

    Raises
    ------
    InputError
        A model has one of the two tables only, or one was made from other examples.
    """
    targets = (
        (schema.SCORES, out),
        (schema.BIGBENCH, bigbench_out),
        (schema.GRADING, grading_out),
        (schema.POSITIONS, positions_out),
    )
    asked = [(table, path) for table, path in targets if path is not None]
    fingerprint = _fingerprint(examples, files)
    if all(schema.fingerprint(path, table) == fingerprint for table, path in asked):
        return
    questions = schema.read(examples, schema.EXAMPLES)
    made_from = schema.provenance(examples)
    settings = made_from.get("subtasks")
    if settings is None:
        raise InputError(f"{examples}: says nothing of its subtasks' metrics; make it with `rescore prompts`")
    tables, extracted = _extracted(files, examples, schema.digest(questions))
    models = pl.Enum(list(tables))
    frames: dict[str, list[pl.DataFrame]] = {table.name: [] for table, _ in asked}
    at_once = max(1, _AT_ONCE // max(1, questions.height))
    for start in range(0, len(tables), at_once):
        some = list(tables)[start : start + at_once]
        extractions, generations = (
            _together({model: schema.read(tables[model][t.name], t) for model in some}, models)
            for t in (schema.EXTRACTIONS, schema.GENERATIONS)
        )
        asked_of = _together(dict.fromkeys(some, questions), models)
        for name, frame in _scored(asked_of, extractions, generations, settings, frames):
            in_order = frame.sort(pl.col("model").cast(models), maintain_order=True)
            frames[name].append(in_order.cast({"model": pl.String}))
    kept = ("fingerprint", "model_identity", "dtype", "max_new_tokens", "prompts_cut", "extraction_version")
    made_by = {key: made_from.get(key) for key in ("task_digest", "shots", "seed", "max_examples")}
    made_by |= {"task": examples.stem, "fingerprint": fingerprint}
    made_by |= {"models": {model: {key: made.get(key) for key in kept} for model, made in extracted.items()}}
    for table, path in asked:
        schema.write(pl.concat(frames[table.name]), path, table, made_by)


def _extracted(
    files: Sequence[Path], examples: Path, digest: str
) -> tuple[dict[str, dict[str, Path]], dict[str, dict[str, Any]]]:
    """By model, in the order of the files, the file of each of its two tables, and what made them."""
    tables: dict[str, dict[str, Path]] = {}
    extracted: dict[str, dict[str, Any]] = {}
    for path in files:
        made_by = schema.provenance(path)
        if made_by.get("schema") not in (schema.EXTRACTIONS.name, schema.GENERATIONS.name):
            raise InputError(f"{path}: neither extractions nor generations; make it with `rescore extract`")
        model = made_by["model"]
        if made_by["examples"] != digest:
            raise InputError(f"{path}: was made from other examples than {examples}; extract the model again")
        tables.setdefault(model, {})[made_by["schema"]] = path
        if extracted.setdefault(model, made_by)["fingerprint"] != made_by["fingerprint"]:
            raise InputError(f"{path}: is of another run of '{model}' than its twin; extract the model again")
    for model, kinds in tables.items():
        if len(kinds) != 2:
            raise InputError(
                f"{next(iter(kinds.values()))}: model '{model}' needs both its extractions and generations"
            )
    if not tables:
        raise InputError(f"{examples}: no extractions to score; name those of at least one model")
    return tables, extracted


def _scored(
    questions: pl.DataFrame,
    extractions: pl.DataFrame,
    generations: pl.DataFrame,
    settings: Mapping[str, Mapping[str, Any]],
    wanted: Container[str],
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the wanted tables, by name, of the models of these tables."""
    from rescore import bigbench, scoring
    from rescore.scoring.grading import grading
    from rescore.scoring.tokens import answer_tokens, positions

    answers = bigbench.answers(generations, settings)
    yield schema.SCORES.name, scoring.score(questions, extractions, answers, settings)
    if schema.BIGBENCH.name in wanted:
        yield schema.BIGBENCH.name, scoring.bigbench_scores(questions, extractions, answers, settings)
    if schema.GRADING.name in wanted:
        yield schema.GRADING.name, grading(questions, generations, answers, settings)
    if schema.POSITIONS.name in wanted:
        yield schema.POSITIONS.name, positions(answer_tokens(questions, extractions))


def _together(frames: Mapping[str, pl.DataFrame], models: pl.Enum) -> pl.DataFrame:
    """Put the frames of models below each other, with the column `model`; as numbers, since it is compared a lot."""
    return pl.concat([frame.with_columns(model=pl.lit(model, models)) for model, frame in frames.items()], rechunk=True)


def _fingerprint(examples: Path, files: Sequence[Path]) -> str:
    """What scores hang on, told without reading a row: the code, the task's name, all inputs' content and order."""
    inputs = [schema.content_digest(path) for path in (examples, *files)]
    return hashlib.sha256(json.dumps([code(*SCORING_CODE), examples.stem, inputs]).encode()).hexdigest()
