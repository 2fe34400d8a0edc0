"""Tasks: fetching, listing, and writing their prompts."""

import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from rescore import tables as schema
from rescore.tables import InputError


def fetch(tasks: Sequence[str], out: Path, *, hub: str | None, revision: str | None) -> None:
    """Bring the tasks to `out` that are not there: from the source package, kept beside `out`, or from the Hub."""
    from rescore import fetch as stage

    if hub is not None:
        for task in tasks:
            stage.from_hub(hub, revision, task, out)
    elif not all((out / task / "task.json").exists() for task in tasks):
        stage.unpack(stage.download(out.parent), tasks, out)


def prompts(root: Path, task: str, out: Path, *, shots: int, seed: int, max_examples: int | None) -> None:
    """Write the examples of a task or subtask."""
    from rescore import bigbench as stage

    subtasks = stage.load(root, task, say=lambda line: print(line, file=sys.stderr))  # noqa: T201 - for the log
    frames = [stage.examples(s, shots=shots, seed=seed, max_examples=max_examples) for s in subtasks]
    made_by = {
        "task": task,
        "task_digest": stage.leaf_digest(subtasks),
        "shots": shots,
        "seed": seed,
        "max_examples": max_examples,
        "subtasks": stage.settings(subtasks),
    }
    schema.write(pl.concat(frames), out, schema.EXAMPLES, made_by)


def tasks(root: Path | None, words: Sequence[str], *, subtasks: bool) -> None:
    """Print the tasks of BIG-Bench, or of a folder of tasks, in which all words are found; or their subtasks.

    Raises
    ------
    InputError
        The folder holds no task, or one breaks the format; no task holds all the words.
    """
    from tqdm import tqdm

    from rescore.bigbench import catalogue as stage

    if root is None:
        every = stage.catalogue()
    else:
        every = stage.scan(tqdm(stage.folders(root), desc="loading", unit="task", disable=None, leave=False))
    found = stage.search(every, words)
    if found.is_empty():
        raise InputError(
            f"no task of {root or 'BIG-Bench'} holds '{' '.join(words)}': each word is looked for in name, kind, "
            "metrics and keywords"
        )
    if not subtasks:
        of_found = pl.col("name").str.split(":").list.first()
        found = stage.by_task(every.join(found, left_on=of_found, right_on=of_found, how="semi"))
    print(stage.listing(found, aligned=sys.stdout.isatty()), end="")  # noqa: T201 - what the subcommand is for
    unsupported = found.filter(pl.col("kind") == stage.PROGRAMMATIC).height
    if unsupported:
        print(f"{unsupported} listed are unsupported: each is {stage.WHY_UNSUPPORTED}", file=sys.stderr)  # noqa: T201
