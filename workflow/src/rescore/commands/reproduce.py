"""`rescore reproduce`: a paper's figures from the data that it used, and our answers beside them."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from rescore.commands.shared import Out, Settings, Threads, say


def reproduce(
    paper: Annotated[Literal["schaeffer"], typer.Argument(help="Schaeffer et al. (2023), figures 5 and 6.")],
    scores: Annotated[
        list[Path],
        typer.Option(
            help="A checkout of BIG-bench, or any folder or file of its results; may be given several times.",
            show_default=False,
        ),
    ],
    out: Out,
    n: Annotated[
        int | None, typer.Option("--n", min=1, help="Questions per subtask, if not all of the task were asked.")
    ] = None,
    settings: Settings = "{}",
    threads: Threads = None,
) -> None:
    """Reproduce a paper from published results: its counts, and our three questions of the same curves.

    Writes the page OUT/reproduction.html, its tables, and those of `rescore test` that it needs.
    """
    import polars as pl

    from rescore import discontinuity
    from rescore.bigbench import catalogue, published
    from rescore.config.inputs import read_ladders
    from rescore.config.validation import json_object
    from rescore.discontinuity.concentration import concentration
    from rescore.discontinuity.reproduction import LINES, emergence, preferred_metrics
    from rescore.importing import bigbench_files
    from rescore.importing.finish import Options
    from rescore.report.reproduction_page import render_reproduction
    from rescore.tables import AGGREGATES, EXAMPLES, SCORES, TABLES, read_all, write_text, write_twins

    given = json_object(settings, "--settings")
    found = bigbench_files.bigbench_scores(scores, Options(out=out), n=n, leaves=published.leaves_of)
    chosen = discontinuity.Settings.from_mapping({"axis": found.axis} | given)
    models = read_ladders(found.ladders, axis=chosen.axis)
    targets = read_all(found.written["examples"], EXAMPLES, columns=["task", "subtask", "target_scores"])
    analysis = discontinuity.analyse(
        read_all(found.written["scores"], SCORES).drop("reason"),
        models,
        chosen,
        aggregates=read_all(found.written["aggregates"], AGGREGATES),
        chances=discontinuity.chances(targets),
        workers=threads or os.cpu_count() or 1,
    )
    listed = published.emergent()
    leaves = catalogue.catalogue().filter(kind=catalogue.JSON_TASK)
    leaves = leaves.select(pl.col("name").str.split(":").list.first().alias("task"), "preferred_score")
    programmatic = listed.filter(~pl.col("task").is_in(leaves["task"].implode())).select(leaves.columns)
    leaves = pl.concat([leaves, programmatic]).with_columns(emergent=pl.col("task").is_in(listed["task"].implode()))
    curves, cliffs = analysis.curves, analysis.cliffs
    of_curves = emergence(
        curves, cliffs, found.preferred, listed["task"].to_list(), axis=chosen.axis, rungs_min=chosen.rungs_min
    )
    tables = {
        "curves": curves,
        "verdicts": analysis.verdicts,
        "cliffs": cliffs,
        "headline": discontinuity.headline(cliffs, analysis.verdicts, seed=chosen.seed),
        "emergence": of_curves,
        "preferred_metrics": preferred_metrics(of_curves, listed),
        "concentration": concentration(leaves),
    }
    made_by = {
        "paper": paper,
        "published": [str(path) for path in scores],
        "ladders": dict(models.group_by("ladder").len().sort("ladder").rows()),
        "settings": chosen.__dict__,
        "conventions": asdict(chosen.conventions),
    }
    for name, frame in tables.items():
        write_twins(frame, out, TABLES[name], made_by)
    own = {name: tables[name] for name in ("curves", "emergence", "preferred_metrics", "concentration")}
    write_text(render_reproduction(**own, axis=chosen.axis, lines=LINES), out / "reproduction.html")
    say(f"wrote {out / 'reproduction.html'}, and its tables as parquet and CSV beside it")
