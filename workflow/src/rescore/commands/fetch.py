"""`rescore fetch`: BIG-Bench's tasks, from the source package or from the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from rescore.commands.shared import Out, say


def fetch(
    tasks: Annotated[list[str], typer.Argument(help="Names of BIG-Bench tasks.", show_default=False)],
    out: Out = Path("data/downloads/bigbench"),
    hub: Annotated[str | None, typer.Option(help="Take the tasks from this dataset of the Hub, or folder.")] = None,
    revision: Annotated[str | None, typer.Option(help="The dataset's commit.")] = None,
) -> None:
    """Download BIG-Bench and unpack tasks of it.

    Tasks that are there already are left alone. The source package is kept beside OUT.
    """
    from rescore.bigbench import download

    if hub is not None:
        for task in tasks:
            download.from_hub(hub, revision, task, out)
    elif not all((out / task / "task.json").exists() for task in tasks):
        download.unpack(download.download(out.parent), tasks, out)
    say(f"{len(tasks)} tasks are in {out}")
