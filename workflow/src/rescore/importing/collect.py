"""Files of results, each read as what it is: its content tells the tool, not its name."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from tqdm import tqdm

from rescore.importing import every_eval_ever, inspect_logs, json_files, lighteval, lm_eval, lm_eval_samples
from rescore.importing.finish import Options, Written, finish
from rescore.importing.lm_eval import Row, Task
from rescore.importing.renames import read_renames
from rescore.importing.tidy import CHOICES, FOUND, ITEMS, Collected, frame, stack
from rescore.tables import InputError, some, unknown

_READ = re.compile(r".*\.(jsonl?|eval)(\.gz)?")
_COMPRESSED = re.compile(r".*\.jsonl?\.(bz2|xz|zst|zip)")
_LOG = re.compile(r"samples_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+?)\.jsonl?(\.gz)?")
_GENERIC = re.compile(r"(eval_|all_)?results?([_-]?\d.*)?|metrics|output")  # stems that name no model
_SUFFIXES = re.compile(r"(\.jsonl?)?(\.gz)?$")


class _Report(NamedTuple):
    """What logs need to know of the results file of their run."""

    path: Path
    run: Row
    arguments: str  # of the model; they begin the names of logs of 0.4.0
    tasks: dict[str, Task]


class _Reading:
    def __init__(self, prefer: str | None, names: Mapping[str, str]) -> None:
        self.prefer = prefer
        self.names = names  # of files that name no model
        self.found: list[pl.DataFrame] = []
        self.reports: list[_Report] = []
        self.items: list[pl.DataFrame] = []
        self.choices: dict[tuple[str, int | None], pl.DataFrame] = {}  # of a task and its shots: the longest log's
        self.unnamed: list[Path] = []
        self.first_filter: dict[str, set[str]] = defaultdict(set)  # taken: tasks


def results(paths: Sequence[Path], options: Options, *, prefer: str | None) -> Written:
    """Import results files and logs of examples, each read as what its content is; of a folder, all in it.

    Where a task has several filters of answers, `prefer` is the one that counts; the first in the file if None.
    Raises InputError where a path is missing, no file holds results, or one is broken.
    """
    names = read_renames(options.rename)
    reading = _Reading(prefer, names.names)
    passed: dict[str, list[str]] = defaultdict(list)  # by reason: names of files
    logs = []
    for path in tqdm(list(dict.fromkeys(_files(paths))), desc="reading", unit="file", disable=None, leave=False):
        reason, is_log = _take(path, reading)
        if reason:
            passed[reason].append(path.name)
        elif is_log:
            logs.append(path)
    for path in tqdm(logs, desc="reading", unit="log", disable=None, leave=False):
        home = _home(path, [report for report in reading.reports if report.path.parent == path.parent])
        if home is None:
            passed["logs without the results file of their run, which would name the model"].append(path.name)
        else:
            _score(str(path), json_files.values(path), *home, reading)
    filters = {name for report in reading.reports for task in report.tasks.values() for name in task.filters}
    if prefer is not None and filters and prefer not in filters:
        raise InputError(f"--filter: '{prefer}' is {unknown(prefer, sorted(filters))}")
    if len(reading.unnamed) > 1:
        raise InputError(
            f"{len(reading.unnamed)} results files name no model, and are called '{reading.unnamed[0].stem}' or the "
            f"like: {some(map(str, reading.unnamed), 3)}; call each file as its model (pythia-70m.json), or give "
            "--rename a line per file: its path, a tab, the model"
        )
    notes = [f"passed over, {reason}: {some(files)}" for reason, files in passed.items()]
    if not reading.found and not reading.items:
        told = "; ".join(notes) or "no *.json, *.jsonl or *.eval is there"
        raise InputError(f"{some(map(str, paths))}: no results that can be read: {told}")
    notes += [
        f"the logs of {some(sorted(tasks))} name no filters: the first answers to each question are those of '{name}'"
        for name, tasks in reading.first_filter.items()
    ]
    items, choices = stack(reading.items, ITEMS), stack(reading.choices.values(), CHOICES)
    collected = Collected(stack(reading.found, FOUND), items, choices, notes)
    return finish(collected, names, options, source=some(map(str, paths)), tool="results")


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            every = sorted(p for p in path.rglob("*") if p.is_file())
            yield from (p for p in every if _READ.fullmatch(p.name) or _COMPRESSED.fullmatch(p.name))
        elif path.is_file():
            yield path
        else:
            raise InputError(f"{path}: no such file or folder")


def _take(path: Path, reading: _Reading) -> tuple[str | None, bool]:
    """Read a file of results; say why it was passed over, or whether it is a log, to be read after the results."""
    if _COMPRESSED.fullmatch(path.name):
        return "compressed, but not by gzip", False
    content = json_files.zipped(path, "header.json") if path.suffix == ".eval" else json_files.content(path)
    value = content.value
    first = value[0] if isinstance(value, list) and value else value
    if content.problem:
        return content.problem, False
    if isinstance(first, Mapping) and "doc_id" in first:
        return None, True
    if path.name.startswith("samples_"):
        return "a log without examples", False
    if not isinstance(first, Mapping):
        return "no results", False
    if every_eval_ever.is_record(first):
        for number, record in enumerate(json_files.values(path), start=1):
            where = f"{path}: record {number}" if content.several else str(path)
            with json_files.refusing(where, "no record of Every Eval Ever"):
                reading.found.append(frame(every_eval_ever.results(record, where, path), FOUND))
        return None, False
    if "sample_id" in first and "evaluation_id" in first:
        return "examples of Every Eval Ever, whose means are read", False
    if content.several or not isinstance(value, Mapping):
        return "no results", False
    with json_files.refusing(path, "results that cannot be read"):
        return _take_report(path, value, reading), False


def _take_report(path: Path, value: Mapping[str, Any], reading: _Reading) -> str | None:
    results = value.get("results")
    if inspect_logs.is_log(value):
        problem = inspect_logs.problem(value)
        if problem is None:
            reading.found.append(frame(inspect_logs.results(value, path), FOUND))
        return problem
    if isinstance(results, list):
        return "results as a list of prompts, as BigScience's harness writes them"
    if isinstance(value.get("scores"), list) and "task" in value:
        return "score files of BIG-bench, for `rescore import bigbench-scores`"
    if not isinstance(results, Mapping) or not any(isinstance(entry, Mapping) for entry in results.values()):
        return "no results"
    if lighteval.is_report(value):
        model = lighteval.model_name(value) or _unnamed(path, reading)
        reading.found.append(frame(lighteval.results(value, path, model), FOUND))
        return None
    model = lm_eval.model_name(value) or lighteval.model_name(value) or _unnamed(path, reading)
    tasks = lm_eval.tasks_of(value)
    arguments = (value.get("config") or {}).get("model_args")
    home = _Report(path, lm_eval.run_of(value, path, model), arguments if isinstance(arguments, str) else "", tasks)
    reading.found.append(frame(lm_eval.results(value, tasks, home.run, reading.prefer), FOUND))
    reading.reports.append(home)
    for task, lines in (value.get("samples") or {}).items():
        if isinstance(lines, list) and lines:
            _score(str(path), lines, home, task, reading)
    return None


def _home(path: Path, beside: Sequence[_Report]) -> tuple[_Report, str] | None:
    """Find the results file of a log's run, and the task: `samples_task_time` or, of 0.4.0, `model_arguments_task`."""
    stem = _plain(_SUFFIXES.sub("", path.name).removeprefix("samples_"))
    pairs = [(report, task) for report in beside for task in report.tasks]
    ends = [(report, task) for report, task in pairs if _same_run(stem, report, task)]
    if not ends:
        named = [(report, task) for report, task in pairs if f"_{stem}".endswith(f"_{_plain(task)}")]
        ends = [(report, task) for report, task in named if stem == _plain(f"{report.arguments}_{task}")] or named
    longest = max((len(_plain(task)) for _, task in ends), default=0)
    ends = [(report, task) for report, task in ends if len(_plain(task)) == longest]
    if len(ends) == 1:
        return ends[0]
    told = _LOG.fullmatch(path.name)
    if ends or told is None:
        return None
    of_time = [report for report in beside if _plain(told["time"]) in _plain(report.path.name)]
    if of_time:
        return of_time[0], told["task"]  # a task that is not among its results
    model = _by_folder(path)
    run = {"where": str(path), "run": str(path.parent), "date": lm_eval.time_in(path.name), "model": model}
    return None if beside or model is None else (_Report(path, run, "", {}), told["task"])


def _same_run(stem: str, report: _Report, task: str) -> bool:
    """Whether a log is called by a task and by what ends the name of the results file."""
    time = stem.removeprefix(f"{_plain(task)}_")
    return time not in ("", stem) and _plain(_SUFFIXES.sub("", report.path.name)).endswith(f"_{time}")


def _score(where: str, lines: Iterable[Mapping[str, Any]], home: _Report, task: str, reading: _Reading) -> None:
    told = home.tasks.get(task, Task())
    place = home.run | {"where": where, "task": task, "subtask": None, "shots": told.shots}
    place |= {"kind": told.kind, "limited": told.limited}
    with json_files.refusing(where, "no log of lm-evaluation-harness"):
        log = lm_eval_samples.read_log(lines, place=place, filters=told.filters, prefer=reading.prefer)
    reading.items.append(log.items)
    asked = reading.choices.get((task, told.shots))  # the questions of a task are the same for all models
    if asked is None or log.choices.height > asked.height:
        reading.choices[task, told.shots] = log.choices
    if log.filter_taken:
        reading.first_filter[log.filter_taken].add(task)


def _unnamed(path: Path, reading: _Reading) -> str:
    """Name the model of a file that names none: as --rename, the folder of lm_eval's making, or the file is called."""
    stem = _SUFFIXES.sub("", path.name)
    named = reading.names.get(str(path)) or _by_folder(path)
    if named:
        return named
    if _GENERIC.fullmatch(stem):
        reading.unnamed.append(path)
    return stem.removeprefix("results_")


def _by_folder(path: Path) -> str | None:
    """Read `org__name`, as lm_eval calls the folder of a model's results."""
    org, _, name = path.parent.name.partition("__")
    return f"{org}/{name}" if org and name else None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name)
