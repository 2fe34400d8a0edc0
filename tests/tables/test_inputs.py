"""Config, ladder and suite tables: read as typed, refused with file, row and key."""

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from rescore.config.folder import check_source
from rescore.config.inputs import check_cases, read_ladders, read_models, read_suite, slug
from rescore.config.task_sources import questions_at
from rescore.config.validation import read_yaml, validate
from rescore.tables import InputError
from rescore.tables.axes import checkpoint_ladders

CONFIG = Path("config/config.yaml")
LADDER = "model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\tcompute_flops\ttrust_remote_code\n"
SUITE = "task\tshots\tmax_examples\tseed\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_ladder_table_is_typed_and_its_compute_filled_in(tmp_path: Path) -> None:
    commit = "0123456789" * 4
    text = LADDER + f"a\tf\torg/a\t{commit}\t1e6\t2000000\tfloat32\t\t\nb\tf\t~/b\t-\t7\t5\tfloat16\t3e20\tTRUE\n"
    a, b = read_ladders([write(tmp_path / "pythia.tsv", text)]).to_dicts()
    assert (a["ladder"], a["n_params"], a["n_tokens"], a["trust_remote_code"]) == (
        "pythia",
        1_000_000,
        2_000_000,
        False,
    )
    assert a["compute_flops"] == 6 * 1e6 * 2e6
    assert (b["compute_flops"], b["trust_remote_code"], b["dtype"]) == (3e20, True, "float16")
    assert b["source"] == str(Path.home() / "b")


def test_a_ladder_table_may_leave_its_optional_columns_out(tmp_path: Path) -> None:
    text = "model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\r\na\tf\tx\t-\t2\t3\tbfloat16\r\n"
    [row] = read_ladders([write(tmp_path / "l.tsv", text)]).to_dicts()
    assert (row["compute_flops"], row["dtype"]) == (36.0, "bfloat16")


GOOD = ["a", "f", "x", "-", "2", "3", "float32", "", ""]
BAD_CELLS = {
    "slug": (0, "a/b", "'model': 'a/b', expected a name of letters, digits"),
    "no slug": (0, "", "'model': missing"),
    "revision": (3, "my branch", "'revision': 'my branch', expected a commit, tag or branch on the Hub"),
    "text as number": (4, "many", "'n_params': 'many', expected a whole number, such as 1200000"),
    "fraction": (4, "1.5", "'n_params': 1.5, expected a whole number, such as 1200000"),
    "zero": (4, "0", "'n_params': 0, expected more than 0"),
    "too large to hold": (5, "1e30", "'n_tokens': '1e30', expected a whole number"),
    "dtype": (6, "int8", "'dtype': 'int8', expected float32 or bfloat16 or float16"),
    "infinite": (7, "inf", "'compute_flops': 'inf', expected a number"),
    "not a number": (7, "nan", "'compute_flops': 'nan', expected a number"),
    "truth": (8, "yes", "'trust_remote_code': 'yes', expected true or false"),
}


@pytest.mark.parametrize(("column", "cell", "message"), BAD_CELLS.values(), ids=list(BAD_CELLS))
def test_a_cell_that_breaks_the_schema_is_named_with_row_and_key(
    tmp_path: Path, column: int, cell: str, message: str
) -> None:
    bad = ["b", *GOOD[1:]]
    bad[column] = cell
    path = write(tmp_path / "l.tsv", LADDER + "\t".join(GOOD) + "\n" + "\t".join(bad) + "\n")
    with pytest.raises(InputError, match=f"^{path}: row 3: key {message}") as caught:
        read_ladders([path])
    assert "\n" not in str(caught.value)


BAD_FILES = {
    "empty": (b"", "holds no row"),
    "header": (SUITE.encode(), "holds no row"),
    "latin": (SUITE.encode() + b"\xff\t0\t\t1\n", f"not UTF-8 at byte {len(SUITE)}"),
    "ragged": (SUITE.encode() + b"\na\t0\t\t1\t2\n", "row 3: 5 cells, but the header has 4 columns"),
    "column twice": (b"task\tseed\ttask\na\t0\tb\n", "row 1: column 'task' of the header: stands twice; take one out"),
    "typo": (b"task\tshot\tseed\na\t0\t1\n", "row 1: column 'shot' of the header: unknown; did you mean 'shots'?"),
    "strange column": (
        b"task\tshots\tseed\tzzzz\na\t0\t1\t1\n",
        "row 1: column 'zzzz' of the header: unknown; known are task, shots",
    ),
    "commas": (b"task,shots,seed\na,0,1\n", "row 1: the header holds commas, 'task,shots,seed'; put a tab between"),
    "spaces": (b"task shots  seed\na 0 1\n", "row 1: the header holds spaces, 'task shots  seed'; put a tab between"),
    "semicolons": (b"task;shots;seed\n", "row 1: the header holds semicolons, 'task;shots;seed'; put a tab between"),
    "half of the tabs": (b"task\tshots seed\na\t0 1\n", "row 1: column 'shots seed' of the header: unknown; did you"),
    "a spacer with a note": (
        b"task\tshots\t\tseed\na\t0\tx\t1\n",
        "row 1: column '' of the header: unknown; known are",
    ),
    "no column of seeds": (b"task\tshots\na\t0\n", "row 1: column 'seed' of the header: missing"),
    "control character": (
        SUITE.encode() + b"a\x07\t0\t\t1\n",
        "row 2: holds the control character '\\x07'; take it out",
    ),
    "differ in case": (
        SUITE.encode() + b"a\t0\t\t1\nA\t0\t\t1\n",
        "row 3: key 'task': 'A' and 'a' share one file name",
    ),
    "long name": (
        SUITE.encode() + "ä".encode() * 101 + b"\t0\t\t1\n",
        "row 2: key 'task': longer than a file's name may",
    ),
    "repeated": (SUITE.encode() + b"a\t0\t\t1\na\t2\t\t1\n", "row 3: key 'task': 'a' stands in row 2 already"),
    "whole and part": (SUITE.encode() + b"a:b\t0\t\t1\na\t0\t\t1\n", "row 2: key 'task': 'a:b' is part of 'a', also"),
    "one file name": (
        SUITE.encode() + b"a:b c\t0\t\t1\na:b-c\t0\t\t1\n",
        "row 3: key 'task': 'a:b-c' and 'a:b c' share",
    ),
    "two colons": (
        SUITE.encode() + b"a:b:c\t0\t\t1\n",
        "row 2: key 'task': 'a:b:c', expected task or task:subtask; no slash",
    ),
    "negative shots": (SUITE.encode() + b"a\t-1\t\t1\n", "row 2: key 'shots': -1, expected 0 or more"),
    "no questions": (SUITE.encode() + b"a\t0\t0\t1\n", "row 2: key 'max_examples': 0, expected 1 or more"),
    "seed": (SUITE.encode() + b"a\t0\t\t4294967296\n", "row 2: key 'seed': 4294967296, expected 4294967295 or less"),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=list(BAD_FILES))
def test_a_suite_table_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "s.tsv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_suite(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_several_bad_rows_are_named_together(tmp_path: Path) -> None:
    rows = "".join(f"t{n}\t{shots}\t\t1\n" for n, shots in enumerate(["0", "-1", "x", "0", "1.5", "-2", "-3"]))
    path = write(tmp_path / "s.tsv", SUITE + rows)
    with pytest.raises(InputError) as caught:
        read_suite(path)
    assert str(caught.value) == (
        f"{path}: row 3: key 'shots': -1, expected 0 or more; also {path}: row 4: key 'shots': 'x', expected a whole "
        f"number, such as 1200000; also {path}: row 6: key 'shots': 1.5, expected a whole number, such as 1200000; "
        "also 2 more"
    )
    path = write(tmp_path / "l.tsv", LADDER + "".join(f"{m}\tf\tx\t-\t2\t\tfloat32\t\t\n" for m in "ab"))
    with pytest.raises(InputError, match=r"row 2: key 'n_tokens': missing.*; also .*: row 3: key 'n_tokens': missing"):
        read_ladders([path], axis="compute_flops")


ROWS_BELOW = {
    "blank line": ("", "\n\n", 4),
    "two, one of them of tabs": ("", "\n\n\t\t\t\n", 5),
    "before the header": ("\n\n", "\n", 5),
    "line ends of Windows": ("", "\r\n\r\n", 4),
    "byte order mark": ("\ufeff", "\n", 3),
}


@pytest.mark.parametrize(("above", "between", "row"), ROWS_BELOW.values(), ids=list(ROWS_BELOW))
@pytest.mark.parametrize(
    ("task", "message"),
    [("a:x", "'a:x' is part of 'a', also listed"), ("a", "'a' stands in row"), ("a:b:c", "'a:b:c', expected task or")],
)
def test_blank_lines_count_in_the_row_that_a_message_names(
    tmp_path: Path, above: str, between: str, row: int, task: str, message: str
) -> None:
    path = tmp_path / "s.tsv"
    path.write_bytes(f"{above}{SUITE}a\t0\t\t1{between}{task}\t0\t\t1\n".encode())
    with pytest.raises(InputError) as caught:
        read_suite(path)
    assert str(caught.value).startswith(f"{path}: row {row}: key 'task': {message}")


def test_blank_lines_count_in_a_ladders_rows_too(tmp_path: Path) -> None:
    row = "\t".join(GOOD)
    path = write(tmp_path / "l.tsv", f"\n{LADDER}{row}\n\n{row.replace('float32', 'int8').replace('a', 'b', 1)}\n")
    with pytest.raises(InputError, match=f"^{path}: row 5: key 'dtype': 'int8'"):
        read_ladders([path])


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^{tmp_path / 'no.tsv'}: no such file$"):
        read_suite(tmp_path / "no.tsv")


def test_a_model_may_stand_in_several_ladders(tmp_path: Path) -> None:
    row, other = "\t".join(GOOD) + "\n", "\t".join(["b", *GOOD[1:]]) + "\n"
    first = write(tmp_path / "one.tsv", LADDER + row)
    second = write(tmp_path / "two.tsv", LADDER + other + row.replace("\tf\t", "\tits checkpoints\t"))
    found = read_ladders([first, second]).select("ladder", "model", "compute_flops").rows()
    assert found == [("one", "a", 36.0), ("two", "b", 36.0), ("two", "a", 36.0)]


CHANGED = {
    "source": (2, "y", "key 'source': 'y' for 'a', but 'x'"),
    "tokens": (5, "4", "key 'n_tokens': 4 for 'a', but 3"),
    "no tokens": (5, "", "key 'n_tokens': blank for 'a', but 3"),
    "dtype": (6, "float16", "key 'dtype': 'float16' for 'a', but 'float32'"),
    "compute": (7, "37", "key 'compute_flops': 37.0 for 'a', but 36.0"),
    "code": (8, "true", "key 'trust_remote_code': True for 'a', but False"),
}


@pytest.mark.parametrize(("column", "cell", "message"), CHANGED.values(), ids=list(CHANGED))
def test_a_model_is_the_same_in_every_ladder(tmp_path: Path, column: int, cell: str, message: str) -> None:
    changed = list(GOOD)
    changed[column] = cell
    first = write(tmp_path / "one.tsv", LADDER + "\n" + "\t".join(GOOD) + "\n")
    second = write(tmp_path / "two.tsv", LADDER + "\t".join(changed) + "\n")
    with pytest.raises(InputError) as caught:
        read_ladders([first, second])
    assert str(caught.value) == (
        f"{second}: row 2: {message} in {first}: row 3; make the two rows agree, or rename one"
    )


def test_a_model_is_that_of_the_first_ladder_that_lists_it(tmp_path: Path) -> None:
    rows = ["\t".join([name, *GOOD[1:]]) + "\n" for name in "abc"]
    one, two = write(tmp_path / "one.tsv", LADDER + rows[1]), write(tmp_path / "two.tsv", LADDER + "".join(rows))
    models = read_models([one, two])
    assert {name: row["where"] for name, row in models.items()} == {
        "b": f"{one}: row 2", "a": f"{two}: row 2", "c": f"{two}: row 4"
    }  # fmt: skip
    [same] = (row for row in read_ladders([one, two]).to_dicts() if row["model"] == "a")
    assert models["a"] == same | {"where": f"{two}: row 2"}


def test_models_that_differ_in_case_are_two_but_cannot_have_folders(tmp_path: Path) -> None:
    rows = ["\t".join([name, *GOOD[1:]]) + "\n" for name in ("M", "other", "m")]
    one = write(tmp_path / "one.tsv", LADDER + "".join(rows))
    assert read_ladders([one])["model"].to_list() == ["M", "other", "m"]
    with pytest.raises(InputError) as caught:
        check_cases(read_models([one]))
    assert str(caught.value) == f"{one}: row 4: key 'model': 'm' differs from 'M' (row 2) in case only; rename one"
    write(one, LADDER + rows[0])
    two = write(tmp_path / "two.tsv", LADDER + rows[1] + rows[2])
    with pytest.raises(InputError, match=rf"^{two}: row 3: key 'model': 'm' differs from 'M' \({one}: row 2\) in case"):
        check_cases(read_models([one, two]))


def test_unknown_columns_without_any_cell_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "s.tsv", "task\tmy notes, old\tshots\t\tseed\na\t\t2\t \t1\nb\t\t0\t\t3\n")
    assert [(row["task"], row["shots"], row["seed"]) for row in read_suite(path)] == [("a", 2, 1), ("b", 0, 3)]
    assert "my notes, old" not in read_suite(path)[0]
    write(path, "task\tnotes, old\tshots\tseed\na\tx\t2\t1\n")
    with pytest.raises(InputError, match="row 1: column 'notes, old' of the header: unknown; known are task"):
        read_suite(path)


def test_the_home_of_nobody_is_refused_with_its_row(tmp_path: Path) -> None:
    path = write(tmp_path / "l.tsv", LADDER + "\t".join([*GOOD[:2], "~no-such-user/x", *GOOD[3:]]) + "\n")
    with pytest.raises(InputError, match=f"^{path}: row 2: key 'source': ~no-such-user/x: no user 'no-such-user'; wr"):
        read_ladders([path])
    with pytest.raises(InputError, match=r"^s.tsv: row 2: key 'path': ~no-such-user/q: no user"):
        questions_at({"where": "s.tsv: row 2", "path": "~no-such-user/q"})


def test_two_ladders_cannot_share_a_name(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "l.tsv", tmp_path / "b" / "l.tsv"
    for path in (first, second):
        path.parent.mkdir()
        write(path, LADDER + "\t".join(GOOD) + "\n")
    with pytest.raises(InputError, match=f"^{second}: {first} gives a ladder 'l' already; rename the file$"):
        read_ladders([first, second])


def test_tokens_may_be_unknown_and_compute_with_them(tmp_path: Path) -> None:
    rows = [["a", *GOOD[1:]], ["b", *GOOD[1:5], "", *GOOD[6:]], ["c", *GOOD[1:5], "", "float32", "9e9", ""]]
    path = write(tmp_path / "l.tsv", LADDER + "".join("\t".join(row) + "\n" for row in rows))
    found = read_ladders([path], axis="n_params")
    assert found.select("n_tokens", "compute_flops").rows() == [(3, 36.0), (None, None), (None, 9e9)]
    with pytest.raises(InputError) as caught:
        read_ladders([path], axis="compute_flops")
    assert str(caught.value) == (
        f"{path}: row 3: key 'n_tokens': missing, so 'b' has no place along compute; give it, or test along parameters "
        "(discontinuity.axis: n_params)"
    )
    with pytest.raises(
        InputError, match="row 2: key 'pretraining_loss_nats': missing, so 'a' has no place along pretr"
    ):
        read_ladders([path], axis="pretraining_loss_nats")


def test_one_size_in_training_is_told_from_sizes() -> None:
    shipped = [Path(f"config/ladders/{name}.tsv") for name in ("nano", "nano-w16-tokens", "pythia-160m-steps", "gpt2")]
    assert checkpoint_ladders(read_ladders(shipped)) == {"nano-w16-tokens", "pythia-160m-steps"}
    single = read_ladders(shipped[1:2]).tail(1)
    assert not checkpoint_ladders(single)
    first_unknown = pl.when(pl.int_range(pl.len()) > 0).then("compute_flops")
    unknown = read_ladders(shipped[1:2]).with_columns(compute_flops=first_unknown)
    assert not checkpoint_ladders(unknown)


def test_a_suites_rows_have_slugs_and_leave_blank_cells_out(tmp_path: Path) -> None:
    path = write(tmp_path / "s.tsv", SUITE + "a:b c\t2\t\t0\nd\t0\t7\t1\n")
    assert read_suite(path) == [
        {"task": "a:b c", "shots": 2, "seed": 0, "slug": "a.b-c", "where": f"{path}: row 2", "form": {}},
        {"task": "d", "shots": 0, "max_examples": 7, "seed": 1, "slug": "d", "where": f"{path}: row 3", "form": {}},
    ]


@pytest.mark.parametrize(
    ("task", "expected"), [("a", "a"), ("a:b", "a.b"), ("a:b/c d", "a.b-c-d"), ("a:a?os", "a.a-os")]
)
def test_a_slug_is_a_file_name(task: str, expected: str) -> None:
    assert slug(task) == expected


def test_a_source_is_a_folder_with_weights_or_a_pinned_model(tmp_path: Path) -> None:
    row = {"model": "m", "source": str(tmp_path), "revision": "-", "gguf_file": None}
    with pytest.raises(InputError, match=f"l.tsv: model 'm': key 'source': {tmp_path} holds no config.json"):
        check_source(row, "l.tsv")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"holds no tokenizer \(tokenizer.json, "):
        check_source(row, "l.tsv")
    (tmp_path / "vocab.json").touch()
    with pytest.raises(InputError, match=r"holds no weights \(\*.safetensors\)"):
        check_source(row, "l.tsv")
    (tmp_path / "model.safetensors").touch()
    check_source(row, "l.tsv")
    with pytest.raises(
        InputError, match=r"'source': no folder org/m; a model of the Hub needs its commit or tag as 'revision'$"
    ):
        check_source(row | {"source": "org/m"}, "l.tsv")
    for source in ("models/org/m", "~/m", "/m", "org/"):
        with pytest.raises(InputError, match=r"nor a model's name on the Hub \(org/name\)$"):
            check_source(row | {"source": source, "revision": "main"}, "l.tsv")
    for revision in ("0" * 40, "main", "refs/pr/1"):
        check_source(row | {"source": "org/m", "revision": revision}, "l.tsv")


def test_a_gguf_file_stands_for_config_tokenizer_and_weights(tmp_path: Path) -> None:
    row = {"model": "m", "source": str(tmp_path), "revision": "-", "gguf_file": "a.gguf"}
    with pytest.raises(InputError, match=f"^l.tsv: model 'm': key 'gguf_file': {tmp_path} holds no a.gguf$"):
        check_source(row, "l.tsv")
    (tmp_path / "a.gguf").touch()
    check_source(row, "l.tsv")


def test_how_a_model_is_loaded_and_where_its_figures_are_from(tmp_path: Path) -> None:
    header = "model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\tgguf_file\tdevice_map\tfigures\n"
    path = write(tmp_path / "l.tsv", header + "a\tf\tx\t-\t2\t3\tfloat32\ta.gguf\tauto\tthe paper\n")
    [row] = read_ladders([path]).to_dicts()
    assert (row["gguf_file"], row["device_map"]) == ("a.gguf", "auto")
    assert "figures" not in row  # for readers: no number may depend on it
    for cells, message in (
        ("../a.gguf\tauto", "'gguf_file': '../a.gguf', expected the name of a GGUF file"),
        ("a.gguf\tcuda", "'device_map': 'cuda'"),
    ):
        write(path, header + f"a\tf\tx\t-\t2\t3\tfloat32\t{cells}\tthe paper\n")
        with pytest.raises(InputError, match=f"row 2: key {message}"):
            read_ladders([path])


def config(**changes: Any) -> dict[str, Any]:
    return yaml.safe_load(CONFIG.read_text()) | changes


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (config(suit="x"), "key 'suit': unknown; did you mean 'suite'?"),
        (config(extract={"batch_token": 1}), "key 'extract.batch_token': unknown; did you mean 'batch_tokens'?"),
        (config(extract={"batch_tokens": 1}), "key 'extract.max_new_tokens': missing"),
        (
            config(extract={"batch_tokens": -1, "max_new_tokens": 1, "shards": 1}),
            "key 'extract.batch_tokens': -1, expected 0 or more",
        ),
        (config(ladders=[]), "key 'ladders': "),
        (config(ladders=[""]), "key 'ladders.0': "),
        (config(suite=""), "key 'suite': "),
        (config() | {True: 1}, "key 'True': unknown"),
        (config(discontinuity={datetime.date(2020, 1, 1): 1}), "key 'discontinuity.2020-01-01': unknown"),
        (
            config(ladders="config/ladders/nano.tsv"),
            "key 'ladders': 'config/ladders/nano.tsv', expected a list, such as",
        ),
        (config(bigbench={"path": 3, "hub": None}), "key 'bigbench.path': 3, expected text or null (a folder"),
        ({}, "key 'ladders': missing"),
        (
            config(discontinuity={**yaml.safe_load(CONFIG.read_text())["discontinuity"], "confidence": float("nan")}),
            "key 'discontinuity.confidence': nan, expected a number",
        ),
        (None, "null, expected keys with values"),
    ],
)
def test_a_config_that_cannot_be_used(changed: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(changed, "config", "config.yaml")
    assert str(caught.value).startswith(f"config.yaml: {message}")


def test_merge_keys_may_stand_twice_and_an_alias_of_itself_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "c.yaml", "a: &a {x: 1}\nb: &b {y: 2}\nc:\n  <<: *a\n  <<: *b\n  z: 3\n")
    assert read_yaml(path)["c"] == {"x": 1, "y": 2, "z": 3}
    write(path, "a: &a [1, *a]\n")
    with pytest.raises(
        InputError, match=rf"^{path}: nested too deeply, or an alias \(\*\) stands inside its own anchor"
    ):
        read_yaml(path)


@pytest.mark.parametrize(("text", "line"), [("a: 1\nb:\n\tc: 1\n", 3), ("a: 1\n b: 2\n", 2), ("a: b: c\n", 1)])
def test_a_file_that_is_no_yaml_is_named_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = write(tmp_path / "c.yaml", text)
    with pytest.raises(
        InputError, match=rf"^{path}: line {line}: not YAML \(.*\); indent with spaces, one key and its"
    ):
        read_yaml(path)


def test_the_shipped_config_is_valid() -> None:
    validate(config(), "config", str(CONFIG))
