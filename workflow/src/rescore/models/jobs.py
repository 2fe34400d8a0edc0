"""What is left to do for a model, found without loading it and without importing torch."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from rescore.config.folder import is_bin, is_of_bin
from rescore.models import EXTRACTION_VERSION
from rescore.tables import EXAMPLES, InputError, digest, provenance, read

_OF_A_MODEL = (".json", ".safetensors", ".model", ".txt", ".py", ".jinja")


@dataclass(frozen=True, kw_only=True)
class ExtractSettings:
    """How to run a model.

    In float32 `batch_tokens` changes numbers by less than 1e-4 nats; in half precision by rounding, up to 0.1 nats
    where it was measured.
    """

    batch_tokens: int = 0  # with padding, that one forward pass may hold; 0 for what the memory allows
    max_new_tokens: int = 32  # of a greedy answer; one more than the longest target where that has as many or more


class Job(NamedTuple):
    """One task to do: its questions, and where its two tables go."""

    examples: Path  # the file of `frame`
    frame: pl.DataFrame  # a table of examples
    rules: Mapping[str, Any]  # by subtask, as `rescore.bigbench.settings` returns them
    extractions: Path
    generations: Path
    form: Mapping[str, Any]  # as `rescore.config.prompt_form.prompt_form` returns it
    reasoning: Path  # where what was written before the answers goes, if the form asks for it
    made_by: Mapping[str, Any]  # provenance of the two tables


def open_jobs(row: Mapping[str, Any], examples: Sequence[Path], out: Path, settings: ExtractSettings) -> Iterator[Job]:
    """Yield the tasks whose tables under `out` are missing or have another fingerprint, each read once.

    The fingerprint covers the model, the examples, the prompts' form, dtype, settings and `EXTRACTION_VERSION`. `row`
    is of a ladder table, with the commit of a model of the Hub as `revision`. `examples` are tables, one per task,
    named by the task. Raises InputError where one cannot be read.
    """
    who = identity(row)
    made = [provenance(path) for path in examples]  # all at once, so that a missing file is found before anything runs
    for path, asked in zip(examples, made, strict=True):
        frame = read(path, EXAMPLES)
        rules, form = asked.get("subtasks", {}), asked.get("form", {})
        made_by: dict[str, Any] = {
            "model": row["model"],
            "task": path.stem,
            "model_identity": who,
            "dtype": row["dtype"],
            "max_new_tokens": settings.max_new_tokens,
            "extraction_version": EXTRACTION_VERSION,
            "examples": digest(frame),
            "answers": {k: [v["asks_text"], v["stop_string"], v["output_regex"]] for k, v in rules.items()},
        }
        if form:
            made_by["form"] = form
        made_by["fingerprint"] = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()
        kinds = ("extractions", "generations", "reasoning")
        extractions, generations, reasoning = (out / kind / row["model"] / f"{path.stem}.parquet" for kind in kinds)
        needed = [extractions, generations] + [reasoning] * ("reasoning_tokens" in form)
        if {_fingerprint(table) for table in needed} != {made_by["fingerprint"]}:
            made_by |= {key: asked.get(key) for key in ("task_digest", "shots", "seed", "max_examples")}
            yield Job(path, frame, rules, extractions, generations, form, reasoning, made_by)


def identity(row: Mapping[str, Any]) -> str:
    """What a model's numbers depend on: the Hub's commit, or the digest of a folder's files.

    Also the GGUF file, which may be one of several, and whether the model's own code is run.
    """
    folder, gguf = Path(row["source"]), row.get("gguf_file")
    if not folder.is_dir():
        who = f"{row['source']}@{row['revision']}" + (f"/{gguf}" if gguf else "")
    else:
        bin_ = is_bin(folder, row)
        files = [p for p in sorted(folder.iterdir()) if p.suffix in _OF_A_MODEL or (bin_ and is_of_bin(p.name))]
        files = [folder / gguf] if gguf else files
        content = hashlib.sha256()
        for path in files:
            content.update(path.name.encode())
            with path.open("rb") as file:
                content.update(hashlib.file_digest(file, "sha256").digest())
        who = f"sha256:{content.hexdigest()}"
    return f"{who}, running its code" if row["trust_remote_code"] else who


def _fingerprint(path: Path) -> str | None:
    try:
        return provenance(path).get("fingerprint")
    except InputError:
        return None  # missing, not readable, or of another schema version: to be made anew
