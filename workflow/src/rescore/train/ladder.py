"""Train a ladder: the same questions in the same order for every model, loss on the answers alone."""

import hashlib
import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
import transformers
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast

from rescore.tables import InputError, write_text
from rescore.train import architecture as models
from rescore.train import tokenizer as tokenizers
from rescore.train.batches import batch
from rescore.train.exclusion import read_questions
from rescore.train.recipe import Ladder, read_config
from rescore.train.training import Run

TRAINER_VERSION = 4
"""Raise it when a change of the code changes the trained weights: finished models are then trained anew."""

RECORD = "training.json"
KEEP_EVERY = 250
"""Steps between two writings of a model in training: a stopped run loses no more."""


def train_ladder(
    config_path: Path, out: Path, *, bigbench: Path, sizes: list[str] | None = None, threads: int = 1
) -> None:
    """Train every model of a ladder that is not trained yet, and list the trained ones in `out`/ladder.tsv.

    A model is a folder `{ladder}-{size}-s{seed}` that `AutoModelForCausalLM` and `AutoTokenizer` load, with a record of
    its training (`training.json`); a checkpoint has `-t{steps}` after its name, and is listed with its size's others in
    `out`/{ladder}-{size}-tokens.tsv. A model is trained anew only where its settings, its seed, the excluded questions
    or the trainer changed; one that was stopped goes on where it was. All seeds of a size are trained together, and
    `threads` sizes side by side, the largest first. `bigbench` holds the tasks whose questions are excluded. Raises
    InputError where the settings or an excluded task.json cannot be used, or one of `sizes` is not in the settings.
    """
    ladder = read_config(config_path)
    for name in sizes or ():
        if name not in ladder.sizes:
            raise InputError(f"{config_path}: no size '{name}'; known sizes: {', '.join(ladder.sizes)}")
    excluded = read_questions([bigbench / path for path in ladder.exclude])
    wanted = [name for name in ladder.sizes if sizes is None or name in sizes]
    largest_first = sorted(wanted, key=lambda name: -(ladder.sizes[name].width ** 2) * ladder.sizes[name].layers)
    train = partial(_train_size, ladder, out, excluded)
    if threads == 1:
        for name in largest_first:
            train(name)
    else:
        with ProcessPoolExecutor(threads, mp_context=multiprocessing.get_context("spawn")) as pool:
            list(pool.map(train, largest_first))
    everything = _models(ladder, excluded)
    write_text(_table([m for m in everything if m.step == ladder.recipe.steps], ladder, out), out / "ladder.tsv")
    for size in dict.fromkeys(name for name, _ in ladder.checkpoints):
        grid = [m for m in everything if m.size == size and (size, m.seed) in ladder.checkpoints]
        write_text(_table(grid, ladder, out), out / f"{ladder.name}-{size}-tokens.tsv")


@dataclass(frozen=True)
class _Model:
    """One model to be saved: a size's seed after so many steps."""

    slug: str
    size: str
    seed: int
    step: int
    fingerprint: str

    def is_trained(self, out: Path) -> bool:
        record = out / self.slug / RECORD
        return record.is_file() and json.loads(record.read_text(encoding="utf-8"))["fingerprint"] == self.fingerprint


def _models(ladder: Ladder, excluded: Collection[str]) -> list[_Model]:
    """List every model of a ladder: size by size, seed by seed, with fewer steps first."""
    last = ladder.recipe.steps
    models_ = []
    for name, size in ladder.sizes.items():
        for seed in ladder.seeds[name]:
            # everything that decides the trained weights, but for the libraries' versions
            settings = [TRAINER_VERSION, asdict(ladder.recipe), asdict(size), seed, sorted(excluded)]
            fingerprint = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
            for step in (*ladder.checkpoints.get((name, seed), ()), last):
                slug = f"{ladder.name}-{name}-s{seed}" + ("" if step == last else f"-t{step}")
                models_.append(_Model(slug, name, seed, step, fingerprint))
    return models_


def _train_size(ladder: Ladder, out: Path, excluded: Collection[str], name: str) -> None:
    """Train the seeds of a size that are not trained yet, all of them on each batch in turn."""
    tokenizer = tokenizers.build()
    of_seed: dict[int, dict[int, _Model]] = {}
    for m in _models(ladder, excluded):
        if m.size == name:
            of_seed.setdefault(m.seed, {})[m.step] = m
    runs = []
    for seed, wanted in of_seed.items():
        if all(m.is_trained(out) for m in wanted.values()):
            continue
        last = wanted[ladder.recipe.steps]
        kept = out / f".{last.slug}.state"
        run = Run(ladder.recipe, ladder.sizes[name], seed, tokenizer)
        run.go_on(kept, last.fingerprint)
        runs.append((run, wanted, kept))
    if not runs:
        return
    out.mkdir(parents=True, exist_ok=True)
    start = min(run.steps for run, *_ in runs)
    bar = tqdm(range(start, ladder.recipe.steps), desc=name, initial=start, unit="step", mininterval=5)
    with _deterministic(), bar:
        for step in bar:
            questions = batch(step, recipe=ladder.recipe, excluded=excluded, tokenizer=tokenizer)
            for run, wanted, kept in runs:
                if run.steps > step:
                    continue  # a stop between two seeds' writings left this one ahead
                loss = run.step(questions)
                if run.steps in wanted:
                    _save(run, wanted[run.steps], ladder, len(excluded), tokenizer, out)
                if run.steps % KEEP_EVERY == 0:
                    run.keep(kept, wanted[ladder.recipe.steps].fingerprint)
            if step % 100 == 0:
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
    for *_, kept in runs:
        kept.unlink(missing_ok=True)


def _save(
    run: Run, model: _Model, ladder: Ladder, n_excluded: int, tokenizer: PreTrainedTokenizerFast, out: Path
) -> None:
    """Write a model's folder whole or not at all; the weights in bfloat16."""
    n_params = models.n_params(run.model)
    record = {
        "fingerprint": model.fingerprint,
        "seed": model.seed,
        "step": model.step,
        "size": asdict(ladder.sizes[model.size]),
        "recipe": asdict(ladder.recipe),
        "n_excluded_questions": n_excluded,
        "n_params": n_params,
        "n_tokens": run.n_tokens,
        "compute_flops": 6 * n_params * run.n_tokens,
        "seconds": round(run.seconds, 1),
        "device": run.device.type,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    folder = out / model.slug
    with tempfile.TemporaryDirectory(dir=out, prefix=f".{model.slug}.") as name:
        temporary = Path(name) / model.slug
        run.averaged(tokenizer).save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        write_text(json.dumps(record, indent=1) + "\n", temporary / RECORD)
        (temporary / "model.safetensors").chmod(0o644)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.replace(folder)


def _table(listed: list[_Model], ladder: Ladder, out: Path) -> str:
    """Return the ladder table of those models that are trained under the present settings."""
    rows = ["model\tfamily\tsource\trevision\tn_params\tn_tokens\tdtype"]
    for m in listed:
        if m.is_trained(out):
            folder = out / m.slug
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            numbers = f"{record['n_params']}\t{record['n_tokens']}"
            rows.append(f"{m.slug}\t{ladder.name}\t{folder.as_posix()}\t-\t{numbers}\tfloat32")
    return "\n".join(rows) + "\n"


@contextmanager
def _deterministic() -> Iterator[None]:
    """Run on one thread, with deterministic kernels: sums of floats depend on the number of threads.

    The fused kernels of attention are left out, as their backward passes are not deterministic on a GPU.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)
