"""Score files and full logs as BIG-bench publishes them, with planted curves; and how long `rescore reproduce` takes.

    python benchmarks/bigbench_published.py --tasks 200 --out /tmp/published

writes `TASK/results/scores_FAMILY_NAME.json` of 40 models of five families, with four numbers of shots, on so many
tasks, and runs `rescore reproduce schaeffer` on them. It prints the seconds and the memory of the largest process.

Where `rescore fetch` left BIG-bench's package, files are written through the package's own classes
(`bigbench/api/results.py`), which then also add the rows of whole tasks; else as the same dictionaries.
"""

import argparse
import dataclasses
import functools
import importlib
import json
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rescore.bigbench.download import ARCHIVE

DENSE = {
    "2m": 2_097_152,
    "16m": 16_777_216,
    "53m": 57_409_536,
    "125m": 134_217_728,
    "244m": 244_318_208,
    "422m": 421_527_552,
    "1b": 1_073_741_824,
    "2b": 1_912_602_624,
    "4b": 4_311_744_512,
    "8b": 8_589_934_592,
    "27b": 28_991_029_248,
    "128b": 137_438_953_472,
}
"""The twelve sizes of BIG-G, without embeddings."""

FAMILIES: Mapping[str, Mapping[str, int]] = {
    "BIG-G T=0": DENSE,
    "BIG-G T=1": DENSE,
    "BIG-G sparse": {name: DENSE[name] for name in list(DENSE)[:9]},
    "GPT": {"3B": 3 * 10**9, "6B": 6 * 10**9, "13B": 13 * 10**9, "200B": 200 * 10**9},
    "PaLM": {"8b": 8 * 10**9, "64b": 64 * 10**9, "535b": 535 * 10**9},
}
BATCH_TOKENS, STEPS = 262_144, 1_000_000
Json = dict[str, Any]
Floats = Sequence[float]


@functools.cache
def reference(archive: Path = Path("data/downloads") / ARCHIVE) -> Any:
    """Import `bigbench/api/results.py` of the package; None where the archive is not there."""
    if not archive.is_file():
        return None
    folder = Path(tempfile.mkdtemp())
    wanted = {f"bigbench-1.0.0/bigbench/api/{name}.py" for name in ("__init__", "model", "results", "task")}
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name in wanted:
                tar.extract(member, folder, filter="data")
                wanted.remove(member.name)
            if not wanted:  # the rest is 1.7 GB of tasks
                break
    sys.path.insert(0, str(folder / "bigbench-1.0.0"))
    return importlib.import_module("bigbench.api.results")


def model(family: str, name: str, **more: Any) -> Json:
    """Describe a model as `ModelData` does."""
    n = FAMILIES.get(family, {}).get(name, 10**9)
    return {
        "model_family": family,
        "model_name": name,
        "total_params": n + 65_000_000,
        "non_embedding_params": n,
        "flop_matched_non_embedding_params": n,
        "training_batch_size": BATCH_TOKENS,
        "training_steps": STEPS,
        "description": "",
        "decoding_params": {},
        "additional_details": "",
    } | more


def entry(subtask: str, shots: int | None, preferred: str, low: float = 0.0, **score_dict: float | None) -> Json:
    """Describe a subtask's scores as `ScoreData` does."""
    return {
        "score_dict": score_dict,
        "preferred_score": preferred,
        "number_of_shots": shots,
        "low_score": low,
        "high_score": 1.0,
        "subtask_description": subtask,
    }


def results(task: str, of: Json, entries: Sequence[Json], queries: Sequence[Json] | None = None) -> Json:
    """Put together a file's content, with the rows of the whole task."""
    content: Json = {"scores": list(entries), "task": {"task_name": task}, "model": of, "queries": queries}
    if reference():
        made = reference().ResultsFileData.fromdict(content, include_queries=bool(queries), normalize=False)
        made.scores = reference().add_aggregate_scores(task_name=task, scores=made.scores)
        content = dataclasses.asdict(made)
    else:
        content["scores"] += whole_task(task, entries)
    return content if queries else {key: value for key, value in content.items() if key != "queries"}


def whole_task(task: str, entries: Sequence[Json]) -> list[Json]:
    """Make the row of a task with subtasks for each number of shots, as `add_aggregate_scores` does; else none."""
    rows = []
    for shots in dict.fromkeys(one["number_of_shots"] for one in entries):
        of = [one for one in entries if one["number_of_shots"] == shots]
        if [one["subtask_description"] for one in of] == [task]:
            of[0]["score_dict"]["normalized_aggregate_score"] = 100 * _normalised(of[0])
            continue
        names = {metric for one in of for metric in one["score_dict"]}
        means = {m: statistics.mean(one["score_dict"][m] for one in of if m in one["score_dict"]) for m in names}
        means["normalized_aggregate_score"] = 100 * statistics.mean(map(_normalised, of))
        if {one["preferred_score"] for one in of} == {"multiple_choice_grade"}:
            low = statistics.mean(one["low_score"] for one in of)
            rows.append(entry(task, shots, "multiple_choice_grade", low, **means))
        else:
            rows.append(entry(task, shots, "normalized_aggregate_score", 0, **means) | {"high_score": 100})
    return rows


def _normalised(one: Json) -> float:
    low, high = one["low_score"], one["high_score"]
    return float((one["score_dict"][one["preferred_score"]] - low) / (high - low))


def file_name(of: Json, kind: str = "scores") -> str:
    """Name a file as the reference does; the other kind is full-log."""
    return re.sub(r"[^\w\-\=]+", "_", f"{kind}_{of['model_family']}_{of['model_name']}") + ".json"


def write(content: Json, root: Path, kind: str = "scores") -> Path:
    """Write a file to the results of its task."""
    path: Path = root / content["task"]["task_name"] / "results" / file_name(content["model"], kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def place(n_params: float) -> float:
    """Place a model between 0 (a million parameters) and 1 (a million million)."""
    return float((np.log10(n_params) - 6) / 6)


CURVES: Mapping[str, Callable[[float], float]] = {
    "cliff": lambda u: 0.9 / (1 + np.exp(-60 * (u - 0.72))),
    "smooth": lambda u: 0.1 + 0.7 * u,
    "flat": lambda u: 0.1 + 0.02 * u,
}
"""Planted means by place."""


def write_many(root: Path, n_tasks: int) -> int:
    """Write score files of 40 models on so many tasks of one subtask each; return how many."""
    rng, written = np.random.default_rng(0), 0
    for number in range(n_tasks):
        curve = CURVES[list(CURVES)[number % len(CURVES)]]
        for family, sizes in FAMILIES.items():
            for name, n_params in sizes.items():
                entries = []
                for shots in range(4):
                    mean = float(rng.binomial(200, np.clip(curve(place(n_params)), 0, 1))) / 200
                    if number % 2:
                        squares = {"calibration_multiple_choice_brier_score": (1 - mean) / 4}
                        scores = {"multiple_choice_grade": mean, "expected_calibration_error": 0.1} | squares
                        entries.append(entry(f"task_{number}", shots, "multiple_choice_grade", 0.0, **scores))
                    else:
                        texts = dict.fromkeys(("bleu", "rouge1", "rouge2", "rougeLsum"), 100 * mean)
                        scores = {"exact_str_match": mean, "bleurt": mean - 1} | texts
                        entries.append(entry(f"task_{number}", shots, "exact_str_match", **scores))
                write(results(f"task_{number}", model(family, name), entries), root)
                written += 1
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    files = write_many(given.out / "checkout", given.tasks)
    command = ["rescore", "reproduce", "schaeffer", "--scores", str(given.out / "checkout"), "--n", "200"]
    start = time.perf_counter()
    subprocess.run(["/usr/bin/time", "-v", *command, "--out", str(given.out / "made")], check=True)
    print(f"{files} files of {given.tasks} tasks: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
