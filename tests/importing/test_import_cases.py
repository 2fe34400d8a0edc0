"""Results of lm-evaluation-harness as they lie about: each kind of file that was refused, or misread."""

import gzip
import json
import math
import os
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from imported_files import Import, Imported, line, lines, report

from rescore.importing import collect
from rescore.importing.finish import Options
from rescore.tables import InputError, provenance

SIZES = ("14m", "31m", "70m", "160m", "410m", "1b")
PYTHIA = Path("config/ladders/pythia.tsv")
MEAN = {"mytask": {"acc,none": 0.5, "acc_stderr,none": 0.5}}
LOG = (line(0, [-1.0, -2.0]), line(1, [-3.0, -1.0]))
NLL = [2.0, 1.0]  # of " yes"


def nll(found: Imported) -> list[float | None]:
    return found.scores.filter(metric="nll_nats_per_answer").sort("example_id")["score"].to_list()


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\u0085", "\u000b", "\u001c"])
def test_text_that_holds_line_ends_of_unicode_is_one_line(imported: Import, end: str) -> None:
    samples = [line(doc, [-1.0, -2.0], question=f"O{end}ù?") for doc in range(3)]
    escaped = [json.dumps(sample, ensure_ascii=ord(end) < 32) for sample in samples]
    found = imported({
        "results_T1.json": report("EleutherAI/pythia-14m", {"mytask": {"acc,none": 0.0}}),
        "samples_mytask_T1.jsonl": "\n".join(escaped) + "\n",
    })  # fmt: skip
    assert nll(found) == [2.0] * 3
    assert found.examples["prompt"][0] == f"O{end}ù?"


def test_answers_that_are_scored_alone_are_exact_match_by_the_tasks_name(imported: Import, tmp_path: Path) -> None:
    flat = {"results": {"arithmetic_2da": {"acc": 0.35}, "cycle_letters": {"acc": 0.175}, "piqa": {"acc": 0.7}}}
    found = imported({"pythia-14m.json": flat})
    assert dict(found.means.select("task", "metric").rows()) == {
        "arithmetic_2da": "exact_match", "cycle_letters": "exact_match", "piqa": "multiple_choice_grade",
    }  # fmt: skip
    assert (
        "acc is exact_match (a task of lm-evaluation-harness of this kind): arithmetic_2da, cycle_letters" in found.said
    )
    kept = provenance(tmp_path / "out" / "aggregates.parquet")["meanings"]
    assert kept[0].startswith("acc is exact_match (")


def test_what_a_user_says_an_accuracy_is_goes_first(imported: Import, tmp_path: Path) -> None:
    names = tmp_path / "names.tsv"
    names.write_text("mine\tacc\texact_match\n")
    flat = {"results": {"mine": {"acc": 0.25}, "other": {"acc": 0.5}}}
    found = imported({"pythia-14m.json": flat}, rename=names)
    assert dict(found.means.select("task", "metric").rows()) == {
        "mine": "exact_match",
        "other": "multiple_choice_grade",
    }
    assert "(assumed, as nothing says otherwise): other" in found.said


def test_a_share_of_probability_is_no_grade(imported: Import) -> None:
    results = {
        "truthfulqa": {"acc,none": 0.44},
        "truthfulqa_mc1": {"acc,none": 0.36},
        "truthfulqa_mc2": {"acc,none": 0.52},
    }
    settings = {"output_type": "multiple_choice"}
    found = imported({
        "r.json": report("o/m", results, group_subtasks={"truthfulqa": ["truthfulqa_mc1", "truthfulqa_mc2"]},
                         configs={"truthfulqa_mc1": settings, "truthfulqa_mc2": settings}),
        "old.json": {"results": {"truthfulqa_mc": {"mc1": 0.3, "mc2": 0.45}}, "config": {"model": "o/n"}},
    })  # fmt: skip
    assert found.means.select("model", "task", "metric", "mean").rows() == [
        ("m", "truthfulqa_mc1", "multiple_choice_grade", 0.36),
        ("m", "truthfulqa_mc2", "choice_probability", 0.52),
        ("n", "truthfulqa_mc", "choice_probability", 0.45),
        ("n", "truthfulqa_mc", "multiple_choice_grade", 0.3),
    ]


STAMP = "2024-06-27T12-00-01.123456"
HOMES = {
    "of today": (
        f"EleutherAI__pythia-14m/results_{STAMP}.json",
        f"EleutherAI__pythia-14m/samples_mytask_{STAMP}.jsonl",
    ),
    "JSON lines under .json": (f"results_{STAMP}.json", f"samples_mytask_{STAMP}.json"),
    "named by the user": (f"mine_{STAMP}.json", f"samples_mytask_{STAMP}.jsonl"),
    "0.4.0": ("results.json", "pretrained__EleutherAI__pythia-14m_mytask.jsonl"),
    "compressed": (f"results_{STAMP}.json.gz", f"samples_mytask_{STAMP}.jsonl.gz"),
}


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("array", [False, True])
def test_logs_are_found_beside_their_results_in_every_version(imported: Import, home: str, array: bool) -> None:
    results, log = HOMES[home]
    content = json.dumps(list(LOG), indent=2) if array else lines(*LOG)
    files = {results: json.dumps(report("EleutherAI/pythia-14m", MEAN)), log: content}
    files = {n: gzip.compress(text.encode()) if n.endswith(".gz") else text for n, text in files.items()}
    found = imported(files)
    assert nll(found) == NLL
    assert set(found.scores["model"]) == {"pythia-14m"}
    assert set(found.scores["task"]) == {"mytask"}
    assert found.means.is_empty()


def test_logs_of_several_models_in_one_folder_go_to_their_own(imported: Import) -> None:
    files: dict[str, Any] = {}
    for size, logprobs in (("14m", [-1.0, -2.0]), ("140m", [-1.0, -4.0])):
        files[f"{size}.json"] = report(f"o/p-{size}", {"task": {"acc,none": 0.0}, "my_task": {"acc,none": 0.0}})
        for task, more in (("task", 0.0), ("my_task", -1.0)):
            sample = line(0, [logprobs[0], logprobs[1] + more])
            files[f"pretrained__o__p-{size}_{task}.jsonl"] = lines(sample)
    found = imported(files)
    rows = (
        found.scores.filter(metric="nll_nats_per_answer").select("model", "task", "score").sort("model", "task").rows()
    )
    assert rows == [
        ("p-140m", "my_task", 5.0),
        ("p-140m", "task", 4.0),
        ("p-14m", "my_task", 3.0),
        ("p-14m", "task", 2.0),
    ]


def test_a_log_has_the_shots_and_the_limit_of_its_run(imported: Import) -> None:
    files: dict[str, Any] = {}
    for hour, limit, right in ((1, None, 0), (2, 10, 1)):
        stamp = f"2025-01-01T0{hour}-00-00.0"
        run = report("o/m", {"mytask": {"acc,none": 1.0 - right}})
        run["config"] |= {"limit": limit, "num_fewshot": 3}
        files[f"results_{stamp}.json"] = run
        files[f"samples_mytask_{stamp}.jsonl"] = lines(line(0, [-1.0, -2.0], right=right))
    found = imported(files, shots=3)
    assert nll(found) == [1.0]
    with pytest.raises(InputError, match=r"holds no result with 0 shots$"):
        imported(files, shots=0)


def test_a_log_of_0_4_0_is_of_the_longest_task_that_ends_its_name_and_a_file_names_its_model(imported: Import) -> None:
    found = imported({
        "results_pythia-14m.json": {"results": {"task": {"acc,none": 0.25}, "my_task": {"acc,none": 0.5}}},
        "anything_my_task.jsonl": lines(*LOG),
    })  # fmt: skip
    assert found.scores["task"].unique().to_list() == ["my_task"]
    assert found.means.select("model", "task", "mean").rows() == [("pythia-14m", "task", 0.25)]


def test_the_questions_of_a_task_are_those_of_its_longest_log(imported: Import) -> None:
    files: dict[str, Any] = {}
    for size, samples in (("14m", LOG[:1]), ("31m", LOG), ("70m", LOG[:1])):
        mean = sum(sample["acc"] for sample in samples) / len(samples)
        files[f"{size}/results_{STAMP}.json"] = report(f"o/p-{size}", {"mytask": {"acc,none": mean}})
        files[f"{size}/samples_mytask_{STAMP}.jsonl"] = lines(*samples)
    found = imported(files)
    assert found.examples["example_id"].to_list() == [0, 1]
    assert found.examples["choices"].to_list() == [[" no", " yes"]] * 2


def test_a_file_with_a_byte_order_mark_is_read(imported: Import) -> None:
    marked = "\ufeff" + json.dumps(report("o/m", {"piqa": {"acc,none": 0.5}}), indent=1)
    assert imported({"r.json": marked}).mean("multiple_choice_grade") == [0.5]


def test_a_log_without_results_is_its_folders_model_or_is_named(imported: Import) -> None:
    name = f"samples_leaderboard_bbh_snarks_{STAMP}.json"
    found = imported({f"EleutherAI__pythia-14m/{name}": lines(*LOG), f"else/{name}": lines(*LOG)})
    assert nll(found) == NLL
    assert found.scores.select("model", "task").unique().rows() == [("pythia-14m", "leaderboard_bbh_snarks")]
    assert f"passed over, logs without the results file of their run, which would name the model: {name}" in found.said


def test_examples_inside_the_results_are_read(imported: Import) -> None:
    found = imported({"pythia-14m/results.json": report("EleutherAI/pythia-14m", MEAN, samples={"mytask": list(LOG)})})
    assert nll(found) == NLL
    assert found.scores.filter(metric="multiple_choice_grade").sort("example_id")["score"].to_list() == [0.0, 1.0]


def test_a_log_that_names_no_filters_is_scored_by_the_first(imported: Import) -> None:
    asked = [["q", {"until": ["\n"]}]]
    first, second = (
        [
            {"doc_id": doc, "target": "4", "arguments": asked, "filtered_resps": ["4"], "exact_match": score}
            for doc, score in enumerate(scores)
        ]
        for scores in ((0.0, 0.0), (1.0, 0.0))
    )
    settings = {"gsm8k": {"output_type": "generate_until", "filter_list": [{"name": "strict"}, {"name": "flexible"}]}}
    results = {"gsm8k": {"exact_match,strict": 0.0, "exact_match,flexible": 0.5}}
    files = {
        f"results_{STAMP}.json": report("EleutherAI/pythia-14m", results, configs=settings),
        f"samples_gsm8k_{STAMP}.jsonl": lines(*first, *second),
    }
    found = imported(files)
    assert found.scores.sort("example_id")["score"].to_list() == [0.0, 0.0]
    assert "the logs of gsm8k name no filters: the first answers to each question are those of 'strict'" in found.said
    assert found.mean("exact_match,flexible") == [0.5]
    assert imported(files, prefer="flexible").scores.sort("example_id")["score"].to_list() == [1.0, 0.0]
    with pytest.raises(InputError, match=r"^--filter: 'flexibel' is unknown; did you mean 'flexible'\?$"):
        imported(files, prefer="flexibel")


def test_other_json_beside_the_results_is_passed_over_and_listed(imported: Import) -> None:
    found = imported({
        "r.json": report("o/m", {"piqa": {"acc,none": 0.5}}),
        "train_log.json": '{"a": 1}\n{"a": 2}\n',
        "broken.json": "{",
        "none.jsonl": "\n",
        "config.json": {"hidden_size": 8},
        "list.json": {"results": [{"task_name": "wino", "prompt_name": "p", "em": 0.3}]},
        "scores_a.json": {"scores": [], "task": {}, "model": {}},
        "more.jsonl.zst": b"(",
    })  # fmt: skip
    assert found.mean("multiple_choice_grade") == [0.5]
    for told in (
        "no results: config.json, train_log.json",
        "no JSON (",
        "empty: none.jsonl",
        "results as a list of prompts, as BigScience's harness writes them: list.json",
        "score files of BIG-bench, for `rescore import bigbench-scores`: scores_a.json",
        "compressed, but not by gzip: more.jsonl.zst",
    ):
        assert f"passed over, {told}" in found.said


ODD = {
    "a name of a model": {"results": {"t": {"acc": 0.5}}, "model_name": ["m"]},
    "settings": {"results": {"t": {"acc": 0.5}}, "model_name": "m", "config": ["hf"]},
    "questions": {
        "results": {"t": {"acc": 0.5}},
        "model_name": "m",
        "n-samples": {"t": {"effective": "9"}},
    },
    "half a pair": {"results": {"t\ud800": {"acc": 0.5}}, "model_name": "m"},
}


@pytest.mark.parametrize("case", ODD)
def test_results_of_another_kind_are_refused_with_their_file(imported: Import, case: str) -> None:
    with pytest.raises(InputError, match=r"/r\.json: results that cannot be read \(\w+Error: .*\); take the file out"):
        imported({"r.json": json.dumps(ODD[case]), "s.json": report("o/m", {"piqa": {"acc,none": 0.5}})})


def test_files_that_cannot_be_unpacked_or_are_nested_too_deep_are_named(imported: Import) -> None:
    log = gzip.compress(lines(*LOG * 500).encode())
    named = {"a.json": "[" * 100_000, "b.json.gz": gzip.compress(b"{}" * 99)[:20], "c.eval": b"PK\x03\x04"}
    found = imported({"r.json": report("o/m", {"mytask": {"acc,none": 0.5}}), **named})
    assert all(re.search(rf"passed over, no [^\n]*: {name}\n", found.said) for name in named)
    files = {f"r_{STAMP}.json": report("o/n", MEAN), f"samples_mytask_{STAMP}.jsonl.gz": log[: len(log) // 2]}
    with pytest.raises(InputError, match=r"\.jsonl\.gz: line \d+: no JSON \(Compressed file ended"):
        imported(files)


def test_the_list_form_alone_is_an_error_that_names_it(imported: Import) -> None:
    with pytest.raises(InputError, match=r"no results that can be read: passed over, results as a list of prompts, as"):
        imported({"eval.json": {"results": [{"task_name": "wino", "em": 0.3}]}})


def test_a_file_is_a_folder_of_one_and_a_missing_path_is_told(imported: Import, tmp_path: Path) -> None:
    imported({"results.json": report("o/m", {"lambada_openai": {"perplexity,none": 30}})})
    out = tmp_path / "out"
    collect.results([tmp_path / "in" / "results.json"], Options(out=out), prefer=None)
    assert Imported(out, "").mean("nll_nats_per_answer") == [pytest.approx(math.log(30))]
    with pytest.raises(InputError, match=r"^absent: no such file or folder"):
        collect.results([Path("absent")], Options(out=out), prefer=None)


def test_main_is_not_a_row_of_an_earlier_stage(imported: Import) -> None:
    files = {
        "a.json": report("allenai/OLMo-2-1124-7B", {"piqa": {"acc,none": 0.5}}),
        "b.json": report("EleutherAI/pythia-14m", {"piqa": {"acc,none": 0.25}}),
    }
    found = imported(files, ladders=[Path("config/ladders/olmo2.tsv"), PYTHIA])
    assert found.means.select("model", "mean").rows() == [("OLMo-2-1124-7B", 0.5), ("pythia-14m", 0.25)]
    assert (
        "'allenai/OLMo-2-1124-7B' is revision main, the ladder has another (olmo2-7b: stage1-step928646" in found.said
    )
    assert "in no ladder, so without a curve: OLMo-2-1124-7B" in found.said


def test_several_files_of_one_model_are_one_model(imported: Import) -> None:
    def flat(task: str, model: dict[str, Any]) -> dict[str, Any]:
        return {"results": {task: {"acc": 0.5}}, **model}

    found = imported(
        {
            "a.json": flat("piqa", {"config": {"model": "EleutherAI/pythia-14m"}}),
            "b.json": flat("sciq", {"config": {"model": "hf", "model_name": "/data/Pythia-14M"}}),
            "c.json": flat("copa", {"config_general": {"model_name": "EleutherAI/pythia-14m"}}),
            "pythia-14m.json": flat("rte", {}),
        },
        ladders=[PYTHIA],
    )
    assert found.means.select("model", "task").rows() == [("pythia-14m", t) for t in ("copa", "piqa", "rte", "sciq")]


def test_files_that_name_no_model_are_told_apart_by_their_paths(imported: Import, tmp_path: Path) -> None:
    files = {f"{size}/results.json": {"results": {"piqa": {"acc": 0.5}}} for size in ("a", "b")}
    with pytest.raises(InputError, match=r"^2 results files name no model, and are called 'results' or .*--rename"):
        imported(files)
    names = tmp_path / "names.tsv"
    names.write_text("".join(f"{tmp_path}/in/{size}/results.json\tpythia-{size}\n" for size in ("a", "b")))
    assert imported(files, rename=names).means["model"].to_list() == ["pythia-a", "pythia-b"]


def test_the_name_that_is_printed_is_the_name_that_rename_takes(imported: Import, tmp_path: Path) -> None:
    config = {"model_args": "pretrained=EleutherAI/pythia-v1.1-70m,revision=step143000"}
    files = {"r.json": {"results": {"piqa": {"acc": 0.5}}, "config": config}}
    with pytest.raises(InputError, match=r"lists no model of the files: pythia-v1\.1-70m-step143000; add"):
        imported(files, ladders=[PYTHIA])
    names = tmp_path / "names.tsv"
    for old in ("pythia-v1.1-70m-step143000", "EleutherAI/pythia-v1.1-70m@step143000"):
        names.write_text(f"{old}\tpythia-70m\n")
        assert imported(files, ladders=[PYTHIA], rename=names).means["model"].to_list() == ["pythia-70m"]


def test_two_models_of_one_name_are_told_apart_by_rename(imported: Import, tmp_path: Path) -> None:
    files = {f"{org}.json": report(f"{org}/x", {"piqa": {"acc,none": 0.5}}) for org in "op"}
    names = tmp_path / "names.tsv"
    names.write_text("o/x\tone\np/x\ttwo\n")
    assert imported(files, rename=names).means["model"].to_list() == ["one", "two"]
    names.write_text("x\tone\n")  # which of them?
    with pytest.raises(InputError, match=r"^models 'o/x' and 'p/x' would both be 'x'; tell them apart with --rename"):
        imported(files, rename=names)


def test_a_name_that_would_steer_the_terminal_is_escaped(imported: Import) -> None:
    names = {"r.json": "o/\x1b[31mred", "s.json": "EleutherAI/pythia-70m"}
    files = {file: report(name, {"piqa": {"acc,none": 0.5}}) for file, name in names.items()}
    found = imported(files, ladders=[PYTHIA])
    assert r"in no ladder, so without a curve: \x1b[31mred;" in found.said


def rerun(hour: int, mean: float, **config: Any) -> dict[str, Any]:
    run = report("EleutherAI/pythia-14m", {"gsm8k": {"exact_match,strict": mean}}, date=1.7e9 + 3600 * hour)
    return run | {"config": run["config"] | config}


def test_a_run_with_a_limit_never_stands_in_for_one_without(imported: Import) -> None:
    found = imported({"results_1.json": rerun(1, 0.004), "results_2.json": rerun(2, 0.3, limit=10.0)})
    assert found.mean("exact_match") == [0.004]
    assert "left out 1 results of runs with a limit on their questions, as there are runs without one" in found.said


def test_a_run_with_a_limit_that_is_the_only_one_is_told(imported: Import) -> None:
    found = imported({"results_1.json": rerun(1, 0.3, limit=10.0)})
    assert found.mean("exact_match") == [0.3]
    assert "only of runs with a limit on their questions, for some models: gsm8k" in found.said


def test_two_full_runs_are_refused_in_one_line_and_the_later_one_can_be_asked_for(imported: Import) -> None:
    files = {"results_a.json": rerun(2, 0.25), "results_b.json": rerun(1, 0.5)}
    with pytest.raises(InputError, match=r"^1 model with two full runs of a task, such as '.*'gsm8k' in .*--latest"):
        imported(files)
    assert imported(files, latest=True).mean("exact_match") == [0.25]
    assert imported(files | {"results_b.json": rerun(1, 0.25)}).mean("exact_match") == [0.25]  # the same numbers


def test_of_two_runs_with_logs_the_logs_go_with_their_run(imported: Import) -> None:
    files: dict[str, Any] = {}
    for hour, right in ((1, 0), (2, 1)):
        stamp = f"2025-01-01T0{hour}-00-00.0"
        files[f"results_{stamp}.json"] = report("o/m", {"mytask": {"acc,none": 1.0 - right}})
        files[f"samples_mytask_{stamp}.jsonl"] = lines(line(0, [-1.0, -2.0], right=right))
    with pytest.raises(InputError, match="two full runs"):
        imported(files)
    assert nll(imported(files, latest=True)) == [2.0]


def test_acc_norm_alone_is_the_grade(imported: Import) -> None:
    results = {"leaderboard_bbh_snarks": {"acc_norm,none": 0.5}, "piqa": {"acc,none": 0.6, "acc_norm,none": 0.7}}
    found = imported({"r.json": report("o/m", results)})
    assert found.means.select("task", "metric", "mean").rows() == [
        ("leaderboard_bbh_snarks", "multiple_choice_grade", 0.5),
        ("piqa", "acc_norm", 0.7),
        ("piqa", "multiple_choice_grade", 0.6),
    ]
    assert "acc_norm is multiple_choice_grade (no other accuracy of the task): leaderboard_bbh_snarks" in found.said


def test_results_of_unstated_shots_join_the_others(imported: Import) -> None:
    files = {f"{s}.json": report(f"EleutherAI/pythia-{s}", {"sciq": {"acc,none": 0.5}}) for s in SIZES}
    for size in SIZES[:3]:
        files[f"{size}.json"]["n-shot"] = {"sciq": 0}
    found = imported(files)
    assert set(found.means["subtask"]) == {"sciq"}
    assert "no shots stated by 3 models for sciq: taken for 0-shot, as the others are" in found.said


WHOLE = {  # models, subtasks, the metrics that get a verdict, and one number of the first model, as its file has it
    "flat_loglikelihood": (8, 2, {"exact_match"}, ("exact_match", 0.35)),
    "line_separator": (
        6,
        1,
        {"multiple_choice_grade", "nll_nats_per_answer", "choice_probability"},
        ("multiple_choice_grade", 0.0),
    ),
    "logs_as_json_lines": (
        6,
        1,
        {"multiple_choice_grade", "nll_nats_per_answer", "choice_probability"},
        ("multiple_choice_grade", 0.0),
    ),
    "main_branch_of_other_stage": (4, 1, {"multiple_choice_grade"}, ("multiple_choice_grade", 0.6)),
    "mc2_mass": (1, 3, {"multiple_choice_grade", "choice_probability"}, ("choice_probability", 0.5171452023492725)),
    "model_only_in_config": (
        2,
        60,
        {"multiple_choice_grade", "choice_probability"},
        ("multiple_choice_grade", 0.36689419795221845),
    ),
    "old_filters_log": (6, 1, {"exact_match"}, ("exact_match", 0.0)),
    "other_json": (
        1,
        1,
        {"multiple_choice_grade", "nll_nats_per_answer", "choice_probability"},
        ("multiple_choice_grade", 0.0),
    ),
    "rerun_same_folder": (6, 1, {"exact_match"}, ("exact_match", 0.004)),
    "results_file_as_argument": (1, 1, {"exact_match", "nll_nats_per_answer"}, ("exact_match", 0.1)),
    "samples_inside_results": (
        6,
        1,
        {"multiple_choice_grade", "nll_nats_per_answer", "choice_probability"},
        ("multiple_choice_grade", 0.0),
    ),
    "shots_unknown": (6, 1, {"multiple_choice_grade"}, ("multiple_choice_grade", 0.3)),
}


@pytest.mark.parametrize("case", WHOLE)
def test_the_cases_in_full(case: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("RESCORE_REFERENCE", "absent")).parent / "cases" / "import" / case / "input"
    if not folder.is_dir():
        pytest.skip("RESCORE_REFERENCE has no folder of cases beside it")
    collect.results([folder], Options(out=tmp_path), prefer=None)
    found = Imported(tmp_path, "")
    models, subtasks, judged, (metric, first) = WHOLE[case]
    means = pl.concat([
        found.means.select("model", "subtask", "metric", "mean"),
        found.scores.group_by("model", "subtask", "metric").agg(mean=pl.col("score").mean()),
    ])  # fmt: skip
    assert means["model"].n_unique() == models
    assert means["subtask"].n_unique() == subtasks
    core = {"exact_match", "multiple_choice_grade", "choice_probability", "nll_nats_per_answer"}
    assert set(means["metric"]) & core == judged
    assert means.filter(metric=metric).sort("model", "subtask")["mean"][0] == pytest.approx(first)
