"""A tokenizer that remembers, and which models share one."""

from pathlib import Path
from typing import Any

import pytest
from test_extract import characters, make_model, merging, with_bos
from transformers import AutoTokenizer

from rescore.models import vocabulary
from rescore.models.loading import load
from rescore.models.vocabulary import Vocabulary


class Counting:
    """A tokenizer that counts the texts it is given."""

    def __init__(self, tokenizer: Any) -> None:
        self.inner, self.n_texts = tokenizer, 0

    def __call__(self, texts: list[str]) -> Any:
        self.n_texts += len(texts)
        return self.inner(texts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_no_text_is_tokenised_twice() -> None:
    counting = Counting(merging())
    words = Vocabulary(counting)
    first = words.ids(["A: banana", "A:", "A: banana"])
    assert first == {text: merging()(text)["input_ids"] for text in ("A: banana", "A:")}
    assert words.ids(["A:", "house", "A: banana"]) == {**first, "house": merging()("house")["input_ids"]}
    assert counting.n_texts == 3


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "KEPT_TOKENS", 5)
    counting = Counting(characters())
    words = Vocabulary(counting)
    for _ in range(2):
        assert [len(ids) for ids in words.ids(["abc", "abcd", "ab"]).values()] == [3, 4, 2]
    assert counting.n_texts == 3 + 1  # "abc" and "ab" are kept


def test_an_added_end_is_no_token_of_a_text() -> None:
    tokenizer = with_bos()
    words = Vocabulary(tokenizer)
    assert words.ids([""]) == {"": []}  # its beginning is the token of the end
    assert words.ids([""]) == {"": []}
    assert words.ids(["a<eos>"])["a<eos>"][-1] == tokenizer.eos_token_id


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
