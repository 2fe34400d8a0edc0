"""Files of results, each read as what it is: its content tells the tool, not its name."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from rescore.importing import every_eval_ever, inspect_logs, json_files, lighteval, lm_eval, lm_eval_samples
from rescore.importing.lm_eval import Row, Task
from rescore.importing.tidy import CHOICES, FOUND, ITEMS, frame
from rescore.tables import InputError

_READ = re.compile(r".*\.(jsonl?|eval)(\.gz)?")
_COMPRESSED = re.compile(r".*\.jsonl?\.(bz2|xz|zst|zip)")
_LOG = re.compile(r"samples_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+?)\.jsonl?(\.gz)?")
_GENERIC = re.compile(r"(eval_|all_)?results?([_-]?\d.*)?|metrics|output")  # stems that name no model
_SUFFIXES = re.compile(r"(\.jsonl?)?(\.gz)?$")


class Collected(NamedTuple):
    """FOUND, ITEMS and CHOICES of all files, and what the user should know."""

    found: pl.DataFrame
    items: pl.DataFrame
    choices: pl.DataFrame
    notes: list[str]


class _Report(NamedTuple):
    """What logs need to know of the results file of their run."""

    path: Path
    run: Row
    model: str
    arguments: str  # of the model; they begin the names of logs of 0.4.0
    tasks: dict[str, Task]


class _Reading:
    """What was read so far."""

    def __init__(self, prefer: str | None, names: Mapping[str, str]) -> None:
        self.prefer = prefer
        self.names = names  # of files that name no model
        self.rows: list[Row] = []
        self.reports: list[_Report] = []
        self.items: list[pl.DataFrame] = []
        self.choices: dict[tuple[str, int | None], pl.DataFrame] = {}  # of a task and its shots: the longest log's
        self.unnamed: list[Path] = []
        self.passed: dict[str, list[str]] = defaultdict(list)  # by reason: names of files
        self.first_filter: dict[str, set[str]] = defaultdict(set)  # taken: tasks


def collect(paths: Sequence[Path], *, prefer: str | None, names: Mapping[str, str]) -> Collected:
    """Read results files and logs of examples; of a folder, all in it and in the folders in it.

    Parameters
    ----------
    paths
        Files and folders.
    prefer
        The filter of answers that counts, where a task has several.
    names
        Models by the path of a results file that names none.

    Raises
    ------
    InputError
        A path is missing, no file holds results, or a log is broken.
    """
    from tqdm import tqdm

    reading = _Reading(prefer, names)
    logs = []
    for path in tqdm(list(dict.fromkeys(_files(paths))), desc="reading", unit="file", disable=None, leave=False):
        if _COMPRESSED.fullmatch(path.name):
            reading.passed["compressed, but not by gzip"].append(path.name)
        elif _take(path, reading):
            logs.append(path)
    for path in tqdm(logs, desc="reading", unit="log", disable=None, leave=False):
        _take_log(path, reading)
    _refuse_unnamed(reading.unnamed)
    notes = [f"passed over, {reason}: {some(files)}" for reason, files in reading.passed.items()]
    if not reading.rows and not reading.items:
        told = "; ".join(notes) or "no *.json, *.jsonl or *.eval is there"
        raise InputError(f"{some(map(str, paths))}: no results that can be read: {told}")
    notes += [
        f"the logs of {some(sorted(tasks))} name no filters: the first answers to each question are those of '{name}'"
        for name, tasks in reading.first_filter.items()
    ]
    return Collected(
        frame(reading.rows, FOUND),
        pl.concat([pl.DataFrame(schema=dict(ITEMS)), *reading.items]),
        pl.concat([pl.DataFrame(schema=dict(CHOICES)), *reading.choices.values()]),
        notes,
    )


def some(names: Iterable[str], shown: int = 10) -> str:
    """List names, and the number of those that are too many."""
    every = list(names)
    return ", ".join(every[:shown]) + (f" and {len(every) - shown} more" if len(every) > shown else "")


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            every = sorted(p for p in path.rglob("*") if p.is_file())
            yield from (p for p in every if _READ.fullmatch(p.name) or _COMPRESSED.fullmatch(p.name))
        elif path.is_file():
            yield path
        else:
            raise InputError(f"{path}: no such file or folder")


def _take(path: Path, reading: _Reading) -> bool:
    """Read a file, or say that it is a log to be read after the results."""
    content = json_files.zipped(path, "header.json") if path.suffix == ".eval" else json_files.content(path)
    value = content.value
    first = value[0] if isinstance(value, list) and value else value
    if content.problem:
        reading.passed[content.problem].append(path.name)
    elif lm_eval_samples.is_sample(first):
        return True
    elif path.name.startswith("samples_"):
        reading.passed["a log without examples"].append(path.name)
    elif isinstance(first, Mapping) and every_eval_ever.is_record(first):
        for number, record in enumerate(json_files.values(path), start=1):
            where = f"{path}: record {number}" if content.several else str(path)
            reading.rows += _checked(path, every_eval_ever.results, record, where, path)
    elif isinstance(first, Mapping) and "sample_id" in first and "evaluation_id" in first:
        reading.passed["examples of Every Eval Ever, whose means are read"].append(path.name)
    elif content.several or not isinstance(value, Mapping):
        reading.passed["no results"].append(path.name)
    else:
        _take_report(path, value, reading)
    return False


def _take_report(path: Path, value: Mapping[str, Any], reading: _Reading) -> None:
    """Read a file of one JSON object, or say what it is."""
    results = value.get("results")
    if inspect_logs.is_log(value):
        problem = inspect_logs.problem(value)
        if problem:
            reading.passed[problem].append(path.name)
        else:
            reading.rows += _checked(path, inspect_logs.results, value, path)
    elif isinstance(results, list):
        reading.passed["results as a list of prompts, as BigScience's harness writes them"].append(path.name)
    elif isinstance(value.get("scores"), list) and "task" in value:
        reading.passed["score files of BIG-bench, for `rescore import bigbench-scores`"].append(path.name)
    elif not isinstance(results, Mapping) or not any(isinstance(entry, Mapping) for entry in results.values()):
        reading.passed["no results"].append(path.name)
    elif lighteval.is_report(value):
        model = lighteval.model_name(value) or _unnamed(path, reading)
        reading.rows += _checked(path, lighteval.results, value, path, model)
    else:
        _take_lm_eval(path, value, reading)


def _take_lm_eval(path: Path, report: Mapping[str, Any], reading: _Reading) -> None:
    """Read a results file of lm-evaluation-harness, and the logs in it."""
    named = _checked(path, lm_eval.model_name, report) or lighteval.model_name(report)
    model = named or _unnamed(path, reading)
    run = lm_eval.run_of(report, path)
    tasks = lm_eval.tasks_of(report)
    reading.rows += _checked(path, lm_eval.results, report, tasks, run=run, model=model, prefer=reading.prefer)
    arguments = (report.get("config") or {}).get("model_args") or ""
    home = _Report(path, run, model, arguments if isinstance(arguments, str) else "", tasks)
    reading.reports.append(home)
    for task, lines in (report.get("samples") or {}).items():
        if isinstance(lines, list) and lines:
            _score(str(path), lines, home, task, reading)


def _take_log(path: Path, reading: _Reading) -> None:
    found = _home(path, [report for report in reading.reports if report.path.parent == path.parent])
    if found is None:
        reading.passed["logs without the results file of their run, which would name the model"].append(path.name)
    else:
        _score(str(path), json_files.values(path), *found, reading)


def _home(path: Path, beside: Sequence[_Report]) -> tuple[_Report, str] | None:
    """Find the results file of a log's run, and the task: `samples_task_time` or, of 0.4.0, `model_arguments_task`."""
    stem = _plain(_SUFFIXES.sub("", path.name).removeprefix("samples_"))
    ends = [(len(task), report, task) for report in beside for task in report.tasks if _same_run(stem, report, task)]
    if not ends:
        named = [end for report in beside for task in report.tasks if (end := _ends(stem, report, task))]
        ends = [end for end in named if stem == _plain(f"{end[1].arguments}_{end[2]}")] or named
    longest = [end[1:] for end in ends if end[0] == max(other[0] for other in ends)]
    if len(longest) == 1:
        return longest[0]
    told = _LOG.fullmatch(path.name)
    if ends or told is None:
        return None
    of_time = [report for report in beside if _plain(told["time"]) in _plain(report.path.name)]
    if of_time:
        return of_time[0], told["task"]  # a task that is not among its results
    model = _by_folder(path)
    run = {"where": str(path), "run": str(path.parent), "date": lm_eval.time_in(path.name)}
    return None if beside or model is None else (_Report(path, run, model, "", {}), told["task"])


def _same_run(stem: str, report: _Report, task: str) -> bool:
    """Whether a log is called by a task and by what ends the name of the results file."""
    time = stem.removeprefix(f"{_plain(task)}_")
    return time not in ("", stem) and _plain(_SUFFIXES.sub("", report.path.name)).endswith(f"_{time}")


def _ends(stem: str, report: _Report, task: str) -> tuple[int, _Report, str] | None:
    name = _plain(task)
    return (len(name), report, task) if stem == name or stem.endswith(f"_{name}") else None


def _score(where: str, lines: Iterable[Mapping[str, Any]], home: _Report, task: str, reading: _Reading) -> None:
    told = home.tasks.get(task, Task())
    place = home.run | {"where": where, "model": home.model, "task": task, "subtask": None, "shots": told.shots}
    place |= {"kind": told.kind, "limited": told.limited}
    try:
        log = lm_eval_samples.read_log(lines, place=place, filters=told.filters, prefer=reading.prefer)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise InputError(f"{where}: no log of lm-evaluation-harness ({type(error).__name__}: {error})") from error
    reading.items.append(log.items)
    asked = reading.choices.get((task, told.shots))  # the questions of a task are the same for all models
    if asked is None or log.choices.height > asked.height:
        reading.choices[task, told.shots] = log.choices
    if log.filter_taken:
        reading.first_filter[log.filter_taken].add(task)


def _checked(path: Path, read: Any, *given: Any, **named: Any) -> Any:
    """Call a reader; a file that lacks what its tool writes is named."""
    try:
        return read(*given, **named)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path}: results that cannot be read ({type(error).__name__}: {error})") from error


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


def _refuse_unnamed(paths: Sequence[Path]) -> None:
    if len(paths) > 1:
        raise InputError(
            f"{len(paths)} results files name no model, and are called '{paths[0].stem}' or the like: "
            f"{some(map(str, paths), 3)}; call each file as its model (pythia-70m.json), or give --rename a line per "
            "file: its path, a tab, the model"
        )


def _plain(name: str) -> str:
    """Spell a name as in a file's name."""
    return re.sub(r"[\W_]+", "_", name)
