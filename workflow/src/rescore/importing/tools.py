"""The imports: one function per tool, from its files to the tables of Rescore."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from rescore.importing.finish import Options, Written, empty, finish, rows_found, say, some
from rescore.importing.table import Columns
from rescore.importing.tidy import CHOICES, FOUND, ITEMS
from rescore.tables import InputError


def lm_eval(folder: Path, options: Options, *, prefer: str | None) -> Written:
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
        say(f"passed over, without an object 'results': {some(others)}")
    items, choices = pl.concat([empty(ITEMS), *frames]), pl.concat([empty(CHOICES), *listed])
    return finish(rows_found(rows), items, options, source=str(folder), tool="lm-eval", choices=choices)


def bigbench_scores(files: Sequence[Path], options: Options, *, n: int | None) -> Written:
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
    return finish(rows_found(rows), empty(ITEMS), options, source=some(map(str, files)), tool="bigbench-scores")


def csv(file: Path, columns: Columns, options: Options) -> Written:
    """Import a table of results: comma- or tab-separated, or parquet.

    Raises
    ------
    InputError
        Names file and row of what cannot be used.
    """
    from rescore.importing import table as stage

    found = stage.found(stage.read_table(file), columns, where=str(file))
    kinds = (empty(FOUND), found) if columns.example else (found, empty(ITEMS))
    return finish(*kinds, options, source=str(file), tool="csv")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({error})") from error
