"""A tokenizer that remembers, and which models share one."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from test_extract import QUESTIONS, characters, make_examples, make_model, merging
from tokenizers import Tokenizer, models, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from rescore.models import one_task, vocabulary
from rescore.models.jobs import ExtractSettings
from rescore.models.loading import load
from rescore.models.one_task import run_task
from rescore.models.vocabulary import Vocabulary
from rescore.tables import EXAMPLES, read


class Counting:
    """A tokenizer that counts the texts it is given."""

    def __init__(self, tokenizer: Any) -> None:
        self.inner, self.n_texts = tokenizer, 0

    def __call__(self, texts: list[str], **options: Any) -> Any:
        self.n_texts += len(texts)
        return self.inner(texts, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_no_text_is_tokenised_twice() -> None:
    counting = Counting(merging())
    words = Vocabulary(counting)
    words.ids(["q"])
    counting.n_texts = 0
    first = words.ids(["A: banana", "A:", "A: banana"])
    assert first == {text: merging()(text)["input_ids"] for text in ("A: banana", "A:")}
    assert words.ids(["A:", "house", "A: banana"]) == {**first, "house": merging()("house")["input_ids"]}
    assert counting.n_texts == 3


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "KEPT_TOKENS", 6)
    counting = Counting(characters())
    words = Vocabulary(counting)
    words.ids(["q"])
    counting.n_texts = 0
    for _ in range(2):
        assert [len(ids) for ids in words.ids(["abc", "abcd", "ab"]).values()] == [3, 4, 2]
    assert counting.n_texts == 3 + 1  # "abc" and "ab" are kept


BEHIND = ["$A", "<eos> $A", "$A <eos>", "<unk> $A <eos>", "<unk> $A ~", "<unk> $A ~ <eos>"]


@pytest.mark.parametrize("template", BEHIND)
def test_what_a_tokenizer_puts_behind_a_text_is_no_token_of_it(template: str) -> None:
    """EOS, another token as BERT's, or two: the end would stand between prompt and answer."""
    tokenizer = characters()
    special = [(token, tokenizer.convert_tokens_to_ids(token)) for token in ("<unk>", "<eos>", "~")]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(template, special_tokens=special)
    front = [dict(special)[token] for token in template.partition("$A")[0].split()]
    words = Vocabulary(tokenizer)
    for text in ("Q: a", "a\n", "a<eos>"):
        assert words.ids(["", text])[text] == front + characters()(text)["input_ids"]


def test_the_end_is_found_with_letters_that_the_vocabulary_has() -> None:
    """A vocabulary of digits: its BPE reads other letters as nothing, so they show no end."""
    words = models.BPE(vocab={token: i for i, token in enumerate(["<eos>", *"0123456789+="])}, merges=[])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(words), eos_token="<eos>")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        "$A <eos>", special_tokens=[("<eos>", 0)]
    )
    assert tokenizer("1+2=")["input_ids"] == [2, 11, 3, 12, 0]
    assert Vocabulary(tokenizer).ids(["a", "1+2="])["1+2="] == [2, 11, 3, 12]


def test_answers_are_decoded_as_they_stand() -> None:
    tokenizer = characters()
    tokenizer.clean_up_tokenization_spaces = True
    text = "a , b . It 's"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == "a, b. It's"
    assert Vocabulary(tokenizer).decode(tokenizer(text)["input_ids"]) == text


def test_a_task_is_tokenised_once_for_models_of_one_tokenizer_and_window(tmp_path, monkeypatch) -> None:
    loaded = load(make_model(tmp_path / "m", "llama", characters()))
    frame = read(make_examples(tmp_path / "t.parquet", QUESTIONS), EXAMPLES)
    settings = ExtractSettings(max_new_tokens=4)
    first = run_task(loaded, frame, {}, settings, name="")
    encode = one_task.encode
    monkeypatch.setattr(one_task, "encode", None)
    again = run_task(loaded, frame, {}, settings, name="")
    assert again.extractions.equals(first.extractions)
    assert again.generations.equals(first.generations)
    monkeypatch.setattr(one_task, "encode", encode)
    narrow = run_task(loaded._replace(window=20), frame, {}, settings, name="")
    assert narrow.prompts_cut == {"t": 2}  # of 21 and 62 tokens
    longer = run_task(loaded, frame, {}, ExtractSettings(max_new_tokens=16), name="")
    assert longer.generations["token_ids"].list.len().max() > first.generations["token_ids"].list.len().max()
    assert run_task(loaded, frame.head(2), {}, settings, name="").generations.height == 2
    shot = frame.head(1).with_columns(prompt=pl.lit("Q: a\nA: a\n\nQ: sort bca\nA: "), shots=pl.lit(1, pl.Int64))
    cut = {"few_shot_separator": "\n\n", "task_prefix": "", "input_prefix": "Q: "}
    lengths = []
    for rules in ({}, {"t": cut}):  # 26 tokens before "banana": cut to the window, or without the solved example
        run_task(loaded._replace(window=24), shot, rules, settings, name="")
        lengths.append(len([*loaded.vocabulary.tasks.values()][-1].questions[0].context))
    assert lengths == [24 - len("banana"), len("Q: sort bca\nA: ")]
    assert first.prompts_cut == {}


def test_models_with_the_same_tokenizer_share_it(tmp_path: Path) -> None:
    rows = [make_model(tmp_path / name, "llama", characters()) for name in "ab"]
    other = make_model(tmp_path / "c", "llama", merging())
    first, second, third = (load(row).vocabulary for row in (*rows, other))
    assert first is second
    assert third is not first
    assert load(rows[0]).vocabulary is not third


def test_tokenizers_that_differ_in_a_special_token_are_two(tmp_path: Path) -> None:
    characters().save_pretrained(tmp_path / "a")
    other = characters()
    other.eos_token = other.convert_ids_to_tokens(2)
    other.save_pretrained(tmp_path / "b")
    first, second = (Vocabulary.of(AutoTokenizer.from_pretrained(tmp_path / name), 98) for name in "ab")
    assert first is not second
