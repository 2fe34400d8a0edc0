"""How much is held at once, by what is free on a GPU."""

import torch
from transformers import PreTrainedModel

ON_A_CPU = 2**14
"""Tokens of a batch on a CPU, or where a model's configuration does not tell what a token takes."""
_LONGEST = 2**17  # tokens of a batch; more was not faster where it was measured
_WORK = 20  # numbers per token and width, while a layer is computed
LOGITS = 2**26
"""Logits, in float32, that are held at once on a CPU: 256 MiB."""
_LOGITS_SHARE = 64  # bytes of free memory for each logit: 16 times what it takes, with its copies


def batch_tokens(model: PreTrainedModel) -> int:
    """How many tokens one forward pass may hold: on a GPU, as many as half of the free memory takes.

    With b bytes a number, a token takes b (2 L h d + 20 w) bytes: keys and values of L layers with h heads of width d,
    and what a layer of width w computes with.
    """
    config = model.config.get_text_config()
    heads = getattr(config, "num_attention_heads", None)
    width, layers = getattr(config, "hidden_size", None), getattr(config, "num_hidden_layers", None)
    if model.device.type != "cuda" or not (heads and width and layers):
        return ON_A_CPU
    kept = getattr(config, "num_key_value_heads", None) or heads
    head = getattr(config, "head_dim", None) or width // heads
    n_bytes: int = model.dtype.itemsize * (2 * layers * kept * head + _WORK * width)
    free, _ = torch.cuda.mem_get_info(model.device)
    return min(max(1, int(free) // 2 // n_bytes), _LONGEST)


def logits_at_once(n: int, device: torch.device) -> int:
    """How many of `n` logits may be held at once."""
    if n <= LOGITS or device.type != "cuda":
        return LOGITS
    free, _ = torch.cuda.mem_get_info(device)
    return max(LOGITS, free // _LOGITS_SHARE)


def ran_out(error: Exception) -> bool:
    """Whether an error says that memory ran out; torch has one of its own for GPUs only."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
