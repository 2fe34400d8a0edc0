"""Several runs of one task by one model, or several numbers of solved examples in the prompt: which of them count."""

from collections.abc import Sequence

import polars as pl

from rescore.tables import InputError, count, some

_LEAF = ["task", "subtask"]
_TASK = ["model", *_LEAF]
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


def fill_shots(frames: Sequence[pl.DataFrame]) -> tuple[list[pl.DataFrame], list[str]]:
    """Take results that state no shots for those of the other models, where these have one number; say which."""
    place = [*_LEAF, "model", "run", "shots"]
    every = pl.concat(frame.select(place) for frame in frames).unique()
    known = every.drop_nulls("shots")
    one = known.group_by(_LEAF).agg(pl.col("shots").unique(), said="model").filter(pl.col("shots").list.len() == 1)
    silent = every.filter(pl.col("shots").is_null()).join(one, on=_LEAF, nulls_equal=True, suffix="_of_others")
    silent = silent.filter(~pl.col("model").is_in(pl.col("said")))
    silent = silent.select(*_LEAF, "model", filled=pl.col("shots_of_others").list.first()).unique()
    filled = [
        frame.join(silent, on=[*_LEAF, "model"], how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.coalesce("shots", "filled").alias("shots"))
        .drop("filled")
        for frame in frames
    ]
    told = silent.group_by("filled").agg(pl.col("model").n_unique(), pl.col("task").unique().sort()).sort("filled")
    lines = [
        f"no shots stated by {count(models, 'model')} for {some(tasks)}: taken for {shots}-shot, as the others are"
        for shots, models, tasks in told.rows()
    ]
    return filled, lines


def choose_shots(frames: Sequence[pl.DataFrame], shots: int | None) -> list[pl.DataFrame]:
    """Keep one number of solved examples in the prompt, or keep them apart.

    A (task, subtask) that comes with several numbers of shots, in any of the frames, becomes a subtask for each,
    `name@2-shot`; `shots` keeps only the rows with that number, and those that do not say.
    """
    if shots is not None:
        return [frame.filter(pl.col("shots").is_null() | (pl.col("shots") == shots)) for frame in frames]
    every = pl.concat(frame.select(*_LEAF, "shots").unique() for frame in frames).unique()
    several = every.group_by(_LEAF).len().select(*_LEAF, several=pl.col("len") > 1)
    said = pl.when(pl.col("shots").is_null()).then(pl.lit("unknown-shot")).otherwise(pl.format("{}-shot", "shots"))
    named = pl.when(pl.col("subtask").is_null()).then(said).otherwise(pl.format("{}@{}", "subtask", said))
    return [
        frame.join(several, on=_LEAF, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(subtask=pl.when("several").then(named).otherwise("subtask"))
        .drop("several")
        for frame in frames
    ]
