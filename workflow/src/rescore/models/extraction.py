"""One model over many tasks: load it once, write each task's two tables whole."""

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers

from rescore.models import chat
from rescore.models.failures import named
from rescore.models.jobs import ExtractSettings, Job
from rescore.models.loading import Loaded, load
from rescore.models.one_task import run_task
from rescore.models.reasoning import run_reasoned
from rescore.tables import EXTRACTIONS, GENERATIONS, REASONING, write


def run_jobs(
    row: Mapping[str, Any], jobs: Iterable[Job], settings: ExtractSettings, *, threads: int | None = None
) -> list[Path]:
    """Run one model over tasks, and return the extractions written; it is loaded once, and only if there is a job.

    `row` is of a ladder table and names a folder as `source`; `jobs` are those of `rescore.models.jobs.open_jobs`.
    Raises InputError that names the model where it cannot be loaded, or returns NaN or infinity.
    """
    if threads:
        torch.set_num_threads(threads)
    made: list[Path] = []
    loaded: Loaded | None = None
    is_told = False
    for job in jobs:
        if loaded is None:
            loaded = load(row)
            slower = "".join(f"; not {why}" for why in loaded.refused)
            _say(f"{row['model']}: on {_device(loaded)}, read {loaded.way}{slower}")
        started, who = time.monotonic(), f"{row['model']} {job.examples.stem}"
        with named(loaded.model.model, f"model '{row['model']}', {job.examples}"):
            model = chat.in_form(loaded, job.form)
            reasoned = None
            if "reasoning_tokens" in job.form:
                reasoned = run_reasoned(model, job.frame, job.rules, settings, job.form, name=who)
                found = reasoned.extracted
            else:
                found = run_task(model, job.frame, job.rules, settings, name=who)
        seconds = time.monotonic() - started
        speed = f"{job.frame.height} examples, {found.n_tokens} tokens in {seconds:.1f} s"
        _say(f"{who}: {speed} ({found.n_tokens / seconds:,.0f} tokens/s)")
        way = str(loaded.way)
        if found.n_alone:
            way += f"; {found.n_alone} questions of {loaded.model.alone_from} tokens or more one at a time"
            _say(f"{who}: read {way}")
        for subtask, n in (reasoned.cut if reasoned else {}).items():
            limit = job.form["reasoning_tokens"]
            _say(f"{who}: {n} reasonings of {subtask} were cut at {limit} tokens; raise reasoning_tokens to keep more")
        settings = replace(settings, batch_tokens=found.batch_tokens)  # what was too much once would be so again
        for subtask, n in found.prompts_cut.items():
            _say(f"{who}: {n} prompts of {subtask} are over the model's window of {loaded.window} tokens and were cut")
        made_by = {
            **job.made_by,
            "prompts_cut": found.prompts_cut,
            "way": way,
            "batch_tokens": found.batch_tokens,
            "device": _device(loaded),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }
        if isinstance(model.vocabulary, chat.Chat):
            made_by["chat"] = model.vocabulary.told
            _say(f"{who}: {model.vocabulary.told}")
        elif model.vocabulary.tokenizer.chat_template and not is_told:
            _say(f"{row['model']}: has a chat template, and is asked without it ('chat' in the suite applies it)")
            is_told = True
        if reasoned:
            made_by["reasoning_cut"] = reasoned.cut
            write(reasoned.reasoning, job.reasoning, REASONING, made_by)
        else:
            job.reasoning.unlink(missing_ok=True)  # of another form
        write(found.generations, job.generations, GENERATIONS, made_by)
        write(found.extractions, job.extractions, EXTRACTIONS, made_by)
        made.append(job.extractions)
    return made


def _device(loaded: Loaded) -> str:
    """Name the device of a model's first layer."""
    device = loaded.model.device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _say(line: str) -> None:
    """Write a line to the log; a terminal has the progress bar instead."""
    if not sys.stderr.isatty():
        print(line, file=sys.stderr)  # noqa: T201 - progress
