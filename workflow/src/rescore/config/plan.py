"""What the Snakefile asks when the DAG is built: checked config and tables, jobs, and where tasks come from."""

import hashlib
import math
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rescore.config import task_sources
from rescore.config.cluster import QUESTION_TOKENS, SMALL_PARAMS, request
from rescore.config.extract_job import ExtractJob
from rescore.config.first_edition import refuse_old_settings
from rescore.config.folder import check_source
from rescore.config.inputs import CONTROL, Row, check_cases, read_models, read_suite
from rescore.config.task_sources import DOWNLOADS
from rescore.config.validation import home_expanded, read_yaml, rules, typed_object, validate
from rescore.tables import InputError, printable, together
from rescore.tables.source import digest_files

_SMALL_MODELS_PER_JOB = 16


@dataclass(frozen=True)
class Plan:
    """All that the rules need to know.

    Attributes
    ----------
    config
        The checked config, each value of its type.
    models
        By slug, the model's row in the first ladder that lists it.
    ladders
        By name, the ladder tables.
    tasks
        By slug, the suite's row; the folder that holds the task's folder as `root` unless the row has a `path`; and
        `sizes`, the number of questions of each subtask, empty where it is not known.
    downloads, datasets
        Names of the tasks and files of the Hub's datasets to fetch, which are not there yet. What is there is whole.
    download_root
        The folder that receives the tasks. Each source has its own, so that sources never mix.
    """

    config: Mapping[str, Any]
    models: Mapping[str, Row]
    ladders: Mapping[str, Path]
    tasks: Mapping[str, Row]
    downloads: Sequence[str]
    download_root: Path
    datasets: Sequence[str]

    def task_file(self, slug: str) -> str:
        """Path of the task.json of a suite's row."""
        row = self.tasks[slug]
        return str(Path(row["root"]) / row["task"].partition(":")[0] / "task.json")

    def question_files(self, slug: str) -> list[str]:
        """Paths of the files that the questions of a suite's row are read from."""
        row = self.tasks[slug]
        return [*map(str, task_sources.question_files(row))] if "path" in row else [self.task_file(slug)]

    def task_digest(self, slug: str) -> str | None:
        """Digest of a local task's files; None for a download, whose hash is pinned."""
        if "path" in self.tasks[slug]:
            return task_sources.files_digest(self.tasks[slug])
        folder = Path(self.task_file(slug)).parent
        return None if folder.is_relative_to(DOWNLOADS) else digest_files(sorted(folder.rglob("task.json")))

    def prompt_options(self, slug: str) -> str:
        """Turn a suite's row into the options of `rescore prompts`."""
        return shlex.join(task_sources.prompt_words(self.tasks[slug]))

    def reasoned(self, slugs: Sequence[str]) -> list[str]:
        """Keep the rows of the suite that let models reason before the answer."""
        return [slug for slug in slugs if "reasoning_tokens" in self.tasks[slug]["form"]]

    def fetch_options(self) -> str:
        """Return the options of `rescore fetch`."""
        hub = self.config["bigbench"]["hub"]
        options = [*self.downloads, "--out", str(self.download_root)]
        if hub:
            options += ["--hub", hub["source"]] + (["--revision", hub["revision"]] if hub["revision"] else [])
        if self.datasets:
            options += ["--suite", self.config["suite"]]
        return shlex.join(options)

    def ladder_of(self, model: str) -> str:
        """Path of the first ladder table that lists a model."""
        return str(self.ladders[self.models[model]["ladder"]])

    def extract_jobs(self) -> dict[str, ExtractJob]:
        """Group models into jobs, each named after its first model.

        Small models of a ladder share jobs, which would be mostly start-up otherwise; large and small ones are mixed,
        so that the jobs take about equally long. A larger model has jobs of its own: its tasks are split over
        `extract.shards` jobs of about as many questions, named `MODEL+2` and so on.
        """
        jobs: dict[str, ExtractJob] = {}
        shards = self._shards(self.config["extract"]["shards"])
        for ladder in self.ladders:
            mine = [model for model, row in self.models.items() if row["ladder"] == ladder]
            small = [model for model in mine if self.models[model]["n_params"] < SMALL_PARAMS]
            n_jobs = -(-len(small) // _SMALL_MODELS_PER_JOB)
            for models in (small[k::n_jobs] for k in range(n_jobs)):
                jobs[models[0]] = self._job(models, list(self.tasks))
            for model in (model for model in mine if model not in small):
                for k, tasks in enumerate(shards, start=1):
                    jobs[model if k == 1 else f"{model}+{k}"] = self._job([model], tasks)
        return jobs

    def _job(self, models: Sequence[str], tasks: Sequence[str]) -> ExtractJob:
        n_tokens = sum(self.n_questions(task) * self._question_tokens(task) for task in tasks)
        rows = [self.models[model] for model in models]
        asked = [request(row, n_tokens=n_tokens, batch_tokens=self.config["extract"]["batch_tokens"]) for row in rows]
        return ExtractJob(
            models,
            tasks,
            self.reasoned(tasks),
            mem_mb=max(one.mem_mb for one in asked),
            gpus=max(one.gpus for one in asked),
            runtime_min=sum(one.runtime_min for one in asked),
        )

    def _question_tokens(self, slug: str) -> int:
        """Guess the tokens of a question: those that a model writes before the answer are read twice."""
        row = self.tasks[slug]
        return int(QUESTION_TOKENS * (1 + row["shots"]) + 2 * row["form"].get("reasoning_tokens", 0))

    def _shards(self, n: int) -> list[list[str]]:
        """Split the tasks, largest first, each to the part that has the fewest questions; no part is empty."""
        parts: list[list[str]] = [[] for _ in range(min(n, len(self.tasks)))]
        sizes = [0] * len(parts)
        for task in sorted(self.tasks, key=self.n_questions, reverse=True):
            k = sizes.index(min(sizes))
            parts[k].append(task)
            sizes[k] += max(1, self.n_questions(task))
        return [[task for task in self.tasks if task in part] for part in map(set, parts)]

    def n_questions(self, slug: str) -> int:
        """Count the questions of a suite's row; guess where nothing tells."""
        most = self.tasks[slug].get("max_examples", math.inf)
        return int(sum(min(n, most) for n in self.tasks[slug]["sizes"] or [_QUESTIONS_UNKNOWN]))

    def row_digest(self, model: str) -> str:
        """Digest what a model's numbers depend on: its row, and for a folder its files' names, sizes and times."""
        row = self.models[model]
        folder = Path(row["source"])
        files = sorted(f for f in folder.iterdir() if f.exists()) if folder.is_dir() else []  # a link may lead nowhere
        seen = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files]
        given = sorted((key, value) for key, value in row.items() if value is not None and key not in _OF_A_LADDER)
        return hashlib.sha256(repr((given, seen)).encode()).hexdigest()[:12]


_OF_A_LADDER = ("ladder", "family", "where")
_QUESTIONS_UNKNOWN = 1000


def make(config: Mapping[str, Any], where: str, given: Mapping[str, Any] | None = None) -> Plan:
    """Check everything that can be checked before a job runs; raises InputError that names file, row and key.

    `config` has the command line in it, `where` names its files, and `given` is what the command line gave of it.
    """
    for path in map(Path, where.split(" + ")):
        if path.suffix in (".yaml", ".yml") and path.is_file():
            read_config(path)  # Snakemake has read it, and passes over a key that stands twice

    def place(path: Sequence[str]) -> str:
        if _holds(given, path):
            return "--config"
        missing = _holds(given, path[:-1]) and not _holds(config, path)
        return f"{where} + --config" if missing else where

    settings = config.get("discontinuity") if isinstance(config, Mapping) else None
    for key in settings if isinstance(settings, Mapping) else ():
        refuse_old_settings([key], f"{place(['discontinuity', key])}: key 'discontinuity.", "'")
    config = typed_object(config, rules("config"))
    validate(config, "config", place)
    config = _with_homes(config, place)
    ladders = {path.stem: path for path in map(Path, config["ladders"])}
    models = read_models([Path(path) for path in config["ladders"]], axis=config["discontinuity"]["axis"])
    check_cases(models)
    with together() as one:
        for row in models.values():
            with one():
                check_source(row, row["where"])
    root = task_sources.download_root(config, place(["bigbench", "hub", "revision"]))
    tasks = {row["slug"]: row for row in read_suite(Path(config["suite"]))}
    with together() as one:
        for row in tasks.values():
            with one():
                task_sources.find(row, config, root)
    fetched = {row["task"].partition(":")[0] for row in tasks.values() if row.get("root") == str(root)}
    missing = sorted(task for task in fetched if not (root / task / "task.json").exists())
    datasets = {str(task_sources.questions_at(row)) for row in tasks.values() if "revision" in row}
    absent = sorted(path for path in datasets if not Path(path).exists())
    return Plan(config, models, ladders, tasks, missing, root, absent)


def read_config(path: Path) -> None:
    """Refuse a config file that is no YAML, has no keys, or has one twice; InputError names the line."""
    if not isinstance(read_yaml(path), dict):
        raise InputError(f"{path}: holds no keys with values, such as `suite: config/suites/own.tsv`")


def _with_homes(value: Any, place: Callable[[Sequence[str]], str], path: Sequence[str] = ()) -> Any:
    """Put a home folder for a leading `~`: what begins so in the config is a path. Refuse control characters."""
    if isinstance(value, dict):
        return {key: _with_homes(inner, place, [*path, key]) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_homes(inner, place, path) for inner in value]
    if isinstance(value, str):
        where = f"{place(path)}: key '{'.'.join(path)}'"
        if CONTROL.search(value):
            raise InputError(f"{where}: {value!r} holds a control character; take it out")
        return str(home_expanded(value, where)) if value.startswith("~") else value
    return value


@contextmanager
def exiting() -> Iterator[None]:
    """End the program with one line and status 2 where the input is wrong."""
    try:
        yield
    except (InputError, OSError) as error:
        print(f"rescore: {printable(str(error))}", file=sys.stderr)  # noqa: T201 - the one line that a user sees
        raise SystemExit(2) from None


def _holds(given: object, path: Sequence[str]) -> bool:
    """Whether a nested mapping has a key at a path, or a value that is no mapping above it."""
    for key in path:
        if not isinstance(given, Mapping):
            return given is not None
        if key not in given:
            return False
        given = given[key]
    return bool(path)


def excluded_tasks(recipe: str) -> list[str]:
    """Name the BIG-Bench tasks whose questions a ladder's training leaves out."""
    paths = read_yaml(Path(recipe))["exclude"]
    return sorted({path.partition("/")[0] for path in paths})
