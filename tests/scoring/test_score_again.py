"""`rescore score` on work that is done: tables of the same inputs stay, and nothing stale does."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from score_tables import candidate, example

from rescore.commands import score as command
from rescore.tables import (
    BIGBENCH,
    EXAMPLES,
    EXTRACTIONS,
    GENERATIONS,
    GRADING,
    POSITIONS,
    SCORES,
    InputError,
    digest,
    read,
    source,
    write,
)

RULES = {"asks_text": True, "stop_string": None, "output_regex": None, "metrics": ["exact_str_match"]}
RULES |= {"preferred_score": "exact_str_match"}
OUTPUTS = {"out": SCORES, "bigbench_out": BIGBENCH, "grading_out": GRADING}
OUTPUTS |= {"positions_out": POSITIONS}


class Task:
    """A task of two questions, the tables of some models, and what `rescore score` makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.examples = folder / "examples/t.parquet"
        self.outputs = {name: folder / table.name / "t.parquet" for name, table in OUTPUTS.items()}

    def ask(self, *targets: str) -> None:
        rows = [example(i, [target]) for i, target in enumerate(targets)]
        frame = pl.DataFrame(rows, schema=dict(EXAMPLES.columns))
        write(frame, self.examples, EXAMPLES, {"subtasks": {"t": RULES}})

    def answer(self, model: str, *texts: str, nats: float = -1.0) -> None:
        asked = read(self.examples, EXAMPLES)
        rows = [candidate(i, target, [nats]) for i, (target,) in enumerate(asked["targets"])]
        by = {"model": model, "examples": digest(asked), "fingerprint": f"{model} {texts} {nats}"}
        said = [
            {"subtask": "t", "example_id": i, "token_ids": [1], "text": text, "span_ids": [1], "span_ends": [len(text)],
             "finish_reason": "eos", "logprob_nats": [nats]}
            for i, text in enumerate(texts)
        ]  # fmt: skip
        for table, found in ((EXTRACTIONS, rows), (GENERATIONS, said)):
            frame = pl.DataFrame(found, schema=dict(table.columns))
            write(frame, self.folder / table.name / model / "t.parquet", table, by)

    def score(self, *names: str) -> dict[str, int]:
        """Score models; return when each table was written."""
        files = [self.folder / kind / name / "t.parquet" for name in names for kind in ("extractions", "generations")]
        command.score(files, self.examples, **self.outputs)
        return {name: path.stat().st_mtime_ns for name, path in self.outputs.items()}

    def exact(self) -> dict[tuple[str, int], float]:
        frame = read(self.outputs["out"], SCORES).filter(metric="exact_match")
        return {(row["model"], row["example_id"]): row["score"] for row in frame.iter_rows(named=True)}


@pytest.fixture
def task(tmp_path: Path) -> Task:
    made = Task(tmp_path)
    made.ask("a", "b")
    made.answer("m", "a", "wrong")
    made.answer("n", "a", "b")
    return made


def all_new(before: dict[str, int], after: dict[str, int]) -> bool:
    return all(after[name] > before[name] for name in OUTPUTS)


def test_what_is_done_is_left_alone_and_reads_no_table(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    before = task.score("m", "n")
    assert task.exact() == {("m", 0): 1, ("m", 1): 0, ("n", 0): 1, ("n", 1): 1}

    def never(*_: object) -> None:
        raise AssertionError("a table was read")

    monkeypatch.setattr("rescore.tables.read", never)
    assert task.score("m", "n") == before


def test_inputs_written_again_to_the_same_bytes_are_no_change(task: Task) -> None:
    before = task.score("m", "n")
    task.ask("a", "b")
    task.answer("n", "a", "b")
    assert task.score("m", "n") == before


def other_answer(task: Task) -> None:
    task.answer("m", "a", "b")


def other_question(task: Task) -> None:
    task.ask("a", "wrong")
    task.answer("m", "a", "wrong")
    task.answer("n", "a", "b")


def other_rules(task: Task) -> None:
    """The same rows, of which exact match now judges none."""
    write(
        read(task.examples, EXAMPLES),
        task.examples,
        EXAMPLES,
        {"subtasks": {"t": RULES | {"asks_text": False}}},
    )


@pytest.mark.parametrize(
    ("change", "exact"),
    [
        (other_answer, {("m", 0): 1, ("m", 1): 1, ("n", 0): 1, ("n", 1): 1}),
        (other_question, {("m", 0): 1, ("m", 1): 1, ("n", 0): 1, ("n", 1): 0}),
        (other_rules, dict.fromkeys([("m", 0), ("m", 1), ("n", 0), ("n", 1)])),
    ],
)
def test_a_changed_input_is_scored_again(
    task: Task, change: Callable[[Task], None], exact: dict[tuple[str, int], float | None]
) -> None:
    before = task.score("m", "n")
    change(task)
    assert all_new(before, task.score("m", "n"))
    assert task.exact() == exact


@pytest.mark.parametrize("at_once", [1, 2, 4])  # examples: of one model, of one, of two
def test_every_table_holds_the_models_in_the_order_given(
    task: Task, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    task.answer("k", "wrong", "b")
    task.score("m", "n", "k")
    told = {name: read(path, OUTPUTS[name]) for name, path in task.outputs.items()}
    monkeypatch.setattr(command, "_AT_ONCE", at_once)
    for name in ("n", "k", "m"):
        task.score(name)
        for kind, path in task.outputs.items():
            assert read(path, OUTPUTS[kind]).equals(told[kind].filter(model=name))
    task.score("m", "n", "k")
    for kind, path in task.outputs.items():
        assert read(path, OUTPUTS[kind]).equals(told[kind])
        assert told[kind]["model"].unique(maintain_order=True).to_list() == ["m", "n", "k"]


def test_other_log_probabilities_alone_are_scored_again(task: Task) -> None:
    task.score("m")
    task.answer("m", "a", "wrong", nats=-2.0)
    task.score("m")
    found = read(task.outputs["out"], SCORES).filter(metric="nll_nats_per_token")
    assert found["score"].to_list() == [2.0, 2.0]


def test_models_that_come_and_go_come_and_go_in_every_table(task: Task) -> None:
    for names in (("m",), ("m", "n"), ("n",)):
        task.score(*names)
        for name, table in OUTPUTS.items():
            frame = read(task.outputs[name], table)
            assert frame.is_empty() or set(frame["model"]) == set(names), name
        assert {model for model, _ in task.exact()} == set(names)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def foreign(path: Path) -> None:
    pl.read_parquet(path).write_parquet(path)


def another_table(path: Path) -> None:
    path.write_bytes((path.parents[1] / "examples/t.parquet").read_bytes())


@pytest.mark.parametrize("spoil", [truncated, one_bit, foreign, another_table, Path.unlink])
@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_that_is_not_what_was_written_is_made_anew(
    task: Task, name: str, spoil: Callable[[Path], None]
) -> None:
    task.score("m", "n")
    before = {path: path.read_bytes() for path in task.outputs.values()}
    spoil(task.outputs[name])
    task.score("m", "n")
    assert {path: path.read_bytes() for path in task.outputs.values()} == before


def test_a_table_of_the_same_inputs_is_no_other_table(task: Task) -> None:
    """The tables of one scoring share a fingerprint: an output that holds another of them is made anew."""
    task.score("m")
    task.outputs["out"].write_bytes(task.outputs["grading_out"].read_bytes())
    task.score("m")
    assert task.exact() == {("m", 0): 1, ("m", 1): 0}


def test_other_code_scores_again(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    before = task.score("m")
    monkeypatch.setattr(source, "code_digest", lambda module: f"another {module}")
    assert all_new(before, task.score("m"))


def test_half_of_a_model_is_refused_although_the_tables_stand(task: Task) -> None:
    task.score("m")
    with pytest.raises(InputError, match="needs both its extractions and generations"):
        command.score([task.folder / "extractions/m/t.parquet"], task.examples, **task.outputs)
