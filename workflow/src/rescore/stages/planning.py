"""Before a run: what a ladder and a number of items would answer."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rescore import tables as schema
from rescore.config.inputs import read_ladders
from rescore.tables import POWER
from rescore.tables.axes import AXES


def power(ladders: Sequence[Path], items: Sequence[int], out: Path, settings: Mapping[str, Any]) -> None:
    """Write POWER to `out` as parquet and CSV, and print it; made again only where something it hangs on has changed.

    Raises
    ------
    InputError
        A ladder or setting that cannot be used.
    """
    from rescore.discontinuity.settings import Settings
    from rescore.planning.power import power as of
    from rescore.stages.reporting import print_table
    from rescore.tables.source import code

    chosen = Settings.from_mapping(settings)
    ladder = read_ladders(ladders, axis=chosen.axis)
    sign = -1 if AXES[chosen.axis].falls else 1
    places = {
        str(name): (sign * np.log10(models[chosen.axis].to_numpy()).round(6)).tolist()
        for (name,), models in ladder.partition_by("ladder", as_dict=True).items()
    }
    counts = sorted(set(items))
    made_by = {
        "places": places,
        "items": counts,
        "settings": asdict(chosen),
        "code": code("discontinuity", "planning", "simulate"),
    }
    path = out / f"{POWER.name}.parquet"
    if path.is_file() and {key: schema.provenance(path).get(key) for key in made_by} == made_by:
        print_table(schema.read(path, POWER))
        return
    frames = [of(name, at, n, chosen) for name, at in places.items() for n in counts]
    frame = pl.concat(frames)
    schema.write_twins(frame, out, POWER, made_by)
    print_table(frame)
