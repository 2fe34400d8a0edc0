"""Several runs of one task by one model: which of them counts."""

from collections.abc import Sequence

import polars as pl

from rescore.tables import InputError, count, some

_TASK = ["model", "task", "subtask"]
_RUN = [*_TASK, "run"]
_SAME = 1e-6  # numbers this near each other, relative to their size, are one number written twice


def choose_runs(frames: Sequence[pl.DataFrame], *, latest: bool) -> tuple[list[pl.DataFrame], list[str]]:
    """Keep one run of each task, one without a limit on its questions; the latest if asked for. Say what was left out.

    Takes FOUND and ITEMS. Raises InputError where two runs of one task differ and the latest is not asked for, or is
    not known.
    """
    runs = pl.concat(frame.select(*_RUN, "limited", "date") for frame in frames).unique(_RUN)
    full = (~pl.col("limited")).any().over(_TASK)
    kept = runs.filter(~(pl.col("limited") & full))
    notes = []
    if dropped := runs.height - kept.height:
        left = runs.join(kept, on=_RUN, how="anti", nulls_equal=True)
        notes.append(
            f"left out {dropped} results of runs with a limit on their questions, as there are runs without one "
            f"(such as {left['run'].sort()[0]})"
        )
    if (few := kept.filter("limited")).height:
        tasks = sorted({subtask or task for task, subtask in few.select("task", "subtask").rows()})
        notes.append(f"only of runs with a limit on their questions, for some models: {some(tasks)}")
    if latest:
        several = pl.len().over(_TASK) > 1
        undated = kept.filter(several & pl.col("date").is_null())
        if undated.height:
            raise InputError(f"{undated['run'][0]}: --latest: this run has no date; take one of the runs out")
        kept = kept.filter((pl.col("date") == pl.col("date").max().over(_TASK)) | ~several)
    of_runs = list(frames)
    if kept.height < runs.height:
        of_runs = [frame.join(kept.select(_RUN), on=_RUN, how="semi", nulls_equal=True) for frame in frames]
    _refuse_unlike(of_runs[0], latest=latest)
    return of_runs, notes


def _refuse_unlike(found: pl.DataFrame, *, latest: bool) -> None:
    """Refuse two runs that give a metric of a task two numbers."""
    spread = found.group_by([*_TASK, "metric"]).agg(
        pl.col("run").n_unique().alias("runs"),
        (pl.col("value").max() - pl.col("value").min()).alias("gap"),
        pl.col("value").abs().max().alias("size"),
        pl.col("run").unique().sort(),
        pl.col("limited").all(),
    )
    unlike = spread.filter((pl.col("runs") > 1) & (pl.col("gap") > _SAME * pl.col("size"))).sort(_TASK)
    if unlike.is_empty():
        return
    row = unlike.row(0, named=True)
    models = count(unlike["model"].n_unique(), "model")
    mend = "take one of them out" if latest else "give --latest to count the later one of each, or take one out"
    raise InputError(
        f"{models} with two {'limited' if row['limited'] else 'full'} runs of a task, "
        f"such as '{row['model']}' of '{row['subtask'] or row['task']}' in {' and '.join(row['run'][:2])}; {mend}"
    )
