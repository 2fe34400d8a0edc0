"""`rescore prompts`: a task.json to the table EXAMPLES."""

from pathlib import Path
from typing import Annotated

import typer

from rescore.commands.shared import say


def prompts(
    bigbench: Annotated[Path, typer.Option(help="Folder of BIG-Bench's task folders.", show_default=False)],
    task: Annotated[str, typer.Option(help="A task, or task:subtask.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The table to write.", show_default=False)],
    shots: Annotated[int, typer.Option(min=0, help="Solved examples before each question.")] = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="As random_seed in BIG-bench.")] = 42,
    max_examples: Annotated[int | None, typer.Option(min=1, help="Questions of each subtask; all if absent.")] = None,
) -> None:
    """Write prompts, targets and choices of a task."""
    import polars as pl

    from rescore.bigbench import examples, leaf_digest, load, settings
    from rescore.tables import EXAMPLES, write

    subtasks = load(bigbench, task, say=say)
    frames = [examples(s, shots=shots, seed=seed, max_examples=max_examples) for s in subtasks]
    made_by = {
        "task": task,
        "task_digest": leaf_digest(subtasks),
        "shots": shots,
        "seed": seed,
        "max_examples": max_examples,
        "subtasks": settings(subtasks),
    }
    write(pl.concat(frames), out, EXAMPLES, made_by)
    say(f"wrote {sum(frame.height for frame in frames)} questions to {out}")
