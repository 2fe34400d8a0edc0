"""The edge between files and the pure stages: tables in, tables out, one function a subcommand.

Each function loads its own stage only, so that no subcommand waits for the libraries of another.
"""

import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from rescore import schema
from rescore.schema import InputError
from rescore.schema.inputs import check_source, read_ladders, read_suite


def fetch(tasks: Sequence[str], out: Path, *, hub: str | None, revision: str | None) -> None:
    """Bring the tasks to `out` that are not there: from the source package, kept beside `out`, or from the Hub."""
    from rescore import fetch as stage

    if hub is not None:
        for task in tasks:
            stage.from_hub(hub, revision, task, out)
    elif not all((out / task / "task.json").exists() for task in tasks):
        stage.unpack(stage.download(out.parent), tasks, out)


def prompts(root: Path, task: str, out: Path, *, shots: int, seed: int, max_examples: int | None) -> None:
    """Write the examples of a task or subtask."""
    from rescore import bigbench as stage

    subtasks = stage.load(root, task)
    frames = [stage.examples(s, shots=shots, seed=seed, max_examples=max_examples) for s in subtasks]
    made_by = {
        "task": task,
        "task_digest": stage.leaf_digest(subtasks),
        "shots": shots,
        "seed": seed,
        "max_examples": max_examples,
        "subtasks": stage.settings(subtasks),
    }
    schema.write(pl.concat(frames), out, schema.EXAMPLES, made_by)


def tasks(root: Path | None, words: Sequence[str], *, subtasks: bool) -> None:
    """Print the tasks of BIG-Bench, or of a folder of tasks, in which all words are found; or their subtasks.

    Raises
    ------
    InputError
        The folder holds no task, or one breaks the format; no task holds all the words.
    """
    from tqdm import tqdm

    from rescore.bigbench import catalogue as stage

    if root is None:
        every = stage.catalogue()
    else:
        every = stage.scan(tqdm(stage.folders(root), desc="loading", unit="task", disable=None, leave=False))
    found = stage.search(every, words)
    if found.is_empty():
        raise InputError(
            f"no task of {root or 'BIG-Bench'} holds '{' '.join(words)}': each word is looked for in name, kind, "
            "metrics and keywords"
        )
    if not subtasks:
        of_found = pl.col("name").str.split(":").list.first()
        found = stage.by_task(every.join(found, left_on=of_found, right_on=of_found, how="semi"))
    print(stage.listing(found, aligned=sys.stdout.isatty()), end="")  # noqa: T201 - what the subcommand is for
    unsupported = found.filter(pl.col("kind") == stage.PROGRAMMATIC).height
    if unsupported:
        print(f"{unsupported} listed are unsupported: each is {stage.WHY_UNSUPPORTED}", file=sys.stderr)  # noqa: T201


def extract(
    examples: Sequence[Path],
    ladder: Path,
    models: Sequence[str],
    out: Path,
    *,
    batch_tokens: int,
    max_new_tokens: int,
    threads: int | None,
) -> None:
    """Run models over tasks, one model after the other.

    Raises
    ------
    InputError
        A model is not in the ladder. Of the models that cannot be run, the first one's, after the others were run.
    """
    from rescore.extract.jobs import ExtractSettings

    rows = {row["model"]: row for row in read_ladders([ladder]).iter_rows(named=True)}
    for model in models:
        if model not in rows:
            raise InputError(f"{ladder}: key 'model': no row for '{model}'; it lists {', '.join(rows)}")
        check_source(rows[model], str(ladder))
    settings = ExtractSettings(batch_tokens=batch_tokens, max_new_tokens=max_new_tokens)
    errors = []
    for model in models:
        try:
            _extract(rows[model], examples, out, settings, threads)
        except InputError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _extract(row: Mapping[str, Any], examples: Sequence[Path], out: Path, settings: Any, threads: int | None) -> None:
    """Run one model over what is left to do; a model of the Hub is downloaded first."""
    from rescore.extract.jobs import open_jobs

    of_the_hub = not Path(row["source"]).is_dir()
    if of_the_hub:
        from rescore import hub

        row = {**row, "revision": hub.commit(row)}
    jobs = open_jobs(row, examples, out, settings)
    first = next(jobs, None)
    if first is None:
        return
    if of_the_hub:
        row = {**row, "source": str(hub.model(row))}
    from rescore.extract.run import run_jobs  # imports torch: only where there is work

    run_jobs(row, chain([first], jobs), settings, threads=threads)


def score(
    files: Sequence[Path], examples: Path, out: Path, *, bigbench_out: Path | None, grading_out: Path | None
) -> None:
    """Score the extractions and generations of one task, of any number of models.

    BIG-bench's own numbers, and how often the grader is wrong, go to tables of their own.

    Raises
    ------
    InputError
        A model has one of the two tables only, or one was made from other examples.
    """
    from rescore import bigbench, scoring
    from rescore.scoring.grading import grading

    questions = schema.read(examples, schema.EXAMPLES)
    made_from = schema.provenance(examples)
    settings, digest = made_from.get("subtasks"), schema.digest(questions)
    if settings is None:
        raise InputError(f"{examples}: says nothing of its subtasks' metrics; make it with `rescore prompts`")
    tables: dict[str, dict[str, Path]] = {}
    extracted: dict[str, dict[str, Any]] = {}
    for path in files:
        made_by = schema.provenance(path)
        if made_by.get("schema") not in (schema.EXTRACTIONS.name, schema.GENERATIONS.name):
            raise InputError(f"{path}: neither extractions nor generations; make it with `rescore extract`")
        if made_by["examples"] != digest:
            raise InputError(f"{path}: was made from other examples than {examples}; extract the model again")
        tables.setdefault(made_by["model"], {})[made_by["schema"]] = path
        if extracted.setdefault(made_by["model"], made_by)["fingerprint"] != made_by["fingerprint"]:
            raise InputError(
                f"{path}: is of another run of '{made_by['model']}' than its twin; extract the model again"
            )
    frames, theirs, graded = [], [], []
    for model, kinds in tables.items():
        if len(kinds) != 2:
            raise InputError(
                f"{next(iter(kinds.values()))}: model '{model}' needs both its extractions and generations"
            )
        extractions = schema.read(kinds[schema.EXTRACTIONS.name], schema.EXTRACTIONS)
        generations = schema.read(kinds[schema.GENERATIONS.name], schema.GENERATIONS)
        answers = bigbench.answers(generations, settings)
        frames.append(scoring.score(model, questions, extractions, answers, settings))
        if bigbench_out is not None:
            theirs.append(scoring.bigbench_scores(model, questions, extractions, answers, settings))
        if grading_out is not None:
            graded.append(grading(model, questions, generations, answers, settings))
    if not frames:
        raise InputError(f"{examples}: no extractions to score; name those of at least one model")
    kept = ("fingerprint", "model_identity", "dtype", "max_new_tokens", "prompts_cut", "extraction_version")
    made_by = {key: made_from.get(key) for key in ("task_digest", "shots", "seed", "max_examples")}
    made_by |= {"task": examples.stem}
    made_by |= {"models": {model: {key: made.get(key) for key in kept} for model, made in extracted.items()}}
    schema.write(pl.concat(frames), out, schema.SCORES, made_by)
    if bigbench_out is not None:
        schema.write(pl.concat(theirs), bigbench_out, schema.BIGBENCH, made_by)
    if grading_out is not None:
        schema.write(pl.concat(graded), grading_out, schema.GRADING, made_by)


def test(scores: Sequence[Path], ladders: Sequence[Path], out: Path, settings: Mapping[str, Any]) -> None:
    """Write curves, verdicts, cliffs and the headline of all scores, each as parquet and CSV."""
    from rescore import discontinuity as stage

    chosen = stage.Settings.from_mapping(settings)
    ladder = read_ladders(ladders)
    every = pl.concat([schema.read(path, schema.SCORES) for path in scores])
    analysis = stage.analyse(every, ladder, chosen)
    headline = stage.headline(analysis.cliffs).select(list(schema.HEADLINE.columns))
    made_by = {
        "ladders": {str(path): ladder.filter(pl.col("ladder") == path.stem).height for path in ladders},
        "scores": {path.stem: {k: v for k, v in schema.provenance(path).items() if k in _SAID} for path in scores},
        "settings": chosen.__dict__,
    }
    for frame, table in (
        (analysis.curves, schema.CURVES),
        (analysis.verdicts, schema.VERDICTS),
        (analysis.cliffs, schema.CLIFFS),
        (headline, schema.HEADLINE),
    ):
        schema.write(frame, out / f"{table.name}.parquet", table, made_by)
        schema.write_csv(frame, out / f"{table.name}.csv")


def report(results: Path, emergent: Path | None) -> None:
    """Write the page, the sandbox and the static figure of a run's tables to `results/report`.

    With `emergent`, a suite of tasks that were called emergent, also how they are scored, to `results/concentration`.
    """
    from rescore import report as stage

    tables = _tables(results)
    made_by = schema.provenance(results / "verdicts.parquet")
    concentration = None if emergent is None else _concentration(emergent, results)
    page = stage.render(
        curves=tables["curves"],
        verdicts=tables["verdicts"],
        cliffs=tables["cliffs"],
        headline=tables["headline"],
        grading=_grading(results),
        concentration=concentration,
        made_by={k: made_by[k] for k in ("code_version", "schema_version", "ladders", "scores")},
        settings=made_by["settings"],
    )
    schema.write_text(page, results / "report" / "index.html")
    sandbox = stage.render_sandbox(curves=tables["curves"], cliffs=tables["cliffs"])
    schema.write_text(sandbox, results / "report" / "sandbox.html")
    figure = stage.figure(tables["curves"], tables["cliffs"])
    for kind in ("svg", "png"):
        stage.save_figure(figure, results / "report" / f"figure.{kind}")


def show(results: Path, what: str, task: str | None) -> None:
    """Print the summary, or the rows of one table as CSV where the output is no terminal."""
    tables = _tables(results)
    if what == schema.GRADING.name:
        grading = _grading(results)
        if grading is None:
            raise InputError(f"{results / 'grading'}: no table of this run's tasks; make them with `rescore score`")
        tables[what] = grading
    if task is not None:
        mine = (pl.col("task") == task) | (pl.col("subtask") == task)
        tables = {k: t.filter(mine) if "task" in t.columns else t for k, t in tables.items()}
        if tables["cliffs"].is_empty():
            raise InputError(f"{results / 'cliffs.parquet'}: no row of task '{task}'")
    if what == "summary":
        import rich

        from rescore import report as stage

        rich.print(stage.summary(tables["cliffs"], tables["verdicts"], tables["headline"]))
        page = results / "report" / "index.html"
        if page.exists():
            rich.print(f"The report: {page}")
    elif sys.stdout.isatty():
        with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
            print(tables[what])  # noqa: T201 - what the subcommand is for
    else:
        print(tables[what].write_csv(), end="")  # noqa: T201


_SAID = ("task_digest", "shots", "seed", "max_examples", "models")


def _tables(results: Path) -> dict[str, pl.DataFrame]:
    kinds = (schema.CURVES, schema.VERDICTS, schema.CLIFFS, schema.HEADLINE)
    return {table.name: schema.read(results / f"{table.name}.parquet", table) for table in kinds}


def _grading(results: Path) -> pl.DataFrame | None:
    """Read how the grader did on the tasks whose scores were tested; None where none of them has the table."""
    names = schema.provenance(results / "verdicts.parquet").get("scores", {})
    files = [path for name in names if (path := results / "grading" / f"{name}.parquet").is_file()]
    return pl.concat([schema.read(path, schema.GRADING) for path in files]) if files else None


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
    for number, row in enumerate(read_suite(emergent), start=2):
        task = row["task"].partition(":")[0]
        if task not in known:
            raise InputError(
                f"{emergent}: row {number}: key 'task': '{task}' is no JSON task of BIG-Bench, so its preferred metric "
                "is not known; take the row out"
            )
        named.append(task)
    frame = concentration(leaves.with_columns(emergent=pl.col("task").is_in(named)))
    made_by = {"emergent": emergent.name, "catalogue": catalogue.CATALOGUE.stem}
    schema.write(frame, results / "concentration.parquet", schema.CONCENTRATION, made_by)
    schema.write_csv(frame, results / "concentration.csv")
    return frame
