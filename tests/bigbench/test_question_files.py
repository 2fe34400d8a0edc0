"""Questions that are not in BIG-Bench's format: every form to the same task, and one clear line for every bad row."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pytest

from rescore.bigbench import Columns, Subtask, examples, fields, leaf_digest, load, load_questions, post_process
from rescore.bigbench.question_rows import FIRST_LINE
from rescore.tables import InputError

Row = dict[str, Any]
ROWS: list[Row] = [{"input": f"What is {n} + {n}?", "target": str(2 * n)} for n in range(6)]


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def parquet(path: Path, rows: list[Row]) -> Path:
    pl.DataFrame(rows).write_parquet(path)
    return path


def read(path: Path, **options: Any) -> Subtask:
    named = Columns(*(options.pop(f"{role}_column", None) for role in ("input", "target", "choices")))
    [subtask] = load_questions(path, "mine", named=named, **options)
    return subtask


@pytest.fixture
def of(tmp_path: Path) -> Callable[..., Subtask]:
    """Read rows that are written as JSON Lines, after two spotless rows if `more`."""

    def call(*rows: Any, **options: Any) -> Subtask:
        return read(lines(tmp_path / "q.jsonl", list(rows)), **options)

    return call


def as_json_lines(folder: Path) -> Path:
    return lines(folder / "q.jsonl", ROWS)


def as_json_lines_of_windows(folder: Path) -> Path:
    text = "\r\n\r\n".join(json.dumps(row) for row in ROWS)  # a blank line between any two, none at the end
    (folder / "q.ndjson").write_bytes(b"\xef\xbb\xbf" + text.encode())
    return folder / "q.ndjson"


def as_gzip(folder: Path) -> Path:
    (folder / "q.jsonl.gz").write_bytes(gzip.compress(as_json_lines(folder).read_bytes()))
    return folder / "q.jsonl.gz"


def as_big_bench_hard(folder: Path) -> Path:
    (folder / "q.json").write_text(json.dumps({"canary": "do not train", "examples": ROWS}, indent=1))
    return folder / "q.json"


def as_json_list(folder: Path) -> Path:
    (folder / "q.json").write_text(json.dumps(ROWS))
    return folder / "q.json"


def as_json_lines_named_json(folder: Path) -> Path:
    return lines(folder / "q.json", ROWS)


def as_numbers(folder: Path) -> Path:
    return lines(folder / "q.jsonl", [row | {"target": int(row["target"])} for row in ROWS])


def as_parquet(folder: Path) -> Path:
    return parquet(folder / "q.parquet", ROWS)


def as_floats_of_pandas(folder: Path) -> Path:
    return parquet(folder / "q.parquet", [row | {"target": float(row["target"])} for row in ROWS])


def as_hub_folder(folder: Path) -> Path:
    (folder / "mine").mkdir()
    parquet(folder / "mine/test-00000-of-00001.parquet", ROWS)
    return folder / "mine"


def as_saved_dataset(folder: Path) -> Path:
    datasets.DatasetDict({"test": datasets.Dataset.from_list(ROWS)}).save_to_disk(folder / "mine")
    return folder / "mine"


def as_saved_split(folder: Path) -> Path:
    datasets.Dataset.from_list(ROWS).save_to_disk(folder / "mine")
    return folder / "mine"


@pytest.mark.parametrize(
    "write",
    [
        as_json_lines,
        as_json_lines_of_windows,
        as_gzip,
        as_big_bench_hard,
        as_json_list,
        as_json_lines_named_json,
        as_numbers,
        as_parquet,
        as_floats_of_pandas,
        as_hub_folder,
        as_saved_dataset,
        as_saved_split,
    ],
)
def test_every_form_of_the_same_questions_is_the_same_task(
    write: Callable[[Path], Path], tmp_path: Path, of: Callable[..., Subtask]
) -> None:
    subtask = read(write(tmp_path))
    assert subtask.examples == ROWS
    assert leaf_digest([subtask]) == leaf_digest([of(*ROWS)])


def test_prompts_are_those_of_a_task_json_that_says_nothing(write_task: Any, of: Callable[..., Subtask]) -> None:
    """The draw too: shots, seed and max_examples mean what they mean there."""
    path = write_task("mine", examples=ROWS)
    [theirs] = load(path.parents[1], "mine")
    for shots, seed, n in ((0, 1, None), (2, 42, 4), (3, 7, 6)):
        asked = examples(of(*ROWS), shots=shots, seed=seed, max_examples=n)
        assert asked.equals(examples(theirs, shots=shots, seed=seed, max_examples=n))
    assert asked["prompt"][0].startswith("\nQ: What is ")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" 42", "42"),
        ("42\nQ: What", "42"),
        ("\n\n 3.14 \nQ:", "3.14"),
        ("7", "7"),
        ("a b  \r\n", "a b"),
        ("\n \n", ""),
    ],
)
def test_the_answer_is_the_first_line_with_text(text: str, answer: str) -> None:
    assert post_process(text, stop_string=None, output_regex=FIRST_LINE).text == answer


def test_an_answer_of_several_lines_ends_where_the_next_question_would_begin(of: Callable[..., Subtask]) -> None:
    subtask = of({"input": "Two lines", "target": "a\nb"})
    for text in (" a\nb\n\nQ: next", "\na\nb\n", "a\nb"):
        assert post_process(text, stop_string=None, output_regex=subtask.output_regex).text == "a\nb"


TARGETS: dict[str, tuple[Any, Any]] = {
    "text": ("b", "b"),
    "white space": (" b\n", "b"),
    "several": (["b", "c", "b"], ["b", "c"]),
    "one in a list": (["b"], "b"),
    "whole number": (42, "42"),
    "whole float": (42.0, "42"),
    "fraction": (0.5, "0.5"),
    "numbers": ([1, 2], ["1", "2"]),
    "as in SQuAD": ({"text": ["b", "b"], "answer_start": [1, 2]}, "b"),
}


@pytest.mark.parametrize(("given", "kept"), TARGETS.values(), ids=list(TARGETS))
def test_a_target_is_text_a_number_a_list_or_nested(given: object, kept: object, of: Callable[..., Subtask]) -> None:
    assert of({"input": "a", "target": given}).examples == [{"input": "a", "target": kept}]


def test_a_row_that_repeats_another_is_asked_once_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    subtask = read(lines(tmp_path / "q.jsonl", [ROWS[0], ROWS[1], ROWS[0] | {"note": 1}]), say=said.append)
    assert subtask.examples == ROWS[:2]
    assert said[-1].endswith("q.jsonl: 1 rows repeat others and are asked once")


CHOICES: dict[str, Row] = {
    "text": {"choices": ["x", "y", "z"], "target": "y"},
    "letter": {"options": ["x", "y", "z"], "answer": "B"},
    "label, as in ARC": {"choices": {"text": ["x", "y", "z"], "label": ["1", "2", "3"]}, "answerKey": "2"},
    "label, as in CommonsenseQA": {
        "choices": [{"label": "P", "text": "x"}, {"label": "Q", "text": "y"}, {"label": "R", "text": "z"}],
        "answerKey": "Q",
    },
    "label, as in MedQA": {"options": {"A": "x", "B": "y", "C": "z"}, "answer": "B"},
    "scores": {"target_scores": {"x": 0, "y": 1, "z": 0}},
}


@pytest.mark.parametrize("row", CHOICES.values(), ids=list(CHOICES))
@pytest.mark.parametrize("write", [lines, parquet])
def test_choices_and_the_right_one(row: Row, write: Callable[..., Path], tmp_path: Path) -> None:
    subtask = read(write(tmp_path / ("q.jsonl" if write is lines else "q.parquet"), [{"question": "a"} | row]))
    assert subtask.examples == [{"input": "a", "target_scores": {"x": 0, "y": 1, "z": 0}}]
    assert subtask.metrics == ("multiple_choice_grade",)
    [prompt] = examples(subtask, shots=0, seed=1)["prompt"]
    assert prompt.count("\n  choice: ") == 3
    assert list(subtask.examples[0]["target_scores"]) == ["x", "y", "z"]


def test_a_nested_column_of_scores_has_the_choices_of_all_rows(tmp_path: Path) -> None:
    scores = [{"x": 1, "y": 0}, {"y": 0, "z": 1}]
    path = parquet(tmp_path / "q.parquet", [{"input": f"{n}", "target_scores": s} for n, s in enumerate(scores)])
    assert [example["target_scores"] for example in read(path).examples] == scores


def test_choices_are_not_listed_where_the_suite_says_so(of: Callable[..., Subtask]) -> None:
    subtask = of({"input": "a", "choices": ["x", "y"], "target": "x"}, list_choices=False)
    assert examples(subtask, shots=0, seed=1)["prompt"].to_list() == ["\nQ: a\nA: "]


def test_what_a_target_is_is_decided_for_the_whole_file(of: Callable[..., Subtask]) -> None:
    """Blood groups: in the first row alone, the letter is also the text of another choice."""
    rows = [
        {"input": "1", "choices": ["O", "A", "B"], "target": "B"},
        {"input": "2", "choices": ["x", "y", "z"], "target": "C"},
    ]
    assert [e["target_scores"] for e in of(*rows).examples] == [{"O": 0, "A": 1, "B": 0}, {"x": 0, "y": 0, "z": 1}]


PLACES: dict[str, tuple[str, str, list[Any]]] = {
    "from 0, as in MMLU": ("choices", "answer", [1, 0, 2]),
    "from 0 as text, as in HellaSwag": ("endings", "label", ["1", "0", "2"]),
    "from 1, as in Social IQa": ("choices", "label", [2, 1, 3]),
    "from 1 as text, as in Winogrande": ("options", "answer", ["2", "1", "3"]),
    "from 1, the first never": ("choices", "label", [2, 3, 3]),
}


@pytest.mark.parametrize(("choices", "target", "places"), PLACES.values(), ids=list(PLACES))
def test_places_of_choices(
    choices: str, target: str, places: list[Any], request: Any, of: Callable[..., Subtask]
) -> None:
    rows = [{"input": f"{n}", choices: ["x", "y", "z"], target: place} for n, place in enumerate(places)]
    right = [[choice for choice, score in e["target_scores"].items() if score] for e in of(*rows).examples]
    assert right == ([["y"], ["z"], ["z"]] if "never" in request.node.name else [["y"], ["x"], ["z"]])


def test_several_right_choices(of: Callable[..., Subtask]) -> None:
    [example] = of({"input": "a", "choices": ["x", "y", "z"], "target": ["x", "z"]}).examples
    assert example["target_scores"] == {"x": 1, "y": 0, "z": 1}


def test_choices_in_columns_of_their_own(tmp_path: Path) -> None:
    rows = [{"goal": "a", "sol1": "x", "sol2": "y", "label": 1}, {"goal": "b", "sol1": "x", "sol2": "y", "label": 0}]
    subtask = read(parquet(tmp_path / "q.parquet", rows), input_column="goal", choices_column="sol1, sol2")
    assert [list(e["target_scores"].values()) for e in subtask.examples] == [[0, 1], [1, 0]]


def test_a_choice_that_stands_twice_counts_once(tmp_path: Path) -> None:
    said: list[str] = []
    path = lines(tmp_path / "q.jsonl", [{"input": "a", "choices": ["x", "y", "x"], "target": "C"}])
    assert read(path, say=said.append).examples[0]["target_scores"] == {"x": 1, "y": 0}
    assert f"{path}: line 1: a choice stands twice, and counts once" in said


LETTERS = "Which?\nOptions:\n(A) red\n(B) blue (not red)"
WORDS = "Is it so?\nOptions:\n- Yes\n- No "


def test_options_that_the_input_lists_are_graded_beside_exact_match(of: Callable[..., Subtask]) -> None:
    subtask = of({"input": LETTERS, "target": "(B)"}, {"input": WORDS, "target": "No"})
    assert subtask.metrics == ("exact_str_match", "multiple_choice_grade")
    assert subtask.examples == [
        {"input": LETTERS, "target": "(B)", "target_scores": {"(A)": 0, "(B)": 1}},
        {"input": WORDS, "target": "No", "target_scores": {"Yes": 0, "No": 1}},
    ]
    assert examples(subtask, shots=0, seed=1)["prompt"][0] == f"\nQ: {LETTERS}\nA: "


@pytest.mark.parametrize(
    "faulty",
    [
        {"input": LETTERS, "target": "Monsters, Inc"},  # as row 164 of movie_recommendation in BIG-Bench-Hard
        {"input": "Which?\nOptions:\n(A) The NB", "target": "(A)"},  # as row 89 of its snarks
        {"input": "Which?", "target": "(A)"},
        {"input": LETTERS + "\nand a line", "target": "(A)"},
    ],
)
def test_a_row_whose_options_lack_the_target_leaves_the_task_ungraded_and_is_named(faulty: Row, tmp_path: Path) -> None:
    said: list[str] = []
    path = lines(tmp_path / "q.jsonl", [{"input": LETTERS, "target": "(B)"}, faulty])
    subtask = read(path, say=said.append)
    assert subtask.metrics == ("exact_str_match",)
    assert said[-1].startswith(f"{path}: line 2: lists no options under 'Options:'")


def test_columns_are_named_nested_and_joined(tmp_path: Path) -> None:
    rows = [{"ctx": "c", "q": "who?", "found": {"best": {"text": "b"}, "n": 1}, "answer": "no", "note.a": "x"}]
    path = parquet(tmp_path / "q.parquet", rows)
    subtask = read(path, input_column="ctx,q", target_column="found.best.text")
    assert subtask.examples == [{"input": "c\nwho?", "target": "b"}]
    assert read(path, input_column="note.a", target_column="answer").examples == [{"input": "x", "target": "no"}]
    nested = lines(tmp_path / "q.jsonl", [{"question": "a", "answers": [{"text": "b"}, {"text": "c"}]}])
    assert read(nested, target_column="answers.text").examples == [{"input": "a", "target": ["b", "c"]}]


def test_a_class_label_of_a_dataset_is_its_name(tmp_path: Path) -> None:
    feature = datasets.ClassLabel(names=["negative", "positive"])
    rows = datasets.Dataset.from_list([{"input": "a", "label": 1}, {"input": "b", "label": 0}])
    rows.cast_column("label", feature).to_parquet(tmp_path / "q.parquet")
    assert [e["target"] for e in read(tmp_path / "q.parquet").examples] == ["positive", "negative"]
    hidden = datasets.Dataset.from_list([{"input": "a", "label": -1}]).cast_column("label", feature)
    hidden.to_parquet(tmp_path / "q.parquet")
    with pytest.raises(InputError, match="row 1: 'label' is null"):
        read(tmp_path / "q.parquet")


def test_metadata_of_a_list_of_objects_and_of_no_feature_is_passed_over(tmp_path: Path) -> None:
    """As `datasets` wrote `list` features up to version 3, and as a table without features may say."""
    for info in ({"features": {"messages": [{"role": {"dtype": "string", "_type": "Value"}}]}}, None, {}):
        said = {"huggingface": json.dumps({"info": info})}
        pl.DataFrame(ROWS).write_parquet(tmp_path / "q.parquet", metadata=said)
        assert read(tmp_path / "q.parquet").examples == ROWS


def test_a_float_of_32_bits_is_written_as_short_as_it_is(tmp_path: Path) -> None:
    values = [0.1, 2.5, 3.0, 1e-7]
    frame = pl.DataFrame({"input": [*"abcd"], "target": values}, schema_overrides={"target": pl.Float32})
    frame.write_parquet(tmp_path / "q.parquet")
    assert [e["target"] for e in read(tmp_path / "q.parquet").examples] == ["0.1", "2.5", "3", "1e-07"]
    frame.with_columns(target=None).cast({"target": pl.Float32}).write_parquet(tmp_path / "q.parquet")
    with pytest.raises(InputError, match="row 1: 'target' is null"):
        read(tmp_path / "q.parquet")


def test_a_packed_file_is_unpacked_up_to_a_limit_whatever_the_case_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = as_json_lines(tmp_path).read_bytes()
    path = tmp_path / "Q.JSONL.GZ"
    path.write_bytes(gzip.compress(raw))
    monkeypatch.setattr(fields, "UNPACKED_MAX", len(raw))
    assert read(path).examples == ROWS
    path.write_bytes(gzip.compress(raw + b"\n"))
    with pytest.raises(InputError, match=r"Q\.JSONL\.GZ: holds more than 0 MB; unpack it, and name that file"):
        read(path)


GOOD = ROWS[0]
BAD: dict[str, tuple[list[Any], str]] = {
    "no row": ([], ": holds no row"),
    "not an object": ([GOOD, "text"], ": line 2: is a string, expected an object"),
    "null target": ([GOOD, {"input": "a", "target": None}], ": line 2: 'target' is null, expected a string"),
    "no target": (
        [GOOD, {"input": "a", "targt": "b"}],
        ": line 2: 'target' is missing; the row has input, targt; add it or take",
    ),
    "blank target": ([{"input": "a", "target": " "}], ": line 1: 'target' is blank; mend the row or take it out"),
    "empty list": ([{"input": "a", "target": []}], ": line 1: 'target' is an empty list"),
    "a null in a list": ([{"input": "a", "target": ["b", None]}], ": line 1: 'target' is null"),
    "true": ([{"input": "a", "target": True}], ": line 1: 'target' is true or false, expected a string"),
    "an object": (
        [{"input": "a", "target": {"value": "b"}}],
        ": line 1: 'target' is an object; name a part of it, such as target.value",
    ),
    "number as input": ([{"input": 3, "target": "b"}], ": line 1: 'input' is a number, expected a string"),
    "blank input": ([{"input": "", "target": "b"}], ": line 1: 'input' is blank"),
    "no input": (
        [GOOD, {"inptu": "a", "target": "b"}],
        ": line 2: 'input' is missing; the row has inptu, target; add it or",
    ),
    "no column for the input": (
        [{"inptu": "a", "target": "b"}],
        ": no column for the input; it has inptu, target. Name it in input_column",
    ),
    "no column for the target": ([{"input": "a", "t": "b"}], ": no column for the target; it has input, t. Name it in"),
    "two inputs": (
        [{"input": "a", "instruction": "c", "target": "b"}],
        ": 'input', 'instruction' may each be the input; name one in input_column, or several with a comma between",
    ),
    "misspelt choices": (
        [{"input": "a", "choises": ["b", "c"], "target": "b"}],
        ": column 'choises': nothing reads it; did you mean 'choices'? Rename it, ",
    ),
    "target not among choices": (
        [{"input": "a", "choices": ["b", "c"], "target": x} for x in ("b", "c", "d")],
        ": line 3: target 'd' is none of b, c (most rows name a choice by its text); mend the row",
    ),
    "place past the end": (
        [{"input": "a", "choices": ["b", "c"], "target": x} for x in (0, 1, 2)],
        ": line 3: target '2' is none of 0, 1 (most rows name a choice by its place, from 0); mend the row",
    ),
    "places from 0 or from 1": (
        [{"input": "a", "choices": ["b", "c", "d"], "target": x} for x in (1, 2)],
        "q.jsonl: the targets may be places counted from 0 or from 1; write the right choice or its label",
    ),
    "all right": (
        [{"input": "a", "choices": ["b", "c"], "target": ["b", "c"]}],
        ": line 1: every choice is right, so there is nothing to choose",
    ),
    "null choices": (
        [{"input": "a", "choices": ["b"], "target": "b"}, {"input": "a", "choices": None, "target": "b"}],
        ": line 2: 'choices' is null",
    ),
    "labels": (
        [{"input": "a", "choices": {"text": ["b", "c"], "label": ["A"]}, "target": "A"}],
        ": line 1: 'choices' has 2 texts and 1 labels; mend the row",
    ),
    "choices and scores": (
        [{"input": "a", "choices": ["b", "c"], "target_scores": {"b": 1, "c": 0}, "target": "b"}],
        ": 'target_scores' and 'choices' may each be the choices; name one in choices_column",
    ),
    "scores as text": (
        [{"input": "a", "target_scores": {"b": "1", "c": 0}}],
        ": line 1: key 'target_scores', choice 'b': a string, expected a number from 0 to 1; mend the row",
    ),
    "one row without scores": (
        [{"input": "a", "target_scores": {"b": 1, "c": 0}}, {"input": "a", "target": "b"}],
        ": line 2: key 'target_scores': missing, needed by a multiple-choice metric; mend the row",
    ),
}


@pytest.mark.parametrize(("rows", "message"), BAD.values(), ids=list(BAD))
def test_a_bad_row_is_named_with_file_line_and_mend(
    rows: list[Any], message: str, tmp_path: Path, of: Callable[..., Subtask]
) -> None:
    with pytest.raises(InputError) as caught:
        of(*rows)
    assert str(caught.value).startswith(str(tmp_path / "q.jsonl"))
    assert message in str(caught.value)


FILES: dict[str, tuple[str, bytes, str]] = {
    "blank": ("q.jsonl", b"\n \n", ": holds no row"),
    "other kind": (
        "q.csv",
        b"input,target\n",
        ": its name ends in none of .jsonl, .ndjson, .json, .parquet; give the folder that it is in",
    ),
    "cut line": ("q.jsonl", b'{"input": "a", "target": "b"}\n{"input": "a"', ": line 2: not JSON ("),
    "key twice": ("q.jsonl", b'{"input": "a", "input": "c", "target": "b"}', ": line 1: key 'input': stands twice"),
    "choice twice": (
        "q.jsonl",
        b'{"input": "a", "target_scores": {"b": 1, "b": 0}}',
        ": line 1: key 'b': stands twice; take one out",
    ),
    "a list as lines": (
        "q.jsonl",
        b'[\n{"input": "a"}\n]',
        ": line 1: expected one object per line; name the file .json",
    ),
    "not UTF-8": ("q.jsonl", '{"input": "é"}'.encode("latin-1"), ": not UTF-8 at byte 11"),
    "no gzip": ("q.jsonl.gz", b'{"input": "a"}', ": not a whole gzip file ("),
    "cut gzip": ("q.jsonl.gz", gzip.compress(b"{}" * 99)[:-9], ": not a whole gzip file ("),
    "half a pair": ("q.jsonl", b'{"input": "\\ud800", "target": "b"}', ": line 1: holds half a surrogate pair"),
    "task.json": ("q.json", b'{"name": "q", "examples": []}', ": key 'name': is read in BIG-Bench's own format"),
    "unknown key": ("q.json", b'{"exampels": 3, "examples": []}', ": key 'exampels': unknown beside 'examples'"),
    "other object": ("q.json", b'{"data": []}', ": holds an object of 'data', expected a list of objects or {"),
    "a text": ("q.json", b'"a"', ": holds a string, expected a list of objects"),
    "no examples": ("q.json", b'{"canary": "", "examples": []}', ": holds no row"),
    "no parquet": ("q.parquet", b"PAR1", ": not readable as parquet ("),
}


@pytest.mark.parametrize(("name", "content", "message"), FILES.values(), ids=list(FILES))
def test_a_bad_file_is_named_with_what_is_wrong(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}{message}")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns(input="input,input"), ": column 'input' stands twice in input_column; take one out"),
        (Columns(target="input"), ": column 'input' is the input and the target; name another in one of the two"),
    ],
)
def test_a_column_is_used_once(columns: Columns, message: str, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"input": "a", "target": "b"}\n')
    with pytest.raises(InputError) as caught:
        load_questions(path, "q", named=columns)
    assert str(caught.value) == f"{path}{message}"


def test_of_several_splits_or_subsets_one_must_be_named(tmp_path: Path) -> None:
    for name in ("train", "test"):
        parquet(tmp_path / f"{name}.parquet", [{"input": name, "target": "b"}])
    with pytest.raises(InputError, match="has 2 splits; name one in column 'split': test, train"):
        read(tmp_path)
    with pytest.raises(InputError, match="has no split 'dev'; name one in column 'split': test, train"):
        read(tmp_path, split="dev")
    assert read(tmp_path, split="test").examples == [{"input": "test", "target": "b"}]
    for name in ("easy", "hard"):
        (tmp_path / "sub" / name).mkdir(parents=True)
        parquet(tmp_path / "sub" / name / "test.parquet", [{"input": name, "target": "b"}])
    configs = "".join(f"- config_name: {n}\n  data_files: {n}/*.parquet\n" for n in ("easy", "hard"))
    (tmp_path / "sub/README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    with pytest.raises(InputError, match="has 2 subsets; name one in column 'subset': easy, hard"):
        read(tmp_path / "sub")
    assert read(tmp_path / "sub", subset="hard").examples == [{"input": "hard", "target": "b"}]
    with pytest.raises(InputError, match="is one file, and key 'split'"):
        read(tmp_path / "test.parquet", split="test")


@pytest.mark.parametrize("key", ["subset", "split"])
@pytest.mark.parametrize("save", [as_saved_split, as_saved_dataset, as_hub_folder])
def test_a_subset_or_split_that_a_dataset_does_not_have(save: Callable[[Path], Path], key: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"mine: has no {key} 'dev'; name one in column '{key}': "):
        read(save(tmp_path), **{key: "dev"})


def test_a_folder_that_changes_is_read_anew_and_no_copy_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "mine").mkdir()
    for word in ("old", "new"):
        parquet(tmp_path / "mine/test.parquet", [{"input": word, "target": "b"}])
        assert read(tmp_path / "mine").examples[0]["input"] == word
    assert not list((tmp_path / "cache").rglob("*.arrow"))


def test_a_folder_that_holds_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "notes.xyz").write_text("nothing")
    with pytest.raises(InputError, match="cannot be loaded as a dataset"):
        read(tmp_path)
