"""The command line: quick help, one line for bad input, and each subcommand on files that were made by hand."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import rescore
from rescore import cli
from rescore.simulate import Truth, simulated_ladder, simulated_scores
from rescore.tables import (
    AGGREGATES,
    BIGBENCH,
    CLIFFS,
    CURVES,
    EXAMPLES,
    EXTRACTIONS,
    GENERATIONS,
    GRADING,
    HEADLINE,
    METRICS,
    POSITIONS,
    REASONING,
    SCORES,
    TABLES,
    VERDICTS,
    digest,
    provenance,
    read,
    write,
)
from rescore.tables.metrics import IMPORTED_METRICS

LADDER = "model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\tcompute_flops\n"
HELP = """
import json, sys
from rescore import cli
def printed(*arguments):
    try: cli.app([*arguments, "--help"])
    except SystemExit as end: assert not end.code, arguments
names = [command.callback.__name__ for command in cli.app.registered_commands]
printed()
printed('import', 'lm-eval')
for name in names:
    printed(name)
heavy = ("torch", "transformers", "altair", "datasets", "scipy", "statsmodels", "snakemake", "numpy", "polars")
print(json.dumps([names, [m for m in heavy if m in sys.modules]]), file=sys.stderr)
"""

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process and return its exit status."""

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["rescore", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return call


def test_every_subcommands_help_works_and_loads_no_stage() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names, loaded = json.loads(done.stderr.splitlines()[-1])
    files = {path.stem for path in Path(cli.__file__).with_name("commands").glob("*.py")}
    assert {*names, "import_"} == files - {"__init__", "shared", "printing"}
    assert loaded == []
    for name in names:
        assert f"rescore {name} [OPTIONS]" in done.stdout or f"{name} [OPTIONS]" in done.stdout


THREADS = """
import os, sys
from rescore import cli
sys.argv[1:] = ["simulate"]
try: cli.main()
except SystemExit as end: assert not end.code
import polars
print(polars.thread_pool_size(), os.environ["OPENBLAS_NUM_THREADS"])
"""


def test_polars_keeps_to_the_cores_of_a_job_and_linear_algebra_to_one() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"}
    environment.pop("POLARS_MAX_THREADS", None)
    done = subprocess.run([sys.executable, "-c", THREADS], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "3 1"


def test_bad_input_ends_the_program_with_one_line_and_status_2() -> None:
    command = [Path(sys.executable).with_name("rescore"), "prompts", "--bigbench", "data/tasks", "--task", "sorting"]
    done = subprocess.run([*command, "--out", "never.parquet"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "rescore: data/tasks/sorting/task.json: no such file; 'sorting' is no JSON task of data/tasks"
    ]


def test_what_nothing_reads_is_logged_of_big_bench_and_refused_in_other_tasks(
    run: Run, write_task: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "examples.parquet"
    for task, status, line in (
        ("logical_args", 0, "{}: key 'input_prefix': nothing reads it, as in BIG-bench\nwrote 4 questions to {}\n"),
        ("fruit", 2, "rescore: {}: key 'input_prefix': unknown; did you mean 'example_input_prefix'?\n"),
    ):
        path = write_task(task, input_prefix="x")
        assert run("prompts", "--bigbench", path.parents[1], "--task", task, "--out", out) == status
        assert capsys.readouterr().err == line.format(path, out)


@pytest.fixture
def ladder(tmp_path: Path) -> Path:
    path = tmp_path / "simulated.tsv"
    rows = [
        f"{model}\tf\t{tmp_path}\t-\t1\t1\tfloat32\t{compute!r}\n"
        for _, model, compute in simulated_ladder(rungs=5, decades=3).iter_rows()
    ]
    path.write_text(LADDER + "".join(rows))
    return path


BAD = {
    "no task folder": ("prompts --bigbench {tmp} --task t --out {tmp}/o", "{tmp}/t/task.json: no such file"),
    "too many shots": (
        "prompts --bigbench data/tasks --task letter_sorting --shots 100000 --out {tmp}/o",
        "letter_sorting:length_3: example_id 203: 100000 shots need as many examples that differ from it, there",
    ),
    "no examples": ("score a b --examples {tmp}/e.parquet --out {tmp}/o", "{tmp}/e.parquet: no such file"),
    "unknown model": (
        "extract e.parquet --ladder {ladder} --model huge",
        "{ladder}: key 'model': no row for 'huge'; it lists size00-seed0, size01-seed0",
    ),
    "no weights": (
        "extract e.parquet --ladder {ladder} --model size00-seed0",
        "{ladder}: row 2: model 'size00-seed0': key",
    ),
    "no ladder": ("extract e.parquet --ladder {tmp}/l.tsv --model m", "{tmp}/l.tsv: no such file"),
    "no scores": ("test --scores {tmp}/s --ladder {ladder} --out {tmp}", "{tmp}/s: no such file"),
    "scores twice": (
        "test --scores {tmp}/s {tmp}/s --ladder l --out o",
        "{tmp}/s: is given twice; name each table once",
    ),
    "nothing to test": ("test --ladder {ladder} --out {tmp}/o", "nothing to test: give --scores, --aggregates or both"),
    "no aggregates": ("test --aggregates {tmp}/a --ladder {ladder} --out {tmp}/o", "{tmp}/a: no such file"),
    "unknown axis": (
        'test --scores s --ladder l --out o --settings {{"axis":"size"}}',
        "discontinuity: key 'axis': 'size', expected compute_flops or n_params or pretraining_loss_nats",
    ),
    "no results": ("show --results {tmp}", "{tmp}/cliffs.parquet: no such file; `rescore test` makes it"),
    "unknown table": ("show cliff --results {tmp}", "no table 'cliff'; did you mean 'cliffs'?"),
    "unknown option": ("show --lable both", "No such option: --lable (Possible options: --all, --label). See"),
    "no argument": ("prompts --task t", "Missing option '--out'. See 'rescore prompts --help'."),
    "no questions": ("prompts --task t --out {tmp}/e.parquet", "prompts: expected one of --bigbench and --path"),
    "two sources": (
        "prompts --task t --out {tmp}/e.parquet --bigbench {tmp} --path {tmp}",
        "prompts: expected one of --bigbench and --path",
    ),
    "no task to fetch": (
        "fetch arithmetic:1_digit_addition",
        "fetch: BIG-Bench has no JSON task 'arithmetic:1_digit_addition'; did you mean 'arithmetic'?",
    ),
    "nothing to fetch": ("fetch", "fetch: nothing to fetch; name tasks of BIG-Bench, or a suite with --suite"),
    "unknown format": ("show --format xml", "Invalid value for '--format': 'xml' is not one of"),
    "unknown subcommand": ("shwo", "No such command 'shwo'. Did you mean 'show'? See 'rescore --help'."),
    "unknown importer": ("import helm", "No such command 'helm'. See 'rescore import --help'."),
    "no slope": ("simulate --steepness nan", "--steepness: nan is no number from -1000 to 1000"),
    "midpoint out of reach": ("simulate --midpoint 1e308", "--midpoint: 1e+308 is no number from -1000 to 1000"),
    "more tokens than fit": ("simulate --k 99999999999999999999", "Invalid value for '--k': Input should be less than"),
    "seed below 0": ("tasks --generate {tmp}/t --seed -1", "Invalid value for '--seed': Input should be greater than"),
    "nothing to report": ("report --results {tmp}", "{tmp}/verdicts.parquet: no such file; `rescore test` makes it"),
}


@pytest.mark.parametrize(("line", "message"), BAD.values(), ids=list(BAD))
def test_bad_input_is_named_on_one_line(
    run: Run, ladder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    places = {"tmp": tmp_path, "ladder": ladder}
    before = set(tmp_path.iterdir())
    assert run(*line.format(**places).split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("rescore: " + message.format(**places))
    assert set(tmp_path.iterdir()) == before


def test_simulate_prints_the_chain_model(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("simulate", "--k", 2, "--midpoint", 22, "--draws", 100) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    [row] = [line.split() for line in out.splitlines() if line.split()[0] == "22"]
    assert (row[1], row[3]) == ("0.5", "0.25")  # the token probability at the midpoint, and its square


def test_tasks_lists_a_folder(run: Run, capsys: pytest.CaptureFixture[str], write_task: Any) -> None:
    path = write_task()
    write_task("apple", metrics=["multiple_choice_grade"], examples=[{"input": "a", "target_scores": {"b": 1, "c": 0}}])
    assert run("tasks", "--bigbench", path.parents[1]) == 0
    header, *lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert header == ["name", "kind", "n_examples", "n_subtasks", "preferred_score", "keywords", "metrics"]
    assert lines == [
        ["apple", "json", "1", "0", "exact_str_match", "words", "multiple_choice_grade"],
        ["fruit", "json", "4", "0", "exact_str_match", "words", "exact_str_match"],
    ]


def test_prompts_writes_the_examples_and_what_made_them(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "letter_sorting.parquet"
    arguments = ("prompts", "--bigbench", "data/tasks", "--task", "letter_sorting", "--max-examples", 3, "--out")
    assert run(*arguments, out) == 0
    frame = read(out, EXAMPLES)
    assert frame.group_by("subtask").len()["len"].to_list() == [3] * frame["subtask"].n_unique()
    assert frame["subtask"].str.starts_with("letter_sorting:length_").all()
    assert "".join(sorted(frame["targets"][0][0])) == frame["targets"][0][0]
    made_by = provenance(out)
    assert (made_by["task"], made_by["shots"], made_by["seed"], made_by["max_examples"]) == ("letter_sorting", 0, 42, 3)
    assert set(made_by["subtasks"]) == set(frame["subtask"])
    first = out.read_bytes()
    assert run(*arguments, out) == 0
    assert out.read_bytes() == first


@pytest.fixture
def extracted(run: Run, tmp_path: Path, write_task: Any) -> Path:
    """The examples of a task of two questions, and in m/ what a model said that gets the first right."""
    examples = [{"input": "1+1", "target": "2"}, {"input": "1+2", "target": "3"}]
    path = write_task("sums", examples=examples)
    out = tmp_path / "sums.parquet"
    assert run("prompts", "--bigbench", path.parents[1], "--task", "sums", "--out", out) == 0
    extractions = {
        "subtask": ["sums"] * 2,
        "example_id": [0, 1],
        "candidate": ["2", "3"],
        "is_target": [True, True],
        "is_choice": [False, False],
        "token_ids": [[2], [3]],
        "logprob_nats": [[-0.5], [-2.0]],
        "argmax_ids": [[2], [2]],
        "best_other_logprob_nats": [[-1.0], [-0.5]],
    }
    generations = {
        "subtask": ["sums"] * 2,
        "example_id": [0, 1],
        "token_ids": [[2, 9], [2]],
        "span_ids": [[2, 9], [2]],
        "span_ends": [[1, 2], [1]],
        "text": ["2\n", "2"],
        "finish_reason": ["length", "eos"],
        "logprob_nats": [[-0.5, -0.1], [-0.5]],
    }
    for table, rows in ((EXTRACTIONS, extractions), (GENERATIONS, generations)):
        frame = pl.DataFrame(rows, schema=dict(table.columns))
        made_by = {"model": "m", "fingerprint": "f", "examples": digest(read(out, EXAMPLES))}
        write(frame, tmp_path / "m" / f"{table.name}.parquet", table, made_by)
    return out


@pytest.mark.parametrize(
    "words",
    [
        ("--subset", "a"),
        ("--split", "test"),
        ("--input-column", "q"),
        ("--target-column", "a"),
        ("--choices-column", "-"),
        ("--no-list-choices",),
    ],
    ids=lambda words: words[0],
)
def test_options_of_a_file_of_questions_are_refused_for_a_task_of_bigbench(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run("prompts", "--bigbench", tmp_path, "--task", "t", *words, "--out", tmp_path / "t.parquet") == 2
    assert capsys.readouterr().err == f"rescore: prompts: {words[0]} means nothing without --path\n"


def test_score_scores_a_models_tables(run: Run, extracted: Path, tmp_path: Path) -> None:
    files = [tmp_path / "m" / f"{table.name}.parquet" for table in (GENERATIONS, EXTRACTIONS)]
    out = tmp_path / "scores" / "sums.parquet"
    theirs = tmp_path / "bigbench" / "sums.parquet"
    graded = tmp_path / "grading" / "sums.parquet"
    positions = tmp_path / "positions" / "sums.parquet"
    arguments = ("--examples", extracted, "--out", out, "--bigbench-out", theirs, "--grading-out", graded)
    arguments += ("--positions-out", positions)
    assert run("score", *files, *arguments) == 0
    place = ("m", "sums", "sums", 1, 2, 0.5)
    assert read(positions, POSITIONS).rows() == [(*place, *[None] * 3, "all answers are one token long")]
    assert read(graded, GRADING).rows() == [("m", "sums", "sums", 2, 2, 0, 0.0, 0)]
    own = read(theirs, BIGBENCH).filter(subtask="sums", metric="exact_str_match")
    assert own.select("model", "value", "n", "normalized").row(0) == ("m", 0.5, 2, 50.0)
    frame = read(out, SCORES)
    assert frame.height == 2 * (len(METRICS) - len(IMPORTED_METRICS))
    assert frame.filter(metric="exact_match").sort("example_id")["score"].to_list() == [1.0, 0.0]
    assert frame.filter(metric="nll_nats_per_token").sort("example_id")["score"].to_list() == [0.5, 2.0]
    assert frame.filter(metric="token_edit_distance").sort("example_id")["score"].to_list() == [0.0, 1.0]
    assert provenance(out)["models"]["m"]["fingerprint"] == "f"


def test_score_needs_both_tables_of_a_model_from_these_examples(
    run: Run, extracted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extractions, generations = (tmp_path / "m" / f"{table.name}.parquet" for table in (EXTRACTIONS, GENERATIONS))
    out = tmp_path / "scores.parquet"
    assert run("score", generations, "--examples", extracted, "--out", out) == 2
    assert capsys.readouterr().err == (
        f"rescore: {generations}: model 'm' needs both its extractions and generations\n"
    )
    asked = read(extracted, EXAMPLES).with_columns(prompt=pl.lit("another"))
    write(asked, extracted, EXAMPLES, {"subtasks": provenance(extracted)["subtasks"]})
    assert run("score", generations, extractions, "--examples", extracted, "--out", out) == 2
    assert capsys.readouterr().err == (
        f"rescore: {generations}: was made from other examples than {extracted}; extract the model again\n"
    )
    write(asked, extracted, EXAMPLES, {})
    assert run("score", generations, extractions, "--examples", extracted, "--out", out) == 2
    assert "says nothing of its subtasks' metrics" in capsys.readouterr().err
    assert not out.exists()


TRUTHS = {"chain": Truth(shape="chain"), "flat": Truth(shape="flat")}


@pytest.fixture
def tested(run: Run, ladder: Path, tmp_path: Path) -> Path:
    """What `rescore test` writes of simulated scores of two tasks."""
    scores = simulated_scores(TRUTHS, simulated_ladder(rungs=5, decades=3), n_items=20)
    files = [tmp_path / f"{task}.parquet" for task in TRUTHS]
    for path in files:
        scores.filter(task=path.stem).write_parquet(path)
    out = tmp_path / "results"
    settings = json.dumps({"draws": 99})
    assert run("test", "--scores", *files, "--ladder", ladder, "--out", out, "--settings", settings) == 0
    return out


def test_test_judges_anybodys_scores_and_show_prints_them(
    run: Run, tested: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tested
    for table in (CURVES, VERDICTS, CLIFFS, HEADLINE):
        frame = read(out / f"{table.name}.parquet", table)
        assert pl.read_csv(out / f"{table.name}.csv").height == frame.height > 0
        assert provenance(out / f"{table.name}.parquet")["settings"]["draws"] == 99
    cliffs = read(out / "cliffs.parquet", CLIFFS)
    assert set(cliffs["task"]) == set(TRUTHS)
    capsys.readouterr()
    assert run("show", "cliffs", "--results", out, "--task", "flat", "--all", "--format", "csv") == 0
    shown = capsys.readouterr().out
    assert shown == cliffs.filter(task="flat").write_csv()
    assert run("show", "--results", out, "--task", "fig") == 2
    there = ", ".join(sorted(TRUTHS))
    assert capsys.readouterr().err == f"rescore: {out}/cliffs: no row of task 'fig'; there are {there}\n"


def test_show_prints_the_columns_rows_and_format_that_are_asked_for(
    run: Run, tested: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(*arguments: object) -> str:
        assert run("show", *arguments, "--results", tested) == 0
        return capsys.readouterr().out

    verdicts = read(tested / "verdicts.parquet", VERDICTS)
    head, *lines = shown("verdicts", "--metric", "exact_match", "--columns", "task,verdict", "--format", "csv").split()
    assert head == "task,verdict"
    assert lines == [",".join(row) for row in verdicts.filter(metric="exact_match").select("task", "verdict").rows()]
    assert shown("cliffs", "--columns", "task,label,task", "--format", "csv").startswith("task,label\n")
    found = json.loads(shown("curves", "--subtask", "flat", "--metric", "exact_match", "--format", "json"))
    curves = read(tested / "curves.parquet", CURVES).filter(subtask="flat", metric="exact_match")
    assert [row["mean"] for row in found] == curves["mean"].to_list()
    assert "ladder" not in found[0]  # there is one
    cliffs = read(tested / "cliffs.parquet", CLIFFS)
    label = cliffs.filter(task="flat")["label"][0]
    markdown = shown("rises", "--label", label, "--columns", "task,metric", "--format", "markdown").splitlines()
    assert markdown[:2] == ["| task | metric |", "| --- | --- |"]
    assert {line.split(" | ")[0] for line in markdown[2:]} == {f"| {t}" for t in cliffs.filter(label=label)["task"]}
    aligned = shown("headline").splitlines()
    assert [line.split()[0] for line in aligned[-3:]] == read(tested / "headline.parquet", HEADLINE)[
        "question"
    ].to_list()[-3:]
    labels = sorted(set(cliffs["label"]))
    other = next(name for name in labels if name != label)
    meant, both = "did you mean 'exact_match'?", f"task 'flat' and label '{other}'"
    named = "the name of a table, such as `rescore show cliffs --format csv`"
    for arguments, said in (
        (("headline", "--task", "flat"), "--task: the table 'headline' has no column 'task'"),
        (("cliffs", "--columns", " ,"), f"--columns: names none; there are {', '.join(CLIFFS.columns)}"),
        (("cliffs", "--columns", "lable"), "no column 'lable' in 'cliffs'; did you mean 'label'?"),
        (("curves", "--metric", "exactmatch"), f"{tested}/curves: no row of metric 'exactmatch'; {meant}"),
        (("cliffs", "--label", "purple"), f"{tested}/cliffs: no row of label 'purple'; there are {', '.join(labels)}"),
        (("cliffs", "--task", "flat", "--label", other), f"{tested}/cliffs: no row of {both} together"),
        (("--format", "json"), f"--format, --columns and --all need {named}"),
        (("power",), f"{tested}/power.parquet: no such file; `rescore power` makes it"),
        (("scaffold_shift",), f"{tested}/scaffold_shift.parquet: no such file; `rescore compare` makes it"),
        (("extractions",), f"{tested}/extractions: no table of this run's tasks; make them with `rescore extract`"),
    ):
        assert run("show", *arguments, "--results", tested) == 2
        assert capsys.readouterr().err == f"rescore: {said}\n"


def test_a_filter_of_a_table_without_a_row_says_that_it_has_none(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(CLIFFS.empty(), tmp_path / "cliffs.parquet", CLIFFS, {})
    assert run("show", "cliffs", "--task", "t", "--results", tmp_path) == 2
    assert capsys.readouterr().err == f"rescore: {tmp_path}/cliffs: no row of task 't'; the table has no row\n"


def test_the_summary_of_some_subtasks_counts_them_alone(
    run: Run, tested: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show", "--task", "flat", "--results", tested) == 0
    said = capsys.readouterr().out
    [counts] = [line.split()[-4:-1] for line in said.splitlines() if line.startswith("Is there a cliff?")]
    assert counts == ["0", "1", "0"]
    assert "Forecasts" not in said


def test_show_prints_no_number_of_a_question_that_was_not_asked(
    run: Run, tested: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = pl.col("task") != "flat"
    cliffs = read(tested / "cliffs.parquet", CLIFFS).with_columns(
        pl.when(asked).then(pl.lit("yes")).alias("metric_makes_it"),
        pl.when(asked).then(pl.lit("no")).alias("skill_broke"),
        *(pl.lit(value).alias(name) for name, value in (("metric_share", 0.25), ("acceleration_factor_high", 1.5))),
    )
    write(cliffs, tmp_path / "cliffs.parquet", CLIFFS, {})
    columns = ("--columns", "task,metric_share,acceleration_factor_high", "--results", tmp_path)
    assert run("show", "cliffs", *columns, "--format", "markdown") == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert rows == [f"| {t} | {'– | –' if t == 'flat' else '0.25 | 1.5'} |" for t in cliffs["task"]]
    assert run("show", "cliffs", *columns, "--format", "json") == 0
    assert [row["metric_share"] for row in json.loads(capsys.readouterr().out)] == [0.25] * cliffs.height  # the table


def test_what_show_prints_unasked_fits_a_terminal(
    run: Run, tested: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")  # no colours
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for table in ("summary", "curves", "verdicts", "cliffs", "headline", "rises", "seeds"):
        assert run("show", table, "--results", tested) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80, table
    assert run("show", "headline", "--results", tested, "--format", "csv") == 0
    assert (
        capsys.readouterr().out.splitlines()[0].endswith("share_of_decided,share_of_decided_low,share_of_decided_high")
    )


def test_scores_that_were_not_tested_are_said_to_be(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("model,task,metric,score\nsmall,t,acc,0.5\n")
    out = tmp_path / "out"
    assert run("import", "csv", scores, "--out", out) == 0
    test = f"`rescore test --aggregates {out}/aggregates.parquet --ladder TABLE.tsv --out {out}`"
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == (
        f"nothing was tested without --ladder, a table of the models; test the scores with {test}"
    )
    assert f"1 model, 1 subtask: 0 scores of examples and 1 mean, in {out}" in said
    for table in ("summary", "verdicts"):
        assert run("show", table, "--results", out) == 2
        assert f".parquet: no such file; test the scores with {test}\n" in capsys.readouterr().err


def test_show_help_says_a_line_about_each_table(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "--help") == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.partition("Tables:")[2].splitlines()]
    assert {line[0]: line[1] for line in lines if line} == {
        "summary": "labels, answers and counts (the default)",
        **{name: table.holds for name, table in TABLES.items()},
    }


def test_the_version_is_printed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"rescore {rescore.__version__}\n"


def test_test_takes_means_without_items_and_chance_from_examples(run: Run, ladder: Path, tmp_path: Path) -> None:
    models = [f"size{i:02d}-seed0" for i in range(5)]
    rows = [
        (m, "known", "known", "exact_match", mean, None, 50, None, None)
        for m, mean in zip(models, [0, 0, 0, 1, 1], strict=True)
    ]
    means = pl.DataFrame(rows, schema=dict(AGGREGATES.columns), orient="row")
    write(means, tmp_path / "means.parquet", AGGREGATES, {"source": "a paper"})
    answers = [(m, "asked", "asked", i, "multiple_choice_grade", i % 2, None) for m in models for i in range(20)]
    pl.DataFrame(answers, schema=dict(SCORES.columns), orient="row").write_parquet(tmp_path / "scores.parquet")
    asked = {"task": "asked", "subtask": "asked", "example_id": range(2), "prompt": "", "targets": [["a"]] * 2}
    asked |= {"choices": [["a", "b"]] * 2, "target_scores": [[1.0, 0.0]] * 2, "shots": 0, "seed": 0}
    pl.DataFrame(asked, schema=dict(EXAMPLES.columns)).write_parquet(tmp_path / "examples.parquet")
    arguments = ["test", "--scores", tmp_path / "scores.parquet", "--aggregates", tmp_path / "means.parquet"]
    arguments += ["--examples", tmp_path / "examples.parquet", "--ladder", ladder, "--out", tmp_path / "out", "-j", 2]
    assert run(*arguments, "--settings", json.dumps({"draws": 99})) == 0
    verdicts = read(tmp_path / "out" / "verdicts.parquet", VERDICTS)
    assert verdicts.select("task", "chance", "n_items").rows() == [("asked", 0.5, 20), ("known", None, 50)]
    assert verdicts["reason"].str.contains("aggregates only").to_list() == [False, True]
    made_by = provenance(tmp_path / "out" / "verdicts.parquet")
    assert made_by["aggregates"] == {"means": {"source": "a paper"}}
    assert list(made_by["scores"]) == ["scores"]


def graded(results: Path, name: str, task: str) -> pl.DataFrame:
    """Write a grading table of one task, of a model of the simulated ladder."""
    rows = [("size00-seed0", task, task, 20, 20, 3, 0.15, 0)]
    frame = pl.DataFrame(rows, schema=dict(GRADING.columns), orient="row")
    write(frame, results / "grading" / f"{name}.parquet", GRADING, {})
    return frame


def test_show_grading_prints_this_runs_tasks_only(run: Run, tested: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "grading", "--results", tested) == 2
    expected = f"rescore: {tested}/grading: no table of this run's tasks; make them with `rescore score`\n"
    assert capsys.readouterr().err == expected
    mine = graded(tested, "chain", "chain")
    graded(tested, "earlier", "earlier")
    assert run("show", "grading", "--results", tested, "--all", "--format", "csv") == 0
    assert capsys.readouterr().out == mine.write_csv()


def test_show_takes_a_task_for_all_its_subtasks_where_each_has_a_file(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for subtask in ("sort:a", "sort:b", "sorting:a"):
        row = {"subtask": subtask, "example_id": 0, "token_ids": [1], "text": "x", "finish_reason": "eos"}
        frame = pl.DataFrame([row | {"logprob_nats": [-1.0]}], schema=dict(REASONING.columns))
        write(frame, tmp_path / "reasoning/m" / f"{subtask.replace(':', '.')}.parquet", REASONING, {})
    told = ("--columns", "subtask", "--format", "csv", "--results", tmp_path)
    assert run("show", "reasoning", "--task", "sort", *told) == 0
    assert capsys.readouterr().out.split() == ["subtask", "sort:a", "sort:b"]
    assert run("show", "reasoning", "--task", "sort:b", *told) == 0
    assert capsys.readouterr().out.split() == ["subtask", "sort:b"]


def test_report_says_where_the_grader_is_wrong(run: Run, tested: Path) -> None:
    assert run("report", "--results", tested) == 0
    page = (tested / "report" / "index.html").read_text()
    assert "Grader:" not in page
    assert "<dt>scores</dt><dd>2 files, named in the metadata of verdicts.parquet</dd>" in page
    graded(tested, "chain", "chain")
    assert run("report", "--results", tested) == 0
    page = (tested / "report" / "index.html").read_text()
    assert page.count("Grader: 3 of 20 answers of size00-seed0 hold the right answer and are rejected") == 1
