"""The ladder's models: GPT-NeoX of the library, with a leaner forward pass for training."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedTokenizerFast

from rescore.train.recipe import Size

ROTARY_BASE = 1000


def build(size: Size, tokenizer: PreTrainedTokenizerFast, *, context_tokens: int, seed: int) -> GPTNeoXForCausalLM:
    """Build an untrained model: sequential residuals, GELU, rotary embeddings throughout, an untied head.

    Matrices start normal with variance 1 / (inputs of the matrix), biases at 0.
    """
    config = GPTNeoXConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=4 * size.width,
        max_position_embeddings=context_tokens,
        rope_parameters={"rope_type": "default", "rope_theta": ROTARY_BASE, "partial_rotary_factor": 1.0},
        use_parallel_residual=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = GPTNeoXForCausalLM(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=parameter.shape[1] ** -0.5, generator=generator)
            else:
                parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
    return model


def n_params(model: GPTNeoXForCausalLM) -> int:
    """Count the parameters outside the embedding and the head, as scaling laws do (Kaplan et al. 2020)."""
    return sum(p.numel() for p in model.gpt_neox.parameters()) - model.gpt_neox.embed_in.weight.numel()


def answer_logits(model: GPTNeoXForCausalLM, tokens: Tensor, where: Tensor) -> Tensor:
    """Return the library's logits, in full precision, at some positions only: [positions wanted, vocabulary].

    In the last layer everything after the attention is worked out at those positions alone, which for long prompts with
    short answers saves much of the step. `tokens` are [batch, time], padded on the right, where the causal attention
    never looks. `where` is Boolean, [batch, time]: the positions wanted.
    """
    (batch, time), config = tokens.shape, model.config
    heads, head_size = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    frequencies = ROTARY_BASE ** -(torch.arange(0, head_size, 2, device=tokens.device) / head_size)
    angles = torch.outer(torch.arange(time, device=tokens.device), frequencies).repeat(1, 2)
    cos, sin = angles.cos(), angles.sin()  # [time, head size]
    hidden = model.gpt_neox.embed_in(tokens)  # [batch, time, width]
    layers: list[Any] = list(model.gpt_neox.layers)
    for layer in layers:
        fused = layer.attention.query_key_value(layer.input_layernorm(hidden))
        fused = fused.view(batch, time, heads, 3, head_size).permute(3, 0, 2, 1, 4)
        query, key = fused[0], fused[1]  # [batch, heads, time, head size]
        mixed = scaled_dot_product_attention(
            query * cos + _quarter_turn(query) * sin,
            key * cos + _quarter_turn(key) * sin,
            fused[2],
            is_causal=True,
        )
        mixed = mixed.transpose(1, 2).reshape(batch, time, config.hidden_size)
        if layer is layers[-1]:
            mixed, hidden = mixed[where], hidden[where]  # [positions wanted, width]
        hidden = hidden + layer.attention.dense(mixed)
        hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    logits: Tensor = model.lm_head(model.gpt_neox.final_layer_norm(hidden))
    return logits


def _quarter_turn(x: Tensor) -> Tensor:
    """Swap the halves of the last axis, the second negated: the quarter turn of rotary embeddings."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)
