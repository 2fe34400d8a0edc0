"""`rescore fetch`: BIG-Bench's tasks, from the source package or from the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from rescore.commands.shared import Out, say


def fetch(
    tasks: Annotated[list[str] | None, typer.Argument(help="Names of BIG-Bench tasks.", show_default=False)] = None,
    out: Out = Path("data/downloads/bigbench"),
    hub: Annotated[str | None, typer.Option(help="Take the tasks from this dataset of the Hub, or folder.")] = None,
    revision: Annotated[str | None, typer.Option(help="The dataset's commit.")] = None,
    suite: Annotated[
        Path | None, typer.Option(help="Download the datasets of the Hub that this suite names.", show_default=False)
    ] = None,
) -> None:
    """Download BIG-Bench and unpack tasks of it; and the Hub's datasets that a suite names.

    What is there already is left alone. The source package is kept beside OUT.
    """
    from rescore.bigbench import catalogue, download
    from rescore.config.inputs import read_suite
    from rescore.config.task_sources import questions_at
    from rescore.tables import InputError, did_you_mean, write_bytes

    if not tasks and suite is None:
        raise InputError("fetch: nothing to fetch; name tasks of BIG-Bench, or a suite with --suite")
    known = [name for name, kind in catalogue.kinds().items() if kind == catalogue.JSON_TASK and ":" not in name]
    for task in tasks or []:
        if hub is None and task not in known:  # said before the download
            meant = did_you_mean(task.partition(":")[0], known) or "`rescore tasks` lists them"
            raise InputError(f"fetch: BIG-Bench has no JSON task '{task}'; {meant}")
    for row in read_suite(suite) if suite else ():
        path = questions_at(row) if "revision" in row else None
        if path is not None and not path.exists():
            given = {key: row.get(key) for key in ("subset", "split")}
            write_bytes(download.dataset(row["path"], row["revision"], **given), path)
            say(f"{row['task']}: {row['path']} is in {path}")
    if not tasks:
        return
    if hub is not None:
        for task in tasks:
            download.from_hub(hub, revision, task, out)
    else:
        download.fetch(tasks, out)
    say(f"{len(tasks)} tasks are in {out}")
