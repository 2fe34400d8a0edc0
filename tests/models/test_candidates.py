"""Candidates of a question read as a tree, whatever the architecture."""

import pytest
from extracting import extract
from test_batches import QUESTIONS
from test_extract import CONFIGS, characters, check_against_one_by_one, make_examples, make_model, merging
from transformers import BloomConfig, MistralConfig, Olmo2Config, OPTConfig, Qwen2Config

from rescore.models import candidates, forward
from rescore.models import extraction as run
from rescore.models.candidates import TokenScores
from rescore.models.jobs import ExtractSettings
from rescore.models.loading import load
from rescore.models.probe import Way, probe
from rescore.tables import GENERATIONS, read

_SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
# Architectures of the ladder tables, and one with a window; whether a mask alone tells what a token sees.
LADDERS = {
    "gpt_neox": (CONFIGS["gpt_neox"], True),
    "llama": (CONFIGS["llama"], True),
    "gpt2": (CONFIGS["gpt2"], True),
    "opt": (lambda v: OPTConfig(vocab_size=v, ffn_dim=64, word_embed_proj_dim=32, **_SMALL), True),
    "qwen2": (lambda v: Qwen2Config(vocab_size=v, num_key_value_heads=2, **_SMALL), True),
    "olmo2": (lambda v: Olmo2Config(vocab_size=v, num_key_value_heads=2, **_SMALL), True),
    "bloom": (lambda v: BloomConfig(vocab_size=v, hidden_size=32, n_layer=2, n_head=2), False),
    "mistral": (lambda v: MistralConfig(vocab_size=v, num_key_value_heads=2, sliding_window=6, **_SMALL), False),
}


@pytest.mark.parametrize("architecture", LADDERS)
def test_every_architecture_of_the_ladder_tables_equals_the_plain_forward(tmp_path, monkeypatch, architecture):
    config, trees = LADDERS[architecture]
    monkeypatch.setitem(CONFIGS, architecture, config)
    model = make_model(tmp_path / "m", architecture, characters())
    assert load(model).way.trees == trees
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=4))
    check_against_one_by_one(tmp_path / "m", examples, tmp_path)


def test_code_that_comes_with_a_model_gets_no_trees(tmp_path):
    loaded = load(make_model(tmp_path / "m", "llama", characters()))
    assert loaded.way.trees
    whole = loaded.model.model
    whole.__class__ = type("OwnLlama", (type(whole),), {"__module__": "transformers_modules.own"})
    assert probe(loaded.model, 64, 98) == (Way(batches=True, shares_prefix=True, trees=False), {})


@pytest.mark.parametrize("architecture", LADDERS)
def test_a_batch_that_is_read_in_parts_has_the_same_numbers(tmp_path, monkeypatch, architecture):
    monkeypatch.setitem(CONFIGS, architecture, LADDERS[architecture][0])
    monkeypatch.setattr(forward, "_tokens_at_once", lambda _: 1)
    model = make_model(tmp_path / "m", architecture, characters())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    sizes: list[int] = []
    joined = forward.joined
    monkeypatch.setattr(forward, "joined", lambda caches: sizes.append(len(caches)) or joined(caches))
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=4))
    assert sizes[-1] == 3
    check_against_one_by_one(tmp_path / "m", examples, tmp_path)


@pytest.mark.parametrize("tokenizer", [characters, merging])
@pytest.mark.parametrize("architecture", CONFIGS)
def test_candidates_apart_have_the_numbers_of_a_tree(tmp_path, monkeypatch, architecture, tokenizer):
    model = make_model(tmp_path / "m", architecture, tokenizer())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    loaded = load(model)
    monkeypatch.setattr(run, "load", lambda _: loaded._replace(way=loaded.way._replace(trees=False)))
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=4))
    check_against_one_by_one(tmp_path / "m", examples, tmp_path)


def group(*owned: tuple[int, list[int]]) -> list[candidates.Candidate]:
    return [candidates.Candidate(owner, place, tokens) for place, (owner, tokens) in enumerate(owned)]


def test_candidates_of_a_question_share_what_they_begin_with():
    rows = candidates._rows(group((1, [7, 2, 5]), (0, [3, 3]), (1, [7, 9, 1]), (1, [4]), (1, [4, 8])), trees=True)
    assert rows.owners == [0, 1]
    assert rows.tokens == [[3], [7, 2, 9, 4]]
    assert rows.parents == [[-1], [-1, 0, 0, -1]]
    assert rows.read == [(1, [0, 1]), (0, [0]), (1, [0, 2]), (-1, []), (1, [3])]
    seen = candidates._seen(rows.parents, 4)[1].int().tolist()
    assert seen == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]


def test_candidates_apart_have_a_row_each():
    rows = candidates._rows(group((0, [7, 2, 5]), (0, [7, 2, 5]), (0, [7])), trees=False)
    assert (rows.owners, rows.tokens, rows.parents) == ([0, 0], [[7, 2], [7, 2]], [[-1, 0], [-1, 0]])
    assert rows.read == [(0, [0, 1]), (1, [0, 1]), (-1, [])]


def test_an_answer_is_known_as_far_as_it_follows_a_candidate():
    # After the context 5 is likeliest (own .5), after 5 it is 4, after 5 4 it is 9, which neither candidate has there.
    scores = [
        TokenScores([-0.5, -2.0, -3.0], [5, 4, 1], [-0.9, -0.3, -0.1]),
        TokenScores([-0.5, -0.3, -2.5], [5, 4, 9], [-0.9, -2.0, -0.2]),
    ]
    known = candidates.follow([[5, 2, 0], [5, 4, 0]], scores)
    assert known == [(5, -0.5), (4, -0.3), (9, -0.2)]
    assert candidates.follow([[]], [TokenScores([], [], [])]) == []


def test_answers_that_follow_candidates_are_the_same_and_need_no_passes_of_their_own(tmp_path, monkeypatch):
    model = make_model(tmp_path / "m", "llama", characters())
    asked = [(prompt, ["ab"], None) for prompt, *_ in QUESTIONS]
    first = make_examples(tmp_path / "t.parquet", asked)
    extract(model, [first], tmp_path, ExtractSettings(max_new_tokens=6))
    answers = read(tmp_path / "generations/m/t.parquet", GENERATIONS)
    told = answers["text"].to_list()
    assert [len(text) for text in told] == [6, 6, 6]  # characters: the tokens are letters
    # The model says all five letters of the first target and one more, two of the second, none of the third.
    targets = [told[0][:5], told[1][:2] + "~", "~" + told[2][:3]]
    second = make_examples(tmp_path / "u.parquet", [(q[0], [t], None) for q, t in zip(asked, targets, strict=True)])
    widths: list[int] = []
    read_tails = forward._read_tails
    monkeypatch.setattr(
        forward, "_read_tails", lambda m, r, tails: widths.extend(map(len, tails)) or read_tails(m, r, tails)
    )
    loaded = load(model)
    monkeypatch.setattr(run, "load", lambda _: loaded)
    widths.clear()
    extract(model, [second], tmp_path, ExtractSettings(max_new_tokens=6))
    assert sorted(widths) == [1, 3]  # the first row is complete at once, without a pass
    same = read(tmp_path / "generations/m/u.parquet", GENERATIONS)
    assert same["text"].to_list() == told
    assert same["logprob_nats"].explode().to_list() == pytest.approx(
        answers["logprob_nats"].explode().to_list(), abs=1e-5
    )
    check_against_one_by_one(tmp_path / "m", second, tmp_path)
