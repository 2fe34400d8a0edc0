"""BIG-bench's full logs: each question's scores by hand, and those of our own extraction of the same numbers."""

import gzip
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parents[1] / "scoring"))
import bigbench_published as published
import score_tables
from bigbench_published import DENSE, entry, model, results

from rescore.bigbench.published import leaves_of
from rescore.config.inputs import read_ladders
from rescore.discontinuity import analyse, chances
from rescore.importing import bigbench_files
from rescore.importing.bigbench_logs import NORMALISED, read_log
from rescore.importing.bigbench_scores import BRIER
from rescore.importing.finish import Options
from rescore.importing.logged_answers import NEGATIVE, NO_CORRECT
from rescore.tables import AGGREGATES, EXAMPLES, SCORES, InputError, read

EXACT, GRADE = "exact_str_match", "multiple_choice_grade"


def choice(question: str, nats: list[float], values: list[float], *, absolute: bool = True) -> dict[str, Any]:
    """A question with choices a, b, ... as the reference logs it: graded by the likeliest."""
    among = [float(x - np.logaddexp.reduce(nats)) for x in nats]
    names = [chr(ord("a") + i) for i in range(len(nats))]
    return {
        "input": question,
        "targets": names,
        "scores": among,
        "target_values": dict(zip(names, values, strict=True)),
        "correct": float(values[int(np.argmax(nats))]),
        "absolute_scores": list(nats) if absolute else None,
        "normalized_scores": among,
        "metrics": {},
    }


def text(question: str, output: str, *targets: str) -> dict[str, Any]:
    graded = {target: {EXACT: float(output == target)} for target in targets}
    return {"input": question, "output": output, "targets": graded, "raw_output": None, "metrics": {}}


def asked(samples: list[dict[str, Any]], task: str = "toy", shots: int = 0, **more: Any) -> dict[str, Any]:
    function = {"function": "cond_log_prob", "absolute_normalization": False}
    if "output" in samples[0]:
        function = {"function": "generate_text", "max_length": None, "stop_string": None, "output_regex": "x"}
    return function | {"samples": samples, "shots": shots, "task": task} | more


def items(*queries: dict[str, Any], task: str = "toy", **scores: float) -> pl.DataFrame:
    content = results(task, model("BIG-G T=0", "2m"), [entry(task, 0, GRADE, **({GRADE: 0.5} | scores))], queries)
    return read_log(content, where="full-log_a.json", model="m").items


def of(found: pl.DataFrame, metric: str) -> list[float | None]:
    return found.filter(metric=metric).sort("example_id")["value"].to_list()


def test_choices_by_hand() -> None:
    found = items(asked([choice("p", [math.log(0.2), math.log(0.3)], [1, 0]), choice("q", [-1.0, -3.0], [1, 0])]))
    assert of(found, GRADE) == [0.0, 1.0]
    assert of(found, "nll_nats_per_answer") == pytest.approx([math.log(5), 1.0])
    assert of(found, "target_probability") == pytest.approx([0.2, math.exp(-1)])
    assert of(found, "choice_probability") == pytest.approx([0.4, 1 / (1 + math.exp(-2))])
    assert of(found, "brier_score")[0] == pytest.approx(0.6**2 + 0.6**2)
    assert found["example_id"].to_list() == [0] * 6 + [1] * 6
    assert found["question"].n_unique() == 2


def test_target_scores_that_are_no_single_one() -> None:
    half = [math.log(0.5), math.log(0.25), math.log(0.25)]
    found = items(asked([choice("p", half, [1, 1, 0]), choice("q", half, [0, 0, 0]), choice("r", half, [1, 0, -1])]))
    assert of(found, "choice_probability") == pytest.approx([0.75, None, 0.5])
    assert of(items(asked([choice("s", half, [0.5, 0.5, 0])])), "choice_probability") == pytest.approx([0.75])
    # shares 1/2, 1/2, 0 of probabilities 1/2, 1/4, 1/4
    assert of(found, "brier_score") == pytest.approx([0.25**2 + 0.25**2, None, None])
    assert found.filter(example_id=1, metric="brier_score")["reason"].to_list() == [NO_CORRECT]


def test_a_negative_target_score_leaves_the_right_choices_probability_and_no_brier_score() -> None:
    # their sum is -2: over it a, the wrong one, would have a share of 1.5
    nats = [math.log(0.8), math.log(0.2)]
    found = items(asked([choice("p", nats, scores) for scores in ([-3, 1], [1, -1], [-1, 0])]))
    assert of(found, "choice_probability") == pytest.approx([0.2, 0.8, None])
    assert of(found, "brier_score") == [None] * 3
    assert found.filter(metric="brier_score")["reason"].to_list() == [NEGATIVE, NEGATIVE, NO_CORRECT]
    assert of(found, "nll_nats_per_answer")[0] == pytest.approx(math.log(5))


def test_probabilities_among_the_choices_alone_tell_no_nll() -> None:
    found = items(asked([choice("p", [-1.0, -2.0], [1, 0], absolute=False)]))
    assert found.filter(metric="nll_nats_per_answer").select("value", "reason").rows() == [(None, NORMALISED)]
    assert of(found, "choice_probability") == pytest.approx([1 / (1 + math.exp(-1))])
    sure = {"input": "p", "targets": ["7"], "scores": [-1e-6], "absolute_scores": None}  # sums to 1
    assert of(items(asked([sure], absolute_normalization=True)), "nll_nats_per_answer") == [1e-6]
    assert of(items(asked([sure])), "nll_nats_per_answer") == [None]
    raw = choice("p", [-1.0, -0.5], [1, 0], absolute=False) | {"scores": [-1.0, -0.5]}  # sum to .97: of whole answers
    assert of(items(asked([raw])), "nll_nats_per_answer") == [1.0]


def test_texts_and_targets_by_hand() -> None:
    target = {"input": "p", "targets": ["7", "seven"], "scores": [-2.0, -1.5]}
    target |= {"absolute_scores": None, "normalized_scores": None, "metrics": {}}
    found = items(
        asked([text("p", "seven", "7", "seven"), text("q", "14", "12")]),
        asked([target], absolute_normalization=True),
    )
    assert of(found, "exact_match") == [1.0, 0.0]
    assert of(found, "char_edit_distance") == [0.0, 0.5]
    assert of(found, "nll_nats_per_answer") == [1.5]
    assert found.filter(metric="nll_nats_per_answer")["example_id"].to_list() == [0]  # as of the first text
    assert of(found, "nll_nats_per_byte") == [0.3]


def test_the_log_probability_of_a_target_that_is_a_choice_counts_once() -> None:
    target = {"input": "p", "targets": ["a"], "scores": [-9.0]}
    found = items(asked([choice("p", [-1.0, -2.0], [1, 0])]), asked([target], absolute_normalization=True))
    assert of(found, "nll_nats_per_answer") == [1.0]


def test_subtasks_and_shots_stay_apart_and_programmatic_questions_are_counted() -> None:
    one = [choice("p", [-1.0, -2.0], [1, 0])]
    content = results(
        "toy",
        model("BIG-G T=0", "2m"),
        [entry("toy:x", shots, GRADE, multiple_choice_grade=1.0) for shots in (0, 2)],
        [asked(one, "toy:x"), asked(one, "toy:x", 2), asked(one, "programmatic")],
    )
    log = read_log(content, where="a", model="m")
    assert log.unnamed == 1
    assert log.items.select("subtask", "shots", "example_id").unique().sort("shots").rows() == [
        ("toy:x", 0, 0), ("toy:x", 2, 0),
    ]  # fmt: skip
    assert log.choices.select("subtask", "shots", "targets", "choices", "target_scores").rows()[0] == (
        "toy:x", 0, ["a"], ["a", "b"], [1.0, 0.0],
    )  # fmt: skip


def test_logs_of_several_models_are_read_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = choice("p", [-1.0, -2.0], [1, 0]), choice("q", [-1.0, -2.0], [0, 1])
    for name, samples, unnamed in (("2m", [one], 1), ("244m", [one, two], 2), ("16m", [one], 0)):
        entries = [
            entry("toy", shots, GRADE, multiple_choice_grade=1 / len(samples), log_likelihood=-9.0, **{BRIER: 0.9})
            for shots in (0, 2)
        ]
        queries = [asked(samples), *([asked([one] * unnamed, "programmatic")] if unnamed else [])]
        content = results("toy", model("BIG-G T=0", name), entries, queries)
        (tmp_path / f"full-log_{name}.json").write_text(json.dumps(content))
    leaves = {"toy": (2, 2.0)}
    bigbench_files.bigbench_scores([tmp_path], Options(out=tmp_path / "out"), n=None, leaves=lambda *_: (leaves, None))
    assert "3 logged questions of programmatic tasks name no subtask" in capsys.readouterr().err
    # the questions are those of the longest log, which is neither the first nor the last
    examples = read(tmp_path / "out" / "examples.parquet", EXAMPLES)
    assert examples.select("prompt", "targets").rows() == [("p", ["a"]), ("q", ["b"])]
    # of no shots the means are those of the logged questions, whatever the file says of likelihood and Brier score
    means = read(tmp_path / "out" / "aggregates.parquet", AGGREGATES).filter(model="BIG-G-T-0-2m").sort("metric")
    assert means.select("subtask", "metric", "mean").rows() == [
        ("toy:2-shot", "brier_score", 1.8), ("toy:2-shot", GRADE, 1.0), ("toy:2-shot", "nll_nats_per_answer", 9.0),
    ]  # fmt: skip
    scores = read(tmp_path / "out" / "scores.parquet", SCORES).filter(model="BIG-G-T-0-2m")
    assert scores.filter(metric="nll_nats_per_answer").select("subtask", "score").rows() == [("toy:0-shot", 1.0)]


def planted(size: float, rise: float) -> list[list[float]]:
    """Log-probabilities of four choices of 60 questions: that of the right one, the first, rises smoothly with size."""
    difficulty = np.random.default_rng(1).normal(0, 1.5, 60)
    right = -np.logaddexp(0, -(rise * (size - 0.5) + difficulty)) - 0.01
    others = np.log(-np.expm1(right)) - np.log(4)
    return [[float(p), float(q), float(q) - 0.1, float(q) - 0.2] for p, q in zip(right, others, strict=True)]


def write_logs(folder: Path, *, compressed: bool) -> pl.DataFrame:
    """Write full logs of twelve sizes on two subtasks, and score files beside them; return our own scores."""
    own = []
    for name, n_params in DENSE.items():
        entries, queries = [], []
        for leaf, rise in (("toy:steep", 30.0), ("toy:gentle", 8.0)):
            nats = planted(published.place(n_params), rise)
            samples = [choice(f"{leaf} {i}", of, [1, 0, 0, 0]) for i, of in enumerate(nats)]
            grade = float(np.mean([sample["correct"] for sample in samples]))
            entries.append(entry(leaf, 0, GRADE, 0.25, multiple_choice_grade=grade))
            queries.append(asked(samples, leaf))
            offered = dict.fromkeys("abcd", 0.0) | {"a": 1.0}
            examples = [score_tables.example(i, ["a"], offered, subtask=leaf) for i in range(60)]
            candidates = [
                score_tables.candidate(i, "abcd"[j], [of[j]], target=j == 0, choice=True, subtask=leaf)
                for i, of in enumerate(nats)
                for j in range(4)
            ]
            scored = score_tables.scores(examples, candidates, asks_text=False)
            own.append(scored.with_columns(model=pl.lit(f"BIG-G-T-0-{name}")))
        content = results("toy", model("BIG-G T=0", name), entries, queries)
        published.write({key: value for key, value in content.items() if key != "queries"}, folder)
        path = published.write(content, folder, "full-log")
        if compressed:
            path.with_suffix(".json.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    return pl.concat(own)


@pytest.mark.parametrize("compressed", [False, True])
def test_items_likelihoods_and_labels_are_those_of_our_own_extraction(tmp_path: Path, compressed: bool) -> None:
    own = write_logs(tmp_path / "published", compressed=compressed)
    made = bigbench_files.bigbench_scores([tmp_path / "published"], Options(out=tmp_path), n=None, leaves=leaves_of)
    assert not made.written["aggregates"]  # the score files hold the means of the same questions
    [path] = made.written["scores"]
    logged = read(path, SCORES)
    same = ["multiple_choice_grade", "target_probability", "choice_probability", "brier_score", "nll_nats_per_byte"]
    key = ["model", "subtask", "example_id", "metric"]
    # Each answer is one token and one byte long, so that NLL is the same per token, per byte and per answer.
    per_token = own.filter(metric="nll_nats_per_token").with_columns(metric=pl.lit("nll_nats_per_answer"))
    ours = pl.concat([own.filter(pl.col("metric").is_in(same)), per_token]).select(*key, "score").sort(key)
    assert_frame_equal(logged.select(*key, "score").sort(key), ours, abs_tol=1e-6)
    ladder = read_ladders(made.ladders)
    guess = chances(read(made.written["examples"][0], EXAMPLES))
    assert guess == {("toy", leaf, GRADE): 0.25 for leaf in ("toy:steep", "toy:gentle")}
    answers = ["subtask", "label", "cliff", "metric_makes_it", "skill_broke"]
    theirs, mine = (analyse(scores, ladder, chances=guess).cliffs.select(answers) for scores in (logged, own))
    assert theirs.rows() == mine.rows()
    assert theirs.filter(subtask="toy:steep")["cliff"].to_list() == ["yes"]


def test_a_log_whose_mean_is_of_another_run_is_refused(tmp_path: Path) -> None:
    samples = [choice("p", [-1.0, -2.0], [1, 0]), choice("q", [-1.0, -2.0], [1, 0])]
    scores = [entry("toy", 0, GRADE, 0.5, multiple_choice_grade=0.75)]
    published.write(results("toy", model("BIG-G T=0", "2m"), scores, [asked(samples)]), tmp_path, "full-log")
    with pytest.raises(InputError, match=r"the mean of multiple_choice_grade over its examples is 1, in .* 0.75"):
        bigbench_files.bigbench_scores([tmp_path], Options(out=tmp_path / "out"), n=None, leaves=leaves_of)


def test_a_query_that_lacks_a_part_is_refused_with_its_file(tmp_path: Path) -> None:
    content = results("toy", model("BIG-G T=0", "2m"), [entry("toy", 0, GRADE, multiple_choice_grade=1.0)])
    path = tmp_path / "full-log_a.json"
    path.write_text(json.dumps(content | {"queries": [{"function": "cond_log_prob", "task": "toy", "samples": [{}]}]}))
    with pytest.raises(InputError, match=rf"^{path}: no score file of BIG-bench \('input' is missing\)"):
        bigbench_files.bigbench_scores([tmp_path], Options(out=tmp_path / "out"), n=None, leaves=leaves_of)


def test_a_log_probability_that_is_none_is_refused_with_its_file(tmp_path: Path) -> None:
    sample = choice("p", [-1.0, -2.0], [1, 0]) | {"absolute_scores": [900.0, -2.0]}
    scores = [entry("toy", 0, GRADE, 0.5, multiple_choice_grade=1.0)]
    path = published.write(results("toy", model("BIG-G T=0", "2m"), scores, [asked([sample])]), tmp_path, "full-log")
    with pytest.raises(
        InputError, match=rf"^{path}: no score file of BIG-bench \(ValueError: a log-probability is 900, "
    ):
        bigbench_files.bigbench_scores([tmp_path], Options(out=tmp_path / "out"), n=None, leaves=leaves_of)


def test_as_many_log_probabilities_as_answers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 answers have 1 log-probabilities"):
        items(asked([choice("p", [-1.0, -2.0], [1, 0]) | {"absolute_scores": [-2.0]}]))
