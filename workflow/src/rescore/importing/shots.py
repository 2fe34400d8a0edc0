"""Numbers of solved examples in the prompt: one is kept, or each becomes a subtask of its own."""

from collections.abc import Sequence

import polars as pl

from rescore.tables import count, some

_KEY = ["task", "subtask"]


def fill_shots(frames: Sequence[pl.DataFrame]) -> tuple[list[pl.DataFrame], list[str]]:
    """Take results that state no shots for those of the other models, where these have one number; say which."""
    place = [*_KEY, "model", "run", "shots"]
    every = pl.concat(frame.select(place) for frame in frames).unique()
    known = every.drop_nulls("shots")
    one = known.group_by(_KEY).agg(pl.col("shots").unique(), said="model").filter(pl.col("shots").list.len() == 1)
    silent = every.filter(pl.col("shots").is_null()).join(one, on=_KEY, nulls_equal=True, suffix="_of_others")
    silent = silent.filter(~pl.col("model").is_in(pl.col("said")))
    silent = silent.select(*_KEY, "model", filled=pl.col("shots_of_others").list.first()).unique()
    filled = [
        frame.join(silent, on=[*_KEY, "model"], how="left", nulls_equal=True, maintain_order="left")
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
    every = pl.concat(frame.select(*_KEY, "shots").unique() for frame in frames).unique()
    several = every.group_by(_KEY).len().select(*_KEY, several=pl.col("len") > 1)
    said = pl.when(pl.col("shots").is_null()).then(pl.lit("unknown-shot")).otherwise(pl.format("{}-shot", "shots"))
    named = pl.when(pl.col("subtask").is_null()).then(said).otherwise(pl.format("{}@{}", "subtask", said))
    return [
        frame.join(several, on=_KEY, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(subtask=pl.when("several").then(named).otherwise("subtask"))
        .drop("several")
        for frame in frames
    ]
