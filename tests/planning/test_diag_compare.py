"""`rescore compare`: runs that differ in the prompt, and what of two runs cannot be compared."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from diagnostic_tables import curves, expit, verdicts

from rescore.commands.compare import compare
from rescore.commands.show import Format, show
from rescore.tables import (
    CLIFFS,
    CURVES,
    HEADLINE,
    PROMPT_STABILITY,
    RISES,
    SCAFFOLD_SHIFT,
    VERDICTS,
    InputError,
    provenance,
    read,
    to_csv,
    write,
)

X = np.linspace(18, 24, 13)
EM, NLL = "exact_match", "nll_nats_per_token"


def row_of(table: Any, **given: Any) -> pl.DataFrame:
    """Return a row of a table; what is not given is null, or zero or empty where it may not be."""
    blank = {pl.String: "", pl.Float64: 0.0, pl.Int64: 0, pl.Boolean: False}
    filled = {n: None if n in table.nullable else blank.get(kind, []) for n, kind in table.columns.items()}
    return pl.DataFrame([filled | given], schema=dict(table.columns))


def run(
    folder: Path,
    middle: float,
    *,
    frame: pl.DataFrame | None = None,
    answers: tuple[str | None, ...] = ("yes", "yes", "no"),
    axis: str = "compute_flops",
    **said: Any,
) -> Path:
    """Write what `compare` reads of a run whose exact match is one half at `middle`, and whose NLL is flat."""
    table = curves(X, {("sub", EM): expit(2 * (X - middle)), ("sub", NLL): np.full(13, 2.0)})
    needed = {"subtask": "sub", "axis": axis, "n_rungs": 13, "decades": 6.0}
    judged = verdicts(needed, needed | {"metric": NLL, "verdict": "flat", "reason": "under 0.1"})
    settings = {"task_digest": "d", "shots": 0, "seed": 42, "max_examples": 100, "models": {}} | said
    made_by = {"scores": {"task": settings}, "settings": {"seed": 0}}
    write(table if frame is None else frame, folder / "curves.parquet", CURVES, made_by)
    write(judged, folder / "verdicts.parquet", VERDICTS, made_by)
    key = {"ladder": "ladder", "task": "task", "subtask": "sub"}
    told = dict(zip(("cliff", "metric_makes_it", "skill_broke"), answers, strict=True))
    write(row_of(CLIFFS, hard_metric=EM, **key, **told), folder / "cliffs.parquet", CLIFFS, made_by)
    rise = row_of(RISES, metric=EM, start_log10_x=middle - 1, half_log10_x=middle, **key)
    write(rise, folder / "rises.parquet", RISES, made_by)
    return folder


def test_two_prompts_give_the_shift_of_every_curve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare(run(tmp_path / "zero", 21), [run(tmp_path / "two", 20, shots=2)], tmp_path / "out")
    frame = read(tmp_path / "out" / "scaffold_shift.parquet", SCAFFOLD_SHIFT)
    assert frame.to_dict(as_series=False)["metric"] == [EM, NLL]
    exact, nll = frame.rows(named=True)
    assert exact["shift_decades"] == pytest.approx(-1, abs=0.001)
    assert exact["shift_low"] < -1 < exact["shift_high"] < -0.8
    assert (nll["shift_decades"], nll["reason"]) == (None, "plain: flat: under 0.1")
    assert (tmp_path / "out" / "scaffold_shift.csv").read_text() == to_csv(frame)
    prompts = provenance(tmp_path / "out" / "scaffold_shift.parquet")["prompts"]
    assert prompts == {str(tmp_path / "two"): {"task": {"shots": [0, 2]}}}
    said = capsys.readouterr()
    lines = [line.split() for line in said.out.splitlines()]
    assert ["sub", EM, "-1"] in [line[:3] for line in lines]
    assert ["sub", EM, "smooth", "yes", "yes", "no", "1", "1"] in lines
    assert said.err.startswith("1 of 2 curves have a shift")
    assert "1 of 1 curves keep all three answers under 2 prompts" in said.err


def test_answers_and_elbows_over_four_prompts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Cliffs in three of four; elbows at 20, 19.5, 20 and 20.02; the second setting alone moves the curve."""
    zero = run(tmp_path / "zero", 21)
    others = [
        run(tmp_path / "two", 20.5, shots=2, answers=("yes", "open", "no")),
        run(tmp_path / "chat", 21, form={"chat": True}, answers=("no", None, None)),
        run(tmp_path / "reasoning", 21.02, form={"reasoning_tokens": 64}, answers=("yes", "yes", "no")),
    ]
    compare(zero, others, tmp_path / "out")
    shifts = read(tmp_path / "out" / "scaffold_shift.parquet", SCAFFOLD_SHIFT)
    exact = shifts.filter(metric=EM)
    assert exact["setting"].to_list() == [str(folder) for folder in others]
    assert exact["shift_decades"].to_list() == pytest.approx([-0.5, 0, 0.02], abs=0.01)
    found = read(tmp_path / "out" / "prompt_stability.parquet", PROMPT_STABILITY)
    assert (tmp_path / "out" / "prompt_stability.csv").read_text() == to_csv(found)
    hard, soft = found.sort("metric").rows(named=True)
    assert (hard["settings"], hard["rising"], hard["moved"], hard["stable"]) == (4, 4, 1, False)
    assert hard["cliff"] == "yes 3, no 1"
    assert hard["metric_makes_it"] == "yes 2, open 1, no answer 1"
    assert hard["skill_broke"] == "no, no answer 1"
    assert (hard["elbow_first_log10_x"], hard["elbow_last_log10_x"]) == pytest.approx((19.5, 20.02))
    assert (hard["elbow_apart_decades"], hard["half_apart_decades"]) == pytest.approx((0.52, 0.52))
    assert (soft["verdict"], soft["rising"], soft["elbow_apart_decades"], soft["stable"]) == ("flat", 0, None, None)
    assert "0 of 1 curves keep all three answers under 4 prompts" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"again/verdicts.parquet: the prompts are those of .*two .same shots"):
        compare(zero, [*others, run(tmp_path / "again", 20, shots=2)], tmp_path / "out")


def test_one_answer_of_three_that_moves_makes_a_curve_unstable(tmp_path: Path) -> None:
    other = run(tmp_path / "two", 21, shots=2, answers=("yes", "open", "no"))
    compare(run(tmp_path / "zero", 21), [other], tmp_path / "out")
    found = read(tmp_path / "out" / "prompt_stability.parquet", PROMPT_STABILITY).filter(metric=EM)
    assert found.select("cliff", "metric_makes_it", "skill_broke", "stable").rows() == [
        ("yes", "open 1, yes 1", "no", False)
    ]


def test_a_prompt_that_comes_later_moves_a_curve_too_and_one_run_alone_tells_nothing(tmp_path: Path) -> None:
    zero, late = run(tmp_path / "zero", 21), run(tmp_path / "two", 22, shots=2)
    more = verdicts({"subtask": "alone", "axis": "compute_flops", "n_rungs": 13, "decades": 6.0})
    judged = pl.concat([read(late / "verdicts.parquet", VERDICTS), more])
    write(judged, late / "verdicts.parquet", VERDICTS, provenance(late / "verdicts.parquet"))
    compare(zero, [late], tmp_path / "out")
    found = read(tmp_path / "out" / "prompt_stability.parquet", PROMPT_STABILITY)
    assert found.select("subtask", "metric", "moved").rows() == [("sub", EM, 1), ("sub", NLL, 0)]


def test_an_elbow_of_one_run_is_apart_from_none(tmp_path: Path) -> None:
    zero, flat = run(tmp_path / "zero", 21), run(tmp_path / "two", 21, shots=2)
    none = read(flat / "rises.parquet", RISES).with_columns(
        start_log10_x=pl.lit(None, pl.Float64), half_log10_x=pl.lit(None, pl.Float64)
    )
    write(none, flat / "rises.parquet", RISES, {})
    compare(zero, [flat], tmp_path / "out")
    found = read(tmp_path / "out" / "prompt_stability.parquet", PROMPT_STABILITY).row(0, named=True)
    assert (found["rising"], found["elbow_first_log10_x"], found["elbow_apart_decades"]) == (1, 20, None)


def test_a_text_of_the_task_that_changed_is_another_prompt(tmp_path: Path) -> None:
    compare(run(tmp_path / "a", 21), [run(tmp_path / "b", 20, task_digest="steps")], tmp_path / "out")
    assert provenance(tmp_path / "out" / "scaffold_shift.parquet")["prompts"] == {
        str(tmp_path / "b"): {"task": {"task_digest": ["d", "steps"]}}
    }


def test_what_is_not_known_of_imported_means_is_not_checked(tmp_path: Path) -> None:
    for name, middle in (("a", 21.0), ("b", 20.0)):
        folder = run(tmp_path / name, middle)
        made_by = {"aggregates": {"aggregates": {"models": {"m": "m"}}}, "scores": {}, "settings": {}}
        judged = read(folder / "verdicts.parquet", VERDICTS)
        write(judged, folder / "verdicts.parquet", VERDICTS, made_by)
    compare(tmp_path / "a", [tmp_path / "b"], tmp_path / "out")
    frame = read(tmp_path / "out" / "scaffold_shift.parquet", SCAFFOLD_SHIFT)
    assert frame["shift_decades"][0] == pytest.approx(-1, abs=0.001)


WHOLE = curves(X, {("sub", EM): expit(2 * (X - 20))})
WEIGHTS = {"m": {"model_identity": "one", "dtype": "float32"}}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "the prompts are those of"),
        ({"shots": 2, "seed": 7}, "seed is 7, in .*a 42; both runs must ask the same questions"),
        ({"shots": 2, "max_examples": None}, "max_examples is None"),
        ({"shots": 2, "frame": WHOLE.filter(pl.col("model") != "model03")}, "model 'model03' of ladder 'ladder'"),
        ({"shots": 2, "frame": WHOLE.with_columns(ladder=pl.lit("other"))}, "of ladder 'ladder' is not in .*b"),
        ({"shots": 2, "frame": WHOLE.with_columns(compute_flops=pl.col("compute_flops") * 2)}, "another compute"),
        ({"shots": 2, "frame": WHOLE.with_columns(subtask=pl.lit("else"))}, "no subtask and tested metric in common"),
        ({"shots": 2, "axis": "n_params"}, "column 'axis': n_params, in .*a compute_flops"),
        ({"shots": 2, "models": {"m": WEIGHTS["m"] | {"model_identity": "two"}}}, "'m' has another model_identity"),
        ({"shots": 2, "models": {"m": WEIGHTS["m"] | {"dtype": "float16"}}}, "'m' has another dtype"),
    ],
    ids=["same prompt", "seed", "questions", "model", "ladder", "compute", "cell", "axis", "weights", "precision"],
)
def test_runs_that_cannot_be_compared_are_refused_in_one_line(
    given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    plain = run(tmp_path / "a", 21, models=WEIGHTS)
    other = run(tmp_path / "b", 20, **({"models": WEIGHTS} | given))
    with pytest.raises(InputError, match=message) as error:
        compare(plain, [other], tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_scores_that_tell_no_models_are_compared_and_a_run_without_a_curve_is_named(tmp_path: Path) -> None:
    folders = [run(tmp_path / name, middle, shots=shots) for name, middle, shots in (("a", 21, 0), ("b", 20, 2))]
    for folder in folders:
        made = provenance(folder / "verdicts.parquet")
        del made["scores"]["task"]["models"]
        made = {key: made[key] for key in ("scores", "settings")}
        write(read(folder / "verdicts.parquet", VERDICTS), folder / "verdicts.parquet", VERDICTS, made)
    compare(folders[0], folders[1:], tmp_path / "out")
    assert read(tmp_path / "out" / "scaffold_shift.parquet", SCAFFOLD_SHIFT).height == 2
    write(VERDICTS.empty(), folders[1] / "verdicts.parquet", VERDICTS, {})
    with pytest.raises(InputError, match=r"b/verdicts.parquet: holds no curve; give a run that `rescore test` tested"):
        compare(folders[0], folders[1:], tmp_path / "other")


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing/verdicts\.parquet: no such file; `rescore test` makes it"):
        compare(tmp_path / "nothing", [run(tmp_path / "b", 20)], tmp_path / "out")


def test_the_table_is_shown_beside_the_run_that_it_was_written_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = run(tmp_path / "two", 20, shots=2)
    write(CLIFFS.empty(), two / "cliffs.parquet", CLIFFS, {})
    write(HEADLINE.empty(), two / "headline.parquet", HEADLINE, {})
    compare(run(tmp_path / "zero", 21), [two], two)
    capsys.readouterr()
    show("scaffold_shift", two, all_columns=True, form=Format.csv)
    assert capsys.readouterr().out == (two / "scaffold_shift.csv").read_text()
