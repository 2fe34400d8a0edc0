"""Any table: a row per score or per example, a column per metric or per task; and what is refused, with the row."""

import gzip
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from imported_rows import means, scores

from rescore.importing.finish import Options
from rescore.importing.table import Columns, csv, found
from rescore.importing.table_files import read_table
from rescore.tables import InputError

LONG = Columns(model="who", task="task", metric="metric", score="score", stderr="se", n="n", chance="guess")


def table(text: str, tmp_path: Path, name: str = "t.csv", *, percent: bool = False) -> pl.DataFrame:
    (tmp_path / name).write_text(text)
    return read_table(tmp_path / name, percent=percent)


def test_a_row_a_metric(tmp_path: Path) -> None:
    text = "who,task,metric,score,se,n,guess\na,sums,em,0.5,0.1,20,\na,quiz,acc,0.3,,,0.25\nb,sums,em,,,,\n"
    frame = means(found(table(text, tmp_path), LONG, where="t.csv").found)
    assert frame.drop("where", "reason").rows() == [
        ("a", "sums", "sums", "exact_match", 0.5, 0.1, 20, None),
        ("a", "quiz", "quiz", "multiple_choice_grade", 0.3, None, None, 0.25),
    ]  # b has no score of sums: a size without a result


def test_a_row_an_example_numbers_them_alike_for_every_model(tmp_path: Path) -> None:
    text = "m\tt\tx\tk\ts\na\tq\tsecond\texact_match\t1\na\tq\tfirst\texact_match\t0\nb\tq\tsecond\texact_match\t\n"
    columns = Columns(model="m", task="t", metric="k", score="s", example="x")
    frame = scores(found(table(text, tmp_path, "t.tsv"), columns, where="t.tsv").items)
    assert frame.select("model", "example_id", "score", "reason").rows() == [
        ("a", 1, 1.0, None),
        ("a", 0, 0.0, None),
        ("b", 1, None, "the table has no score"),
    ]


def test_a_metric_a_column_beside_a_column_of_tasks(tmp_path: Path) -> None:
    text = "model,task,part,exact_match,exact_match_stderr,exact_match_n,ppl,colour\na,t,p,0.5,0.1,9,20,red\n"
    columns = Columns(model="model", task="task", subtask="part")
    frame = means(found(table(text, tmp_path), columns, where="t.csv").found)
    assert frame.select("subtask", "metric", "standard_error", "n").rows() == [
        ("t:p", "exact_match", 0.1, 9),
        ("t:p", "nll_nats_per_answer", None, None),
    ]


def test_a_metric_and_task_a_column(tmp_path: Path) -> None:
    text = "model,arc_easy_acc,arc_easy_acc_stderr,lambada_ppl,lambada_acc,size_n\na,0.5,0.1,1,0.6,3\n"
    frame = means(found(table(text, tmp_path), Columns(model="model"), where="t.csv").found)
    assert frame.select("task", "metric", "mean", "standard_error").rows() == [
        ("arc_easy", "multiple_choice_grade", 0.5, 0.1),
        ("lambada", "nll_nats_per_answer", 0.0, None),
        ("lambada", "exact_match", 0.6, None),
    ]


def test_parquet_is_read_by_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"model": ["a"], "t_exact_match": [0.5]}).write_parquet(path)
    frame = means(found(read_table(path), Columns(model="model"), where="t").found)
    assert frame["mean"].to_list() == [0.5]


def leaves(text: str, tmp_path: Path, **columns: str) -> list[tuple[object, ...]]:
    frame = means(found(table(text, tmp_path), Columns(**columns), where="t.csv").found)
    return frame.select("model", "subtask", "metric", "mean", "standard_error", "n", "chance").rows()


def test_a_table_with_the_usual_columns_needs_no_option(tmp_path: Path) -> None:
    text = "Model,Benchmark,Metric,Value\na,gsm8k,EM,0.5\na,piqa,Accuracy,0.75\na,gsm8k,Exact Match,0.5\n"
    assert leaves(text, tmp_path) == [
        ("a", "gsm8k", "exact_match", 0.5, None, None, None),
        ("a", "piqa", "multiple_choice_grade", 0.75, None, None, 0.5),
    ]


def test_a_column_per_task_with_the_metric_said(tmp_path: Path) -> None:
    header = "Model,Type,Params (B),MMLU,MMLU_stderr,GSM8K,TruthfulQA,Average\n"
    text = header + "a,base,7,0.5,0.01,0.25,0.4,0.37\nb,base,1,,,-,0.3,\n"
    read = found(table(text, tmp_path), Columns(metric_name="acc", n="MMLU=14042,GSM8K=1319"), where="t.csv")
    assert read.notes == [
        "columns taken for tasks: MMLU, GSM8K, TruthfulQA",
        "columns passed over: Type, Params (B), Average",
        "no score, so passed over: t.csv: row 3 (b, MMLU, acc), t.csv: row 3 (b, GSM8K, acc)",
    ]
    assert means(read.found).drop("where", "task", "reason").rows() == [
        ("a", "MMLU", "multiple_choice_grade", 0.5, 0.01, 14042, 0.25),
        ("a", "GSM8K", "exact_match", 0.25, None, 1319, None),
        ("a", "TruthfulQA", "acc", 0.4, None, None, None),  # of one right choice or of all: it is not told
        ("b", "TruthfulQA", "acc", 0.3, None, None, None),
    ]
    assert leaves("model,ARC-C,ARC-C_n\na,0.5,1172\n", tmp_path, metric_name="acc_norm") == [
        ("a", "ARC-C", "multiple_choice_grade", 0.5, None, 1172, None)
    ]
    assert leaves("model,t\na,0.5\n", tmp_path, metric_name="exact_match", n="200")[0][5] == 200
    with pytest.raises(InputError, match=r"^t\.csv: --n: 'many' is no column, no number, and not like MMLU=14042"):
        leaves("model,t\na,0.5\n", tmp_path, metric_name="acc", n="many")
    with pytest.raises(InputError, match=r"^t\.csv: --metric-name: no column of scores"):
        leaves("model,kind\na,base\n", tmp_path, metric_name="acc")


def test_numbers_are_read_in_the_dress_of_published_tables(tmp_path: Path) -> None:
    text = "Model\tMMLU\tARC-C\na\t25.5% \t**50 ± 1.5**\nb\t30%\t\n"
    read = found(table(text, tmp_path, "t.tsv", percent=True), Columns(metric_name="acc"), where="t.tsv")
    assert means(read.found, percent=True).select("model", "task", "mean", "standard_error").rows() == [
        ("a", "MMLU", 0.255, None), ("b", "MMLU", 0.3, None), ("a", "ARC-C", 0.5, 0.015),
    ]  # fmt: skip


def test_a_column_of_revisions_keeps_the_checkpoints_of_a_model_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "EleutherAI/pythia-70m"
    rows = [f"{name},{revision},t,em,0.{i}\n" for i, revision in enumerate(("main", "step1000", "2000", ""), start=1)]
    (tmp_path / "r.csv").write_text("model,revision,task,metric,score\n" + "".join(rows[:3]))
    csv(tmp_path / "r.csv", Columns(), Options(out=tmp_path, ladders=[Path("config/ladders/pythia.tsv")]))
    read = pl.read_parquet(tmp_path / "aggregates.parquet")
    assert dict(read.select("model", "mean").rows()) == {
        "pythia-70m": 0.1, "pythia-70m-step1000": 0.2, "pythia-70m-step2000": 0.3,
    }  # fmt: skip
    assert "'EleutherAI/pythia-70m@step1000' is revision step1000, the ladder has another" in capsys.readouterr().err
    read = found(
        table("model,step,task,metric,score,seed\na,7,t,em,0.5,0\n", tmp_path), Columns(revision="step"), where="t"
    )
    assert read.found["model"].to_list() == ["a@step7"]
    assert read.notes == ["columns passed over: seed"]
    unsaid = found(table("model,revision,task,metric,score\n" + rows[3], tmp_path), Columns(), where="t")
    assert unsaid.found["model"].to_list() == [name]


def test_a_column_of_shots_and_one_metric_for_all_rows(tmp_path: Path) -> None:
    text = "model,task,score,n-shot\na,t,0.5,5\na,t,0.25,0\n"
    rows = found(table(text, tmp_path), Columns(metric_name="exact_match"), where="t.csv").found
    assert rows.select("metric", "value", "shots").rows() == [("exact_match", 0.5, 5), ("exact_match", 0.25, 0)]


BAD = {
    "no column": ("who,task,metric,n\n", r"t\.csv: --score: no column 'score'; the table has who, task, metric, n$"),
    "no number": (
        "who,task,metric,score,se,n,guess\na,t,em,1,,,\na,t2,em,half,,,\n",
        r"t\.csv: row 3: score 'half' is no number$",
    ),
    "no whole number": (
        "who,task,metric,score,se,n,guess\na,t,em,1,,2.5,\n",
        r"t\.csv: row 2: n '2\.5' is no whole number$",
    ),
    "no model": ("who,task,metric,score,se,n,guess\n,t,em,1,,2,\n", r"t\.csv: row 2: no model$"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_are_refused_by_number(case: str, tmp_path: Path) -> None:
    text, message = BAD[case]
    with pytest.raises(InputError, match=message):
        found(table(text, tmp_path), LONG, where="t.csv")


def test_half_of_a_mapping_and_unknown_metrics_are_refused(tmp_path: Path) -> None:
    frame = table("model,task,value\na,t,1\n", tmp_path)
    with pytest.raises(InputError, match="give --task, --metric and --score; or,"):
        found(frame, Columns(model="model", task="task", score="value"), where="t.csv")
    with pytest.raises(InputError, match=r"^t\.csv: --metric and --score both name the column 'value'"):
        found(frame, Columns(task="task", metric="value", score="value"), where="t.csv")
    with pytest.raises(InputError, match=r"^t\.csv: row 2: metric '1' is a number; give --metric a column of names"):
        found(frame.with_columns(s=pl.lit("2")), Columns(metric="value", score="s"), where="t.csv")
    with pytest.raises(InputError, match=r"t\.csv: no column is called METRIC with a known metric"):
        found(frame.drop("value"), Columns(model="model"), where="t.csv")
    columns = Columns(task="task", metric="metric", score="value", example="id")
    with pytest.raises(InputError, match=r"row 2: no example"):
        found(frame.with_columns(metric=pl.lit("em"), id=None), columns, where="t.csv")


def test_what_a_row_says_of_n_and_chance_goes_before_what_is_known_of_its_task(tmp_path: Path) -> None:
    text = "model,task,metric,score,n,chance\na,piqa,acc_norm,0.6,10,0.25\nb,piqa,acc_norm,0.6,,\nc,t,f1,0.6,,\n"
    assert [row[5:] for row in leaves(text, tmp_path, n="20")] == [(10, 0.25), (20, 0.5), (20, None)]


def test_examples_are_numbered_within_their_task(tmp_path: Path) -> None:
    text = "model,task,metric,score,example\na,t,em,1,q2\na,t,em,0,q1\na,u,em,1,q3\n"
    read = found(table(text, tmp_path), Columns(), where="t").items
    assert read.select("task", "example_id", "value").rows() == [("t", 1, 1.0), ("t", 0, 0.0), ("u", 0, 1.0)]


def test_of_two_columns_that_an_option_may_mean_the_first_counts(tmp_path: Path) -> None:
    assert leaves("Model,model ,task,metric,score\na,b,t,em,0.5\n", tmp_path)[0][0] == "a"


def test_the_index_of_pandas_is_no_task_and_white_space_no_part_of_a_name(tmp_path: Path) -> None:
    assert leaves(",model,Unnamed: 0, MMLU\n0, a ,0, 0.5\n1,b,1,-\n", tmp_path, metric_name="exact_match") == [
        ("a", "MMLU", "exact_match", 0.5, None, None, None)
    ]


def test_a_percent_sign_is_a_hundredth_with_and_without_the_option(tmp_path: Path) -> None:
    for text, option in (("0.5%", False), ("0.5 ± 0.1%", False), ("0.5%", True), ("0.005", False)):
        frame = table(f"model,task,metric,score\na,t,em,{text}\nb,t,em,50%\n", tmp_path, percent=option)
        read = means(found(frame, Columns(), where="t.csv").found, percent=option)
        assert read["mean"].to_list() == [0.005, 0.5], (text, option)
        assert read["standard_error"][0] == (0.001 if "±" in text else None)


def test_beside_a_score_with_a_percent_sign_its_error_and_a_chance_above_1_are_in_percent(tmp_path: Path) -> None:
    text = "model,task,metric,score,stderr,chance\na,t,em,25.1%,0.4,25\nb,t,em,0.251,0.004,0.25\n"
    read = means(found(table(text + "c,t,em,26%,0.5%,0.25\n", tmp_path), Columns(), where="t.csv").found)
    assert read["mean"].to_list() == [0.251, 0.251, 0.26]
    assert read["standard_error"].to_list() == [0.004, 0.004, 0.005]
    assert read["chance"].to_list() == [0.25, 0.25, 0.25]
    wide = table("model,MMLU,MMLU_stderr,ARC\na,25.1%,0.4,30% ± 0.5\n", tmp_path)
    read = means(found(wide, Columns(metric_name="exact_match"), where="t.csv").found)
    assert read.select("task", "mean", "standard_error").rows() == [("MMLU", 0.251, 0.004), ("ARC", 0.3, 0.005)]


def test_percent_signs_in_the_texts_of_parquet_count_once(tmp_path: Path) -> None:
    pl.DataFrame({"model": ["a"], "MMLU": ["25%"]}).write_parquet(tmp_path / "t.parquet")
    for percent in (False, True):
        read = found(read_table(tmp_path / "t.parquet", percent=percent), Columns(metric_name="em"), where="t")
        assert means(read.found, percent=percent)["mean"].to_list() == [0.25]


@pytest.mark.parametrize(
    "text",
    [
        "model,task,metric,score,,\na,t,em,0.5,,\n",
        ",model,task,metric,score,\n0,a,t,em,0.5,\n",
        "model,task,metric,score,score_duplicated_1\na,t,em,0.5,0.6\n",
    ],
    ids=["commas at the end", "index and a comma", "named as polars names twins"],
)
def test_blank_columns_are_left_out_and_only_twins_are_refused(tmp_path: Path, text: str) -> None:
    assert leaves(text, tmp_path) == [("a", "t", "exact_match", 0.5, None, None, None)]
    with pytest.raises(InputError, match=r"t\.csv: two columns are called ''; take one out, or rename it$"):
        table("model,t,,\na,0.5,1,2\n", tmp_path)


def test_blank_lines_are_no_rows_and_true_is_one(tmp_path: Path) -> None:
    text = "model,task,metric,score,example\n\na,t,em,True,1\n,,,,\na,t,em,False,2\n\n"
    read = found(table(text, tmp_path), Columns(), where="t.csv").items
    assert read.select("where", "value").rows() == [("t.csv: row 3", 1.0), ("t.csv: row 5", 0.0)]


@pytest.mark.parametrize("header", ["model,task,metric,acc", "model,task,score,acc", "model,score,MMLU,acc"])
def test_half_of_a_mapping_that_was_not_asked_for_is_refused(header: str, tmp_path: Path) -> None:
    metric_name = "acc" if "MMLU" in header else None
    taken = "metric" if "metric" in header else "score"
    with pytest.raises(
        InputError, match=f"give --task, --metric and --score; or,.*; rename column '{taken}' if it is no"
    ):
        found(table(f"{header}\na,1,1,1\n", tmp_path), Columns(metric_name=metric_name), where="t.csv")


def test_a_table_may_have_a_column_of_rows(tmp_path: Path) -> None:
    text = "row,model,task,metric,score\n7,a,t,em,0.5\n"
    [kept] = found(table(text, tmp_path), Columns(), where="t.csv").found.to_dicts()
    assert (kept["where"], kept["value"]) == ("t.csv: row 2", 0.5)


def test_columns_of_one_name_and_tasks_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t\.csv: two columns are called 'MMLU'; take one out"):
        table("model,MMLU,MMLU\na,0.5,0.6\n", tmp_path)
    with pytest.raises(InputError, match=r"^t\.csv: --n: 'MLU' is no task of the table"):
        leaves("model,MMLU\na,0.5\n", tmp_path, metric_name="acc", n="MLU=14042")


def test_dates_and_lists_in_parquet_are_no_scores(tmp_path: Path) -> None:
    columns = {"model": ["a"], "on": [date(2024, 1, 1)], "tags": [["x"]], "MMLU": [0.5], "right": [True]}
    pl.DataFrame(columns).write_parquet(tmp_path / "t.parquet")
    read = found(read_table(tmp_path / "t.parquet"), Columns(metric_name="exact_match"), where="t.parquet")
    assert read.found.select("task", "value").rows() == [("MMLU", 0.5), ("right", 1.0)]


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(InputError, match="a folder; give one table"):
        read_table(tmp_path)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"model,task,metric,score\na,t,em,1\n")[:20])
    with pytest.raises(InputError, match=r"t\.csv\.gz: no table that can be read \("):
        read_table(tmp_path / "t.csv.gz")
    (tmp_path / "t.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="no table that can be read"):
        read_table(tmp_path / "t.parquet")


ROWS = "model,task,metric,score\na,t,em,0.5\nb,t,em,0.25\n"
WRITTEN = {
    "byte order mark": ("t.csv", ("\ufeff" + ROWS).encode()),
    "byte order mark before a quote": ("t.csv", ('\ufeff"model",' + ROWS.removeprefix("model,")).encode()),
    "UTF-16, as Excel's Unicode text": ("t.txt", ROWS.replace(",", "\t").encode("utf-16")),
    "lines of Windows": ("t.csv", ROWS.replace("\n", "\r\n").encode()),
    "lines of old Macs": ("t.csv", ROWS.replace("\n", "\r").encode()),
    "gzip": ("t.csv.gz", gzip.compress(ROWS.encode())),
    "gzip without its suffix": ("t.csv", gzip.compress(ROWS.encode())),
    "tabs": ("t.csv", ROWS.replace(",", "\t").encode()),
    "commas in a .tsv": ("t.tsv", ROWS.encode()),
    "semicolons and decimal commas": ("t.csv", ROWS.replace(",", ";").replace(".", ",").encode()),
    "bars": ("t.csv", ROWS.replace(",", "|").encode()),
    "cells behind the last that are empty": ("t.csv", ROWS.replace("5\n", "5,,\n").encode()),
    "spaces and quotes": ("t.csv", ROWS.replace("a,t,", ' a ,"t",').encode()),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_one_table_is_read_alike_however_it_is_written(written: str, tmp_path: Path) -> None:
    name, content = WRITTEN[written]
    (tmp_path / name).write_bytes(content)
    read = means(found(read_table(tmp_path / name), Columns(), where="t").found)
    assert read.select("where", "model", "task", "metric", "mean").rows() == [
        ("t: row 2", "a", "t", "exact_match", 0.5),
        ("t: row 3", "b", "t", "exact_match", 0.25),
    ]


UNREADABLE = {
    "a cell too many": ("model,task,acc\na,t,0.5\nb,t,0,6\n", "row 3: 4 cells, but the header has 3; numbers have a"),
    "a title above": ("Results\nmodel,t\na,1\n", "row 2: 2 cells, but the header has 1; "),
    "an open quote": ('model,t\na,1\n"b,2\nc,3\n', "row 3: unexpected end of data; a quote that opens a cell has to"),
    "a quote within": ('model,t\n"b"c,2\n', "row 2: ',' expected after '\"'; a quote that opens a cell has to"),
    "Latin-1": ("model,t\na,1\né,2\n".encode("latin-1"), "row 3: not UTF-8; save the table as UTF-8"),
    "nothing": ("\n \n", "the file is empty"),
    "a workbook": (b"PK\x03\x04", "an archive or a workbook; give a table in it, unpacked or saved as .csv"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_no_table_is_named_with_its_row(case: str, tmp_path: Path) -> None:
    content, message = UNREADABLE[case]
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_blank_lines_above_and_long_cells_change_no_row_number(tmp_path: Path) -> None:
    text = "\n\nmodel,task,metric,score,note\na,t,em,0.5," + "x" * 200_000 + "\nb,t,em\nc,t,em,half,\n"
    with pytest.raises(InputError, match=r"^t: row 6: score 'half' is no number$"):
        found(table(text, tmp_path), Columns(), where="t")
    read = found(table(text.replace("half", "0.25"), tmp_path), Columns(), where="t")
    assert read.found.select("where", "value").rows() == [("t: row 4", 0.5), ("t: row 6", 0.25)]
    assert read.notes[-1] == "no score, so passed over: t: row 5 (b, t, em)"


@pytest.mark.parametrize(
    ("cell", "value", "error"),
    [
        ("6.05e-1 ± 1.1e-2", 0.605, 0.011),
        ("+.5", 0.5, None),
        ("0.5+/-0.25", 0.5, 0.25),
        ("50 % ± 25 %", 0.5, 0.25),
        ("−2", -2.0, None),
        ('"1,234.5"', 1234.5, None),
        ('"1,234,567"', 1234567.0, None),
        ("TRUE", 1.0, None),
        ("false", 0.0, None),
    ],
)
def test_numbers_as_people_write_them(cell: str, value: float, error: float | None, tmp_path: Path) -> None:
    text = f"model,task,metric,score\na,t,bleu,{cell}\nb,t,bleu,1e-3\n"
    read = found(table(text, tmp_path), Columns(), where="t").found
    assert read.select("value", "standard_error").row(0) == (pytest.approx(value), error)
    assert read["value"][1] == 0.001


def test_a_comma_that_may_be_a_decimal_point_is_refused_but_not_in_a_number_of_questions(tmp_path: Path) -> None:
    for cell in ("1,234", "0,6"):
        with pytest.raises(InputError, match=rf"score '{cell}' is no number; write a decimal point, and no comma$"):
            leaves(f'model,task,metric,score\na,t,em,"{cell}"\n', tmp_path)
    assert leaves('model,task,metric,score,n\na,t,em,0.5,"14,042"\n', tmp_path)[0][5] == 14042
    assert leaves("model,t\na,0.5\n", tmp_path, metric_name="em", n="14,042")[0][5] == 14042
    with pytest.raises(InputError, match="--n: 't=14,042' is no column, no number, and not like MMLU=14042"):
        leaves("model,t\na,0.5\n", tmp_path, metric_name="em", n="t=14,042")


@pytest.mark.parametrize(
    ("errors", "read"),
    [
        # .251 (1 - .251) / .004^2 = 11,750 questions if it is no percent, as percent 10^8; of .4 1.2, as percent 11,750
        ((0.004, 0.0025), [0.004, 0.0025]),
        ((0.4, 0.25), [0.004, 0.0025]),
        ((0.06, 0.06), None),  # 52 questions, or half a million
        ((0.06, 0.004), [0.06, 0.004]),  # the second tells
        ((0.4, 0.06), [0.004, 0.0006]),
        ((0.004, 0.4), None),
        ((0.0, 0.4), [0.0, 0.004]),
    ],
)
def test_an_error_without_percent_beside_a_score_with_it_is_what_a_test_can_have(
    errors: tuple[float, float], read: list[float] | None, tmp_path: Path
) -> None:
    text = "model,task,metric,score,stderr\n" + "".join(f"m{i},t,em,25.1%,{e}\n" for i, e in enumerate(errors))
    if read is None:
        with pytest.raises(
            InputError, match=r"^t\.csv: row 2: stderr 0\.0\d+ beside a score with the sign % may be in"
        ):
            leaves(text, tmp_path)
    else:
        assert [row[4] for row in leaves(text, tmp_path)] == pytest.approx(read)


def test_one_cell_that_is_no_number_does_not_make_a_column_no_task(tmp_path: Path) -> None:
    text = "model,MMLU,kind\na,0.5,base\nb,0.4,7\nc,0.3x,base\nd,N/a,base\n"
    with pytest.raises(InputError, match=r"^t\.csv: row 4: score '0\.3x' is no number$"):
        leaves(text, tmp_path, metric_name="acc")
    read = found(table(text.replace("x", ""), tmp_path), Columns(metric_name="acc"), where="t")
    assert read.notes[:2] == ["columns taken for tasks: MMLU", "columns passed over: kind"]


def test_rows_without_a_score_are_named(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("model,task,metric,score\na,t,acc,0.5\nb,t,acc,n/a\nc,t,acc,\n")
    collected = found(read_table(path), Columns(), where="r.csv")
    assert collected.found["model"].to_list() == ["a"]
    assert collected.notes == ["no score, so passed over: r.csv: row 3 (b, t, acc), r.csv: row 4 (c, t, acc)"]


def test_models_that_are_all_misspelt_end_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("model,task,metric,score,n\npythia_70m,t,exact_match,0.5,100\n")
    ladder = Path("config/ladders/pythia.tsv")
    with pytest.raises(InputError, match=r"lists no model of the files: pythia_70m \(did you mean 'pythia-70m'\?\)"):
        csv(path, Columns(), Options(out=tmp_path / "out", ladders=[ladder]))


def test_bars_in_the_names_of_columns_separate_no_cells(tmp_path: Path) -> None:
    text = "model,leaderboard|arc:challenge|25,leaderboard|hellaswag|10\na,0.5,0.25\n"
    assert [row[1::2] for row in leaves(text, tmp_path, metric_name="em")] == [
        ("leaderboard|arc:challenge|25", 0.5, None),
        ("leaderboard|hellaswag|10", 0.25, None),
    ]
    # a comma in the header that gives the rows another width is no separator
    assert table("model|acc, norm\na|0.5\nb|0.25\n", tmp_path).columns == ["model", "acc, norm"]


def test_revisions_with_a_decimal_point_are_steps(tmp_path: Path) -> None:
    # an integer column with a blank, as pandas writes it
    text = "model,revision,task,metric,score\na,1000.0,t,em,0.5\na,,t,em,0.25\n"
    assert [row[0] for row in leaves(text, tmp_path)] == ["a@step1000", "a"]
    row = {"model": ["a"], "revision": [2000.0], "task": ["t"], "metric": ["em"], "score": [0.5]}
    pl.DataFrame(row).write_parquet(tmp_path / "t.parquet")
    read = found(read_table(tmp_path / "t.parquet"), Columns(), where="t")
    assert read.found["model"].to_list() == ["a@step2000"]


@pytest.mark.parametrize(
    ("header", "passed"),
    [
        ("model,t_acc,t_acc_stderr,size,notes", "size, notes"),
        ("model,acc,acc_stderr,arc_acc", "acc, acc_stderr"),
        ("model,task,acc,acc_n,acc_std,t_acc", "acc_std, t_acc"),
    ],
)
def test_columns_beside_those_of_metrics_that_are_not_read_are_named(header: str, passed: str, tmp_path: Path) -> None:
    row = ",".join({"model": "a", "task": "t", "acc_n": "5"}.get(column, "0.5") for column in header.split(","))
    read = found(table(f"{header}\n{row}\n", tmp_path), Columns(), where="t")
    assert read.notes == [f"columns passed over: {passed}"]


def test_words_for_no_number_may_be_names(tmp_path: Path) -> None:
    rows = "".join(f"a,t,{leaf},em,{score}\n" for leaf, score in (("na", "0.5"), ("nil", "0.25"), ("NULL", "0.75")))
    read = leaves("model,task,subtask,metric,score\n" + rows + "a,t,u,em,NONE\n", tmp_path)
    assert [(row[1], row[3]) for row in read] == [("t:na", 0.5), ("t:nil", 0.25), ("t", 0.75)]
    items = found(table("model,task,example,metric,score\na,t,none,em,1\n", tmp_path), Columns(), where="t").items
    assert items["example_id"].to_list() == [0]
    names = pl.DataFrame({"model": ["-"], "task": ["t"], "subtask": ["NA"], "metric": ["em"], "score": ["0.5"]})
    names.write_parquet(tmp_path / "t.parquet")
    read_back = found(read_table(tmp_path / "t.parquet"), Columns(), where="t").found
    assert read_back.select("model", "subtask").rows() == [("-", "NA")]


def test_an_empty_text_of_a_parquet_table_is_no_name(tmp_path: Path) -> None:
    names = {"model": ["p", "p"], "revision": ["", "step5"], "task": ["t", "t"], "subtask": [" ", "s"]}
    pl.DataFrame(names | {"metric": ["em", "em"], "score": [0.5, 0.25]}).write_parquet(tmp_path / "t.parquet")
    read = found(read_table(tmp_path / "t.parquet"), Columns(), where="t").found
    assert read.select("model", "subtask").rows() == [("p", None), ("p@step5", "s")]


@pytest.mark.parametrize(
    ("text", "header", "row"),
    [
        ("Model;ARC (25-shot, norm);N\na;0,5;100\n", ["Model", "ARC (25-shot, norm)", "N"], ("a", "0.5", "100")),
        (
            "Model;ARC (25, acc);SIQA (5, acc)\na;0,5;0,6\n",
            ["Model", "ARC (25, acc)", "SIQA (5, acc)"],
            ("a", "0.5", "0.6"),
        ),
        ("model;em;remark, if any\na;0,5\n", ["model", "em", "remark, if any"], ("a", "0.5", None)),
        ("model,a|b|c,em\na,x,1,\n", ["model", "a|b|c", "em"], ("a", "x", "1")),
    ],
)
def test_the_separator_parts_every_row(
    text: str, header: list[str], row: tuple[str | None, ...], tmp_path: Path
) -> None:
    read = table(text, tmp_path)
    assert (read.columns, read.row(0)) == (header, row)


def test_a_name_that_begins_as_an_archive_does_is_none(tmp_path: Path) -> None:
    text = "PK,task,metric,score\na,t,em,0.5\n"
    assert leaves(text, tmp_path, model="PK")[0][0] == "a"
