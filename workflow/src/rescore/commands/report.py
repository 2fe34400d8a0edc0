"""`rescore report`: a run's tables to the page, the sandbox and the figures."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rescore.commands.shared import Results, check_tested, say


def report(results: Results = Path("results")) -> None:
    """Write the page, the sandbox and the figures of a run to RESULTS/report."""
    from rescore import report as of
    from rescore.tables import (
        CLIFFS,
        CURVES,
        GRADING,
        HEADLINE,
        POSITIONS,
        VERDICTS,
        InputError,
        count,
        provenance,
        read,
        read_all,
        write_text,
    )
    from rescore.tables.axes import AXES

    check_tested(results)
    curves, verdicts, cliffs, headline = (
        read(results / f"{table.name}.parquet", table) for table in (CURVES, VERDICTS, CLIFFS, HEADLINE)
    )
    axes = verdicts["axis"].unique().sort().to_list()
    if len(axes) > 1 or not set(axes) <= set(AXES):
        raise InputError(
            f"{results / 'verdicts.parquet'}: column 'axis': holds {', '.join(axes)}; a report has one of "
            f"{', '.join(AXES)}, so keep runs along different axes in folders of their own"
        )
    made_by = provenance(results / "verdicts.parquet")
    tasks = made_by.get("scores", {})
    said: dict[str, Any] = {key: made_by[key] for key in ("code_version", "schema_version") if key in made_by}
    ladders = made_by.get("ladders", {})
    said["ladders"] = ", ".join(f"{count(n, 'model')} of {Path(path).name}" for path, n in ladders.items())
    counted = {
        key: f"{count(len(made_by[key]), 'file')}, named in the metadata of verdicts.parquet"
        for key in ("scores", "aggregates")
        if made_by.get(key)
    }

    def of_tasks(name: str) -> list[Path]:
        """Find the files of a table that each task has of its own, for the tasks whose scores were tested."""
        return [path for task in tasks if (path := results / name / f"{task}.parquet").is_file()]

    grading, positions = (
        read_all(files, table) if (files := of_tasks(table.name)) else None for table in (GRADING, POSITIONS)
    )
    diagnosed = {t.name: read(path, t) for t in of.TABLES if (path := results / f"{t.name}.parquet").is_file()}
    page = of.render(
        curves=curves,
        verdicts=verdicts,
        cliffs=cliffs,
        headline=headline,
        grading=grading,
        answers=of.read_answers(results, tasks, curves, axes),
        positions=positions,
        diagnosed=diagnosed,
        made_by=said | counted | _forms(tasks),
        settings={"settings": made_by["settings"], "conventions": made_by.get("conventions", {})},
    )
    write_text(page, results / "report" / "index.html")
    write_text(of.render_sandbox(), results / "report" / "sandbox.html")
    for name, figure in of.figures(curves, verdicts, cliffs, made_by.get("conventions", {})).items():
        of.save_figure(figure, results / "report" / name)
    say(f"wrote {results / 'report' / 'index.html'}, with sandbox and figures beside it")


def _forms(tasks: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Say how many tasks were put to the models in which form; nothing where all prompts are the text alone."""
    told = Counter("; ".join(f"{k}: {v}" for k, v in made.get("form", {}).items()) for made in tasks.values())
    if set(told) <= {""}:
        return {}
    return {"prompts": [f"{n} of {len(tasks)} tasks: {form or 'the text alone'}" for form, n in told.items()]}
