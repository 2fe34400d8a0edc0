"""The tokens of a prompt and of its answer are the tokens of the two together."""

import json
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from rescore.train import tokenizer as tokenizers
from rescore.train.questions import KINDS, draw

REPOSITORY = Path(__file__).parents[2]
OFFICIAL = (
    "\nQ: What is 68 plus 98?\n  choice: 166\n  choice: 4\n  choice: banana\n  choice: 55124\n  choice: house"
    "\n  choice: 639\nA: "
)


def test_pieces_and_characters() -> None:
    tokens = tokenizers.build().tokenize(OFFICIAL + "166")
    expected = [
        "\nQ: What is ",
        "6",
        "8",
        " plus ",
        "9",
        "8",
        "?\n  choice: ",
        "1",
        "6",
        "6",
        "\n  choice: ",
        "4",
    ]
    expected += ["\n  choice: banana", "\n  choice: ", "5", "5", "1", "2", "4", "\n  choice: house"]
    assert tokens == [*expected, "\n  choice: ", "6", "3", "9", "\nA: ", "1", "6", "6"]


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_prompts_and_answers_meet_at_a_token(kind: str, shots: int) -> None:
    tokenizer = tokenizers.build()
    rng = np.random.default_rng(0)
    for n in range(40):
        for sequence in draw(kind, n=6, rng=rng, shots=shots, listed=bool(n % 2)):
            parts = [text for question in sequence for text in (question.prompt, question.answer)]
            whole = tokenizer("".join(parts))["input_ids"]
            assert whole == [token for part in parts for token in tokenizer(part)["input_ids"]]
            assert tokenizer.decode(whole) == "".join(parts)
            assert tokenizer.unk_token_id not in whole
            assert len(tokenizer(parts[-1])["input_ids"]) >= 1


def test_choices_are_told_apart_after_the_prompt() -> None:
    tokenizer = tokenizers.build()
    for choice in ("banana", "house", "166", ""):
        assert tokenizer(OFFICIAL + choice)["input_ids"] == (
            tokenizer(OFFICIAL)["input_ids"] + tokenizer(choice)["input_ids"]
        )


def test_unknown_characters_become_one_token_each() -> None:
    tokenizer = tokenizers.build()
    assert tokenizer("aé\tb")["input_ids"] == [
        tokenizer.convert_tokens_to_ids("a"),
        tokenizer.unk_token_id,
        tokenizer.unk_token_id,
        tokenizer.convert_tokens_to_ids("b"),
    ]


def test_loads_as_it_was_saved(tmp_path: Path) -> None:
    tokenizer = tokenizers.build()
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded(OFFICIAL)["input_ids"] == tokenizer(OFFICIAL)["input_ids"]
    assert (loaded.eos_token_id, loaded.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert loaded.decode(loaded("Sort: ca\nSorted: ")["input_ids"]) == "Sort: ca\nSorted: "


def test_the_shipped_ladder_has_this_tokenizer(tmp_path: Path) -> None:
    tokenizers.build().save_pretrained(tmp_path)
    shipped = list((REPOSITORY / "data/ladders/nano").glob("*/tokenizer.json"))
    assert shipped
    for path in shipped:
        assert json.loads(path.read_text()) == json.loads((tmp_path / "tokenizer.json").read_text())
