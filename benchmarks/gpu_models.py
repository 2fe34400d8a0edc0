"""Models with random weights, questions of random tokens, and the plainest way to answer them, for `gpu.py`."""

import gc
import random
import sys
import types
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any
from unittest.mock import MagicMock

import torch
import transformers as tf

CPU = not torch.cuda.is_available() or "--cpu" in sys.argv
DEVICE = torch.device("cpu" if CPU else "cuda:0")
_auto: Any = tf.AutoModelForCausalLM
_fast: Any = tf.PreTrainedTokenizerFast
HAS_POLARS = find_spec("polars") is not None


def _wide(width: int, inner: int, *, layers: int, heads: int) -> dict[str, Any]:
    """Settings of a configuration that all architectures share."""
    return {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
    }


_SMALL = _wide(32, 64, layers=2, heads=4)
_MIDDLE = _wide(512, 1536, layers=6, heads=8)
_LARGE = _wide(2048, 8192, layers=24, heads=16)
_7B = _wide(4096, 14336, layers=32, heads=32)


def stand_in() -> None:
    """Let the engine be imported where packages that it uses only for tables are absent."""
    for name in ("polars", "jsonschema", "rapidfuzz", "datasets", "evaluate"):
        if find_spec(name) is None:
            sys.modules[name] = MagicMock()
    if find_spec("pyarrow") is None:  # lists go to polars as they are
        arrow: Any = types.ModuleType("pyarrow")
        arrow.array, arrow.large_list = (lambda values, _: values), (lambda kind: kind)
        arrow.int32 = arrow.float32 = lambda: None
        sys.modules["pyarrow"] = arrow


def shape(name: str) -> Any:
    """Give a configuration by name; on a processor all are tiny."""
    vocabulary, small, heads = (512, True, 2) if CPU else (50304, False, 8)
    both: dict[str, Any] = {"vocab_size": vocabulary, "max_position_embeddings": 4096}
    wide: dict[str, Any] = both | ({} if CPU else {"vocab_size": 128256})
    middle, large, seven = (_SMALL,) * 3 if small else (_MIDDLE, _LARGE, _7B)
    opt: dict[str, Any] = {key: middle[key] for key in ("hidden_size", "num_hidden_layers", "num_attention_heads")}
    gemma: dict[str, Any] = {"head_dim": middle["hidden_size"] // middle["num_attention_heads"], "sliding_window": 64}
    llama: dict[str, Any] = large if small else large | {"num_hidden_layers": 16, "num_attention_heads": 32}
    shapes: dict[str, Any] = {
        "llama-gqa": lambda: tf.LlamaConfig(**both, **middle, num_key_value_heads=2),
        "neox": lambda: tf.GPTNeoXConfig(**both, **middle),
        "opt": lambda: tf.OPTConfig(
            **both, **opt, ffn_dim=middle["intermediate_size"], word_embed_proj_dim=opt["hidden_size"]
        ),
        "gemma2": lambda: tf.Gemma2Config(**both, **middle, **gemma, num_key_value_heads=2, tie_word_embeddings=False),
        "neox-1.4b": lambda: tf.GPTNeoXConfig(**both, **large),
        "llama-1.4b": lambda: tf.LlamaConfig(**wide, **llama, num_key_value_heads=heads),
        "llama-7b": lambda: tf.LlamaConfig(**wide, **seven, num_key_value_heads=heads),
    }
    return shapes[name]()


def build(name: str, dtype: torch.dtype) -> Any:
    """Make a model with random weights where it stays, spread so that its answers are not all alike."""
    config = shape(name)
    config.dtype = dtype
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with DEVICE:
            model = _auto.from_config(config)
    finally:
        torch.set_default_dtype(before)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.normal_(0, 0.25 if min(weights.shape) <= 64 else 1.5 / weights.shape[-1] ** 0.5)
    return model.to(DEVICE, dtype).eval()


def questions(
    n: int, vocabulary: int, *, prompt: tuple[int, int] = (120, 240), choices: int = 5, limit: int = 32, shared: int = 0
) -> list[Any]:
    """Draw questions: prompts of so many tokens behind `shared` common ones, candidates of 2 to 6 tokens."""
    from rescore.models.tokenising import Question

    rng = random.Random(0)  # noqa: S311 - no secret

    def draw(k: int) -> list[int]:
        return [rng.randrange(10, vocabulary) for _ in range(k)]

    head = draw(shared)
    return [
        Question(
            context=head + draw(rng.randint(*prompt)),
            prompt_tail=[],
            candidates=[draw(rng.randint(2, 6)) for _ in range(choices)],
            limit=limit,
            is_cut=False,
        )
        for _ in range(n)
    ]


@torch.inference_mode()
def one_by_one(model: Any, question: Any) -> tuple[list[list[float]], list[int], list[float]]:
    """One sequence at a time, no cache, the model's own head.

    Returns
    -------
    list, list, list
        Log-probabilities (nats) by candidate and token; the greedy answer; how far its second choice was behind (nats).
    """
    scores = []
    for tokens in question.candidates:
        logp = _logits(model, question.context + tokens).log_softmax(-1)[len(question.context) - 1 : -1]
        scores.append(logp.gather(1, torch.tensor(tokens, device=DEVICE)[:, None])[:, 0].tolist())
    ids, gaps = list(question.context), []
    for _ in range(question.limit):
        top = _logits(model, ids)[-1].topk(2)
        gaps.append((top.values[0] - top.values[1]).item())
        ids.append(int(top.indices[0]))
    return scores, ids[len(question.context) :], gaps


def _logits(model: Any, ids: Sequence[int]) -> torch.Tensor:
    logits: torch.Tensor = model(input_ids=torch.tensor([ids], device=DEVICE), use_cache=False).logits[0]
    return logits.float()


@torch.inference_mode()
def bare(model: Any, asked: Sequence[Any], budget: int) -> None:
    """Read every prompt once, padded, in batches of like length."""
    contexts = sorted((question.context for question in asked), key=len, reverse=True)
    while contexts:
        n = max(1, budget // len(contexts[0]))
        batch, contexts = contexts[:n], contexts[n:]
        width = len(batch[0])
        ids = torch.tensor([[0] * (width - len(row)) + row for row in batch], device=DEVICE)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in batch], device=DEVICE)
        model(input_ids=ids, attention_mask=mask, logits_to_keep=1)


def words(vocabulary: int) -> Any:
    """Make a tokenizer whose words are t0, t1, ..., so that text and tokens are one to one."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    end, unknown = "<e>", "<u>"
    table = {end: 0, unknown: 1} | {f"t{i}": i for i in range(2, vocabulary)}
    raw = Tokenizer(models.WordLevel(table, unk_token=unknown))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _fast(tokenizer_object=raw, eos_token=end, pad_token=end, unk_token=unknown)


def text(tokens: Sequence[int]) -> str:
    """Write tokens as `words` reads them."""
    return " ".join(f"t{i}" for i in tokens)


def sync() -> None:
    """Wait until the device has done what it was asked."""
    if not CPU:
        torch.cuda.synchronize()


def free() -> None:
    """Give memory back, and count its peak anew."""
    gc.collect()
    if not CPU:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
