"""What BIG-bench's published results leave out: how many questions were asked, and which tasks were called emergent."""

import functools
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from rescore.bigbench.catalogue import JSON_TASK, catalogue, scan
from rescore.tables import InputError

Leaves = Mapping[str, tuple[int | None, float | None]]
"""By leaf, the number of its questions and the mean number of their choices, as in `catalogue.COLUMNS`."""

EMERGENT = Path(__file__).with_name("emergent.tsv")
"""A copy of config/suites/emergent.tsv, which a user may edit."""

_PROGRAMMATIC = {"question_answer_creation": "creativity_and_consistency_score", "self_evaluation_tutoring": "overall"}
"""On the list and in no suite, with the `preferred_score` that stands in their code."""
_LISTED = 67


@functools.cache
def emergent() -> pl.DataFrame:
    """Return the 67 BIG-Bench tasks that J. Wei called emergent: task, preferred_score.

    Raises InputError where the list that comes with the package is not whole.

    J. Wei, "137 emergent abilities of large language models" (2022, https://www.jasonwei.net/blog/emergence).
    """
    suite = pl.read_csv(EMERGENT.read_bytes(), separator="\t", quote_char=None).select("task")
    leaves = catalogue().filter(kind=JSON_TASK)
    preferred = leaves.select(pl.col("name").str.split(":").list.first().alias("task"), "preferred_score").unique()
    others = pl.DataFrame(list(_PROGRAMMATIC.items()), preferred.schema, orient="row")
    listed = pl.concat([suite.join(preferred, on="task", maintain_order="left"), others])
    if listed.height != _LISTED:
        raise InputError(f"{EMERGENT}: {listed.height} tasks, expected {_LISTED}; install the package anew")
    return listed


def leaves_of(task: str, results: Path) -> tuple[Leaves, str | None]:
    """Describe the leaves of the task that a file of results is of.

    They are counted in the task's own files where the results are in its folder (`TASK/results/...`), else in the
    shipped catalogue. The second part says what is wrong with the task's own files, if they were passed over.
    """
    home = next((f for f in results.resolve().parents[:2] if f.name == task and (f / "task.json").is_file()), None)
    return _leaves(task, home)


@functools.cache
def _leaves(task: str, home: Path | None) -> tuple[Leaves, str | None]:
    name, problem, found = pl.col("name"), None, None
    if home:
        try:
            found = scan([home])
        except InputError as error:
            problem = str(error)
    if found is None:
        found = catalogue().filter((name == task) | name.str.starts_with(f"{task}:"))
    return {leaf: (n, choices) for leaf, n, choices in found.select("name", "n_examples", "n_choices").rows()}, problem
