"""The shipped ladders of published families: every figure recomputed from architecture and training length.

The shapes are those of the published configurations: Pythia, models/*/*.yml of github.com/EleutherAI/pythia; OLMo 2,
Qwen2.5, Qwen3, SmolLM2 and GPT-Neo, config.json of each model; Cerebras-GPT, the table of shapes in its model cards;
OPT and BLOOM, table 1 of arXiv:2205.01068 and table 3 of arXiv:2211.05100; GPT-2, table 2 of Radford et al. (2019);
Delphi, experiments/delphi_models.py of github.com/marin-community/marin; DataDecide, the README of
github.com/allenai/DataDecide; OLMo-Ladder, snr/constants/ladder.py of github.com/allenai/signal-and-noise.
"""

import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    GPT2Config,
    GPTNeoConfig,
    GPTNeoXConfig,
    LlamaConfig,
    Olmo2Config,
    OPTConfig,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from rescore.config.folder import check_source
from rescore.config.inputs import read_ladders, read_rows

LADDERS = Path("config/ladders")
TABLES = [p.stem for p in sorted(LADDERS.glob("*.tsv")) if not p.stem.startswith("nano")]


def neox(layers: int, width: int, heads: int) -> PreTrainedConfig:
    return GPTNeoXConfig(
        num_hidden_layers=layers, hidden_size=width, num_attention_heads=heads, intermediate_size=4 * width
    )


def gpt2(layers: int, width: int, heads: int) -> PreTrainedConfig:
    return GPT2Config(n_layer=layers, n_embd=width, n_head=heads)


def opt(layers: int, width: int, heads: int) -> PreTrainedConfig:
    return OPTConfig(num_hidden_layers=layers, hidden_size=width, num_attention_heads=heads, ffn_dim=4 * width)


def bloom(layers: int, width: int, heads: int) -> PreTrainedConfig:
    return BloomConfig(n_layer=layers, hidden_size=width, n_head=heads)


def gated(
    kind: type[PreTrainedConfig], layers: int, width: int, heads: int, kv_heads: int, inner: int, **more: int
) -> PreTrainedConfig:
    return kind(
        num_hidden_layers=layers, hidden_size=width, num_attention_heads=heads, num_key_value_heads=kv_heads,
        intermediate_size=inner, **more,
    )  # fmt: skip


def delphi(layers: int, width: int) -> PreTrainedConfig:
    return gated(Qwen3Config, layers, width, width // 128, width // 128, 4 * width, head_dim=128)


def decide(layers: int, width: int, heads: int) -> PreTrainedConfig:
    """DataDecide's models are the first OLMo's with RMSNorm, which is the shape of a Llama."""
    return gated(LlamaConfig, layers, width, heads, heads, 4 * width)


def neo(layers: int, width: int, heads: int) -> PreTrainedConfig:
    kinds = [[["global", "local"], layers // 2]]
    return GPTNeoConfig(num_layers=layers, hidden_size=width, num_heads=heads, attention_types=kinds)


SHAPES = {
    "EleutherAI/pythia-14m": neox(6, 128, 4),
    "EleutherAI/pythia-31m": neox(6, 256, 8),
    "EleutherAI/pythia-70m": neox(6, 512, 8),
    "EleutherAI/pythia-160m": neox(12, 768, 12),
    "EleutherAI/pythia-410m": neox(24, 1024, 16),
    "EleutherAI/pythia-1b": neox(16, 2048, 8),
    "EleutherAI/pythia-1.4b": neox(24, 2048, 16),
    "EleutherAI/pythia-2.8b": neox(32, 2560, 32),
    "EleutherAI/pythia-6.9b": neox(32, 4096, 32),
    "EleutherAI/pythia-12b": neox(36, 5120, 40),
    "allenai/OLMo-2-0425-1B": gated(Olmo2Config, 16, 2048, 16, 16, 8192),
    "allenai/OLMo-2-1124-7B": gated(Olmo2Config, 32, 4096, 32, 32, 11008),
    "allenai/OLMo-2-1124-13B": gated(Olmo2Config, 40, 5120, 40, 40, 13824),
    "allenai/OLMo-2-0325-32B": gated(Olmo2Config, 64, 5120, 40, 8, 27648),
    "Qwen/Qwen2.5-0.5B": gated(Qwen2Config, 24, 896, 14, 2, 4864),
    "Qwen/Qwen2.5-1.5B": gated(Qwen2Config, 28, 1536, 12, 2, 8960),
    "Qwen/Qwen2.5-3B": gated(Qwen2Config, 36, 2048, 16, 2, 11008),
    "Qwen/Qwen2.5-7B": gated(Qwen2Config, 28, 3584, 28, 4, 18944),
    "Qwen/Qwen2.5-14B": gated(Qwen2Config, 48, 5120, 40, 8, 13824),
    "Qwen/Qwen2.5-32B": gated(Qwen2Config, 64, 5120, 40, 8, 27648),
    "Qwen/Qwen2.5-72B": gated(Qwen2Config, 80, 8192, 64, 8, 29568),
    "HuggingFaceTB/SmolLM2-135M": gated(LlamaConfig, 30, 576, 9, 3, 1536),
    "HuggingFaceTB/SmolLM2-360M": gated(LlamaConfig, 32, 960, 15, 5, 2560),
    "HuggingFaceTB/SmolLM2-1.7B": gated(LlamaConfig, 24, 2048, 32, 32, 8192),
    "cerebras/Cerebras-GPT-111M": gpt2(10, 768, 12),
    "cerebras/Cerebras-GPT-256M": gpt2(14, 1088, 17),
    "cerebras/Cerebras-GPT-590M": gpt2(18, 1536, 12),
    "cerebras/Cerebras-GPT-1.3B": gpt2(24, 2048, 16),
    "cerebras/Cerebras-GPT-2.7B": gpt2(32, 2560, 32),
    "cerebras/Cerebras-GPT-6.7B": gpt2(32, 4096, 32),
    "cerebras/Cerebras-GPT-13B": gpt2(40, 5120, 40),
    "facebook/opt-125m": opt(12, 768, 12),
    "facebook/opt-350m": OPTConfig(
        num_hidden_layers=24, hidden_size=1024, num_attention_heads=16, ffn_dim=4096, do_layer_norm_before=False
    ),
    "facebook/opt-1.3b": opt(24, 2048, 32),
    "facebook/opt-2.7b": opt(32, 2560, 32),
    "facebook/opt-6.7b": opt(32, 4096, 32),
    "facebook/opt-13b": opt(40, 5120, 40),
    "facebook/opt-30b": opt(48, 7168, 56),
    "facebook/opt-66b": opt(64, 9216, 72),
    "openai-community/gpt2": gpt2(12, 768, 12),
    "openai-community/gpt2-medium": gpt2(24, 1024, 16),
    "openai-community/gpt2-large": gpt2(36, 1280, 20),
    "openai-community/gpt2-xl": gpt2(48, 1600, 25),
    "bigscience/bloom-560m": bloom(24, 1024, 16),
    "bigscience/bloom-1b1": bloom(24, 1536, 16),
    "bigscience/bloom-1b7": bloom(24, 2048, 16),
    "bigscience/bloom-3b": bloom(30, 2560, 32),
    "bigscience/bloom-7b1": bloom(30, 4096, 32),
    "EleutherAI/gpt-neo-125m": neo(12, 768, 12),
    "EleutherAI/gpt-neo-1.3B": neo(24, 2048, 16),
    "EleutherAI/gpt-neo-2.7B": neo(32, 2560, 20),
    "Qwen/Qwen3-0.6B-Base": gated(Qwen3Config, 28, 1024, 16, 8, 3072, head_dim=128),
    "Qwen/Qwen3-1.7B-Base": gated(Qwen3Config, 28, 2048, 16, 8, 6144, head_dim=128),
    "Qwen/Qwen3-4B-Base": gated(Qwen3Config, 36, 2560, 32, 8, 9728, head_dim=128),
    "Qwen/Qwen3-8B-Base": gated(Qwen3Config, 36, 4096, 32, 8, 12288, head_dim=128),
    "Qwen/Qwen3-14B-Base": gated(Qwen3Config, 40, 5120, 40, 8, 17408, head_dim=128),
    "marin-community/delphi-3e18-447Mparams-1.2Btokens": delphi(11, 1024),
    "marin-community/delphi-9e18-550Mparams-2.9Btokens": delphi(12, 1152),
    "marin-community/delphi-2e19-837Mparams-3.6Btokens": delphi(15, 1408),
    "marin-community/delphi-3e19-998Mparams-5Btokens": delphi(16, 1536),
    "marin-community/delphi-9e19-1.4Bparams-10.6Btokens": delphi(18, 1792),
    "marin-community/delphi-2e20-1.9Bparams-14.8Btokens": delphi(21, 2048),
    "marin-community/delphi-3e20-2.5Bparams-18.6Btokens": delphi(23, 2304),
    "marin-community/delphi-1e21-3.4Bparams-46.3Btokens": delphi(26, 2560),
    "marin-community/delphi-1e22-9.7Bparams-160Btokens": delphi(37, 3840),
    "marin-community/delphi-1e23-25Bparams-628Btokens": delphi(51, 5376),
    "allenai/OLMo-Ladder-190M": gated(Olmo2Config, 12, 768, 12, 12, 4 * 768),
    "allenai/OLMo-Ladder-370M": gated(Olmo2Config, 16, 1024, 16, 16, 4 * 1024),
    "allenai/OLMo-Ladder-760M": gated(Olmo2Config, 16, 1536, 16, 16, 4 * 1536),
    "allenai/OLMo-Ladder-1B": gated(Olmo2Config, 16, 2048, 16, 16, 4 * 2048),
    "allenai/OLMo-Ladder-3B": gated(Olmo2Config, 16, 3328, 16, 16, 4 * 3328),
    "allenai/DataDecide-dclm-baseline-4M": decide(8, 64, 8),
    "allenai/DataDecide-dclm-baseline-6M": decide(8, 96, 8),
    "allenai/DataDecide-dclm-baseline-8M": decide(8, 128, 8),
    "allenai/DataDecide-dclm-baseline-10M": decide(8, 144, 8),
    "allenai/DataDecide-dclm-baseline-14M": decide(8, 192, 8),
    "allenai/DataDecide-dclm-baseline-16M": decide(8, 208, 8),
    "allenai/DataDecide-dclm-baseline-20M": decide(16, 192, 8),
    "allenai/DataDecide-dclm-baseline-60M": decide(16, 384, 12),
    "allenai/DataDecide-dclm-baseline-90M": decide(16, 528, 12),
    "allenai/DataDecide-dclm-baseline-150M": decide(12, 768, 12),
    "allenai/DataDecide-dclm-baseline-300M": decide(16, 1024, 16),
    "allenai/DataDecide-dclm-baseline-530M": decide(16, 1344, 16),
    "allenai/DataDecide-dclm-baseline-750M": decide(16, 1536, 16),
    "allenai/DataDecide-dclm-baseline-1B": decide(16, 2048, 16),
}


def config(source: str) -> PreTrainedConfig:
    """Shape of a model; seeds, lengths of training and checkpoints in repositories of their own share one."""
    return SHAPES[re.sub(r"-seed\d+$|-[\d.]+xC$|-intermediate-checkpoints$", "", source)]


@cache
def n_params(source: str) -> int:
    """Count the parameters of a model without its embeddings (of tokens, of positions) and output head."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config(source))
    apart = {id(p) for module in model.modules() if isinstance(module, torch.nn.Embedding) for p in module.parameters()}
    apart |= {id(p) for p in model.get_output_embeddings().parameters()}
    return sum(p.numel() for p in model.parameters() if id(p) not in apart)


def test_the_count_is_that_of_the_closed_formula_and_of_published_figures() -> None:
    # GPT-NeoX and GPT-2: by layer 12 w^2 weights and 13 w biases and norms; 2 w for the last norm
    for source, layers, width in (("EleutherAI/pythia-31m", 6, 256), ("cerebras/Cerebras-GPT-256M", 14, 1088)):
        assert n_params(source) == layers * (12 * width**2 + 13 * width) + 2 * width
    # Pythia: table 1 of arXiv:2304.01373 gives the figure itself
    published = {"70m": 18_915_328, "160m": 85_056_000, "410m": 302_311_424, "1b": 805_736_448, "1.4b": 1_208_602_624}
    published |= {"2.8b": 2_517_652_480, "6.9b": 6_444_163_072, "12b": 11_327_027_200}
    assert {size: n_params(f"EleutherAI/pythia-{size}") for size in published} == published
    # tied embeddings of 151936 and 49152 tokens make up the rest of the published totals
    assert n_params("Qwen/Qwen2.5-0.5B") + 151_936 * 896 == 494_032_768
    assert n_params("HuggingFaceTB/SmolLM2-135M") + 49_152 * 576 == 134_515_008
    assert n_params("Qwen/Qwen3-0.6B-Base") + 151_936 * 1024 == 596_049_920
    # the names of Delphi's models give all parameters, with the head: 447M, 9.7B, 25B
    totals = [n_params(s) + 2 * 128_256 * config(s).hidden_size for s in SHAPES if "delphi" in s]
    assert [round(total / 1e8) for total in totals] == [4, 6, 8, 10, 14, 19, 25, 34, 97, 250]
    # DataDecide's README gives 3.7M to 1176.8M with embeddings, which are 86% of the smallest
    decide = {s.rpartition("-")[2]: n_params(s) + 50_304 * config(s).hidden_size for s in SHAPES if "Decide" in s}
    told = [3.7, 6.0, 8.5, 9.9, 14.4, 16.0, 19.1, 57.1, 97.9, 151.9, 320.0, 530.1, 681.3, 1176.8]
    assert [round(total / 1e6, 1) for total in decide.values()] == told
    assert 50_304 * 64 / decide["4M"] == pytest.approx(0.86, abs=0.005)
    # OLMo-Ladder: ladder.py gives parameters with one of embedding and head
    olmo = {s.rpartition("-")[2]: n_params(s) + 100_352 * config(s).hidden_size for s in SHAPES if "Ladder" in s}
    assert olmo == {k: n for k, (n, _) in OLMO_LADDER.items()}
    assert n_params("openai-community/gpt2-xl") + (50_257 + 1024) * 1600 == 1_557_611_200  # and its 1024 positions


@pytest.mark.parametrize("table", TABLES)
def test_sizes_are_those_of_the_architecture(table: str) -> None:
    rows = read_ladders([LADDERS / f"{table}.tsv"]).to_dicts()
    assert {r["model"]: r["n_params"] for r in rows} == {r["model"]: n_params(r["source"]) for r in rows}


STEP_TOKENS = {
    "EleutherAI/": 2_097_152,  # 1024 sequences of 2048
    "HuggingFaceTB/SmolLM2-1.7B-intermediate-checkpoints": 2_097_152,
    "allenai/OLMo-Ladder-1B-5xC": 384 * 4096,
    "allenai/OLMo-2-0425-1B": 2_097_152,  # 512 sequences of 4096
    "allenai/OLMo-2-1124-7B": 4_194_304,
    "allenai/OLMo-2-1124-13B": 8_388_608,
    "allenai/OLMo-2-0325-32B": 8_388_608,
}
# sequences of 2048 in a batch, steps
CEREBRAS = {"111M": (120, 9037), "256M": (264, 9468), "590M": (264, 21836), "1.3B": (528, 24334), "2.7B": (528, 49041)}
CEREBRAS |= {"6.7B": (1040, 62522), "13B": (720, 174335)}
# sequences of 2048 in a batch
DECIDE = dict.fromkeys(("4M", "6M", "8M", "10M", "14M", "16M"), 32) | {"20M": 64, "60M": 96, "90M": 160, "150M": 192}
DECIDE |= {"300M": 320, "530M": 448, "750M": 576, "1B": 704}
STEP_TOKENS |= {f"allenai/DataDecide-dclm-baseline-{size}": batch * 2048 for size, batch in DECIDE.items()}
# parameters as OLMo-Ladder's authors count them; sequences of 4096 in a batch
OLMO_LADDER = {"190M": (190_354_176, 128), "370M": (371_262_464, 192), "760M": (758_220_288, 320)}
OLMO_LADDER |= {"1B": (1_279_395_840, 384), "3B": (3_169_537_280, 768)}
# sequences of 4096 in a batch, steps
DELPHI = {"3e18": (8, 37335), "9e18": (16, 44096), "2e19": (16, 54915), "3e19": (32, 38014), "9e19": (64, 40163)}
DELPHI |= {
    "2e20": (64, 56392),
    "3e20": (128, 35510),
    "1e21": (512, 22057),
    "1e22": (1024, 38235),
    "1e23": (2048, 74884),
}
PUBLISHED: dict[str, int | None] = {
    "EleutherAI/gpt-neo-125m": 300_000_000_000,
    "EleutherAI/gpt-neo-1.3B": 380_000_000_000,
    "EleutherAI/gpt-neo-2.7B": 420_000_000_000,
    "Qwen/Qwen3": 36_000_000_000_000,
    "Qwen/": 18_000_000_000_000,
    "HuggingFaceTB/SmolLM2-135M": 2_000_000_000_000,
    "HuggingFaceTB/SmolLM2-360M": 4_000_000_000_000,
    "HuggingFaceTB/SmolLM2-1.7B": 11_000_000_000_000,
    "facebook/opt-": 300_000_000_000,
    "bigscience/bloom-": 341_000_000_000,
    "openai-community/gpt2": None,
} | {f"cerebras/Cerebras-GPT-{size}": 2048 * batch * steps for size, (batch, steps) in CEREBRAS.items()}
PUBLISHED |= {f"marin-community/delphi-{c}-": 4096 * batch * steps for c, (batch, steps) in DELPHI.items()}


def n_tokens(row: dict[str, Any]) -> int | None:
    """Tokens that a checkpoint saw: by its steps where its revision names them, else as published, if they were."""
    if step := re.search(r"step-?(\d+)", row["revision"]):
        return int(step[1]) * max((s, n) for s, n in STEP_TOKENS.items() if row["source"].startswith(s))[1]
    if run := re.search(r"OLMo-Ladder-(\d+[MB])-([\d.]+)xC", row["source"]):  # so many times 20 tokens a parameter
        n, batch = OLMO_LADDER[run[1]]
        return (math.ceil(20 * float(run[2]) * n / (4096 * batch)) + 10) * 4096 * batch
    return next(n for source, n in PUBLISHED.items() if row["source"].startswith(source))


GIVEN_COMPUTE = ("delphi", "olmo-ladder")


@pytest.mark.parametrize("table", TABLES)
def test_tokens_are_those_of_the_steps_or_the_published(table: str) -> None:
    rows = read_ladders([LADDERS / f"{table}.tsv"]).to_dicts()
    assert {r["model"]: r["n_tokens"] for r in rows} == {r["model"]: n_tokens(r) for r in rows}
    for row in rows:
        if named := re.search(r"tokens(\d+)B", row["revision"]):  # OLMo 2 names them, rounded up
            assert math.ceil(row["n_tokens"] / 1e9) == int(named[1])


@pytest.mark.parametrize("table", TABLES)
def test_rows_can_be_run_and_say_where_their_figures_are_from(table: str) -> None:
    path = LADDERS / f"{table}.tsv"
    for row in read_ladders([path]).to_dicts():
        check_source(row, str(path))
        flops = None if row["n_tokens"] is None else 6.0 * row["n_params"] * row["n_tokens"]
        if table in GIVEN_COMPUTE:  # as published: the head and attention are counted
            assert 1.05 < row["compute_flops"] / flops < 2.9
        else:
            assert row["compute_flops"] == flops
    assert all(len(row["figures"]) > 20 for _, row in read_rows(path, "ladder", "model"))


def test_all_of_them_can_be_run_together() -> None:
    every = read_ladders(sorted(LADDERS.glob("*.tsv")))  # refuses a model whose rows differ
    assert set(every["ladder"]) == {path.stem for path in LADDERS.glob("*.tsv")}
    shared = every.filter(pl.len().over("model") > 1)
    of = dict(shared.group_by("model").agg(pl.col("ladder").sort()).iter_rows())
    nano = {f"nano-w{w}-s0": ["nano", f"nano-w{w}-tokens"] for w in (16, 24, 40, 64)}
    pythia = {f"pythia-{size}": ["polypythias", "pythia"] for size in ("14m", "31m", "70m", "410m")}
    pythia |= {"pythia-160m": ["polypythias", "pythia", "pythia-160m-steps"]}
    pythia |= {"pythia-1.4b": ["pythia", "pythia-1.4b-steps"]}
    assert of == nano | pythia | {"smollm2-1.7b": ["smollm2", "smollm2-1.7b-steps"]}


def test_compute_that_is_not_6nd_is_that_of_the_names_or_the_published() -> None:
    for row in read_ladders([LADDERS / "delphi.tsv"]).to_dicts():
        assert row["compute_flops"] == float(re.search(r"delphi-(\de\d\d)", row["source"])[1])  # type: ignore[index]
    rows = {row["model"]: row for row in read_ladders([LADDERS / "olmo-ladder.tsv"]).to_dicts()}
    assert len(rows) == 25
    per_token = {
        size: {r["compute_flops"] / r["n_tokens"] for m, r in rows.items() if f"-{size}-" in m}
        for size in ("190m", "3b")
    }
    for values in per_token.values():
        assert max(values) / min(values) == pytest.approx(1, abs=1e-5)


def test_polypythias_has_ten_seeds_of_each_size() -> None:
    rungs = read_ladders([LADDERS / "polypythias.tsv"]).group_by("compute_flops").agg(pl.len(), pl.col("weights"))
    assert rungs["len"].to_list() == [10] * 5
    assert {tuple(sorted(w, key=str)) for w in rungs["weights"].to_list()} == {(None, *["bin"] * 9)}
