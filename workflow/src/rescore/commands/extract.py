"""`rescore extract`: models over tables of examples, to EXTRACTIONS and GENERATIONS."""

import gc
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from rescore.commands.shared import Out, say

_OBJECTS_BETWEEN_COLLECTIONS = 200_000


def extract(
    examples: Annotated[list[Path], typer.Argument(help="Tables of examples, one per task.", show_default=False)],
    ladder: Annotated[Path, typer.Option(help="Table of models.", show_default=False)],
    model: Annotated[list[str], typer.Option(help="Which to run; may be given several times.", show_default=False)],
    out: Out = Path("results"),
    batch_tokens: Annotated[
        int, typer.Option(min=0, help="Tokens in one forward pass; 0: what a GPU's memory allows, 16384 on a CPU.")
    ] = 0,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Tokens after which an answer is cut.")] = 32,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; torch's choice if absent.")] = None,
) -> None:
    """Run models over tasks.

    Writes the log-probabilities of every answer token, and the greedy answers. What is done already is left alone. A
    model of the Hub is downloaded first unless it is in the cache (HF_HOME). Ladder, examples and model folders are
    checked before anything runs. If a model cannot be loaded or run after that, the others are run, and the error comes
    last.
    """
    from rescore.config.folder import check_source
    from rescore.config.inputs import check_cases, read_models
    from rescore.models.jobs import ExtractSettings
    from rescore.tables import InputError, count

    first: dict[str, Path] = {}
    for path in examples:
        twin = first.setdefault(path.stem, path)
        if twin is not path:
            raise InputError(f"{path}: {twin} has this name too, and tables are named by it; rename one of the files")
    rows = read_models([ladder])
    check_cases(rows)
    for name in model:
        if name not in rows:
            raise InputError(f"{ladder}: key 'model': no row for '{name}'; it lists {', '.join(rows)}")
        check_source(rows[name], rows[name]["where"])
    settings = ExtractSettings(batch_tokens=batch_tokens, max_new_tokens=max_new_tokens)
    errors = []
    for name in model:
        try:
            _extract(rows[name], examples, out, settings, threads)
        except InputError as error:
            errors.append(str(error))  # the error itself would keep the model
        gc.collect()  # the model, before the next is loaded
    if errors:
        raise InputError(errors[0])
    say(f"the tables of {count(len(model), 'model')} are in {out / 'extractions'} and {out / 'generations'}")


def _extract(row: Mapping[str, Any], examples: Sequence[Path], out: Path, settings: Any, threads: int | None) -> None:
    """Run one model over what is left to do; a model of the Hub is downloaded first."""
    from rescore.models import hub
    from rescore.models.jobs import open_jobs

    row = hub.pinned(row)
    jobs = open_jobs(row, examples, out, settings)
    first = next(jobs, None)
    if first is None:
        return
    row = hub.fetched(row)
    _engine()(row, chain([first], jobs), settings, threads=threads)


@cache
def _engine() -> Callable[..., Any]:
    """Import what runs models, with torch: only where there is work.

    torch and transformers make a million objects that live as long as the process, and a task makes many small lists
    and no cycles to speak of. Python's garbage collector would look through them again and again, for a fifth of the
    time of a small model.
    """
    gc.disable()
    from rescore.models.extraction import run_jobs

    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    gc.enable()
    return run_jobs
