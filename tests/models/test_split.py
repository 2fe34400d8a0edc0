"""A model's body and head, taken apart, give the logits of the whole model, in float32."""

import pytest
import torch
from architectures import VOCABULARY, tiny
from extracting import extract
from test_batches import QUESTIONS
from test_extract import CONFIGS, characters, make_examples, make_model
from transformers import GPT2Config

from rescore.models.jobs import ExtractSettings
from rescore.models.loading import load
from rescore.models.split import split
from rescore.tables import GENERATIONS, provenance, read

IDS = torch.arange(10, 30)[None]
BEHIND = {  # by architecture and its settings, what it does to the output of its head
    "llama": ({}, 1.0, None),
    "cohere": ({"logit_scale": 0.25}, 0.25, None),
    "granite": ({"logits_scaling": 8.0}, 0.125, None),
    "gemma2": ({"final_logit_softcapping": 30.0}, 1.0, 30.0),
    "nanochat": ({"final_logit_softcapping": 4.0}, 1.0, 4.0),
    "falcon_h1": ({"lm_head_multiplier": 0.5}, 0.5, None),
}


@pytest.mark.parametrize("kind", BEHIND)
def test_body_and_head_give_the_logits_of_the_model(kind):
    options, scale, cap = BEHIND[kind]
    model = tiny(kind, **options)
    parts = split(model)
    assert parts.head is not None
    assert parts.scale == pytest.approx(scale, rel=1e-6)
    assert parts.cap == cap
    with torch.inference_mode():
        whole = model(IDS).logits[0]
        states, _ = parts.states(input_ids=IDS)
        last, _ = parts.states(input_ids=IDS, last=True)
        assert torch.allclose(parts.logits(states[0]), whole, atol=2e-5)
        assert torch.allclose(parts.logits(last), whole[-1:], atol=2e-5)


def test_a_model_whose_head_is_hidden_gives_its_own_logits(monkeypatch):
    model = tiny("llama")
    monkeypatch.setattr(model, "get_output_embeddings", lambda: None)
    parts = split(model)
    assert parts.head is None
    with torch.inference_mode():
        states, _ = parts.states(input_ids=IDS)
        assert torch.equal(parts.logits(states[0]), model(IDS).logits[0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gets_its_logits_in_float32(dtype):
    model = tiny("llama").to(dtype)
    parts = split(model)
    with torch.inference_mode():
        states = parts.states(input_ids=IDS)[0][0]
        assert states.dtype == dtype
        logits = parts.logits(states)
        exact = states.double() @ model.lm_head.weight.double().T
        own = model(IDS).logits[0]
    assert logits.dtype == torch.float32
    assert torch.allclose(logits.double(), exact, rtol=1e-5, atol=1e-5)
    assert own.dtype == dtype  # and so rounded: differences of neighbours are lost
    assert (own.double() - exact).abs().max() > 100 * (logits.double() - exact).abs().max()


def test_two_tokens_that_bfloat16_takes_for_equal_are_told_apart():
    model = tiny("llama").bfloat16()
    with torch.inference_mode():
        state = split(model).states(input_ids=IDS, last=True)[0][0]
        weights = model.lm_head.weight
        weights.zero_()
        weights[40] = state * 4
        weights[41] = weights[40]
        largest = state.abs().argmax()
        # the next number that bfloat16 has: a difference that the sum, in bfloat16, loses
        weights[41, largest] *= 1 + 2**-7
        own = model(IDS).logits[0, -1]
        logits = split(model).logits(state[None])[0]
    assert own[40] == own[41]
    assert logits[41] > logits[40]
    assert logits.argmax() == 41


def test_a_finished_answer_stays_inside_the_window(tmp_path, monkeypatch):
    """A short answer behind a long prompt ends while a long one behind a short prompt goes on."""
    config = GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=2, n_positions=48)
    monkeypatch.setitem(CONFIGS, "gpt2", lambda _: config)
    model = make_model(tmp_path / "m", "gpt2", characters())
    long, short = "a" * 40, "b"
    questions = [(long, ["c"], None), (short, ["d" * 30], None), (short + "e", ["d" * 30], None)]
    examples = make_examples(tmp_path / "t.parquet", questions)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=2))
    found = read(tmp_path / "generations" / "m" / "t.parquet", GENERATIONS)
    assert found["token_ids"].list.len().to_list() == [2, 31, 31]


def test_the_tables_say_how_the_model_was_read(tmp_path, capsys):
    model = make_model(tmp_path / "m", "llama", characters())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    extract(model, [examples], tmp_path, ExtractSettings(batch_tokens=512, max_new_tokens=4))
    for table in ("extractions", "generations"):
        made_by = provenance(tmp_path / table / "m" / "t.parquet")
        assert made_by["way"] == "in batches, shared prefixes once, candidates as trees"
        assert (made_by["device"], made_by["torch"], made_by["batch_tokens"]) == ("cpu", torch.__version__, 512)
    assert "m: on cpu, read in batches, shared prefixes once, candidates as trees\n" in capsys.readouterr().err
    assert load(model).refused == ()
    assert load(model).model.vocabulary == VOCABULARY
