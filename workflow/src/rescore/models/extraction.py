"""One model over many tasks: load once, skip what is done, write each task whole."""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from rescore import tables as schema
from rescore.models.failures import named
from rescore.models.jobs import ExtractSettings, Job, open_jobs
from rescore.models.loading import Loaded, load
from rescore.models.one_task import run_task
from rescore.tables import EXTRACTIONS, GENERATIONS


def extract(
    row: Mapping[str, Any],
    examples: Sequence[Path],
    out: Path,
    settings: ExtractSettings,
    *,
    threads: int | None = None,
) -> list[Path]:
    """Run one model over tasks; write `extractions/{model}/{task}.parquet` and `generations/...` under `out`.

    What stands there already with the same fingerprint (model, examples, dtype, settings, `EXTRACTION_VERSION`) is
    left alone; where nothing is left to do, the model is not loaded.

    Parameters
    ----------
    row
        The model's row of a ladder table, as `rescore.config.inputs.read_ladders` gives it; its source is a folder.
    examples
        Tables of examples, one a task; the file's name names the task.
    threads
        CPU threads to use; None for torch's own choice.

    Returns
    -------
    list of Path
        The extractions that were made now.

    Raises
    ------
    InputError
        The model cannot be loaded, or gives a number that is none; names the model.
    """
    return run_jobs(row, open_jobs(row, examples, out, settings), settings, threads=threads)


def run_jobs(
    row: Mapping[str, Any], jobs: Iterable[Job], settings: ExtractSettings, *, threads: int | None = None
) -> list[Path]:
    """Do what `rescore.models.jobs.open_jobs` found open, as `extract` does; the model is loaded once, if at all."""
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
        schema.write(found.generations, job.generations, GENERATIONS, made_by)
        schema.write(found.extractions, job.extractions, EXTRACTIONS, made_by)
        made.append(job.extractions)
    return made


def _device(loaded: Loaded) -> str:
    """Name the device that a model begins on."""
    device = loaded.model.device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _say(line: str) -> None:
    """Leave a line in the log; on a terminal the bar speaks."""
    if not sys.stderr.isatty():
        print(line, file=sys.stderr)  # noqa: T201 - progress
