"""`rescore score`: EXTRACTIONS and GENERATIONS of one task to SCORES and the tables beside it."""

import hashlib
import json
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rescore.commands.shared import say

if TYPE_CHECKING:
    import polars as pl

_KEPT = (
    *("fingerprint", "model_identity", "dtype", "max_new_tokens", "extraction_version"),
    *("prompts_cut", "reasoning_cut", "chat"),
)
_AT_ONCE = 2**15
"""Examples, summed over models, that are scored at once: a query of 100 rows takes as long as one of thousands."""


def score(
    files: Annotated[list[Path], typer.Argument(help="Extractions and generations of one task.", show_default=False)],
    examples: Annotated[Path, typer.Option(help="The task's examples.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The table of scores to write.", show_default=False)],
    bigbench_out: Annotated[
        Path | None, typer.Option(help="Where to write the task's scores under BIG-bench's own metrics.")
    ] = None,
    grading_out: Annotated[
        Path | None, typer.Option(help="Where to write how often right answers were rejected, by model and subtask.")
    ] = None,
    positions_out: Annotated[
        Path | None, typer.Option(help="Where to write how often each token is right, and how errors go together.")
    ] = None,
) -> None:
    """Score one task's extractions under every metric.

    Tables that the same code made from the same inputs are left alone.
    """
    import polars as pl

    from rescore.tables import (
        BIGBENCH,
        EXAMPLES,
        EXTRACTIONS,
        GENERATIONS,
        GRADING,
        POSITIONS,
        SCORES,
        InputError,
        digest,
        fingerprint,
        provenance,
        read,
        write,
    )

    targets = ((SCORES, out), (BIGBENCH, bigbench_out), (GRADING, grading_out), (POSITIONS, positions_out))
    asked = [(table, path) for table, path in targets if path is not None]
    made_of = _fingerprint(examples, files)
    if all(fingerprint(path, table) == made_of for table, path in asked):
        say(f"{', '.join(str(path) for _, path in asked)}: made already from the same inputs")
        return
    questions = read(examples, EXAMPLES)
    made_from = provenance(examples)
    settings = made_from.get("subtasks")
    if settings is None:
        raise InputError(f"{examples}: says nothing of its subtasks' metrics; make it with `rescore prompts`")
    tables, extracted = _extracted(files, examples, digest(questions), made_from.get("form"))
    models = pl.Enum(list(tables))
    frames: dict[str, list[pl.DataFrame]] = {table.name: [] for table, _ in asked}
    at_once = max(1, _AT_ONCE // max(1, questions.height))
    for start in range(0, len(tables), at_once):
        some = list(tables)[start : start + at_once]
        extractions, generations = (
            _together({model: read(tables[model][t.name], t) for model in some}, models)
            for t in (EXTRACTIONS, GENERATIONS)
        )
        asked_of = _together(dict.fromkeys(some, questions), models)
        for name, frame in _scored(asked_of, extractions, generations, settings, frames):
            in_order = frame.sort(pl.col("model").cast(models), maintain_order=True)
            frames[name].append(in_order.cast({"model": pl.String}))
    made_by = {key: made_from.get(key) for key in ("task_digest", "shots", "seed", "max_examples")}
    made_by |= {"form": made_from["form"]} if "form" in made_from else {}
    made_by |= {"task": examples.stem, "fingerprint": made_of}
    made_by |= {"models": {m: {key: made[key] for key in _KEPT if key in made} for m, made in extracted.items()}}
    for table, path in asked:
        write(pl.concat(frames[table.name]), path, table, made_by)
    say(f"wrote {', '.join(str(path) for _, path in asked)}")


def _extracted(
    files: Sequence[Path], examples: Path, digest: str, form: Mapping[str, Any] | None
) -> tuple[dict[str, dict[str, Path]], dict[str, dict[str, Any]]]:
    """By model, in the order of the files: the file of each of its two tables, and what made them."""
    from rescore.tables import EXTRACTIONS, GENERATIONS, InputError, provenance

    tables: dict[str, dict[str, Path]] = {}
    extracted: dict[str, dict[str, Any]] = {}
    for path in files:
        made_by = provenance(path)
        if made_by.get("schema") not in (EXTRACTIONS.name, GENERATIONS.name):
            raise InputError(f"{path}: neither extractions nor generations; make it with `rescore extract`")
        model = made_by["model"]
        if made_by["examples"] != digest or made_by.get("form") != form:
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
    questions: "pl.DataFrame",
    extractions: "pl.DataFrame",
    generations: "pl.DataFrame",
    settings: Mapping[str, Mapping[str, Any]],
    wanted: Container[str],
) -> Iterator[tuple[str, "pl.DataFrame"]]:
    """Yield the wanted tables, by name, of the models of these tables."""
    from rescore import bigbench, scoring
    from rescore.scoring.grading import grading
    from rescore.scoring.tokens import answer_tokens, positions
    from rescore.tables import BIGBENCH, GRADING, POSITIONS, SCORES

    answers = bigbench.answers(generations, settings)
    yield SCORES.name, scoring.score(questions, extractions, answers, settings)
    if BIGBENCH.name in wanted:
        yield BIGBENCH.name, scoring.bigbench_scores(questions, extractions, answers, settings)
    if GRADING.name in wanted:
        yield GRADING.name, grading(questions, generations, answers, settings)
    if POSITIONS.name in wanted:
        yield POSITIONS.name, positions(answer_tokens(questions, extractions))


def _together(frames: Mapping[str, "pl.DataFrame"], models: "pl.Enum") -> "pl.DataFrame":
    """Put the frames of models below each other, with the column `model`; as numbers, which are compared faster."""
    import polars as pl

    return pl.concat([frame.with_columns(model=pl.lit(model, models)) for model, frame in frames.items()], rechunk=True)


def _fingerprint(examples: Path, files: Sequence[Path]) -> str:
    """Digest what scores depend on, without reading a row: the code, the task's name, all inputs' content and order."""
    from rescore.tables import content_digest
    from rescore.tables.source import code_digest

    inputs = [content_digest(path) for path in (examples, *files)]
    return hashlib.sha256(json.dumps([code_digest(__name__), examples.stem, inputs]).encode()).hexdigest()
