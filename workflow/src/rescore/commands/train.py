"""`rescore train`: the ladder of models that ships with the repository."""

from pathlib import Path
from typing import Annotated

import typer

from rescore.commands.shared import Out, say


def train(
    config: Annotated[Path, typer.Option(help="The recipe.")] = Path("config/ladders/nano-train.yaml"),
    out: Out = Path("data/ladders/nano"),
    bigbench: Annotated[Path, typer.Option(help="BIG-Bench's tasks, whose questions are excluded.")] = Path(
        "data/downloads/bigbench"
    ),
    size: Annotated[list[str] | None, typer.Option(help="Train this size only; may be given several times.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Sizes trained side by side, one thread each.")] = 1,
) -> None:
    """Train the shipped ladder anew.

    Models that are trained already with the same recipe are left alone, stopped ones go on. First bring the tasks whose
    questions the recipe excludes: rescore fetch arithmetic modified_arithmetic unnatural_in_context_learning
    """
    from rescore.train.ladder import train_ladder

    train_ladder(config, out, bigbench=bigbench, sizes=size, threads=threads)
    say(f"the models and their ladder table are in {out}")
