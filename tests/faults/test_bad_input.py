"""One table of input that cannot be used, and input that hypothesis makes: one line each, never a traceback."""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rescore import cli
from rescore.config import plan
from rescore.tables import CURVES, EXAMPLES, SCORES, read, write

REPOSITORY = Path(__file__).parents[2]
CONFIG: dict[str, Any] = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
LADDER = "model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype\n"
SUITE = "task\tshots\tmax_examples\tseed\n"
TASK: dict[str, Any] = {
    "canary": "",
    "name": "fruit",
    "description": "Name it.",
    "keywords": [],
    "metrics": ["multiple_choice_grade", "exact_str_match"],
    "preferred_score": "multiple_choice_grade",
    "examples": [{"input": f"q{i}", "target": "a", "target_scores": {"a": 1, "b": 0}} for i in range(4)],
}
DISCONTINUITY = CONFIG["discontinuity"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, a task, a ladder, a suite and scores that can all be used, and nothing else."""
    monkeypatch.chdir(tmp_path)
    lay(tmp_path)
    return tmp_path


def lay(folder: Path) -> None:
    for path in ("data/tasks/fruit", "model"):
        (folder / path).mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / "model" / name).write_text("{}")
    (folder / "data/tasks/fruit/task.json").write_text(json.dumps(TASK))
    (folder / "ladder.tsv").write_text(LADDER + "".join(model_row(model=f"m{i}", n_params=10**i) for i in range(1, 7)))
    (folder / "suite.tsv").write_text(SUITE + "fruit\t0\t\t1\n")
    write(scores(), folder / "scores.parquet", SCORES, {})


def model_row(**changes: object) -> str:
    row = {"model": "m1", "family": "f", "source": "model", "revision": "-", "n_params": 10, "n_tokens": 1000}
    return "\t".join(str(v) for v in (row | {"dtype": "float32"} | changes).values()) + "\n"


def scores(**changes: Any) -> pl.DataFrame:
    """Scores of six models; `changes` are columns."""
    rows = [
        {"model": f"m{m}", "task": "fruit", "subtask": "fruit", "example_id": i, "metric": metric, "score": value}
        for m in range(1, 7)
        for i in range(3)
        for metric, value in (("exact_match", float(i % 2)), ("nll_nats_per_token", 1.0 + i / m))
    ]
    return (
        pl.DataFrame(rows)
        .with_columns(reason=pl.lit(None, pl.String))
        .select(list(SCORES.columns))
        .with_columns(**changes)
    )


def planned(config: object) -> None:
    with plan.exiting():
        plan.make(config, "config.yaml")  # type: ignore[arg-type]


def usable(**changes: Any) -> dict[str, Any]:
    return CONFIG | {"ladders": ["ladder.tsv"], "suite": "suite.tsv"} | changes


def extracted(**changes: object) -> dict[str, Any]:
    return usable(extract=CONFIG["extract"] | changes)


def judging(**changes: object) -> dict[str, Any]:
    return usable(discontinuity=DISCONTINUITY | changes)


def laddered(text: str | bytes) -> dict[str, Any]:
    Path("ladder.tsv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return usable()


def suited(text: str | bytes) -> dict[str, Any]:
    Path("suite.tsv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return usable()


def command(*arguments: object) -> None:
    """Run the command line in this process."""
    before, sys.argv = sys.argv, ["rescore", *map(str, arguments)]
    try:
        cli.main()
    finally:
        sys.argv = before


def prompted(content: str | bytes, *options: object) -> None:
    path = Path("data/tasks/fruit/task.json")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    command("prompts", "--bigbench", "data/tasks", "--task", "fruit", "--out", "out.parquet", *options)


def task(**changes: object) -> str:
    return json.dumps({k: v for k, v in (TASK | changes).items() if v is not ...})


def example(**changes: object) -> str:
    return task(examples=[{k: v for k, v in (TASK["examples"][0] | changes).items() if v is not ...}])


def judged(frame: pl.DataFrame | None = None, *options: object) -> None:
    if frame is not None:
        frame.write_parquet("scores.parquet")
    command("test", "--scores", "scores.parquet", "--ladder", "ladder.tsv", "--out", "out", *options)


BAD: dict[str, tuple[Callable[[], object], str]] = {
    # config
    "config: a list": (lambda: planned([]), "config.yaml: [], expected keys with values"),
    "config: nothing": (lambda: planned(None), "config.yaml: null, expected keys with values"),
    "config: unknown key": (lambda: planned(usable(suites="x")), "'suites': unknown; did you mean 'suite'?"),
    "config: ladder twice": (lambda: planned(usable(ladders=["ladder.tsv"] * 2)), "'ladders': "),
    "config: no ladder": (lambda: planned(usable(ladders=[])), "'ladders': "),
    "config: a ladder that is a folder": (lambda: planned(usable(ladders=["model"])), "model: "),
    "config: suite of no text": (lambda: planned(usable(suite=3)), "'suite': 3, expected text"),
    "ladder: a name too long for a file": (
        lambda: planned(laddered(LADDER + model_row(source="x" * 300))),
        "File name too long: 'xxx",
    ),
    "config: no suite": (lambda: planned(usable(suite="none.tsv")), "none.tsv: no such file"),
    "config: no shards": (lambda: planned(extracted(shards=0)), "'extract.shards': 0, expected 1 or more"),
    "config: half a shard": (lambda: planned(extracted(shards=1.5)), "'extract.shards': 1.5, expected a whole number"),
    "config: a truth for a number": (
        lambda: planned(extracted(shards=True)),
        "'extract.shards': true, expected a whole number",
    ),
    "config: text for a number": (
        lambda: planned(extracted(batch_tokens="16k")),
        "'extract.batch_tokens': '16k', expected a whole number",
    ),
    "config: confidence is NaN": (
        lambda: planned(judging(confidence=math.nan)),
        "'discontinuity.confidence': nan",
    ),
    "config: endless alpha": (
        lambda: planned(judging(confidence=math.inf)),
        "'discontinuity.confidence': inf, expected 0.999 or less",
    ),
    "config: negative seed": (lambda: planned(judging(seed=-1)), "'discontinuity.seed': -1, expected 0 or more"),
    "config: few draws": (
        lambda: planned(judging(draws=10)),
        "'discontinuity.draws': 10, expected 99 or more",
    ),
    "config: no hub": (lambda: planned(usable(bigbench={"path": None})), "'bigbench.hub': missing"),
    "config: no such folder": (
        lambda: (suited(SUITE + "arithmetic\t0\t\t1\n"), planned(usable(bigbench={"path": "none", "hub": None}))),
        "suite.tsv: row 2: key 'task': none/arithmetic/task.json: no such file",
    ),
    # ladder
    "ladder: empty": (lambda: planned(laddered("")), "ladder.tsv: holds no row"),
    "ladder: header alone": (lambda: planned(laddered(LADDER)), "ladder.tsv: holds no row"),
    "ladder: binary": (lambda: planned(laddered(bytes(range(256)))), "ladder.tsv: "),
    "ladder: UTF-16": (lambda: planned(laddered((LADDER + model_row()).encode("utf-16"))), "ladder.tsv: "),
    "ladder: a column twice": (
        lambda: planned(laddered(LADDER.replace("family", "model") + model_row())),
        "ladder.tsv: ",
    ),
    "ladder: no tokens": (
        lambda: planned(laddered(LADDER.replace("\tn_tokens", "") + "m\tf\tmodel\t-\t1\tfloat32\n")),
        "ladder.tsv: row 2: key 'n_tokens': missing",
    ),
    "ladder: too many parameters": (
        lambda: planned(laddered(LADDER + model_row(n_params="1e400"))),
        "'n_params': '1e400'",
    ),
    "ladder: negative": (
        lambda: planned(laddered(LADDER + model_row(n_params=-5))),
        "'n_params': -5, expected more than 0",
    ),
    "ladder: a way out": (
        lambda: planned(laddered(LADDER + model_row(model="../../etc"))),
        "'model': '../../etc', expected a name",
    ),
    "ladder: an option": (
        lambda: planned(laddered(LADDER + model_row(model="--out"))),
        "'model': '--out', expected a name",
    ),
    "ladder: a shell": (
        lambda: planned(laddered(LADDER + model_row(model="m;ls"))),
        "'model': 'm;ls', expected a name",
    ),
    "ladder: no file name": (lambda: planned(laddered(LADDER + model_row(model="m" * 300))), "'model': "),
    "ladder: a cell too many": (lambda: planned(laddered(LADDER + model_row(dtype="float32\tx"))), "ladder.tsv: "),
    "ladder: int8": (lambda: planned(laddered(LADDER + model_row(dtype="int8"))), "'dtype': 'int8', expected float32"),
    "ladder: no such model": (
        lambda: planned(laddered(LADDER + model_row(source="no where"))),
        "ladder.tsv: row 2: model 'm1': key 'source'",
    ),
    # suite
    "suite: no task": (lambda: planned(suited(SUITE + "\t0\t\t1\n")), "suite.tsv: row 2: key 'task': missing"),
    "suite: a way out": (
        lambda: planned(suited(SUITE + "../x\t0\t\t1\n")),
        "row 2: key 'task': '../x', expected task or",
    ),
    "suite: a folder up": (
        lambda: planned(suited(SUITE + "..\t0\t\t1\n")),
        "suite.tsv: row 2: key 'task': data/tasks/../task.json: no such file",
    ),
    "suite: half a shot": (
        lambda: planned(suited(SUITE + "fruit\t.5\t\t1\n")),
        "'shots': 0.5, expected a whole number",
    ),
    "suite: endless": (
        lambda: planned(suited(SUITE + "fruit\t0\tinf\t1\n")),
        "'max_examples': 'inf', expected a whole",
    ),
    "suite: late error": (
        lambda: planned(suited(SUITE + "fruit\t0\t\t1\nfruits\t0\t\t1\n")),
        "row 3: key 'task': 'fruits'",
    ),
    "suite: more shots than questions": (lambda: prompted(task(), "--shots", 4), "fruit"),
    # task.json
    "task: empty": (lambda: prompted(""), "task.json: line 1: not JSON"),
    "task: a list": (lambda: prompted("[]"), "task.json: holds an empty list, expected an object"),
    "task: cut off": (lambda: prompted(task()[:-20]), "task.json: line 1: not JSON"),
    "task: UTF-16": (lambda: prompted(task().encode("utf-16")), "task.json: not UTF-8 at byte 0"),
    "task: half a character": (lambda: prompted(task(description="\ud800")), "half a surrogate pair"),
    "task: nested": (lambda: prompted("[" * 100_000), "task.json: "),
    "task: endless digits": (lambda: prompted(task().replace('"a": 1', '"a": ' + "9" * 5000)), "task.json: "),
    "task: no examples": (lambda: prompted(task(examples=[])), "key 'examples': holds no example"),
    "task: examples by name": (lambda: prompted(task(examples={})), "key 'examples': an empty object, expected a list"),
    "task: other name": (
        lambda: prompted(task(name="tree")),
        "key 'name': 'tree', expected its folder's name, 'fruit'",
    ),
    "task: metric": (lambda: prompted(task(metrics=["accuracy"])), "key 'metrics': 'accuracy' is not one of"),
    "task: expression": (lambda: prompted(task(output_regex="(")), "key 'output_regex': missing )"),
    "task: no input": (lambda: prompted(example(input=None)), "example 1: key 'input': null, expected a string"),
    "task: a score that is NaN": (
        lambda: prompted(example(target_scores={"a": math.nan, "b": 0})),
        "choice 'a': nan, expected a number from 0 to 1",
    ),
    "task: an endless score": (
        lambda: prompted(example(target_scores={"a": math.inf, "b": 0})),
        "choice 'a': inf, expected a number from 0 to 1",
    ),
    "task: true for a score": (
        lambda: prompted(example(target_scores={"a": True, "b": 0})),
        "choice 'a': true or false",
    ),
    "task: no choices": (lambda: prompted(example(target_scores=...)), "key 'target_scores': missing"),
    "task: number for a target": (lambda: prompted(example(target=3)), "key 'target': a number, expected a string or"),
    # scores
    "scores: no file": (lambda: (Path("scores.parquet").unlink(), judged()), "scores.parquet: no such file"),
    "scores: text": (lambda: (Path("scores.parquet").write_text("x"), judged()), "scores.parquet: not a parquet file"),
    "scores: no metric": (lambda: judged(scores().drop("metric")), "scores.parquet: column 'metric' is missing"),
    "scores: one more column": (lambda: judged(scores(x=1)), "scores.parquet: unknown column 'x'"),
    "scores: text for a score": (
        lambda: judged(scores(score=pl.lit("1"))),
        "column 'score' is String, expected Float64",
    ),
    "scores: not a number": (lambda: judged(scores(score=math.nan)), "column 'score' is not a number in row 0"),
    "scores: endless": (lambda: judged(scores(score=math.inf)), "score"),
    "scores: out of range": (lambda: judged(scores(score=7.0)), "score"),
    "scores: unknown metric": (
        lambda: judged(scores().filter(metric="exact_match").with_columns(metric=pl.lit("accuracy"))),
        "scores.parquet: holds no metric that is tested, but 'accuracy'",
    ),
    "scores: unknown model": (
        lambda: judged(scores(model=pl.lit("gpt"))),
        "no ladder lists any model of the scores (gpt): add their rows to a ladder table",
    ),
    "scores: a row twice": (lambda: judged(pl.concat([scores(), scores()])), "twice"),
    "scores: none": (lambda: judged(scores().clear()), "scores.parquet: holds no score"),
    "settings: no JSON": (lambda: judged(None, "--settings", "{"), "--settings: not JSON"),
    "settings: a list": (lambda: judged(None, "--settings", "[]"), "--settings: expected a JSON object"),
    "settings: unknown": (lambda: judged(None, "--settings", '{"alhpa": 1}'), "alhpa"),
    "settings: text": (lambda: judged(None, "--settings", '{"confidence": "x"}'), "confidence"),
    "settings: not a number": (lambda: judged(None, "--settings", '{"confidence": NaN}'), "confidence"),
}


def ends_in_one_line(call: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str | None:
    """Call; None where it succeeds, else its one line."""
    status: object = 0
    try:
        call()
    except SystemExit as end:
        status = end.code or 0
    error = capsys.readouterr().err
    if status == 0:
        return None
    assert status == 2, error
    assert error.startswith("rescore: ")
    assert error.count("\n") == 1, error
    assert len(error) < 1000
    return error


@pytest.mark.parametrize(("call", "says"), BAD.values(), ids=list(BAD))
def test_bad_input_ends_in_one_line(
    call: Callable[[], object], says: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ends_in_one_line(call, capsys)
    assert line is not None, "was taken"
    assert says in line
    assert not list(place.glob("out*"))


def test_there_are_many_cases_and_each_starts_from_what_can_be_used(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(BAD) >= 40
    for call in (lambda: planned(usable()), lambda: prompted(task()), lambda: prompted(example()), judged):
        assert ends_in_one_line(call, capsys) is None
    assert (place / "out/cliffs.csv").exists()


MANY = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spoiled(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """Replace, remove or add one value anywhere in nested dictionaries and lists."""
    copy = json.loads(json.dumps(whole))
    at: Any = copy
    while True:
        key = draw(st.sampled_from(sorted(at))) if isinstance(at, dict) else draw(st.integers(0, len(at) - 1))
        if isinstance(at[key], dict | list) and at[key] and draw(st.booleans()):
            at = at[key]
            continue
        what = draw(st.sampled_from(["replace", "remove", "add"]))
        if what == "replace" or isinstance(at, list):
            at[key] = draw(JSON)
        elif what == "remove":
            del at[key]
        else:
            at[draw(st.text(max_size=8))] = draw(JSON)
        return copy  # type: ignore[no-any-return]


@given(spoiled(CONFIG | {"ladders": ["ladder.tsv"], "suite": "suite.tsv"}))
@MANY
def test_a_config_that_was_spoiled_anywhere(place: Path, capsys: pytest.CaptureFixture[str], config: Any) -> None:
    ends_in_one_line(lambda: planned(config), capsys)


@given(spoiled(TASK))
@MANY
def test_a_task_that_was_spoiled_anywhere(place: Path, capsys: pytest.CaptureFixture[str], content: Any) -> None:
    if ends_in_one_line(lambda: prompted(json.dumps(content), "--shots", 1), capsys) is None:
        frame = read(place / "out.parquet", EXAMPLES)
        assert frame.height > 0
        (place / "out.parquet").unlink()


CELL = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["-1", "0", "1e5", "nan", "inf", "true", "../m", "m1", "float16", "a:b", '"', "\t", "\x00", "é"]
)


@given(st.lists(CELL, min_size=4, max_size=8), st.booleans())
@MANY
def test_rows_of_any_text(place: Path, capsys: pytest.CaptureFixture[str], cells: list[str], ladder: bool) -> None:
    row = "\t".join(cells) + "\n"
    lay(place)
    ends_in_one_line(lambda: planned(laddered(LADDER + row) if ladder else suited(SUITE + row)), capsys)


@given(
    st.sampled_from(["model", "task", "subtask", "metric", "score", "reason"]),
    st.lists(st.none() | st.floats() | st.text(max_size=4), min_size=36, max_size=36),
)
@settings(MANY, max_examples=25)
def test_scores_of_any_values(
    place: Path, capsys: pytest.CaptureFixture[str], column: str, values: list[float | str | None]
) -> None:
    kind = SCORES.columns[column]
    number = kind == pl.Float64
    kept = [v if v is None or isinstance(v, float) == number else (0.0 if number else "x") for v in values]
    if ends_in_one_line(lambda: judged(scores(**{column: pl.Series(kept, dtype=kind)})), capsys) is None:
        curves = read(place / "out/curves.parquet", CURVES)
        assert curves["mean"].drop_nulls().is_finite().all()
