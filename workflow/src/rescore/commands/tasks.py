"""`rescore tasks`: what tasks there are."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from rescore.commands.shared import say


def tasks(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="List only what holds all these words, in name, metrics or keywords.", show_default=False),
    ] = None,
    subtasks: Annotated[bool, typer.Option("--subtasks", help="One line per subtask instead of per task.")] = False,
    bigbench: Annotated[
        Path | None, typer.Option(help="List this folder of task folders instead.", show_default=False)
    ] = None,
    generate: Annotated[Path | None, typer.Option(help="Write Rescore's own tasks to this folder instead.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated questions.")] = 0,
) -> None:
    """List and search the tasks that a suite can name: those of data/tasks and of BIG-Bench; or generate Rescore's own.

    Columns are tab-separated where the output is no terminal.
    """
    if generate is not None:
        from rescore.train.own_tasks import write_tasks

        write_tasks(generate, seed=seed)
        say(f"wrote Rescore's own tasks to {generate}")
        return
    import polars as pl
    from tqdm import tqdm

    from rescore.bigbench import catalogue as of
    from rescore.config.task_sources import OWN_TASKS
    from rescore.tables import InputError, some

    task = pl.col("name").str.split(":").list.first()
    mine: set[str] = set()
    if bigbench is None:
        own = [of.scan([])]
        for path in sorted(OWN_TASKS.glob("*/task.json")):
            try:
                own.append(of.scan([path.parent]))
            except InputError as error:  # the others can be listed all the same
                say(f"left out: {error}")
        mine = set(pl.concat(own).select(task).to_series())
        every = pl.concat([*own, of.catalogue().filter(~task.is_in(mine))])
    else:
        every = of.scan(tqdm(of.folders(bigbench), desc="loading", unit="task", disable=None, leave=False))
    found = of.search(every, words or [])
    if found.is_empty():
        source = bigbench or (f"{OWN_TASKS} and BIG-Bench" if mine else "BIG-Bench")
        raise InputError(
            f"no task of {source} holds '{' '.join(words or [])}': each word is "
            "looked for in name, kind, metrics and keywords"
        )
    if not subtasks:
        found = of.by_task(every.join(found, left_on=task, right_on=task, how="semi"))
    print(of.listing(found, aligned=sys.stdout.isatty()), end="")  # noqa: T201
    unsupported = found.filter(pl.col("kind") == of.PROGRAMMATIC).height
    if unsupported:
        are = "1 of these tasks is" if unsupported == 1 else f"{unsupported} of these tasks are"
        say(f"{are} unsupported and cannot stand in a suite: each is {of.WHY_UNSUPPORTED}")
    here = [name for name in found["name"] if name.partition(":")[0] in mine]
    if here:
        say(f"of {OWN_TASKS}: {some(here)}" + ("; the others are BIG-Bench's" if len(here) < found.height else ""))
