"""Figures 5 and 6 of Schaeffer et al. from planted score files: the counts are counted by hand."""

import importlib
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from lxml import html

from rescore import cli
from rescore.bigbench import published as shipped
from rescore.bigbench.published import emergent
from rescore.config.inputs import read_suite
from rescore.discontinuity.reproduction import emergence
from rescore.tables import CLIFFS, CURVES, EMERGENCE, TABLES, InputError, read

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
published = importlib.import_module("bigbench_published")

EXACT, GRADE, BRIER = "exact_str_match", "multiple_choice_grade", "calibration_multiple_choice_brier_score"
FLOOR = [0.0, 0.01] * 4 + [0.0]  # of nine sizes
LINE = [0.5 + 0.04 * i for i in range(12)]
JUMP = [0.25 + x for x in FLOOR] + [0.8, 0.81, 0.82]
PLANTED: dict[str, list[dict[str, Any]]] = {
    # task: by leaf its name, preferred metric, and twelve values of each metric
    "modified_arithmetic": [
        {"leaf": "modified_arithmetic:three_digit_addition_control", EXACT: [*FLOOR, 0.9, 0.91, 0.92]},
        {"leaf": "modified_arithmetic:two_digit_multiplication_plus_one", EXACT: [0.0] * 9 + [0.5, 0.9, 0.95]},
    ],
    "analytic_entailment": [{"leaf": "analytic_entailment", GRADE: LINE, BRIER: [0.3 - 0.01 * i for i in range(12)]}],
    "phrase_relatedness": [{"leaf": "phrase_relatedness", GRADE: JUMP, BRIER: [0.19 - 0.01 * i for i in range(12)]}],
    "known_unknowns": [
        {"leaf": "known_unknowns", GRADE: JUMP, BRIER: [*[0.3 - x / 10 for x in FLOOR], 0.1, 0.099, 0.098]}
    ],
    "codenames": [{"leaf": "codenames", "bleu": [2.0 * i for i in range(12)]}],
    "minute_mysteries_qa": [
        {"leaf": "minute_mysteries_qa:freeresponse", "rougeLsum": [100 * x for x in FLOOR] + [80.0, 81.0, 82.0]},
        {"leaf": "minute_mysteries_qa:multiplechoice", "rougeLsum": [3.0] * 12},
    ],
}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["rescore", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write twelve sizes, subtasks, four shots, rows of whole tasks and five families; reproduce the paper."""
    root = tmp_path_factory.mktemp("checkout")
    for family, sizes in published.FAMILIES.items():
        for at, name in enumerate(sizes):
            for task, leaves in PLANTED.items():
                if family == "BIG-G T=1" and task != "modified_arithmetic":
                    continue
                entries = [
                    published.entry(leaf["leaf"], shots, list(leaf)[1], **{m: leaf[m][at] for m in list(leaf)[1:]})
                    for leaf in leaves
                    for shots in range(4)
                ]
                published.write(published.results(task, published.model(family, name), entries), root)
    out = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        settings = '{"draws": 99}'
        arguments = ("--scores", root, "--out", out, "--n", 1000, "--settings", settings, "--threads", 1)
        assert run(patch, "reproduce", "schaeffer", *arguments) == 0
    return out


def table(made: Path, name: str) -> pl.DataFrame:
    return read(made / f"{name}.parquet", TABLES[name])


def said(made: Path, anchor: str) -> str:
    page = html.fromstring((made / "reproduction.html").read_text(encoding="utf-8"))
    [element] = page.xpath(f"//*[@id='{anchor}']")
    return " ".join(element.text_content().split())


def test_figure_5a_counts_by_hand(made: Path) -> None:
    # Curves: of T=0, T=1 and sparse (nine sizes, the first of the twelve) and four shots; GPT and PaLM have four sizes
    # and three. Steps of the first leaf: .01 eight times, .9, .01, .01; so its score is .92 / .01, over 5 x 11.
    # The second leaf's is infinite, and that of its first nine sizes undefined. The jump under grade: .57 / .01 = 57;
    # rouge 82 / 1. Of the nine sizes of sparse no score is over 1, but that of the lines, which is 8; 11 of all twelve.
    every = table(made, "preferred_metrics").filter(group="all")
    assert every.select("metric", "tasks", "curves", "emergent", "infinite").rows() == [
        (GRADE, 3, 24, 8, 0),
        (EXACT, 1, 24, 16, 8),
        ("rougeLsum", 1, 16, 4, 0),
        ("bleu", 1, 8, 0, 0),
    ]
    assert said(made, "said-5a").startswith(
        "Of 4 preferred metrics in these files, 3 have at least one curve that shows emergence by its score; 3 if "
    )


def test_our_answers_beside_it(made: Path) -> None:
    every = table(made, "preferred_metrics").filter(group="all").select(pl.col("metric"), pl.selectors.contains("_"))
    of = {row.pop("metric"): list(row.values()) for row in every.to_dicts()}
    # both leaves jump in T=0 and T=1, four shots, and are flat in sparse; no likelihood, so no more is asked
    assert of[EXACT] == [16, 8, 0] + [0] * 6
    # two of three tasks jump, in T=0 alone; a line and noise about it are no cliffs, or open
    assert (of[GRADE][0], sum(of[GRADE][:3]), of[GRADE][3:]) == (8, 24, [0] * 6)
    assert of["bleu"] == of["rougeLsum"] == [0] * 9


def test_figures_5b_and_5c_are_of_the_list_whatever_the_files_hold(made: Path) -> None:
    listed = table(made, "preferred_metrics").filter(group="listed")
    assert listed.select("metric", "tasks", "curves", "emergent").rows() == [
        (GRADE, 51, 16, 4),  # analytic_entailment and phrase_relatedness; known_unknowns is not on the list
        (EXACT, 12, 24, 16),
        ("bleu", 2, 8, 0),
        ("creativity_and_consistency_score", 1, 0, 0),
        ("overall", 1, 0, 0),
    ]
    first, other = table(made, "concentration").to_dicts()
    assert (first["tasks"], first["hard_preferred"], other["tasks"], other["hard_preferred"]) == (67, 63, 102, 85)
    assert first["share"] == pytest.approx(0.9403, abs=1e-4)
    assert said(made, "concentration").startswith("63 of the 67 tasks on the list (94.0%, 95% interval 85.6% to 97.7%)")
    page = html.fromstring((made / "reproduction.html").read_text(encoding="utf-8"))
    assert page.xpath("//table[@id='beside']//td/text()") == ["4", "5", "more than 92%", "94.0% (63 of 67)"]
    assert "It does not say how many disappear under another metric." in page.text_content()


def test_figure_6_by_hand(made: Path) -> None:
    both = table(made, "emergence").filter(metric=GRADE)
    # 4 and 2 choices make Brier's curve .76 to .32 in eleven equal steps, and a jump of .404 over steps of .002
    scores = dict(both.filter(ladder="BIG-G-T-0").select("task", "brier_emergence_score").rows())
    assert scores == {
        "analytic_entailment": pytest.approx(11),
        "phrase_relatedness": pytest.approx(11),
        "known_unknowns": pytest.approx(0.202 / 0.001),
    }
    assert said(made, "said-6") == (
        "24 curves have both. By the emergence score 8 show emergence under multiple-choice grade, and 4 of these "
        "under Brier score as well. By our tests 8 have a cliff under multiple-choice grade; under Brier score the "
        "cliff disappears in 4 of these, survives in 4 and is open in 0."
    )
    page = html.fromstring((made / "reproduction.html").read_text(encoding="utf-8"))
    captions = [caption.text_content() for caption in page.xpath("//a[@class='panel']/small[2]")]
    assert sorted(captions) == ["cliff, disappears"] * 4 + ["cliff, survives"] * 4


def test_the_tables_are_those_of_the_test(made: Path) -> None:
    assert table(made, "cliffs").filter(cliff="yes")["label"].unique().to_list() == ["no likelihood"]
    assert set(table(made, "curves")["ladder"]) == {"BIG-G-T-0", "BIG-G-T-1", "BIG-G-sparse", "GPT", "PaLM"}


def curve(*means: float, metric: str = "exact_match", subtask: str = "a:b@2-shot") -> pl.DataFrame:
    rows = [{"ladder": "l", "model": f"m{i}", "n_params": 10 ** (6 + i), "mean": mean} for i, mean in enumerate(means)]
    frame = pl.DataFrame([row | {"task": "a", "subtask": subtask, "metric": metric} for row in rows])
    return frame.with_columns(
        pl.lit(None, kind).alias(c) for c, kind in CURVES.columns.items() if c not in frame.columns
    )


@pytest.mark.parametrize("subtask", ["a:b", "a:b@2-shot", "a:b@unknown-shot"])
def test_shots_are_no_part_of_the_name_that_prefers_a_metric(subtask: str) -> None:
    preferred = pl.DataFrame({"task": "a", "subtask": "a:b", "preferred": EXACT, "metric": "exact_match"})
    curves = curve(0.1, 0.2, 0.3, 0.4, 0.9, subtask=subtask)
    [row] = emergence(curves, CLIFFS.empty(), preferred, ["a"], axis="n_params", rungs_min=5).to_dicts()
    assert (row["subtask"], row["metric"], row["listed"]) == (subtask, EXACT, True)
    assert row["emergence_score"] == pytest.approx(8)  # .8 / .1
    assert not emergence(curves, CLIFFS.empty(), preferred, [], axis="n_params", rungs_min=6).height
    other = preferred.with_columns(subtask=pl.lit("a:c"))
    assert emergence(curves, CLIFFS.empty(), other, [], axis="n_params", rungs_min=5).equals(EMERGENCE.empty())


@pytest.mark.parametrize(("top", "shows"), [(20, True), (19, False)])
def test_a_curve_shows_emergence_from_five_times_the_score_of_a_line_on(top: int, shows: bool) -> None:
    preferred = pl.DataFrame({"task": "a", "subtask": "a:b", "preferred": EXACT, "metric": "exact_match"})
    curves = curve(*(level / 32 for level in (0, 1, 2, 3, top)))  # steps of 1 / 32; a line of five sizes has score 4
    [row] = emergence(curves, CLIFFS.empty(), preferred, ["a"], axis="n_params", rungs_min=5).to_dicts()
    assert row["emergent"] == shows


def test_a_curve_with_both_brier_scores_is_one_with_ours() -> None:
    preferred = pl.DataFrame({"task": "a", "subtask": "a:b", "preferred": GRADE, "metric": GRADE})
    theirs = curve(0.5, 0.5, 0.5, 0.5, 0.1, metric=BRIER)  # infinite: three of four steps are 0
    ours = curve(1.4, 1.2, 1.0, 0.8, 0.6, metric="brier_score")
    curves = pl.concat([theirs, curve(0.1, 0.2, 0.3, 0.4, 0.9, metric=GRADE), ours])
    [row] = emergence(curves, CLIFFS.empty(), preferred, [], axis="n_params", rungs_min=5).to_dicts()
    assert row["brier_emergence_score"] == pytest.approx(4)  # .8 / .2
    curves = curves.filter(pl.col("metric") != "brier_score")
    [row] = emergence(curves, CLIFFS.empty(), preferred, [], axis="n_params", rungs_min=5).to_dicts()
    assert row["brier_emergence_score"] == float("inf")


def test_the_list_of_the_package_is_a_copy_of_the_suite_and_has_to_be_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path("config/suites/emergent.tsv").read_text()
    assert shipped.EMERGENT.read_text() == text
    assert not shipped.EMERGENT.is_symlink()
    monkeypatch.setattr(shipped, "EMERGENT", tmp_path / "emergent.tsv")
    shipped.EMERGENT.write_text("".join(text.splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError, match=r"emergent.tsv: 66 tasks, expected 67; install the package anew$"):
        emergent.__wrapped__()


def test_the_list_has_the_tasks_of_the_suite_and_two_programmatic_ones_each_with_one_preferred_score() -> None:
    listed = emergent()
    assert listed["task"].n_unique() == listed.height == 67
    rows = read_suite(Path("config/suites/emergent.tsv"))
    assert listed["task"].to_list() == [
        *[row["task"] for row in rows],
        "question_answer_creation",
        "self_evaluation_tutoring",
    ]
    scores = dict(listed.iter_rows())
    assert (scores["modified_arithmetic"], scores["codenames"]) == ("exact_str_match", "bleu")
    assert (scores["logical_deduction"], scores["question_answer_creation"]) == (
        "multiple_choice_grade",
        "creativity_and_consistency_score",
    )
