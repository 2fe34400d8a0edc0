"""Results of other tools: read, brought to the tables, and where a ladder is given tested and reported."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rescore import importing
from rescore import tables as schema
from rescore.config.inputs import read_ladders
from rescore.importing import CHOICES, FOUND, ITEMS
from rescore.importing.table import Columns
from rescore.tables import METRICS, InputError

_SHOWN = 10  # names in a line of the summary


@dataclass(frozen=True, kw_only=True)
class Options:
    """What all importers take.

    Attributes
    ----------
    out
        The folder for scores.parquet and aggregates.parquet, and for the verdicts.
    ladders
        Ladder tables; without any there are no verdicts.
    rename
        A tab-separated table of two columns without a header: a name in the files, the name to use.
    shots
        Keep results with this number of solved examples in the prompt; all where None.
    percent
        Whether scores are in percent.
    settings
        Of the tests.
    threads
        Processes of the tests; all cores if None.
    """

    out: Path
    ladders: Sequence[Path] = ()
    rename: Path | None = None
    shots: int | None = None
    percent: bool = False
    settings: Mapping[str, Any]
    threads: int | None = None


def lm_eval(folder: Path, options: Options, *, prefer: str | None) -> None:
    """Import the results of lm-evaluation-harness in a folder and the folders in it, and their logs of examples.

    Raises
    ------
    InputError
        There are none, or one is broken.
    """
    from tqdm import tqdm

    from rescore.importing import lm_eval as stage
    from rescore.importing import lm_eval_samples as logs

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
        rows += stage.results(report, where=str(path), model=path.stem, prefer=prefer)
    if not reports:
        raise InputError(f"{folder}: no results of lm-evaluation-harness: no *.json there has an object 'results'")
    frames, listed = [], []
    logged = sorted(folder.rglob("samples_*.jsonl"))
    for path in tqdm(logged, desc="reading", unit="log", disable=None, leave=False):
        beside = {r.stem.removeprefix("results_"): r for r in reports if r.parent == path.parent}
        found = logs.task_of(path.name, beside)
        if found is None:
            raise InputError(
                f"{path}: no results file of the same run beside it, which would name the model; bring both"
            )
        home = beside[found[1]]
        task = next(
            (t for t in reports[home]["results"] if re.sub(r"\W", "_", t) == re.sub(r"\W", "_", found[0])), found[0]
        )
        common = {
            "model": stage.model_name(reports[home]) or home.stem,
            "task": task,
            "subtask": None,
            "shots": stage.shots(reports[home], task),
        }
        try:
            samples = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            frames.append(logs.scores(samples, where=str(path), common=common, prefer=prefer))
            listed.append(logs.choices(samples, where=str(path), common=common, prefer=prefer))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise InputError(f"{path}: no log of lm-evaluation-harness ({type(error).__name__}: {error})") from error
    if others:
        _say(f"passed over, without an object 'results': {_some(others)}")
    items, choices = pl.concat([_empty(ITEMS), *frames]), pl.concat([_empty(CHOICES), *listed])
    _finish(_found(rows), items, options, source=str(folder), tool="lm-eval", choices=choices)


def bigbench_scores(files: Sequence[Path], options: Options, *, n: int | None) -> None:
    """Import score files of BIG-bench; of a folder, all in it and in the folders in it.

    Raises
    ------
    InputError
        There are none, or one is broken.
    """
    from rescore.importing import bigbench_scores as stage

    paths = [p for f in files for p in (sorted(f.rglob("scores_*.json")) if f.is_dir() else [f])]
    if not paths:
        raise InputError(f"{files[0]}: holds no scores_*.json")
    rows = [row for path in paths for row in stage.scores(_json(path), where=str(path), n=n)]
    _finish(_found(rows), _empty(ITEMS), options, source=_some(map(str, files)), tool="bigbench-scores")


def csv(file: Path, columns: Columns, options: Options) -> None:
    """Import a table of results: comma- or tab-separated, or parquet.

    Raises
    ------
    InputError
        Names file and row of what cannot be used.
    """
    from rescore.importing import table as stage

    found = stage.found(stage.read_table(file), columns, where=str(file))
    kinds = (_empty(FOUND), found) if columns.example else (found, _empty(ITEMS))
    _finish(*kinds, options, source=str(file), tool="csv")


def _finish(
    found: pl.DataFrame,
    items: pl.DataFrame,
    options: Options,
    *,
    source: str,
    tool: str,
    choices: pl.DataFrame | None = None,
) -> None:
    """Write the tables; with a ladder, verdicts and report too."""
    names = _renames(options.rename, found, items)
    ladder = read_ladders(options.ladders) if options.ladders else None
    choices = _empty(CHOICES) if choices is None else choices
    frames = [importing.renamed(frame, names) for frame in (found, items, choices)]
    found, items, choices = importing.choose_shots(frames, options.shots)
    models = importing.model_names([*found["model"].unique(), *items["model"].unique()], ladder)
    found, items = (f.with_columns(pl.col("model").replace(models)) for f in (found, items))
    tables = importing.combine(
        importing.items(items, percent=options.percent) if items.height else _empty_with_place(schema.SCORES),
        importing.aggregates(found, percent=options.percent) if found.height else _empty_with_place(schema.AGGREGATES),
    )
    if tables.scores.is_empty() and tables.aggregates.is_empty():
        raise InputError(
            f"{source}: holds no result" + (f" with {options.shots} shots" if options.shots is not None else "")
        )
    made_by = {"imported_from": source, "tool": tool, "models": models}
    written = _write(tables, importing.examples(choices), options.out, made_by)
    _summary(tables, models, ladder, options)
    if ladder is None:
        return
    from rescore.stages import reporting, verdicts

    verdicts.test(
        written["scores"],
        options.ladders,
        options.out,
        options.settings,
        aggregates=written["aggregates"],
        examples=written["examples"],
        grading=(),
        threads=options.threads,
    )
    reporting.report(options.out, None)


def _write(
    tables: importing.Imported, examples: pl.DataFrame, out: Path, made_by: Mapping[str, Any]
) -> dict[str, list[Path]]:
    """Write the tables that have rows; return each one's paths, none or one."""
    written: dict[str, list[Path]] = {}
    every = ((tables.scores, schema.SCORES), (tables.aggregates, schema.AGGREGATES), (examples, schema.EXAMPLES))
    for frame, table in every:
        path = out / f"{table.name}.parquet"
        path.unlink(missing_ok=True)  # of an earlier import
        written[table.name] = []
        if frame.height:
            schema.write(frame, path, table, made_by)
            written[table.name] = [path]
    return written


def _summary(
    tables: importing.Imported, models: Mapping[str, str], ladder: pl.DataFrame | None, options: Options
) -> None:
    metrics = {*tables.scores["metric"].unique(), *tables.aggregates["metric"].unique()}
    subtasks = {*tables.scores["subtask"].unique(), *tables.aggregates["subtask"].unique()}
    _say(
        f"{len(set(models.values()))} models, {len(subtasks)} subtasks: {tables.scores.height} scores of examples and "
        f"{tables.aggregates.height} means, in {options.out}"
    )
    shown = sorted(m for m in metrics if m not in METRICS or METRICS[m].link is None)
    if shown:
        _say(f"curves without a verdict: {_some(shown)}")
    if ladder is not None:
        unknown, absent = importing.listed(models, ladder)
        if unknown:
            _say(f"in no ladder, so without a curve: {_some(unknown)}; add their rows, or give --rename")
        if absent:
            _say(f"of the ladder, without results: {_some(absent)}")


def _renames(path: Path | None, *frames: pl.DataFrame) -> dict[str, str]:
    """Read the table of names; each of them must be in the files."""
    if path is None:
        return {}
    there = {name for f in frames for c in ("model", "task", "subtask", "metric") for name in f[c].unique()}
    names: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != 2 or not all(cells):
            raise InputError(f"{path}: row {number}: expected a name in the files, a tab, and the name to use")
        if cells[0] not in there:
            raise InputError(f"{path}: row {number}: '{cells[0]}' is no model, task, subtask or metric of the files")
        if names.setdefault(cells[0], cells[1]) != cells[1]:
            raise InputError(f"{path}: row {number}: '{cells[0]}' is called '{names[cells[0]]}' above")
    return names


def _found(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(FOUND), orient="row") if rows else _empty(FOUND)


def _empty(columns: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(columns))


def _empty_with_place(table: schema.Table) -> pl.DataFrame:
    return _empty({"where": pl.String, **table.columns})


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({error})") from error


def _some(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201
