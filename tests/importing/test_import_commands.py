"""`rescore import`: from files of other tools to tables, verdicts and report in one command."""

import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rescore import cli
from rescore.config.inputs import read_ladders
from rescore.discontinuity import Settings, analyse
from rescore.importing.names import NAMES
from rescore.tables import AGGREGATES, CLIFFS, CURVES, EXAMPLES, SCORES, VERDICTS, Table, files

RUN = Path(__file__).with_name("lm_eval_run.py")
SIZES = ("1m", "3m", "10m", "30m", "100m", "300m")
FEW_DRAWS = '{"draws": 99}'
OPEN = "hendrycksTest-management"  # of OPT, so that the reason says what is not asked

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


@pytest.fixture
def ladder(tmp_path: Path) -> Path:
    path = tmp_path / "family.tsv"
    rows = [f"fam-{s}\tf\torg/fam-{s}\tmain\t{int(s[:-1]) * 10**6}\t1000000000\tfloat32\n" for s in SIZES]
    path.write_text("model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\n" + "".join(rows))
    return path


def flat(size: str, level: int, **more: dict[str, float]) -> dict[str, Any]:
    """Give a results file of a model whose answers get likelier with each size."""
    nll = 4.0 * 0.7**level
    accuracy = round(400 * math.exp(-nll)) / 400
    error = math.sqrt(accuracy * (1 - accuracy) / 399)
    words = {"ppl": math.exp(nll), "ppl_stderr": 0.02 * math.exp(nll), "acc": accuracy, "acc_stderr": error}
    quiz = {"acc": 0.25 + 0.1 * level, "acc_stderr": 0.02, "acc_norm": 0.3, "acc_norm_stderr": 0.02}
    return {"results": {"words": words, "quiz": quiz, **more}, "config": {"model_args": f"pretrained=org/fam-{size}"}}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    for level, size in enumerate(SIZES):
        (folder / f"{size}.json").write_text(json.dumps(flat(size, level)))
    return folder


def table(out: Path, contract: Table) -> pl.DataFrame:
    return files.read(out / f"{contract.name}.parquet", contract)


def test_results_become_verdicts_and_a_report_in_one_command(
    run: Run, results: Path, ladder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "other.json").write_text(json.dumps({"results": []}))
    (results / "new.json").write_text(json.dumps(flat("2b", 6)))
    (results / "1m.json").unlink()
    out = tmp_path / "out"
    status = run("import", "lm-eval", results, "--out", out, "--ladder", ladder, "--settings", FEW_DRAWS)
    said = capsys.readouterr().err
    assert status == 0, said
    assert "passed over, results as a list of prompts, as BigScience's harness writes them: other.json" in said
    assert "acc is exact_match (a perplexity stands beside it): words" in said
    assert "acc is multiple_choice_grade (an accuracy of choices by their length stands beside it): quiz" in said
    assert "6 models, 2 subtasks: 0 scores of examples and 24 means" in said
    assert "curves without a verdict: acc_norm" in said
    assert "in no ladder, so without a curve: fam-2b;" in said
    assert "of the ladder, without results: fam-1m" in said
    assert set(table(out, AGGREGATES)["model"]) == {"fam-2b", *(f"fam-{s}" for s in SIZES[1:])}  # not dropped
    cliffs = table(out, CLIFFS)
    assert dict(cliffs.select("task", "hard_metric").rows()) == {
        "words": "exact_match",
        "quiz": "multiple_choice_grade",
    }
    verdicts = table(out, VERDICTS)
    assert set(verdicts.filter(task="words")["metric"]) == {"exact_match", "nll_nats_per_answer"}
    assert verdicts["reason"].str.contains("aggregates only").all()
    assert "words" in (out / "report" / "index.html").read_text()


def test_without_a_ladder_there_are_tables_alone(run: Run, results: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("import", "lm-eval", results, "--out", out) == 0
    assert [p.name for p in out.iterdir()] == ["aggregates.parquet"]
    found = table(out, AGGREGATES).filter(task="words", model="fam-10m").sort("metric")
    assert found["metric"].to_list() == ["exact_match", "nll_nats_per_answer"]
    assert found["mean"].to_list() == pytest.approx([round(400 * math.exp(-1.96)) / 400, 1.96])
    assert found["standard_error"][1] == pytest.approx(0.02)
    assert found["n"].to_list() == [400, 400]
    assert files.provenance(out / "aggregates.parquet")["models"]["org/fam-10m"] == "fam-10m"


def test_names_are_mapped_by_a_table_whose_every_name_is_in_the_files(
    run: Run, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names.tsv"
    names.write_text("fam-1m\ttiny\nquiz\tpub_quiz\n\n")  # a model as it is printed, or as it is in the files
    assert run("import", "lm-eval", results, "--out", tmp_path / "out", "--rename", names) == 0
    found = table(tmp_path / "out", AGGREGATES)
    assert set(found["task"]) == {"words", "pub_quiz"}
    assert "tiny" in set(found["model"])
    for text, problem in (
        ("org/fam-9m\tx\n", "'org/fam-9m' is no model, task, subtask or metric of the files"),
        ("quiz\tppl\tx\n", "'ppl' is no metric of a task 'quiz' of the files"),
        ("quiz\ta\nquiz\tb\n", "row 2: 'quiz' is called 'a' above"),
        ("quiz\n", "row 1: expected a name in the files, a tab, and the name to use"),
    ):
        names.write_text(text)
        assert run("import", "lm-eval", results, "--out", tmp_path / "out", "--rename", names) == 2
        assert f"{names}: {problem}" in capsys.readouterr().err


def sample(doc: int, logprob: float) -> str:
    pair = {"arg_0": f"q{doc}", "arg_1": " yes"}
    row = {
        "doc_id": doc,
        "target": "yes",
        "arguments": {"gen_args_0": pair},
        "filtered_resps": [[str(logprob), "True"]],
    }
    row |= {"filter": "none", "metrics": ["acc", "perplexity"], "acc": int(logprob > -1), "perplexity": logprob}
    return json.dumps(row) + "\n"


def test_logs_of_examples_give_items_and_results_the_rest(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "in" / "org__m"
    home.mkdir(parents=True)
    means = {"acc,none": 0.5, "acc_stderr,none": 0.5, "perplexity,none": math.e, "acc_norm,none": 0.4}
    (home / "results_T1.json").write_text(json.dumps({"results": {"a/b": means}, "model_name": "org/m"}))
    (home / "samples_a_b_T1.jsonl").write_text(sample(0, -0.5) + sample(1, -1.5))
    assert run("import", "lm-eval", tmp_path / "in", "--out", tmp_path / "out") == 0
    scores = table(tmp_path / "out", SCORES)
    assert scores.filter(metric="exact_match")["score"].to_list() == [1.0, 0.0]
    assert scores.filter(metric="nll_nats_per_answer")["score"].to_list() == [0.5, 1.5]
    assert set(scores["task"]) == {"a/b"}
    assert table(tmp_path / "out", AGGREGATES)["metric"].to_list() == ["acc_norm"]


def test_broken_input_of_the_harness_is_one_line(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()

    def said() -> str:
        assert run("import", "lm-eval", folder, "--out", tmp_path / "out") == 2
        *_, line = capsys.readouterr().err.splitlines()
        return line.removeprefix(f"rescore: {folder}")

    assert said() == ": no results that can be read: no *.json, *.jsonl or *.eval is there"
    (folder / "results_T1.json").write_text("{")
    assert said().startswith(": no results that can be read: passed over, no JSON (")
    (folder / "results_T1.json").write_text('{"results": {"t": {"acc": 0.5}}}')
    (folder / "samples_t_T1.jsonl").write_text('{"doc_id": 0}\n')
    told = "/samples_t_T1.jsonl: example 1: not as lm-evaluation-harness logs it"
    assert said().startswith(f"{told} ('arguments' is missing); take the file out, or let its tool write it again")
    far = {"doc_id": 0, "target": " a", "arguments": [["q", " a"]], "filtered_resps": [[900.0, False]], "acc": 1.0}
    (folder / "samples_t_T1.jsonl").write_text(json.dumps(far))
    assert said().startswith(f"{told} (ValueError: a log-probability is 900, above 0)")
    (folder / "samples_t_T1.jsonl").write_text(sample(0, -1.0) + sample(1, -1.0)[:40])
    assert said().startswith("/samples_t_T1.jsonl: line 2: no JSON (")
    (folder / "samples_t_T1.jsonl").unlink()
    (folder / "results_T1.json").rename(folder / "results_1.json")
    (folder / "more").mkdir()
    (folder / "more" / "results.json").write_text('{"results": {"t": {"acc": 0.25}}}')
    assert "2 results files name no model" in said()


def test_score_files_of_bigbench_become_verdicts(run: Run, ladder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "arithmetic" / "results"
    folder.mkdir(parents=True)
    for level, size in enumerate(SIZES):
        score = {"exact_str_match": [0.0, 0.0, 0.0, 0.01, 0.9, 0.95][level], "log_likelihood": -4.0 * 0.7**level}
        common = {"preferred_score": "exact_str_match", "low_score": 0.0, "high_score": 1.0}
        entries = [
            common | {"score_dict": score, "number_of_shots": shots, "subtask_description": "arithmetic:2_digit"}
            for shots in (0, 2)
        ]
        model = {"model_family": "fam", "model_name": size}
        content = {"scores": entries, "task": {"task_name": "arithmetic"}, "model": model}
        (folder / f"scores_fam_{size}.json").write_text(json.dumps(content))
    arguments = ("--ladder", ladder, "--shots", 2, "--n", 200, "--settings", FEW_DRAWS)
    assert run("import", "bigbench-scores", tmp_path / "arithmetic", "--out", tmp_path / "out", *arguments) == 0
    [row] = table(tmp_path / "out", CLIFFS).to_dicts()
    assert (row["subtask"], row["hard_metric"], row["cliff"]) == ("arithmetic:2_digit", "exact_match", "yes")
    assert run("import", "bigbench-scores", tmp_path / "arithmetic", "--out", tmp_path / "none", "--shots", 7) == 2


def test_a_table_becomes_verdicts(run: Run, ladder: Path, tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    rows = [f"fam-{s},{20 + 10 * i},3,200\n" for i, s in enumerate(SIZES)]
    file.write_text("model,quiz_exact_match,quiz_exact_match_stderr,quiz_exact_match_n\n" + "".join(rows))
    arguments = ("--out", tmp_path / "out", "--ladder", ladder, "--settings", FEW_DRAWS)
    assert run("import", "csv", file, *arguments) == 2
    assert run("import", "csv", file, "--percent", *arguments) == 0
    [row] = table(tmp_path / "out", VERDICTS).to_dicts()
    assert (row["first_mean"], row["last_mean"], row["n_items"]) == (pytest.approx(0.2), pytest.approx(0.7), 200)


def test_a_thousand_files_take_less_than_ten_seconds(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    tasks = {
        f"task_{i}": {"acc": 0.25, "acc_stderr": 0.0435194, "acc_norm": 0.3, "acc_norm_stderr": 0.04} for i in range(60)
    }
    for k in range(1000):
        (folder / f"m{k}").mkdir(parents=True)
        report = {"results": tasks, "config": {"model_args": f"pretrained=org/m{k}"}}
        (folder / f"m{k}" / "results_T.json").write_text(json.dumps(report))
    start = time.process_time()  # of all threads, so that it does not depend on what else the machine does
    assert run("import", "lm-eval", folder, "--out", tmp_path / "out") == 0
    assert time.process_time() - start < 10
    assert table(tmp_path / "out", AGGREGATES).height == 1000 * 60 * 2


def test_logged_questions_take_less_than_half_a_millisecond_each(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "org__m"
    home.mkdir()
    words = " ".join(f"word{i}" for i in range(40))
    pairs = {f"gen_args_{i}": {"arg_0": words, "arg_1": f" {words} {i}"} for i in range(4)}
    row = {"doc": {"query": words}, "target": "0", "arguments": pairs, "filter": "none", "metrics": ["acc"], "acc": 1.0}
    row["filtered_resps"] = [[str(-1.0 - i), "False"] for i in range(4)]
    (home / "results_T1.json").write_text(json.dumps({"results": {"quiz": {"acc,none": 1.0}}, "model_name": "org/m"}))
    taken = []
    for questions in (10, 4000):  # the first for the imports
        lines = "".join(json.dumps(row | {"doc_id": doc, "doc_hash": str(doc)}) + "\n" for doc in range(questions))
        (home / "samples_quiz_T1.jsonl").write_text(lines)
        start = time.process_time()  # of all threads, so that it does not depend on what else the machine does
        assert run("import", "lm-eval", home, "--out", tmp_path / "out") == 0
        taken.append(time.process_time() - start)
    assert table(tmp_path / "out", SCORES).height == 4000 * 6
    assert taken[1] < 30 / (8 * 10042) * 4000  # at which eight logs of 10,042 questions take half a minute


@pytest.fixture
def published() -> Path:
    """Return the folder of published results, or skip."""
    folder = Path(os.environ.get("RESCORE_REFERENCE", "absent")).parent / "published" / "lm-eval"
    if not folder.is_dir():
        pytest.skip("RESCORE_REFERENCE has no folder of published results beside it")
    return folder


def test_published_opt_and_bloom_are_read_as_they_stand(run: Run, published: Path, tmp_path: Path) -> None:
    assert run("import", "lm-eval", published, "--out", tmp_path) == 0
    means = table(tmp_path, AGGREGATES)
    ladder = read_ladders([Path("config/ladders/opt.tsv"), Path("config/ladders/bloom.tsv")])
    assert set(means["model"]) == {
        *ladder["model"]
    }  # by the last part of their names, as no ladder was given to the import
    words = means.filter(task="lambada_openai")
    assert set(words["n"]) == {5153}  # LAMBADA's test set
    by_model = {
        m: {r["metric"]: r["mean"] for r in words.filter(model=m).to_dicts()}
        for m in ("opt-125m", "opt-66b", "bloom-7b1")
    }
    assert by_model["opt-125m"]["nll_nats_per_answer"] == pytest.approx(math.log(26.0208), rel=1e-4)
    assert by_model["opt-66b"]["exact_match"] == pytest.approx(0.7390, abs=1e-4)
    assert by_model["bloom-7b1"]["nll_nats_per_answer"] == pytest.approx(math.log(6.6196), rel=1e-4)
    tasks = ["lambada_openai", "sciq", "hendrycksTest-anatomy", OPEN]
    quiet = Settings(draws=199)
    found = analyse(SCORES.empty(), ladder, quiet, aggregates=means.filter(pl.col("task").is_in(tasks)))
    opt = found.verdicts.filter(ladder="opt", task="lambada_openai")
    assert dict(opt.select("metric", "verdict").rows()) == {"exact_match": "smooth", "nll_nats_per_answer": "smooth"}
    assert found.verdicts.filter(ladder="bloom")["reason"].str.starts_with("the ladder is too short").all()
    cliffs = found.cliffs.filter(ladder="opt")
    assert dict(cliffs.select("task", "label").rows()) == {
        "lambada_openai": "no cliff", "sciq": "no cliff", "hendrycksTest-anatomy": "flat", OPEN: "open",
    }  # fmt: skip
    [untold] = cliffs.filter(task=OPEN)["reason"]
    assert untold.endswith("no likelihood, so questions 2 and 3 are not asked")
    assert cliffs.filter(pl.col("likelihood_first").is_not_null())["task"].to_list() == ["lambada_openai"]
    assert set(found.cliffs.filter(ladder="bloom")["label"]) == {"not judged"}


def test_what_the_harness_writes_today_becomes_verdicts(run: Run, tmp_path: Path) -> None:
    peer = Path(sys.prefix, "peer")  # lm_eval, and what it alone needs
    if not peer.is_dir():
        pytest.skip(f"{peer}: no such folder; sh setup.sh --dev makes it")
    sizes = ("w6", "w8", "w12", "w16", "w24", "w32", "w64", "w160")
    names = [f"nano-{size}-s0" for size in sizes]
    models = [str(Path("data/ladders/nano", name).resolve()) for name in names]
    offline = {"HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    offline["PYTHONPATH"] = str(peer)
    done = subprocess.run(
        [sys.executable, RUN, tmp_path / "tasks", tmp_path / "in", *models],
        env=os.environ | offline, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    out = tmp_path / "out"
    ladder = "config/ladders/nano.tsv"
    assert run("import", "lm-eval", tmp_path / "in", "--out", out, "--ladder", ladder, "--settings", FEW_DRAWS) == 0
    scores = table(out, SCORES)
    assert set(scores["model"]) == set(names)
    assert dict(scores.group_by("task").agg(pl.col("example_id").n_unique()).rows()) == dict.fromkeys(
        ("chosen", "answered", "written"), 40
    )
    metrics = {"nll_nats_per_answer", "nll_nats_per_byte", "target_probability"}
    of_task = {t: set(scores.filter(task=t)["metric"]) for t in ("chosen", "answered", "written")}
    assert of_task["chosen"] == metrics | {"multiple_choice_grade", "choice_probability", "brier_score", "acc_norm"}
    assert of_task["answered"] == metrics | {"exact_match"}
    assert of_task["written"] == {"exact_match"}
    assert scores["score"].is_not_null().all()
    assert set(table(out, EXAMPLES)["task"]) == {"chosen"}
    assert not (out / "aggregates.parquet").exists()  # every mean has its items, and agrees with them
    means = table(out, CURVES).filter(task="written", metric="exact_match").drop_nulls("mean")
    assert means["mean"][0] == 0
    assert means["mean"][-1] == 1
    found = table(out, VERDICTS)
    assert set(found["task"]) == {"chosen", "answered", "written"}
    assert (found["verdict"] != "not judged").all()
    assert table(out, CLIFFS)["label"].is_not_null().all()


def test_the_table_that_the_page_shows_is_read(run: Run, tmp_path: Path) -> None:
    page = Path("docs/import.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in page.splitlines()]
    at = next(i for i, line in enumerate(lines) if line.startswith("model,"))
    (tmp_path / "wide.csv").write_text("\n".join(lines[at : at + 2]))
    assert run("import", "csv", tmp_path / "wide.csv", "--out", tmp_path / "out") == 0
    found = table(tmp_path / "out", AGGREGATES).select("task", "metric", "mean", "standard_error").rows()
    assert found == [
        ("arc_easy", "multiple_choice_grade", 0.31, 0.01),
        ("lambada", "nll_nats_per_answer", pytest.approx(math.log(290)), pytest.approx(14 / 290)),
    ]


def test_the_page_lists_every_name_of_a_metric_and_what_it_is_called_here() -> None:
    page = Path("docs/import.md").read_text(encoding="utf-8").split("## Which metric is which")[1]
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `")]
    said = {name: re.findall(r"`(\w+)`", new) for names, new in rows for name in re.findall(r"`(\w+)`", names)}
    assert {name: said.get(name) for name in NAMES} == {name: [new] for name, new in NAMES.items()}
