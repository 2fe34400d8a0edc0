"""Is extraction right and fast on a GPU? One JSON line per finding, on stdout and in OUT/gpu.jsonl.

    python benchmarks/gpu.py                # on a machine with a GPU: under nine minutes
    python benchmarks/gpu.py --cpu          # tiny shapes on a processor: tries the script itself

Needs torch and transformers; polars for the part from text to tables, lm_eval for the peer. Models have random weights.
A part that fails leaves a line, and the others go on; the exit status is then 1.

    a  log-probabilities and answers against one sequence at a time, float32 and bfloat16
    b  tokens per second, by stage, and the share of a bare forward pass: 1.4B and 7B shapes, at several budgets
    c  lm-evaluation-harness on the same prompts, at batches of 1, 16 and 64
    d  one decoding step: as it is, with a static cache, and in a CUDA graph
    e  loading, and a budget far beyond the memory
    f  from text to tables
    g  transformers' continuous batching, on the same prompts: its answers, log-probabilities and seconds beside ours
"""

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import transformers as tf
from gpu_engine import continuous, generate, ours, prepared, step_ms, timed
from gpu_models import CPU, DEVICE, HAS_POLARS, bare, build, free, one_by_one, questions, text, words

from rescore.models import batching, forward, one_task
from rescore.models.jobs import ExtractSettings
from rescore.models.loading import load

HALF = torch.float32 if CPU else torch.bfloat16
started = time.monotonic()


def say(part: str, **found: Any) -> None:
    """Print a finding and append it to the file."""
    line = json.dumps({"part": part, "at_s": round(time.monotonic() - started, 1), **found}, default=str)
    print(line, flush=True)
    with (OUT / "gpu.jsonl").open("a") as file:
        file.write(line + "\n")


def part_a() -> None:
    """Against one sequence at a time."""
    for name in ("llama-gqa", "neox", "opt", "gemma2"):
        for dtype in (torch.float32, torch.bfloat16):
            model = build(name, dtype)
            loaded = prepared(model)
            for shared in (0, 60):
                n, limit = (6, 8) if CPU else (10, 12)
                asked = questions(n, model.config.vocab_size, prompt=(20, 90), choices=4, limit=limit, shared=shared)
                truth = [one_by_one(model, question) for question in asked]
                wide, alone, again = (ours(loaded, asked, budget)[0] for budget in (16384, 1, 16384))
                found = _compared(wide, alone, again, truth)
                say("a", model=name, dtype=dtype, shared=shared, way=str(loaded.way), **found)
            if dtype == torch.float32 and not CPU:
                here, there = ours(loaded, asked[:3], 16384)[0], ours(prepared(model.to("cpu")), asked[:3], 16384)[0]
                say("a", model=name, what="GPU against CPU", worst_nats=_worst(_scores(here), _scores(there)))
            del model, loaded
            free()


def _scores(found: Sequence[Any]) -> list[float]:
    return [value for scores, _ in found for one in scores for value in one.logprob_nats]


def _worst(a: Sequence[float], b: Sequence[float]) -> float:
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


def _compared(wide: Any, alone: Any, again: Any, truth: Any) -> dict[str, Any]:
    right = [value for scores, _, _ in truth for one in scores for value in one]
    gaps = []
    for (_, answer), (_, ids, behind) in zip(wide, truth, strict=True):
        differing = (k for k, (a, b) in enumerate(zip(answer.token_ids, ids, strict=True)) if a != b)
        gaps += [behind[k] for k in islice(differing, 1)]
    return {
        "worst_nats_to_one_by_one": _worst(_scores(wide), right),
        "worst_nats_batch_to_alone": _worst(_scores(wide), _scores(alone)),
        "identical_when_repeated": wide == again,
        "answers_differing": len(gaps),
        "largest_gap_where_they_part_nats": max(gaps, default=0.0),
    }


def part_b() -> None:
    """Tokens per second."""
    for name, n in (("neox-1.4b", 360), ("llama-1.4b", 360), ("llama-7b", 180)):
        model = build(name, HALF)
        loaded = prepared(model)
        asked = questions(8 if CPU else n, model.config.vocab_size, limit=4 if CPU else 32)
        for budget in (16384, 65536, 131072):
            if left() < 40:
                say("b", model=name, budget=budget, skipped="no time")
                continue
            # the better of two: the first also asks the driver for memory
            _, spent, n_batches = min((ours(loaded, asked, budget) for _ in range(2)), key=lambda r: sum(r[1].values()))
            floors: dict[str, float] = {}
            for repeat in "ab":
                with timed(floors, repeat):
                    bare(model, asked, 16384)
            floor = min(floors.values())
            n_prompt, n_answer = sum(len(q.context) for q in asked), sum(q.limit for q in asked)
            n_scored = sum(len(tokens) for q in asked for tokens in q.candidates)
            say(
                "b",
                model=name,
                dtype=model.dtype,
                questions=len(asked),
                budget=budget,
                batches=n_batches,
                seconds={stage: round(value, 3) for stage, value in spent.items()},
                bare_s=round(floor, 3),
                bare_over_scoring=round(floor / (spent["prefill"] + spent["score"]), 3),
                prompt_tokens_per_s=round(n_prompt / spent["prefill"]),
                candidate_tokens_per_s=round(n_scored / spent["score"]),
                answer_tokens_per_s=round(n_answer / spent["greedy"]),
                peak_gib=None if CPU else round(torch.cuda.max_memory_allocated() / 2**30, 2),
            )
            free()
        del model, loaded
        free()


def part_c() -> None:
    """The peer."""
    try:
        from lm_eval.api.instance import Instance
        from lm_eval.models.huggingface import HFLM
    except ImportError as error:
        say("c", skipped=str(error))
        return
    model = build("neox-1.4b", HALF)
    loaded, limit = prepared(model), 4 if CPU else 32
    every = questions(4 if CPU else 96, model.config.vocab_size, limit=limit)
    ours(loaded, every[:4], 16384)
    for batch in (1, 16, 64):
        asked = every[:24] if batch == 1 else every
        found, spent, _ = ours(loaded, asked, 16384)
        peer = HFLM(pretrained=model, tokenizer=loaded.vocabulary.tokenizer, batch_size=batch, max_length=2048)
        pairs = [(text(q.context), " " + text(tokens)) for q in asked for tokens in q.candidates]
        scored = [Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(pairs)]
        until = {"until": ["\n"], "max_gen_toks": limit, "do_sample": False}
        said = [Instance("generate_until", {}, (text(q.context), dict(until)), i) for i, q in enumerate(asked)]
        peers: dict[str, float] = {}
        with timed(peers, "score"):
            got = peer.loglikelihood(scored, disable_tqdm=True)
        with timed(peers, "answer"):
            peer.generate_until(said, disable_tqdm=True)
        sums = [sum(one.logprob_nats) for scores, _ in found for one in scores]
        say(
            "c",
            batch=batch,
            questions=len(asked),
            scoring_ratio=round(peers["score"] / (spent["prefill"] + spent["score"]), 2),
            answers_ratio=round(peers["answer"] / spent["greedy"], 2),
            worst_nats_per_answer=_worst(sums, [value for value, _ in got]),
        )


def part_d() -> None:
    """A decoding step."""
    for name in ("neox-1.4b", "llama-7b"):
        model, n = build(name, HALF), 8 if CPU else 90
        asked = questions(n, model.config.vocab_size, prompt=(160, 180), choices=1)
        length, steps = 192, 4 if CPU else 16
        loaded = prepared(model)
        took: dict[str, float] = {}
        for limit in (2, 1, steps + 1):  # the first time asks the driver for memory
            read = forward.prefill(loaded.model, [q.context for q in asked], shares_prefix=False)
            with timed(took, str(limit)):
                generate(loaded, read, [limit] * n)
        found = {"dynamic_ms": 1000 * (took[str(steps + 1)] - took["1"]) / steps}
        with torch.inference_mode():
            found |= step_ms(model, n, length, steps)
        say("d", model=name, rows=n, **{key: round(value, 2) for key, value in found.items()})
        del model, loaded
        free()


def part_e() -> None:
    """Loading and memory."""
    with tempfile.TemporaryDirectory() as folder:
        model = build("llama-1.4b", HALF)
        model.save_pretrained(folder)
        words(model.config.vocab_size).save_pretrained(folder)
        del model
        free()
        row = {"model": "m", "source": folder, "dtype": str(HALF).removeprefix("torch."), "trust_remote_code": False}
        took: dict[str, float] = {}
        with timed(took, ""):
            loaded = load(row | {"gguf_file": None, "device_map": None})
        say("e", what="load", seconds=round(took[""], 2), way=str(loaded.way))
    if CPU:
        return
    hog = torch.empty(int(torch.cuda.mem_get_info()[0] - 6 * 2**30), dtype=torch.uint8, device=DEVICE)
    asked = questions(400, loaded.model.vocabulary, prompt=(900, 1000), choices=3)
    none: list[Any] = [None] * len(asked)
    settings = ExtractSettings(batch_tokens=2**20)
    found = batching.read(loaded, asked, none, [False] * len(asked), settings, name="e")
    say("e", what="out of memory", questions_read=len(found.scored), budget=found.batch_tokens)
    del hog


def part_f() -> None:
    """From text to tables."""
    if not HAS_POLARS:
        say("f", skipped="no polars")
        return
    import polars as pl

    loaded = prepared(build("llama-1.4b", HALF))
    asked = questions(8 if CPU else 360, loaded.model.vocabulary, limit=4 if CPU else 32)
    rows = [
        {
            "subtask": "s",
            "example_id": i,
            "prompt": text(question.context) + " ",
            "targets": [text(question.candidates[0])],
            "choices": [text(tokens) for tokens in question.candidates],
            "shots": 0,
        }
        for i, question in enumerate(asked)
    ]
    settings = ExtractSettings(batch_tokens=65536, max_new_tokens=asked[0].limit)
    rules, frame = {"s": {"asks_text": True}}, pl.DataFrame(rows)
    took: dict[str, float] = {}
    with timed(took, ""):
        one_task.run_task(loaded, frame, rules, settings, name="f")
    spent = ours(loaded, asked, 65536)[1]
    say("f", questions=len(asked), seconds=round(took[""], 2), in_the_model_s=round(sum(spent.values()), 2))


def part_g() -> None:
    """Continuous batching."""
    for name in ("neox-1.4b", "llama-1.4b"):
        model, limit = build(name, HALF), 4 if CPU else 32
        loaded = prepared(model)
        asked = questions(8 if CPU else 360, model.config.vocab_size, choices=1, limit=limit)
        prompts = [list(q.context) for q in asked]
        took: dict[str, float] = {}
        for run in ("first", "ours"):  # the first also asks the driver for memory
            with timed(took, run):
                read = forward.prefill(loaded.model, prompts, shares_prefix=False)
                mine = generate(loaded, read, [limit] * len(asked))
            del read
        for run in ("first", "theirs"):
            with timed(took, run):
                theirs = continuous(model, prompts, limit)
        same = [k for k, one in enumerate(theirs) if list(one.generated_tokens) == mine[k].token_ids]
        worst = max((_worst(theirs[k].logprobs, mine[k].logprob_nats) for k in same), default=None)
        say(
            "g",
            model=name,
            rows=len(asked),
            answers_differing=len(asked) - len(same),
            worst_nats=worst,
            seconds={run: round(took[run], 3) for run in ("ours", "theirs")},
        )
        del model, loaded
        free()


def left() -> float:
    """Seconds until the deadline."""
    return float(options.deadline - (time.monotonic() - started))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpu", action="store_true", help="tiny shapes on a processor")
    parser.add_argument("--deadline", type=float, default=500, help="seconds after which no part begins")
    parser.add_argument("--only", default="a,b,c,d,e,f,g", help="parts, in this order")
    options = parser.parse_args()
    OUT = Path(os.environ.get("OUT") or tempfile.mkdtemp())
    name = "cpu" if CPU else torch.cuda.get_device_name()
    say("machine", device=name, torch=torch.__version__, transformers=tf.__version__, polars=HAS_POLARS)
    failed = 0
    parts = {"a": part_a, "b": part_b, "c": part_c, "d": part_d, "e": part_e, "f": part_f, "g": part_g}
    for key in options.only.split(","):
        if left() < 45 and not CPU:
            say(key, skipped="no time")
            continue
        try:
            parts[key]()
        except Exception as error:
            failed += 1
            say(key, error=repr(error)[:300], where=traceback.format_exc()[-900:])
        free()
    say("end", left_s=round(left()), failed=failed)
    sys.exit(failed > 0)
