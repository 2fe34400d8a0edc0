"""`rescore import`: results of other tools to SCORES and AGGREGATES, and with a ladder to verdicts and the report."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from rescore.commands.shared import Settings, say

if TYPE_CHECKING:
    import polars as pl

_SHOWN = 10  # names in a line of the summary

app = typer.Typer(
    help="Bring results of other tools to curves and, with --ladder, to verdicts.",
    rich_markup_mode=None,
)
Out = Annotated[Path, typer.Option(help="Folder for the tables, and for the verdicts.", show_default=False)]
Ladders = Annotated[
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


class _Options(NamedTuple):
    """What all importers take."""

    out: Path
    ladder: list[Path] | None
    rename: Path | None
    shots: int | None
    percent: bool
    settings: str


@app.command("lm-eval")
def lm_eval(
    folder: Annotated[Path, typer.Argument(help="What `lm_eval --output_path` wrote.", show_default=False)],
    out: Out,
    ladder: Ladders = None,
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
    from tqdm import tqdm

    from rescore.importing import lm_eval as of
    from rescore.tables import InputError

    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    rows: list[dict[str, Any]] = []
    reports: dict[Path, dict[str, Any]] = {}
    others = []
    for path in tqdm(sorted(folder.rglob("*.json")), desc="reading", unit="file", disable=None, leave=False):
        report = _json(path)
        if not isinstance(report, dict) or not isinstance(report.get("results"), dict):
            others.append(path.name)
            continue
        reports[path] = report
        rows += of.results(report, where=str(path), model=path.stem, prefer=answer_filter)
    if not reports:
        raise InputError(f"{folder}: no results of lm-evaluation-harness: no *.json there has an object 'results'")
    frames: list[pl.DataFrame] = []
    listed: list[pl.DataFrame] = []
    logged = sorted(folder.rglob("samples_*.jsonl"))
    for path in tqdm(logged, desc="reading", unit="log", disable=None, leave=False):
        scores, choices = _log(path, reports, answer_filter)
        frames.append(scores)
        listed.append(choices)
    if others:
        say(f"passed over, without an object 'results': {_some(others)}")
    options = _Options(out, ladder, rename, shots, percent, settings)
    _finish(rows, frames, options, source=str(folder), tool="lm-eval", choices=listed)


@app.command("bigbench-scores")
def bigbench_scores(
    files: Annotated[list[Path], typer.Argument(help="scores_*.json, or folders of them.", show_default=False)],
    out: Out,
    ladder: Ladders = None,
    rename: Rename = None,
    shots: Shots = None,
    percent: Percent = False,
    n: Annotated[int | None, typer.Option("--n", min=1, help="Questions per subtask; the files do not say.")] = None,
    settings: Settings = "{}",
) -> None:
    """Import score files of BIG-bench.

    Of a folder, all in it and in the folders in it.
    """
    from rescore.importing import bigbench_scores as of
    from rescore.tables import InputError

    paths = [p for f in files for p in (sorted(f.rglob("scores_*.json")) if f.is_dir() else [f])]
    if not paths:
        raise InputError(f"{files[0]}: holds no scores_*.json")
    rows = [row for path in paths for row in of.scores(_json(path), where=str(path), n=n)]
    options = _Options(out, ladder, rename, shots, percent, settings)
    _finish(rows, [], options, source=_some(map(str, files)), tool="bigbench-scores")


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
    ladder: Ladders = None,
    rename: Rename = None,
    percent: Percent = False,
    settings: Settings = "{}",
) -> None:
    """Import a table of results.

    One row per model, task and metric; or, with --example, per example of these. Without --metric and --score a metric
    is a column, called METRIC where there is a column of tasks and TASK_METRIC where not.
    """
    from rescore.importing import table as of

    columns = of.Columns(
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
    found = of.found(of.read_table(file), columns, where=str(file))
    options = _Options(out, ladder, rename, None, percent, settings)
    _finish([] if example else found, [found] if example else [], options, source=str(file), tool="csv")


def _log(path: Path, reports: Mapping[Path, dict[str, Any]], prefer: str | None) -> "tuple[pl.DataFrame, pl.DataFrame]":
    """Read the scores and the choices in a log of examples; the results file beside it names the model."""
    from rescore.importing import lm_eval as of
    from rescore.importing import lm_eval_samples as logs
    from rescore.tables import InputError

    beside = {r.stem.removeprefix("results_"): r for r in reports if r.parent == path.parent}
    found = logs.task_of(path.name, beside)
    if found is None:
        raise InputError(f"{path}: no results file of the same run beside it, which would name the model; bring both")
    home = beside[found[1]]
    task = next(
        (t for t in reports[home]["results"] if re.sub(r"\W", "_", t) == re.sub(r"\W", "_", found[0])), found[0]
    )
    common = {
        "model": of.model_name(reports[home]) or home.stem,
        "task": task,
        "subtask": None,
        "shots": of.shots(reports[home], task),
    }
    try:
        samples = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        where = str(path)
        return (
            logs.scores(samples, where=where, common=common, prefer=prefer),
            logs.choices(samples, where=where, common=common, prefer=prefer),
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError(f"{path}: no log of lm-evaluation-harness ({type(error).__name__}: {error})") from error


def _finish(
    rows: "Sequence[Mapping[str, Any]] | pl.DataFrame",
    logs: "Sequence[pl.DataFrame]",
    options: _Options,
    *,
    source: str,
    tool: str,
    choices: "Sequence[pl.DataFrame]" = (),
) -> None:
    """Write the tables that have rows; with a ladder, verdicts and report too."""
    import polars as pl

    from rescore import importing as of
    from rescore.config.inputs import read_ladders
    from rescore.importing import CHOICES, FOUND, ITEMS
    from rescore.importing.renames import read_renames
    from rescore.tables import AGGREGATES, EXAMPLES, SCORES, InputError, write

    found = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows, schema=dict(FOUND), orient="row")
    frames = [found, *(pl.concat([pl.DataFrame(schema=dict(c)), *f]) for c, f in ((ITEMS, logs), (CHOICES, choices)))]
    names = read_renames(options.rename, frames[:2]) if options.rename else {}
    ladder = read_ladders(options.ladder) if options.ladder else None
    found, items, listed = of.choose_shots([of.renamed(frame, names) for frame in frames], options.shots)
    models = of.model_names([*found["model"].unique(), *items["model"].unique()], ladder)
    found, items = (f.with_columns(pl.col("model").replace(models)) for f in (found, items))
    place = pl.lit("").alias("where")
    scores = of.items(items, percent=options.percent) if items.height else SCORES.empty().with_columns(place)
    means = of.aggregates(found, percent=options.percent) if found.height else AGGREGATES.empty().with_columns(place)
    tables = of.combine(scores, means)
    if tables.scores.is_empty() and tables.aggregates.is_empty():
        raise InputError(
            f"{source}: holds no result" + (f" with {options.shots} shots" if options.shots is not None else "")
        )
    made_by = {"imported_from": source, "tool": tool, "models": models}
    written: dict[str, list[Path]] = {}
    every = ((tables.scores, SCORES), (tables.aggregates, AGGREGATES), (of.examples(listed), EXAMPLES))
    for frame, table in every:
        path = options.out / f"{table.name}.parquet"
        path.unlink(missing_ok=True)  # of an earlier import
        written[table.name] = [path] if frame.height else []
        if frame.height:
            write(frame, path, table, made_by)
    _summary(tables.scores, tables.aggregates, models, ladder, options.out)
    if not options.ladder:
        return
    from rescore.commands.report import report
    from rescore.commands.test import test

    test(
        options.ladder,
        options.out,
        written[SCORES.name],
        aggregates=written[AGGREGATES.name],
        examples=written[EXAMPLES.name],
        settings=options.settings,
    )
    report(options.out)


def _summary(
    scores: "pl.DataFrame",
    aggregates: "pl.DataFrame",
    models: Mapping[str, str],
    ladder: "pl.DataFrame | None",
    out: Path,
) -> None:
    from rescore.importing import listed
    from rescore.tables import METRICS

    metrics = {*scores["metric"].unique(), *aggregates["metric"].unique()}
    subtasks = {*scores["subtask"].unique(), *aggregates["subtask"].unique()}
    say(
        f"{len(set(models.values()))} models, {len(subtasks)} subtasks: {scores.height} scores of examples and "
        f"{aggregates.height} means, in {out}"
    )
    shown = sorted(m for m in metrics if m not in METRICS or METRICS[m].link is None)
    if shown:
        say(f"curves without a verdict: {_some(shown)}")
    if ladder is not None:
        unknown, absent = listed(models, ladder)
        if unknown:
            say(f"in no ladder, so without a curve: {_some(unknown)}; add their rows, or give --rename")
        if absent:
            say(f"of the ladder, without results: {_some(absent)}")


def _json(path: Path) -> Any:
    from rescore.tables import InputError

    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({error})") from error


def _some(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")
