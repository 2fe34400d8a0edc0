"""BIG-bench's score files, written by its own classes where they are there: rows, ladders, numbers of questions."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from imported_rows import means

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import bigbench_published as published
from bigbench_published import DENSE, FAMILIES, entry, model, results

from rescore.bigbench.published import leaves_of
from rescore.config.inputs import read_ladders
from rescore.importing import bigbench_files
from rescore.importing.bigbench_ladders import add, size
from rescore.importing.bigbench_scores import BRIER, Leaves, rows
from rescore.importing.finish import Options
from rescore.importing.reruns import choose_shots
from rescore.importing.tidy import FOUND, frame
from rescore.tables import AGGREGATES, InputError, read

EXACT, GRADE = "exact_str_match", "multiple_choice_grade"


def report(*entries: dict[str, Any], task: str = "arithmetic") -> dict[str, Any]:
    return results(task, model("BIG-G T=0", "8b"), entries)


def found(content: dict[str, Any], n: int | None = None, known: Leaves | None = None) -> pl.DataFrame:
    return frame(rows(content, known or {}, where="scores_a.json", n=n), FOUND)


def imported(root: Path, **options: Any) -> bigbench_files.Published:
    return bigbench_files.bigbench_scores([root], Options(out=root / "out", **options), n=None, leaves=leaves_of)


def test_our_dictionaries_are_what_the_reference_writes() -> None:
    if not published.reference():
        pytest.skip("data/downloads holds no package of BIG-bench: `rescore fetch` brings it")
    entries = [
        entry(f"arithmetic:{leaf}", shots, metric, low, **{metric: score, "bleu": 3.0})
        for leaf, metric, low, score in (("a", EXACT, 0.0, 0.25), ("b", GRADE, 0.5, 0.75))
        for shots in (0, 2)
    ]
    made = report(*entries)
    ours = [*entries, *published.whole_task("arithmetic", entries)]
    assert made["scores"] == ours
    # the mean of .25 and of (.75 - .5) / .5
    assert made["scores"][-1]["score_dict"]["normalized_aggregate_score"] == pytest.approx(100 * (0.25 + 0.5) / 2)
    assert published.file_name(made["model"]) == published.reference().score_result_filename(
        published.reference().model_api.ModelData(**made["model"])
    )


def test_subtasks_and_shots_stay_apart_and_their_mean_is_left_out() -> None:
    content = report(
        entry("arithmetic:1_digit", 0, EXACT, exact_str_match=0.25, bleu=12.0),
        entry("arithmetic:1_digit", 2, EXACT, exact_str_match=0.5),
        entry("arithmetic:2_digit", 0, EXACT, exact_str_match=0.0),
    )
    assert [one["subtask_description"] for one in content["scores"]][3:] == ["arithmetic", "arithmetic"]
    frame = means(choose_shots([found(content, n=100)], None)[0])
    assert frame.sort("subtask", "metric").select("subtask", "metric", "mean", "n").rows() == [
        ("arithmetic:1_digit@0-shot", "bleu", 12.0, 100),
        ("arithmetic:1_digit@0-shot", "exact_match", 0.25, 100),
        ("arithmetic:1_digit@2-shot", "exact_match", 0.5, 100),
        ("arithmetic:2_digit", "exact_match", 0.0, 100),
    ]
    two = means(choose_shots([found(content)], 2)[0])
    assert two.select("subtask", "mean", "n").rows() == [("arithmetic:1_digit", 0.5, None)]
    assert set(frame["model"]) == {"BIG-G-T-0-8b"}


def test_a_task_without_subtasks_is_one_and_chance_is_its_low_score() -> None:
    content = report(entry("riddle", 0, GRADE, 0.2, multiple_choice_grade=0.4, exact_str_match=0.1), task="riddle")
    frame = means(found(content))
    assert frame.sort("metric").select("task", "subtask", "metric", "chance").rows() == [
        ("riddle", "riddle", "exact_match", None),
        ("riddle", "riddle", "multiple_choice_grade", 0.2),
    ]
    preferred_other = report(entry("riddle", 0, EXACT, 0.2, exact_str_match=0.5, multiple_choice_grade=0.4))
    assert found(preferred_other).filter(metric=GRADE)["chance"].to_list() == [None]


def test_brier_score_is_a_sum_over_choices_where_their_number_is_known() -> None:
    content = report(entry("arithmetic", 0, GRADE, 0.3, multiple_choice_grade=0.5, **{BRIER: 0.125}))
    told = means(found(content, known={"arithmetic": (10, 3.5)}))
    # 10 questions of 3.5 choices: 35 squares with the mean .125, so 4.375 over 10 questions
    assert told.sort("metric").select("metric", "mean", "n").rows() == [
        ("brier_score", 0.4375, 10),
        (GRADE, 0.5, 10),
    ]
    assert BRIER in means(found(content, known={"arithmetic": (10, None)}))["metric"].to_list()


def test_a_metric_that_is_not_a_number_is_null_where_it_gets_no_verdict(tmp_path: Path) -> None:
    for name, bleurt in (("2m", math.nan), ("16m", -0.75)):
        entries = [entry(f"arithmetic:{leaf}", 0, EXACT, exact_str_match=0.5, bleurt=bleurt) for leaf in "ab"]
        published.write(results("arithmetic", model("BIG-G T=0", name), entries), tmp_path)
    imported(tmp_path)
    told = (
        read(tmp_path / "out" / "aggregates.parquet", AGGREGATES).filter(subtask="arithmetic:a").sort("model", "metric")
    )
    assert told.select("metric", "mean", "reason").rows() == [
        ("bleurt", -0.75, None),
        ("exact_match", 0.5, None),
        ("bleurt", None, "NaN in the file"),
        ("exact_match", 0.5, None),
    ]


def test_a_log_likelihood_is_nll_with_the_other_sign() -> None:
    frame = means(found(report(entry("arithmetic", 0, "log_likelihood", -10, log_likelihood=-2.5))))
    assert frame.select("metric", "mean").rows() == [("nll_nats_per_answer", 2.5)]


@pytest.mark.parametrize(("lost", "said"), [("scores", "'scores'"), ("task", "'task'"), ("model", "'model'")])
def test_a_file_that_lacks_a_part_is_refused_with_its_name(lost: str, said: str, tmp_path: Path) -> None:
    content = report(entry("arithmetic", 0, EXACT, exact_str_match=0.5))
    del content[lost]
    path = tmp_path / "scores_a.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"^{path}: no score file of BIG-bench \({said} is missing\); take"):
        imported(tmp_path)


@pytest.mark.parametrize("value", ["half", {"mean": 0.5}])
def test_a_score_that_is_no_number_is_refused_with_its_file(value: object, tmp_path: Path) -> None:
    content = report(entry("arithmetic", 0, EXACT, exact_str_match=0.5))
    content["scores"][0]["score_dict"]["bleu"] = value
    (tmp_path / "scores_a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"^{tmp_path}/scores_a.json: no score file of BIG-bench \("):
        imported(tmp_path)


@pytest.mark.parametrize(
    ("part", "key", "value", "said"),
    [
        ("task", "task_name", 5, "TypeError: task_name is 5, not a text"),
        ("scores", "preferred_score", None, "TypeError: preferred_score is None, not a text"),
        ("scores", "preferred_score", "\ud800", "UnicodeEncodeError: "),
        ("scores", "subtask_description", 7, "TypeError: subtask_description is 7, not a text"),
        ("scores", "number_of_shots", math.inf, "OverflowError: "),  # as which JSON's 1e400 is read
        ("scores", "number_of_shots", 1e30, "TypeError: shots: "),
        ("model", "non_embedding_params", 10**400, "OverflowError: "),
    ],
)
def test_a_part_of_another_kind_is_refused_with_its_file(
    part: str, key: str, value: object, said: str, tmp_path: Path
) -> None:
    content = report(entry("arithmetic", 0, EXACT, exact_str_match=0.5))
    changed = content[part][0] if part == "scores" else content[part]
    changed[key] = value
    changed.pop("flop_matched_non_embedding_params", None)  # comes before the others
    path = tmp_path / "scores_a.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"^{path}: no score file of BIG-bench \({said}"):
        imported(tmp_path)


def test_a_family_without_letter_or_digit_names_no_ladder(tmp_path: Path) -> None:
    path = published.write(
        results("arithmetic", model("###", "2m"), [entry("arithmetic", 0, EXACT, exact_str_match=0.5)]), tmp_path
    )
    with pytest.raises(InputError, match=rf"^{path}: model_family '###' has no letter or digit; give --ladder$"):
        imported(tmp_path)


def test_a_size_beyond_63_bits_is_none() -> None:
    assert size(model("GPT", "x", flop_matched_non_embedding_params=1e30, training_steps=1e15), where="")[2:4] == (
        10**9,  # the next number that the file gives
        None,  # 2^17 or more tokens a batch, 10^15 times
    )


def test_what_the_user_says_of_n_goes_before_what_is_known_and_null_is_no_number() -> None:
    content = report(entry("arithmetic", 0, EXACT, exact_str_match=0.5, bleu=1.0))
    content["scores"][0]["score_dict"]["bleu"] = None
    known = {"arithmetic": (10, None)}
    assert found(content, 7, known)["n"].to_list() == [7, 7]
    frame = found(content, None, known)
    assert frame["n"].to_list() == [10, 10]
    assert frame.filter(metric="bleu")["value"].is_nan().all()
    local = report(entry("1_digit", 0, EXACT, exact_str_match=0.5))  # a subtask without its task's name
    assert found(local, None, {"arithmetic:1_digit": (5, None)}).select("subtask", "n").rows() == [("1_digit", 5)]
    assert found(content | {"model": model("x" * 60, "y" * 60)})["model"].to_list() == [f"{'x' * 60}-{'y' * 39}"] * 2


@pytest.mark.parametrize("shots", [-1, None])
def test_shots_that_are_not_said(shots: int | None) -> None:
    content = report(entry("arithmetic", 0, "bleu", bleu=1.0))
    content["scores"][0]["number_of_shots"] = shots
    assert found(content)["shots"].to_list() == [None]


def test_five_families_become_five_ladders_and_shots_stay_apart(tmp_path: Path) -> None:
    for family, names in FAMILIES.items():
        for name in names:
            of = model(family, name)
            leaf = [entry(f"modified_arithmetic:{x}", s, EXACT, exact_str_match=0.5) for x in "ab" for s in range(4)]
            published.write(results("modified_arithmetic", of, leaf), tmp_path)
            if family != "BIG-G T=1":
                one = [entry("analogical_similarity", s, GRADE, 0.143, multiple_choice_grade=0.25) for s in range(4)]
                published.write(results("analogical_similarity", of, one), tmp_path)
    made = imported(tmp_path)
    assert [path.name for path in made.ladders] == [
        "BIG-G-T-0.tsv", "BIG-G-T-1.tsv", "BIG-G-sparse.tsv", "GPT.tsv", "PaLM.tsv",
    ]  # fmt: skip
    assert made.axis == "compute_flops"
    ladders = read_ladders(made.ladders, axis="compute_flops")
    assert ladders.group_by("ladder").len().sort("ladder").rows() == [
        ("BIG-G-T-0", 12), ("BIG-G-T-1", 12), ("BIG-G-sparse", 9), ("GPT", 4), ("PaLM", 3),
    ]  # fmt: skip
    largest = ladders.row(by_predicate=pl.col("model") == "BIG-G-T-0-128b", named=True)
    assert largest["n_params"] == 137_438_953_472
    # 6 x 1.37438953472e11 x 262,144 x 1,000,000
    assert largest["compute_flops"] == pytest.approx(2.161727821137838e23)
    told = read(tmp_path / "out" / "aggregates.parquet", AGGREGATES)
    assert told["subtask"].n_unique() == 4 * 2 + 4
    assert told.filter(model="GPT-13B")["subtask"].n_unique() == 12
    assert made.preferred.sort("task", "subtask").rows() == [
        ("analogical_similarity", "analogical_similarity", GRADE, GRADE),
        ("modified_arithmetic", "modified_arithmetic:a", EXACT, "exact_match"),
        ("modified_arithmetic", "modified_arithmetic:b", EXACT, "exact_match"),
    ]


@pytest.mark.parametrize("batch", [512, 0, None])
def test_a_batch_of_sequences_gives_no_tokens_and_curves_run_along_parameters(
    batch: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for family, name in (("BIG-G T=0", "2m"), ("gpt2", "small")):
        of = model(family, name) | ({"training_batch_size": batch} if family == "gpt2" else {})
        published.write(results("arithmetic", of, [entry("arithmetic", 0, "bleu", bleu=1.0)]), tmp_path)
    made = imported(tmp_path)
    assert made.axis == "n_params"
    assert "along parameters, as the tokens are not known of gpt2-small" in capsys.readouterr().err
    known = read_ladders(made.ladders, axis="n_params").sort("n_params")["compute_flops"].to_list()
    assert known == [pytest.approx(6 * DENSE["2m"] * 262_144e6), None]


def test_a_sparse_model_counts_by_its_flops_and_one_without_numbers_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sparse = model("BIG-G sparse", "8b", flop_matched_non_embedding_params=10**9, non_embedding_params=8 * 10**9)
    numbers = ("total_params", "non_embedding_params", "flop_matched_non_embedding_params")
    for of in (sparse, model("raters", "human", **dict.fromkeys(numbers, 0)), model("a", "b", **{numbers[2]: 0})):
        published.write(results("arithmetic", of, [entry("arithmetic", 0, "bleu", bleu=1.0)]), tmp_path)
    made = read_ladders(imported(tmp_path).ladders)
    assert dict(made.select("model", "n_params").rows()) == {"BIG-G-sparse-8b": 10**9, "a-b": 10**9}
    assert "no number of parameters, so in no ladder: raters-human" in capsys.readouterr().err


def test_one_model_that_two_files_describe_differently_is_refused() -> None:
    sizes = {}
    add(sizes, size(model("GPT", "3B"), where="a.json"))
    add(sizes, size(model("GPT", "3B", description="else"), where="b.json"))
    with pytest.raises(InputError, match=r"^c.json: model 'GPT-3B': parameters 5, but 3000000000 in a.json; "):
        add(sizes, size(model("GPT", "3B", flop_matched_non_embedding_params=5), where="c.json"))


def test_questions_are_counted_in_the_tasks_own_file_or_else_in_the_catalogue(write_task: Any, tmp_path: Path) -> None:
    examples = [{"input": f"{i}", "target_scores": {"a": 1, "b": 0} | ({"c": 0} if i else {})} for i in range(4)]
    task = write_task("riddle", metrics=[GRADE], preferred_score=GRADE, examples=[*examples, examples[0]])
    known, problem = leaves_of("riddle", task.parent / "results" / "scores_a.json")
    assert (known, problem) == ({"riddle": (4, 2.75)}, None)  # the fifth repeats the first; 2 + 3 + 3 + 3 over 4
    known, _ = leaves_of("modified_arithmetic", tmp_path / "scores_a.json")
    assert known["modified_arithmetic:two_digit_multiplication_plus_one"] == (1000, None)
    assert leaves_of("analogical_similarity", tmp_path / "scores_a.json")[0] == {"analogical_similarity": (323, 7.0)}
    task.write_text("{}")
    broken = write_task("analogical_similarity", examples=[])
    known, problem = leaves_of("analogical_similarity", broken.parent / "results" / "scores_a.json")
    assert known == {"analogical_similarity": (323, 7.0)}
    assert problem.startswith(f"{broken}: key 'examples'")


def test_a_tasks_own_accuracy_is_neither_grade_nor_refused_as_percent(tmp_path: Path) -> None:
    entries = [entry("taboo", 0, "accuracy", accuracy=42.0, perplexity=0.5, exact_str_match=0.25)]
    published.write(results("taboo", model("GPT", "3B"), entries), tmp_path)
    assert imported(tmp_path).preferred.rows() == [("taboo", "taboo", "accuracy", "the task's own accuracy")]
    told = read(tmp_path / "out" / "aggregates.parquet", AGGREGATES).sort("metric").select("metric", "mean").rows()
    assert told == [("exact_match", 0.25), ("the task's own accuracy", 42.0), ("the task's own perplexity", 0.5)]


def test_low_scores_that_differ_between_versions_of_a_task_are_one_chance_and_unknown_questions_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, low in (("3B", 0.25), ("6B", 0.26)):
        entries = [entry("riddle", 0, GRADE, low, multiple_choice_grade=0.5)]
        published.write(results("riddle", model("GPT", name), entries), tmp_path)
    imported(tmp_path)
    told = read(tmp_path / "out" / "aggregates.parquet", AGGREGATES)
    assert told["chance"].to_list() == [0.25, 0.25]
    assert "not judged, as their number of questions is not known (--n): riddle" in capsys.readouterr().err


def test_a_score_file_is_read_before_the_full_log_beside_it(tmp_path: Path) -> None:
    for name, low, kind in (("3B", 0.25, "scores"), ("6B", 0.26, "full-log")):
        entries = [entry("riddle", 0, GRADE, low, multiple_choice_grade=0.5)]
        (tmp_path / f"{kind}_{name}.json").write_text(json.dumps(results("riddle", model("GPT", name), entries)))
    imported(tmp_path)
    assert read(tmp_path / "out" / "aggregates.parquet", AGGREGATES)["chance"].to_list() == [0.25, 0.25]
