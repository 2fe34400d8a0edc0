"""Tiny models with random weights, of as many architectures as the library makes from a config."""

from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel

VOCABULARY = 98  # that of `test_extract.characters`
WINDOW = 256
_ANY = {
    "vocab_size": VOCABULARY, "initializer_range": 0.3, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1,
    "is_decoder": True,
    # widths and depths, under the names that configs have for them
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "word_embed_proj_dim", "lru_width"), 32),
    "attention_hidden_size": 32,
    **dict.fromkeys(("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "decoder_ffn_dim"), 64),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads"), 4),
    "num_key_value_heads": 2, "head_dim": 8, "rotary_dim": 8,
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len"), WINDOW),
    # windows and chunks, shorter than the questions
    **dict.fromkeys(("sliding_window", "window_size", "attention_window_size", "attention_chunk_size"), 8),
    # latent attention
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank", "qk_head_dim"), 16),
    **dict.fromkeys(("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"), 8),
    # experts
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size", "expert_ffn_hidden_size"), 32),
    **dict.fromkeys(("n_group", "topk_group", "n_shared_experts", "first_k_dense_replace"), 1),
    "num_experts_per_tok": 2, "shared_intermediate_size": 64, "zero_expert_num": 0,
    # state spaces and linear attention
    **dict.fromkeys(("state_size", "mamba_d_state"), 8), "conv_kernel": 4, "time_step_rank": 4, "expand": 2,
    "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_n_groups": 1, "mamba_expand": 2, "mamba_d_ssm": 64,
    **dict.fromkeys(("chunk_size", "mamba_chunk_size"), 16),
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
}  # fmt: skip
_OWN: dict[str, dict[str, Any]] = {
    **{kind: {"num_key_value_heads": 4} for kind in ("axk1", "deepseek_v3", "glm4_moe_lite", "minicpm3")},
    "deepseek_v2": {"num_key_value_heads": 4, "num_experts_per_tok": 2},
    "hunyuan_v1_dense": {"head_dim": 8},
    "nemotron": {"num_key_value_heads": 2},
    "bart": {"forced_eos_token_id": None},
    "recurrent_gemma": {"num_hidden_layers": 3},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "qwen3_next": {"layer_types": ["linear_attention", "full_attention"]},
    "llama4_text": {"attention_chunk_size": 128},
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 1},
}
# By the way of reading that the probe is to find.
TREES = [
    "apertus", "arcee", "aria_text", "axk1", "bert-generation", "bitnet", "cohere", "deepseek_v2",
    "deepseek_v3", "diffllama", "ernie4_5", "ernie4_5_moe", "flex_olmo", "gemma", "glm", "glm4", "glm4_moe",
    "gpt2", "gpt_bigcode", "gpt_neox", "granite", "granitemoe", "helium", "hunyuan_v1_dense", "hyperclovax",
    "jais2", "jetmoe", "llama", "minicpm3", "mixtral", "nanochat", "nemotron", "olmo", "olmo2", "olmoe", "opt",
    "persimmon", "phi", "phi3", "phimoe", "qwen2", "qwen3", "qwen3_moe", "seed_oss", "smollm3", "starcoder2",
    "ministral3",
]  # fmt: skip
ROWS = [
    "biogpt", "bloom", "codegen", "doge", "falcon", "gpt_neo", "gptj", "mpt", "stablelm", "xglm",
]  # fmt: skip
WHOLE_PROMPTS = [
    "cohere2", "exaone4", "gemma2", "gemma3_text", "gpt_oss", "mistral", "modernbert-decoder", "olmo3",
    "roformer",
]  # fmt: skip
ALONE = [
    "bart", "camembert", "falcon_h1", "falcon_mamba", "jamba", "lfm2", "mamba", "mamba2", "openai-gpt",
    "qwen3_next", "recurrent_gemma", "rwkv",
]  # fmt: skip


def tiny(kind: str, **own: Any) -> PreTrainedModel:
    """Make a model with random weights, large enough that its probabilities differ; `own` goes into its config."""
    config_class = CONFIG_MAPPING[kind]
    known = config_class().to_dict()
    names = {**{name: name for name in _ANY}, **config_class.attribute_map}
    values = {names[k]: v for k, v in _ANY.items() if names[k] in known and known[names[k]] is not None}
    values |= {k: v for k, v in _ANY.items() if k.endswith("token_id") or k == "is_decoder"}
    config = config_class(**values | _OWN.get(kind, {}) | own)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1 and weights.std() < 0.15:
                weights.normal_(0, 0.3)
    return model.eval()
