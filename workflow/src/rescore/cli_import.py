"""The arguments of `rescore import`: results of other tools."""

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Bring results of other tools to curves and, with --ladder, to verdicts.",
    no_args_is_help=True,
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
        help="Two columns, tab-separated, no header: a name in the files, the name to use.", show_default=False
    ),
]
Shots = Annotated[int | None, typer.Option(min=0, help="Keep results with this many shots; all if absent.")]
Percent = Annotated[bool, typer.Option("--percent", help="Scores are from 0 to 100.")]
Settings = Annotated[str, typer.Option("--settings", help="Settings of the tests, as a JSON object.")]


@app.command("lm-eval")
def lm_eval(
    folder: Annotated[Path, typer.Argument(help="What `lm_eval --output_path` wrote.", show_default=False)],
    out: Out,
    ladder: Ladder = None,
    rename: Rename = None,
    shots: Shots = None,
    percent: Percent = False,
    answer_filter: Annotated[
        str | None, typer.Option("--filter", help="Where a task has several filters of answers, count this one.")
    ] = None,
    settings: Settings = "{}",
) -> None:
    """Import results of lm-evaluation-harness.

    Reads every results file in FOLDER and below, and the logs of --log_samples beside them.
    """
    from rescore.stages import importing

    importing.lm_eval(folder, _options(out, ladder, rename, shots, percent), _settings(settings), prefer=answer_filter)


@app.command("bigbench-scores")
def bigbench_scores(
    files: Annotated[list[Path], typer.Argument(help="scores_*.json, or folders of them.", show_default=False)],
    out: Out,
    ladder: Ladder = None,
    rename: Rename = None,
    shots: Shots = None,
    percent: Percent = False,
    n: Annotated[int | None, typer.Option("--n", min=1, help="Questions a subtask; the files do not say.")] = None,
    settings: Settings = "{}",
) -> None:
    """Import score files of BIG-bench."""
    from rescore.stages import importing

    importing.bigbench_scores(files, _options(out, ladder, rename, shots, percent), _settings(settings), n=n)


@app.command("csv")
def csv(
    file: Annotated[Path, typer.Argument(help="A table: .csv, .tsv or .parquet.", show_default=False)],
    out: Out,
    model: Annotated[str, typer.Option(help="Column of models.")] = "model",
    task: Annotated[str | None, typer.Option(help="Column of tasks.", show_default=False)] = None,
    subtask: Annotated[str | None, typer.Option(help="Column of subtasks.", show_default=False)] = None,
    metric: Annotated[str | None, typer.Option(help="Column of metrics.", show_default=False)] = None,
    score: Annotated[str | None, typer.Option(help="Column of scores.", show_default=False)] = None,
    stderr: Annotated[str | None, typer.Option(help="Column of standard errors.", show_default=False)] = None,
    n: Annotated[str | None, typer.Option("--n", help="Column of numbers of questions.", show_default=False)] = None,
    chance: Annotated[str | None, typer.Option(help="Column of what guessing scores.", show_default=False)] = None,
    example: Annotated[
        str | None, typer.Option(help="Column that names the example, where a row is one.", show_default=False)
    ] = None,
    ladder: Ladder = None,
    rename: Rename = None,
    percent: Percent = False,
    settings: Settings = "{}",
) -> None:
    """Import a table of results.

    One row a model, task and metric; or, with --example, an example of these. Without --metric and --score a metric is
    a column, called METRIC where there is a column of tasks and TASK_METRIC where not.
    """
    from rescore.importing.table import Columns
    from rescore.stages import importing

    columns = Columns(
        model=model,
        task=task,
        subtask=subtask,
        metric=metric,
        score=score,
        stderr=stderr,
        n=n,
        chance=chance,
        example=example,
    )
    importing.csv(file, columns, _options(out, ladder, rename, None, percent), _settings(settings))


def _options(out: Path, ladder: list[Path] | None, rename: Path | None, shots: int | None, percent: bool) -> Any:
    from rescore.importing.finish import Options

    return Options(out=out, ladders=ladder or [], rename=rename, shots=shots, percent=percent)


def _settings(text: str) -> Any:
    from rescore.tables.validation import json_object

    return json_object(text, "--settings")
