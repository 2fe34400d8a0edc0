"""What is held at once follows the free memory of a GPU; the numbers are worked out by hand."""

from types import SimpleNamespace

import pytest
import torch

from rescore.models import memory


def _model(device="cuda", dtype=torch.bfloat16, **config):
    text = SimpleNamespace(**config)
    return SimpleNamespace(
        device=torch.device(device), dtype=dtype, config=SimpleNamespace(get_text_config=lambda: text)
    )


LLAMA_7B = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32}


@pytest.mark.parametrize(
    ("free", "config", "tokens"),
    [
        # 2 bytes x (2 x 32 layers x 32 heads x 128 + 20 x 4096) = 688,128 bytes a token; half of 64 GB
        (64_000_000_000, LLAMA_7B, 46_502),
        # 8 heads of keys and values: 2 x (2 x 32 x 8 x 128 + 81,920) = 294,912
        (64_000_000_000, {**LLAMA_7B, "num_key_value_heads": 8}, 108_506),
        (640_000_000_000, LLAMA_7B, 131_072),
        (1_000_000, LLAMA_7B, 1),
        (64_000_000_000, {"hidden_size": 4096}, 16_384),  # a configuration that tells too little
    ],
)
def test_a_batch_takes_half_of_what_is_free(monkeypatch, free, config, tokens):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 80_000_000_000))
    assert memory.batch_tokens(_model(**config)) == tokens
    assert memory.batch_tokens(_model("cpu", **config)) == 16_384


def test_logits_are_held_as_the_free_memory_allows(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (64_000_000_000, 80_000_000_000))
    assert memory.logits_at_once(10**10, torch.device("cpu")) == 2**26
    assert memory.logits_at_once(10**10, torch.device("cuda")) == 10**9
    assert memory.logits_at_once(2**26, torch.device("cuda")) == 2**26
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10**6, 80_000_000_000))
    assert memory.logits_at_once(10**10, torch.device("cuda")) == 2**26
