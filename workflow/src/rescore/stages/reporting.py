"""What people read: the report's files, and tables on a terminal."""

import sys
from pathlib import Path

import polars as pl

from rescore import tables as schema
from rescore.config.inputs import read_suite
from rescore.tables import InputError
from rescore.tables.axes import AXES

_SAID = ("code_version", "schema_version", "ladders", "scores", "aggregates")
"""What the page says of what made the tables."""


def report(results: Path, emergent: Path | None) -> None:
    """Write the page, the sandbox and the static figures of a run's tables to `results/report`.

    With `emergent`, a suite of tasks that were called emergent, also how they are scored, to `results/concentration`.
    """
    from rescore import report as stage

    tables = _tables(results)
    axes = tables["verdicts"]["axis"].unique().sort().to_list()
    if len(axes) > 1 or not set(axes) <= set(AXES):
        raise InputError(
            f"{results / 'verdicts.parquet'}: column 'axis': holds {', '.join(axes)}; a report has one of "
            f"{', '.join(AXES)}, so keep runs along different axes in folders of their own"
        )
    made_by = schema.provenance(results / "verdicts.parquet")
    concentration = None if emergent is None else _concentration(emergent, results)
    diagnosed = {
        table.name: schema.read(path, table)
        for table in stage.TABLES
        if (path := results / f"{table.name}.parquet").is_file()
    }
    page = stage.render(
        curves=tables["curves"],
        verdicts=tables["verdicts"],
        cliffs=tables["cliffs"],
        headline=tables["headline"],
        grading=_of_tasks(results, schema.GRADING),
        concentration=concentration,
        answers=stage.read_answers(results, made_by.get("scores", {}), tables["curves"], axes),
        positions=_of_tasks(results, schema.POSITIONS),
        diagnosed=diagnosed,
        made_by={k: made_by[k] for k in _SAID if k in made_by},
        settings={"settings": made_by["settings"], "conventions": made_by.get("conventions", {})},
    )
    schema.write_text(page, results / "report" / "index.html")
    schema.write_text(stage.render_sandbox(), results / "report" / "sandbox.html")
    drawn = stage.figures(tables["curves"], tables["verdicts"], tables["cliffs"], made_by.get("conventions", {}))
    for name, figure in drawn.items():
        stage.save_figure(figure, results / "report" / name)


def show(results: Path, what: str, task: str | None) -> None:
    """Print the summary, or the rows of one table as CSV where the output is no terminal."""
    tables = _tables(results)
    for table in (schema.GRADING, schema.POSITIONS):
        if what == table.name:
            frame = _of_tasks(results, table)
            if frame is None:
                raise InputError(f"{results / what}: no table of this run's tasks; make them with `rescore score`")
            tables[what] = frame
    tables |= {
        table.name: schema.read(results / f"{table.name}.parquet", table)
        for table in (*schema.DIAGNOSTICS, schema.SCAFFOLD_SHIFT, schema.POWER)
        if table.name == what
    }
    if task is not None:
        mine = (pl.col("task") == task) | (pl.col("subtask") == task)
        tables = {k: t.filter(mine) if "task" in t.columns else t for k, t in tables.items()}
        if tables["cliffs"].is_empty():
            raise InputError(f"{results / 'cliffs.parquet'}: no row of task '{task}'")
    if what == "summary":
        import rich

        from rescore import report as stage

        rich.print(stage.summary(tables["cliffs"], tables["headline"]))
        page = results / "report" / "index.html"
        if page.exists():
            rich.print(f"The report: {page}")
    else:
        print_table(tables[what])


def print_table(frame: pl.DataFrame) -> None:
    """Print a table, as CSV where the output is no terminal."""
    if sys.stdout.isatty():
        with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
            print(frame)  # noqa: T201 - what the subcommand is for
    else:
        print(schema.to_csv(frame), end="")  # noqa: T201


def _tables(results: Path) -> dict[str, pl.DataFrame]:
    kinds = (schema.CURVES, schema.VERDICTS, schema.CLIFFS, schema.HEADLINE)
    return {table.name: schema.read(results / f"{table.name}.parquet", table) for table in kinds}


def _of_tasks(results: Path, table: schema.Table) -> pl.DataFrame | None:
    """Read a table that each task has of its own, of the tasks whose scores were tested; None where none has it."""
    names = schema.provenance(results / "verdicts.parquet").get("scores", {})
    files = [path for name in names if (path := results / table.name / f"{name}.parquet").is_file()]
    return pl.concat([schema.read(path, table) for path in files]) if files else None


def _concentration(emergent: Path, results: Path) -> pl.DataFrame:
    """Count the preferred metrics of the suite's tasks and of all others; a row of a subtask stands for its task.

    Raises
    ------
    InputError
        A row of the suite is no JSON task of BIG-Bench.
    """
    from rescore.bigbench import catalogue
    from rescore.discontinuity.concentration import concentration

    leaves = catalogue.catalogue().filter(pl.col("kind") == catalogue.JSON_TASK)
    leaves = leaves.select("preferred_score", task=pl.col("name").str.split(":").list.first())
    known = set(leaves["task"])
    named = []
    for row in read_suite(emergent):
        task = row["task"].partition(":")[0]
        if task not in known:
            raise InputError(
                f"{row['where']}: key 'task': '{task}' is no JSON task of BIG-Bench, so its preferred metric "
                "is not known; take the row out"
            )
        named.append(task)
    frame = concentration(leaves.with_columns(emergent=pl.col("task").is_in(named)))
    made_by = {"emergent": emergent.name, "catalogue": catalogue.CATALOGUE.stem}
    schema.write_twins(frame, results, schema.CONCENTRATION, made_by)
    return frame
