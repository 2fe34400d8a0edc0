"""What the engine saves does not change a number: shared prefixes, less memory, early stops."""

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from extracting import extract
from test_extract import CONFIGS, characters, check_against_one_by_one, make_examples, make_model, merging

from rescore.models import extraction as run
from rescore.models import forward, memory
from rescore.models.batching import _batch, _n_tokens, _reach, _size
from rescore.models.jobs import ExtractSettings
from rescore.models.loading import load
from rescore.models.one_task import _stopper
from rescore.models.tokenising import Asked, Question, encode
from rescore.models.vocabulary import Vocabulary
from rescore.tables import EXAMPLES, EXTRACTIONS, GENERATIONS, InputError, provenance, read, write

PREFIX = "Sort the letters of every question, please.\n"
QUESTIONS = [
    (PREFIX + "Q: sort bca\nA: ", ["abc"], ["abc", "abcd", "ab", "banana"]),
    (PREFIX + "Q: a\nA: ", ["a"], ["a", "abc", "abd", "abde"]),
    (PREFIX + "Q: sort it: dcba\nA: ", ["abcd", "a b c d"], None),
]


def _tables(out: Path, name: str = "t") -> tuple[pl.DataFrame, pl.DataFrame]:
    return (
        read(out / "extractions" / "m" / f"{name}.parquet", EXTRACTIONS),
        read(out / "generations" / "m" / f"{name}.parquet", GENERATIONS),
    )


def _count_tokens(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Remember the shape of every forward pass."""
    shapes: list[tuple[int, ...]] = []
    call = torch.nn.Module.__call__

    def counted(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        if "input_ids" in kwargs and "logits_to_keep" in kwargs:
            shapes.append(tuple(kwargs["input_ids"].shape))
        return call(self, *args, **kwargs)

    monkeypatch.setattr(torch.nn.Module, "__call__", counted)
    return shapes


@pytest.mark.parametrize("tokenizer", [characters, merging])
@pytest.mark.parametrize("architecture", CONFIGS)
def test_a_common_prefix_is_read_once_and_changes_no_number(tmp_path, monkeypatch, architecture, tokenizer):
    model = make_model(tmp_path / "m", architecture, tokenizer())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    loaded = load(model)
    monkeypatch.setattr(run, "load", lambda _: loaded)
    shapes = _count_tokens(monkeypatch)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=4))
    monkeypatch.undo()
    shared = shapes[0][1]
    assert shapes[0] == (1, shared)
    assert shared >= len(tokenizer()(PREFIX)["input_ids"]) - 1
    assert max(width for _, width in shapes[1:]) < shared
    check_against_one_by_one(tmp_path / "m", examples, tmp_path)


def question(context: int, limit: int, *, tail: int = 0, candidates: tuple[int, ...] = ()) -> Question:
    """A question of so many tokens."""
    return Question(
        context=[1] * context,
        prompt_tail=[1] * tail,
        candidates=[[1] * n for n in candidates],
        limit=limit,
        is_cut=False,
    )


@pytest.mark.parametrize(
    ("questions", "budget", "window", "taken"),
    [
        ([(6, 4)] * 5, 30, 100, 3),  # ten tokens each
        ([(6, 4)] * 5, 29, 100, 2),
        ([(6, 4)] * 5, 5, 100, 1),  # one is always taken
        ([(6, 4)] * 5, 1000, 10, 5),
        ([(8, 4), (6, 4), (6, 4)], 24, 100, 2),  # as wide as the longest: 12 each
        ([(6, 4), (6, 6)], 24, 100, 2),
        ([(6, 4), (6, 6)], 23, 100, 1),
        ([(9, 1), (2, 8)], 1000, 17, 2),  # the longest context and the longest answer: 17 columns
        ([(9, 1), (2, 8)], 1000, 16, 1),
    ],
)
def test_a_batch_is_as_many_questions_as_fit_budget_and_window(
    questions: list[tuple[int, int]], budget: int, window: int, taken: int
) -> None:
    made = [question(context, limit) for context, limit in questions]
    assert list(_batch(range(len(made)), 0, made, budget, window)) == list(range(taken))
    longer = [question(20, 20), question(20, 20), *made]  # two that were read before
    assert list(_batch(range(len(longer)), 2, longer, budget, window)) == list(range(2, 2 + taken))


def test_questions_of_a_batch_have_tails_of_one_length_and_the_tail_counts_in_the_window() -> None:
    tails = [question(6, 4, tail=n) for n in (2, 2, 1)]
    assert list(_batch([2, 1, 0], 1, tails, 1000, 12)) == [1, 0]
    assert list(_batch([2, 1, 0], 0, tails, 1000, 12)) == [2]
    assert list(_batch([0, 1], 0, tails, 1000, 11)) == [0]


def test_lengths_of_a_question_by_hand() -> None:
    one = question(6, 4, tail=2, candidates=(3, 5))
    assert _size(one) == (2, 10)
    assert _reach(one) == 12  # context, tail and answer
    assert _reach(question(6, 4, tail=2, candidates=(3, 7))) == 13  # context and longest candidate
    assert _n_tokens(one, forward.Greedy([7, 8], [-1.0, -1.0, -0.5], "eos")) == 6 + 2 + 3 + 5 + 3


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_too_little_memory_halves_the_batch(tmp_path, monkeypatch, error):
    model = make_model(tmp_path / "m", "llama", characters())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    extract(model, [examples], tmp_path / "all", ExtractSettings(max_new_tokens=4))
    prefill, sizes = forward.prefill, []

    def at_most_one(model: Any, contexts: Any, *, shares_prefix: bool) -> Any:
        sizes.append(len(contexts))
        if len(contexts) > 1:
            raise error
        return prefill(model, contexts, shares_prefix=shares_prefix)

    loaded = load(model)
    monkeypatch.setattr(run, "load", lambda _: loaded)  # the probe has run
    monkeypatch.setattr(forward, "prefill", at_most_one)
    extract(model, [examples], tmp_path / "one", ExtractSettings(max_new_tokens=4))
    assert sizes[0] == 3
    assert sizes.count(1) == 3
    sizes.clear()
    again = make_examples(tmp_path / "u.parquet", QUESTIONS)
    shutil.copy(tmp_path / "t.parquet", again)
    extract(model, [examples, again], tmp_path / "two", ExtractSettings(max_new_tokens=4))
    assert sizes[0] == 3
    assert sizes[-5:] == [1] * 5  # the second task begins with what fitted in the first
    for whole, part in zip(_tables(tmp_path / "all"), _tables(tmp_path / "one"), strict=True):
        exact = pl.exclude("logprob_nats", "best_other_logprob_nats")
        assert whole.select(exact).equals(part.select(exact))
        numbers = [frame.select(pl.col("logprob_nats").explode()).to_series() for frame in (whole, part)]
        assert numbers[0].to_list() == pytest.approx(numbers[1].to_list(), abs=1e-4)


def test_logits_of_a_large_vocabulary_are_held_in_parts(tmp_path, monkeypatch):
    model = make_model(tmp_path / "m", "llama", characters())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    extract(model, [examples], tmp_path / "whole", ExtractSettings(max_new_tokens=4))
    most = 5 * len(characters())
    monkeypatch.setattr(memory, "LOGITS", most)
    sizes: list[int] = []
    call = torch.nn.Linear.forward

    def counted(self: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
        out = call(self, x)
        if out.shape[-1] == len(characters()):
            sizes.append(out.numel())
        return out

    monkeypatch.setattr(torch.nn.Linear, "forward", counted)
    extract(model, [examples], tmp_path / "parts", ExtractSettings(max_new_tokens=4))
    assert max(sizes) <= most
    assert len(sizes) > 10
    whole, parts = (_tables(tmp_path / name)[0] for name in ("whole", "parts"))
    exact = pl.exclude("logprob_nats", "best_other_logprob_nats")
    assert whole.select(exact).equals(parts.select(exact))
    numbers = [frame["logprob_nats"].explode().to_list() for frame in (whole, parts)]
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-4)


def test_a_question_that_never_fits_is_said(tmp_path, monkeypatch):
    model = make_model(tmp_path / "m", "llama", characters())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)

    def never(*args: Any, **options: Any) -> Any:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory")

    loaded = load(model)
    monkeypatch.setattr(run, "load", lambda _: loaded)
    monkeypatch.setattr(forward, "prefill", never)
    with pytest.raises(InputError, match=r"model 'm', .*t\.parquet: example \d of t, of \d+ tokens, needs more memory"):
        extract(model, [examples], tmp_path, ExtractSettings())


def test_another_error_of_torch_is_not_taken_for_too_little_memory(tmp_path, monkeypatch):
    model = make_model(tmp_path / "m", "llama", characters())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)

    def wrong(*args: Any, **options: Any) -> Any:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    loaded = load(model)
    monkeypatch.setattr(run, "load", lambda _: loaded)
    monkeypatch.setattr(forward, "prefill", wrong)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        extract(model, [examples], tmp_path, ExtractSettings())


@pytest.mark.parametrize(("window", "left"), [(33, 0), (32, 1), (23, 1), (22, 2), (13, 2)])
def test_a_prompt_over_the_window_loses_solved_examples_first(window, left):
    shorter = ["T.Q: 1\nA: b\nQ: 2\nA: ", "T.Q: 2\nA: "]
    asked = Asked("T.Q: 0\nA: a\nQ: 1\nA: b\nQ: 2\nA: ", shorter, ["b"], 1)
    [question] = encode(Vocabulary(characters(), 98), [asked], window=window, reserve=3)
    assert question.is_cut == (left > 0)
    assert characters().decode(question.context) == [asked.prompt, *shorter][left]
    [question] = encode(Vocabulary(characters(), 98), [asked], window=12, reserve=3)
    assert (question.is_cut, characters().decode(question.context)) == (True, ".Q: 2\nA: ")


def test_shots_are_dropped_where_a_task_s_prompts_say_they_begin(tmp_path):
    model = make_model(tmp_path / "m", "gpt_neox", characters())
    folder = tmp_path / "m"
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(
        config.replace('"max_position_embeddings": 2048', '"max_position_embeddings": 30')
    )
    prompts = ["Hi. Q: 1\nA: one\nQ: 2\nA: ", "Hi. Q: 2\nA: two, I should think\nQ: 3\nA: "]
    examples = make_examples(tmp_path / "t.parquet", [(prompt, ["ab"], None) for prompt in prompts])
    rules = {"stop_string": None, "output_regex": None, "asks_text": True, "task_prefix": "Hi. ", "input_prefix": "Q: "}
    frame = read(examples, EXAMPLES).with_columns(shots=pl.lit(1, pl.Int64))
    write(frame, examples, EXAMPLES, {"subtasks": {"t": rules | {"few_shot_separator": "\n"}}})
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=4))
    assert provenance(tmp_path / "extractions/m/t.parquet")["prompts_cut"] == {"t": 1}
    alone = make_examples(tmp_path / "u.parquet", [("Hi. Q: 3\nA: ", ["ab"], None)])
    extract(model, [alone], tmp_path, ExtractSettings(max_new_tokens=4))
    cut, whole = (frame["logprob_nats"].to_list()[-1] for frame in (_tables(tmp_path)[0], _tables(tmp_path, "u")[0]))
    assert cut == pytest.approx(whole, abs=1e-5)


def test_no_answer_is_generated_where_none_is_asked(tmp_path, monkeypatch):
    model = make_model(tmp_path / "m", "llama", characters())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=4))
    asked = _tables(tmp_path)
    rules = {"t": {"stop_string": None, "output_regex": None, "asks_text": False}}
    write(read(examples, EXAMPLES), examples, EXAMPLES, {"subtasks": rules})
    loaded = load(model)
    monkeypatch.setattr(run, "load", lambda _: loaded)
    monkeypatch.setattr(forward, "greedy", None)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=4))
    choices, answers = _tables(tmp_path)
    numbers = [c for c, of in choices.schema.items() if of == pl.List(pl.Float32)]
    assert choices.drop(numbers).equals(asked[0].drop(numbers))
    for name in numbers:  # where an answer is asked, a token more is read after each candidate
        assert choices[name].explode().to_list() == pytest.approx(asked[0][name].explode().to_list(), abs=1e-5)
    assert answers["finish_reason"].to_list() == ["not asked"] * 3
    assert answers["text"].to_list() == [""] * 3


@pytest.mark.parametrize(
    ("rules", "text", "ends_at"),
    [
        ({"stop_string": "\n", "output_regex": "[a-z]+"}, "ab\nc", "ab\n"),
        ({"stop_string": "b c", "output_regex": None}, "ab c d", "ab c"),
        ({"stop_string": None, "output_regex": "[0-9]+"}, "\nis 42, so\n\nQ: 3", "\nis 42, so\n"),
        ({"stop_string": None, "output_regex": None}, "ab\n", None),
    ],
)
def test_an_answer_ends_where_no_more_of_it_is_needed(rules, text, ends_at):
    vocabulary = Vocabulary(characters(), 98)
    is_done = _stopper(vocabulary, rules)
    ids = characters()(text)["input_ids"]
    ends = [vocabulary.decode(ids[: n + 1]) for n in range(len(ids)) if is_done(ids[: n + 1])]
    assert ends[:1] == ([] if ends_at is None else [ends_at])


@pytest.mark.parametrize("tokenizer", [characters, merging])
def test_the_ends_of_tokens_are_those_of_the_decoded_beginnings(tokenizer):
    vocabulary, words = Vocabulary(tokenizer()), tokenizer()
    for text in (" sort it A", "banana é 日", "x\n\ny"):
        ids = words(text)["input_ids"]
        assert vocabulary.ends(ids) == [len(words.decode(ids[: n + 1])) for n in range(len(ids))]
