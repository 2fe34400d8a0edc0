"""Check Rescore's prompts against BIG-bench's own code, prompt by prompt.

    rescore fetch arithmetic unnatural_in_context_learning
    python benchmarks/bigbench_parity.py arithmetic unnatural_in_context_learning:identity --shots 0 2

runs `bigbench/api/json_task.py` of the source package that `rescore fetch` downloaded. It prints one line per subtask
and number of shots: how many prompts, the SHA-256 of the reference's, and whether Rescore's are the same. It ends with
status 1 if any differ. `--json FILE` writes the digests in the form that the tests read from
`$RESCORE_REFERENCE/prompts.json`.

The digest is over the lines `json.dumps([prompt, targets, choices], ensure_ascii=False)`. The package itself installs
only beside old versions of TensorFlow and T5. Forming prompts needs neither, so empty modules stand in for them.
"""

import argparse
import hashlib
import json
import sys
import tarfile
import tempfile
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from rescore.bigbench import examples, load
from rescore.bigbench.download import ARCHIVE

STAND_INS = (
    "tensorflow",
    "tensorflow.compat",
    "tensorflow.compat.v1",
    "tensorflow.compat.v2",
    "bigbench.benchmark_tasks",
    "bigbench.api.task_metrics",
)


def reference(archive: Path, folder: Path) -> Any:
    """Unpack the package's `api` and import its module for tasks, without the libraries that only its metrics need."""
    with tarfile.open(archive) as tar:
        for member in tar:
            inside = member.name.startswith("bigbench-1.0.0/bigbench/api/") or member.name.count("/") == 2
            if inside and member.name.endswith(".py"):
                tar.extract(member, folder, filter="data")
            if (
                folder / "bigbench-1.0.0/bigbench/api/util.py"
            ).exists():  # the last of them: the rest is 1.7 GB of tasks
                break
    sys.path.insert(0, str(folder / "bigbench-1.0.0"))
    for name in STAND_INS:
        sys.modules[name] = types.ModuleType(name)
    import bigbench.api as api  # type: ignore[import-not-found]

    cast(Any, api).task_metrics = sys.modules["bigbench.api.task_metrics"]
    cast(Any, sys.modules["bigbench"]).benchmark_tasks = sys.modules["bigbench.benchmark_tasks"]
    for version in ("v1", "v2"):
        cast(Any, sys.modules["tensorflow.compat"]).__dict__[version] = sys.modules[f"tensorflow.compat.{version}"]
    from bigbench.api import json_task

    return json_task


class Recorder:
    """A model that remembers what it is asked."""

    def __init__(self) -> None:
        self.inputs: list[str] = []

    def cond_log_prob(self, inputs: list[str], targets: list[list[str]], **_: Any) -> list[list[float]]:
        self.inputs = inputs
        return [[0.0] * len(of) for of in targets]

    def generate_text(self, inputs: list[str], **_: Any) -> list[str]:
        self.inputs = inputs
        return [""] * len(inputs)


def leaves(folder: Path, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the subtasks of a task, or the one that is named, as their files hold them."""
    task, _, wanted = name.partition(":")
    whole = json.loads((folder / task / "task.json").read_text(encoding="utf-8"))
    if "examples" in whole:
        yield task, whole
        return
    for path in sorted((folder / task).glob("*/task.json")):
        leaf = json.loads(path.read_text(encoding="utf-8"))
        if wanted in ("", leaf["name"]):
            yield f"{task}:{leaf['name']}", leaf


def theirs(json_task: Any, leaf: dict[str, Any], shots: int, seed: int, most: int) -> tuple[Any, list[tuple[Any, ...]]]:
    """Return the reference's task, and its prompts, each with targets and choices."""
    task = json_task.JsonTask(leaf, shot_list=[shots], max_examples=most, random_seed=seed)
    model = Recorder()
    task.evaluate_fixed_shot(model, shots, score=False, random_seed=seed)
    samples = task.shot_examples[shots]
    return task, [(p, s["target"], s.get("choice", [])) for p, s in zip(model.inputs, samples, strict=True)]


def digest(prompts: Sequence[tuple[Any, ...]]) -> str:
    """SHA-256 over the prompts, one JSON line each."""
    lines = "".join(json.dumps(list(prompt), ensure_ascii=False) + "\n" for prompt in prompts)
    return hashlib.sha256(lines.encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", nargs="+", help="a task, or task:subtask")
    parser.add_argument("--shots", type=int, nargs="+", default=[0])
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--max-examples", type=int, default=64)
    parser.add_argument("--bigbench", type=Path, default=Path("data/downloads/bigbench"))
    parser.add_argument("--archive", type=Path, default=Path("data/downloads") / ARCHIVE)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        json_task = reference(given.archive, Path(folder))
        for name in given.tasks:
            ours = {subtask.name: subtask for subtask in load(given.bigbench, name)}
            for subtask, leaf in leaves(given.bigbench, name):
                for shots in given.shots:
                    task, prompts = theirs(json_task, leaf, shots, given.seed, given.max_examples)
                    frame = examples(ours[subtask], shots=shots, seed=given.seed, max_examples=given.max_examples)
                    mine = [(p, t, c or []) for p, t, c in frame.select("prompt", "targets", "choices").iter_rows()]
                    row = {"task": name.partition(":")[0], "subtask": subtask, "shots": shots, "seed": given.seed}
                    row |= {"max_examples": given.max_examples, "n_examples": len(task._ds), "n_prompts": len(prompts)}
                    row |= {"preferred": task.preferred_score, "low_score": task.low_score, "sha256": digest(prompts)}
                    rows.append(row | {"same": digest(mine) == row["sha256"]})
                    said = "the same" if rows[-1]["same"] else "DIFFERENT"
                    print(f"{subtask}  {shots} shots  {len(prompts)} prompts  {row['sha256']}  {said}")
    if given.json:
        given.json.write_text(json.dumps({"rows": rows}, indent=1) + "\n", encoding="utf-8")
    sys.exit(not all(row["same"] for row in rows))


if __name__ == "__main__":
    main()
