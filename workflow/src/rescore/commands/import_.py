"""`rescore import`: results of other tools to SCORES and AGGREGATES, and with a ladder to verdicts and the report."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rescore.commands.shared import Settings, say, untested

if TYPE_CHECKING:
    from rescore.importing.finish import Written

app = typer.Typer(
    help="Bring results of other tools to curves and, with --ladder, to verdicts.",
    rich_markup_mode=None,
)
Out = Annotated[Path, typer.Option(help="Folder for the tables, and for the verdicts.", show_default=False)]
Ladder = Annotated[
    list[Path] | None,
    typer.Option(
        "--ladder", help="Table of models: test their curves too; may be given several times.", show_default=False
    ),
]
Rename = Annotated[
    Path | None,
    typer.Option(
        help="A table, tab-separated, no header: a name in the files and the name to use; or a task, a metric of it, "
        "and what to call this.",
        show_default=False,
    ),
]
Shots = Annotated[int | None, typer.Option(min=0, help="Keep results with this many shots; all if absent.")]
Percent = Annotated[bool, typer.Option("--percent", help="Scores are from 0 to 100.")]
Latest = Annotated[bool, typer.Option("--latest", help="Of several runs of a task by a model take the latest.")]
Filter = Annotated[
    str | None, typer.Option("--filter", help="Where a task has several filters of answers, count this one.")
]
Results = Annotated[list[Path], typer.Argument(help="Results files, or folders of them.", show_default=False)]


def results(
    paths: Results,
    out: Out,
    ladder: Ladder = None,
    rename: Rename = None,
    shots: Shots = None,
    percent: Percent = False,
    latest: Latest = False,
    answer_filter: Filter = None,
    settings: Settings = "{}",
) -> None:
    """Import results files and logs of examples, each read as what its content is.

    Of a folder all files are read, and those in the folders in it. A file that is not read is named.
    """
    from rescore.importing import collect
    from rescore.importing.finish import Options

    options = Options(out=out, ladders=ladder or [], rename=rename, shots=shots, percent=percent, latest=latest)
    _test(collect.results(paths, options, prefer=answer_filter), out, ladder, settings)


for _name, _tool in (
    ("lm-eval", "lm-evaluation-harness and the Open LLM Leaderboard"),
    ("lighteval", "lighteval"),
    ("inspect", "inspect_ai"),
    ("every-eval-ever", "Every Eval Ever: HELM and other tools in the common schema"),
):
    app.command(_name, short_help=f"Import results of {_tool}.")(results)  # one command by the names users look for


@app.command("bigbench-scores")
def bigbench_scores(
    files: Annotated[
        list[Path], typer.Argument(help="scores_*.json and full-log_*.json, or folders of them.", show_default=False)
    ],
    out: Out,
    ladder: Ladder = None,
    rename: Rename = None,
    shots: Shots = None,
    percent: Percent = False,
    n: Annotated[
        int | None, typer.Option("--n", min=1, help="Questions per subtask, if not all of the task were asked.")
    ] = None,
    settings: Settings = "{}",
) -> None:
    """Import score files and full logs of BIG-bench.

    Without --ladder each model family becomes a ladder, from what the files say of its models.
    """
    from rescore.bigbench.published import leaves_of
    from rescore.config.validation import json_object
    from rescore.importing import bigbench_files
    from rescore.importing.finish import Options

    options = Options(out=out, ladders=ladder or [], rename=rename, shots=shots, percent=percent)
    found = bigbench_files.bigbench_scores(files, options, n=n, leaves=leaves_of)
    if found.axis:
        settings = json.dumps({"axis": found.axis} | json_object(settings, "--settings"))
    _test(found.written, out, [*found.ladders], settings)


@app.command("csv")
def csv(
    file: Annotated[Path, typer.Argument(help="A table: .csv, .tsv or .parquet.", show_default=False)],
    out: Out,
    model: Annotated[str | None, typer.Option(help="Column of models.", show_default=False)] = None,
    revision: Annotated[
        str | None,
        typer.Option(help="Column of the models' revisions; a whole number is a step of training.", show_default=False),
    ] = None,
    task: Annotated[str | None, typer.Option(help="Column of tasks.", show_default=False)] = None,
    subtask: Annotated[str | None, typer.Option(help="Column of subtasks.", show_default=False)] = None,
    metric: Annotated[str | None, typer.Option(help="Column of metrics.", show_default=False)] = None,
    score: Annotated[str | None, typer.Option(help="Column of scores.", show_default=False)] = None,
    metric_name: Annotated[
        str | None,
        typer.Option(help="The metric of all scores; without --score each column is a task.", show_default=False),
    ] = None,
    stderr: Annotated[str | None, typer.Option(help="Column of standard errors.", show_default=False)] = None,
    n: Annotated[
        str | None,
        typer.Option("--n", help="Column of numbers of questions; a number; or TASK=NUMBER,...", show_default=False),
    ] = None,
    chance: Annotated[str | None, typer.Option(help="Column of what guessing scores.", show_default=False)] = None,
    shots_column: Annotated[str | None, typer.Option(help="Column of numbers of shots.", show_default=False)] = None,
    example: Annotated[
        str | None, typer.Option(help="Column that names the example, where a row is one.", show_default=False)
    ] = None,
    ladder: Ladder = None,
    rename: Rename = None,
    shots: Shots = None,
    percent: Percent = False,
    settings: Settings = "{}",
) -> None:
    """Import a table of results.

    One row per model, task and metric; or, with --example, per example of these. Without --metric and --score each
    metric is a column, called METRIC where there is a column of tasks and TASK_METRIC where not; with --metric-name
    each task is a column. A column called as an option, such as Model or task, need not be named.
    """
    from rescore.importing import table
    from rescore.importing.finish import Options

    columns = table.Columns(
        model=model,
        revision=revision,
        task=task,
        subtask=subtask,
        metric=metric,
        score=score,
        metric_name=metric_name,
        stderr=stderr,
        n=n,
        chance=chance,
        shots=shots_column,
        example=example,
    )
    options = Options(out=out, ladders=ladder or [], rename=rename, shots=shots, percent=percent)
    _test(table.csv(file, columns, options), out, ladder, settings)


def _test(written: "Written", out: Path, ladders: list[Path] | None, settings: str) -> None:
    """Test and report what was imported, where a ladder is given."""
    if not ladders:
        say(f"nothing was tested without --ladder, a table of the models; {untested(out)}")
        return
    from rescore.commands.report import report
    from rescore.commands.test import test

    test(
        ladders,
        out,
        written["scores"],
        aggregates=written["aggregates"],
        examples=written["examples"],
        settings=settings,
    )
    report(out)
