"""`rescore power`: before a run, what a ladder and a number of items would answer."""

from pathlib import Path
from typing import Annotated

import typer

from rescore.commands.shared import Ladders, Out, Settings, say


def power(
    ladder: Ladders,
    items: Annotated[
        list[int], typer.Option(min=10, max=100_000, help="Items per subtask; may be given several times.")
    ],
    more: Annotated[
        int, typer.Option(min=0, max=20, help="Also with one more size, two and so on, up to so many at the top.")
    ] = 0,
    out: Out = Path("results"),
    settings: Settings = "{}",
) -> None:
    """Say what a ladder would answer.

    Plants a mirage, a step and a step over two gaps on the ladder's sizes and seeds, and counts the answers. Writes
    power to OUT as parquet and CSV. With --more also what longer ladders would answer, and which is the smallest that
    does: a plan for a run. What stands there for the same ladder, items and settings is not made again.
    """
    from dataclasses import asdict

    import polars as pl

    from rescore.commands.printing import print_table
    from rescore.config.inputs import read_ladders
    from rescore.config.validation import json_object
    from rescore.discontinuity.conventions import Settings as Chosen
    from rescore.planning.planted import ENOUGH, smallest
    from rescore.planning.planted import power as power_of
    from rescore.tables import POWER, InputError, provenance, read, write_twins
    from rescore.tables.axes import AXES
    from rescore.tables.source import code_digest

    chosen = Chosen.from_mapping(json_object(settings, "--settings"))
    models = read_ladders(ladder, axis=chosen.axis)
    places = {
        str(name): AXES[chosen.axis].places(of[chosen.axis]).tolist()
        for (name,), of in models.partition_by("ladder", as_dict=True).items()
    }
    counts = sorted(set(items))
    made_by = {
        "places": places,
        "items": counts,
        "more": more,
        "settings": asdict(chosen),
        "code": code_digest(__name__),
    }
    path = out / f"{POWER.name}.parquet"
    if path.is_file() and {key: provenance(path).get(key) for key in made_by} == made_by:
        frame = read(path, POWER)
        say(f"{path} is of this ladder, items and settings already")
    else:
        for name, at in places.items():
            if more and len(set(at)) < 2:
                raise InputError(f"--more: ladder '{name}' has one size, which gives no gap to go on with")
        frame = pl.concat(
            power_of(name, at, n, chosen, added=added)
            for name, at in places.items()
            for n in counts
            for added in range(more + 1)
        )
        write_twins(frame, out, POWER, made_by)
        say(f"wrote {path}, and as CSV")
    print_table(frame.select(name for name, told in POWER.described.items() if told.shown))
    found = {(row["ladder"], row["n_items"]): row for row in smallest(frame).iter_rows(named=True)}
    for name in places:
        for n in counts:
            row = found.get((name, n))
            told = f"{name}, {n} items: {ENOUGH:.0%} of each truth is answered rightly"
            if row is None:
                say(f"{told} by no ladder here{'' if more else '; --more tries longer ones'}")
            else:
                unit, sign = AXES[chosen.axis].unit, -1 if AXES[chosen.axis].falls else 1
                top = 10 ** (sign * row["top_log10_x"])
                say(f"{told} from {row['sizes']} sizes on, {row['sizes_added']} more than now, up to {top:.3g} {unit}")
