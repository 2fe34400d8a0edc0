"""What a model's run asks a cluster for, from its row of a ladder: memory, GPUs and time."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

SMALL_PARAMS = 10**7
"""Models below it get no GPU, and several of them fill one job."""

QUESTION_TOKENS = 150
"""Tokens of a question without shots, with its answer: 8 million in the 60,679 questions of `config/suites/all.tsv`."""

_VOCABULARY = 150_000
_ASPECT = 128  # width over layers of usual models
_GPU_BYTES = 70 * 10**9  # what is left on one of 80 GB
_GPU_FLOPS = 2e13  # what a model reaches on a data centre's GPU: a tenth of its peak in 16 bits at most
_CPU_FLOPS = 1e9
_BATCH = 2**14  # tokens of a batch where the configuration leaves it to the memory
_BASE_MB = 3000  # Python, torch, and a task's tables
_BASE_MIN = 30  # loading a model, and reading the tasks


class Request(NamedTuple):
    """What running one model asks for; memory in megabytes (10^6), GPUs, wall time in minutes."""

    mem_mb: int
    gpus: int
    runtime_min: int


def request(row: Mapping[str, Any], *, n_tokens: int, batch_tokens: int) -> Request:
    """Estimate memory, GPUs and time of one model of a ladder.

    With b bytes a number (4 in float32, else 2) and the shape of usual transformers, n = 12 L d^2 parameters without
    embeddings (Kaplan et al. 2020, arXiv:2001.08361, table 1) and d = 128 L:

        weights = b (n + 2 V d)                  V = 150,000 words, in embedding and head
        cache   = b 2 L d batch_tokens           keys and values of one batch; of 16,384 tokens if not set
        memory  = 3000 MB + 1.2 (weights + 2 cache)
        GPUs    = 0 below 10^7 parameters, else 1; with `device_map`, 1 for each 70 GB of memory
        time    = 30 min + 2 n n_tokens / speed  speed = 2 10^13 FLOP/s with a GPU, 10^9 without

    Weights pass through main memory, so it must have this size with a GPU too. The requests are meant to be too large
    rather than too small. The second try of a job asks for twice the memory and time, the third for three times.

    Examples
    --------
    >>> request({"n_params": 10**9, "dtype": "bfloat16", "device_map": None}, n_tokens=10**7, batch_tokens=16384)
    Request(mem_mb=12940, gpus=1, runtime_min=47)
    """
    n, size = row["n_params"], 4 if row["dtype"] == "float32" else 2
    width = (n * _ASPECT / 12) ** (1 / 3)
    weights = size * (n + 2 * _VOCABULARY * width)
    cache = size * 2 * width**2 / _ASPECT * (batch_tokens or _BATCH)
    memory = 1.2 * (weights + 2 * cache)
    gpus = 0 if n < SMALL_PARAMS else math.ceil(memory / _GPU_BYTES) if row["device_map"] else 1
    seconds = 2 * n * n_tokens / (_GPU_FLOPS if gpus else _CPU_FLOPS)
    return Request(_BASE_MB + math.ceil(memory / 1e6), gpus, _BASE_MIN + math.ceil(seconds / 60))


def raised(amount: int) -> Callable[[Any, int], int]:
    """Return a rule's resource: the amount times the number of the try."""
    return lambda wildcards, attempt: amount * attempt  # noqa: ARG005 - named as Snakemake passes them
