"""Tiny models with chat templates, in the ChatML form and in the Llama form."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from test_extract import CONFIGS, make_model, merging, row
from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{% endif %}"
)
"""As Qwen3's: thinking can be switched off."""

LLAMA = (
    "{{- bos_token }}"
    "{%- if not date_string is defined %}{%- if strftime_now is defined %}"
    "{%- set date_string = strftime_now('%d %b %Y') %}{%- else %}{%- set date_string = '26 Jul 2024' %}"
    "{%- endif %}{%- endif %}"
    "{%- if messages[0]['role'] == 'system' %}"
    "{%- set system_message = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}"
    "{%- else %}{%- set system_message = '' %}{%- endif %}"
    "{{- '<|start_header_id|>system<|end_header_id|>\n\n' }}"
    "{%- if tools is not none %}{{- 'Environment: ipython\n' }}{%- endif %}"
    "{{- 'Today Date: ' + date_string + '\n\n' + system_message + '<|eot_id|>' }}"
    "{%- for message in messages %}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
    "{{- message['content'] | trim + '<|eot_id|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"
)
"""As Llama 3.2's: it begins with BOS, trims, names the day, and asks for tools."""

GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{{ '<s>' + message['role'] + '\n' + message['content'] | trim + '</s>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<s>model\n' }}{% endif %}"
)
"""As Gemma's: it refuses a system prompt."""


def chatml() -> PreTrainedTokenizerFast:
    """Byte-level BPE that ends a turn with a token that is not its EOS."""
    tokenizer = merging()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.chat_template = CHATML
    return tokenizer


def llama() -> PreTrainedTokenizerFast:
    """Byte-level BPE that puts BOS before every text, as the template does."""
    tokenizer = merging()
    names = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer.add_special_tokens({"bos_token": "<|begin|>", "additional_special_tokens": names})
    bos = (tokenizer.bos_token, tokenizer.bos_token_id)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing("<|begin|> $A", special_tokens=[bos])
    tokenizer.chat_template = LLAMA
    return tokenizer


def metaspace() -> PreTrainedTokenizerFast:
    """A vocabulary as of sentencepiece: it puts a space before every text, and has one token per byte it lacks."""
    inner = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    inner.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=["<unk>", "<s>", "</s>", *bytes_])
    inner.train_from_iterator(["So▁the▁answer▁is▁house▁model▁sort▁it▁Q:▁A:▁abc"] * 9, trainer)
    inner.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    tokenizer.chat_template = GEMMA
    return tokenizer


TOKENIZERS = {"chatml": chatml, "llama": llama, "metaspace": metaspace}


def make_chat_model(folder: Path, name: str, architecture: str = "llama") -> dict[str, object]:
    return make_model(folder, architecture, TOKENIZERS[name]())


def teach(
    folder: Path, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], steps: int = 150
) -> dict[str, object]:
    """Save a model that writes these texts by heart; return its ladder row."""
    torch.manual_seed(0)
    config = CONFIGS["llama"](len(tokenizer))
    config.eos_token_id = config.bos_token_id = config.pad_token_id = tokenizer.eos_token_id
    model = AutoModelForCausalLM.from_config(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    rows: list[Any] = [torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]]) for text in texts]
    for step in range(steps):
        ids = rows[step % len(rows)]
        optimiser.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        optimiser.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return row(folder)
