"""One model over many tasks: load it once, write each task's two tables whole."""

import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from rescore.models.failures import named
from rescore.models.jobs import ExtractSettings, Job
from rescore.models.loading import Loaded, load
from rescore.models.one_task import run_task
from rescore.tables import EXTRACTIONS, GENERATIONS, write


def run_jobs(
    row: Mapping[str, Any], jobs: Iterable[Job], settings: ExtractSettings, *, threads: int | None = None
) -> list[Path]:
    """Run one model over tasks; the model is loaded once, and only if there is a job.

    Parameters
    ----------
    row
        The model's row of a ladder table, as `rescore.config.inputs.read_ladders` returns it; its source is a folder.
    jobs
        As `rescore.models.jobs.open_jobs` yields them.
    threads
        CPU threads to use; None for torch's own choice.

    Returns
    -------
    list of Path
        The extractions that were written.

    Raises
    ------
    InputError
        The model cannot be loaded, or returns NaN or infinity; names the model.
    """
    if threads:
        torch.set_num_threads(threads)
    made: list[Path] = []
    loaded: Loaded | None = None
    for job in jobs:
        if loaded is None:
            loaded = load(row)
            _say(f"{row['model']}: read {loaded.way}" + "".join(f"; not {why}" for why in loaded.refused))
        started, who = time.monotonic(), f"{row['model']} {job.examples.stem}"
        with named(loaded.model.model, f"model '{row['model']}', {job.examples}"):
            found = run_task(loaded, job.frame, job.rules, settings, name=who)
        seconds = time.monotonic() - started
        speed = f"{job.frame.height} examples, {found.n_tokens} tokens in {seconds:.1f} s"
        _say(f"{who}: {speed} ({found.n_tokens / seconds:,.0f} tokens/s)")
        way = str(loaded.way)
        if found.n_alone:
            way += f"; {found.n_alone} questions of {loaded.model.alone_from} tokens or more one at a time"
            _say(f"{who}: read {way}")
        for subtask, n in found.prompts_cut.items():
            _say(f"{who}: {n} prompts of {subtask} are over the model's window of {loaded.window} tokens and were cut")
        made_by = {
            **job.made_by,
            "prompts_cut": found.prompts_cut,
            "way": way,
            "batch_tokens": settings.batch_tokens,
            "device": _device(loaded),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }
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
