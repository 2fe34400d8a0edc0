"""The settings of a ladder's training, read from a YAML file and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rescore.config.validation import read_yaml, validate
from rescore.tables import InputError


@dataclass(frozen=True)
class Size:
    """A transformer's shape and the peak learning rate that suits it."""

    width: int
    layers: int
    heads: int
    learning_rate: float


@dataclass(frozen=True)
class Recipe:
    """What all models of a ladder have in common; config/ladders/nano-train.yaml says what each setting is.

    `mixture` is, by kind of question, its share of the steps; these sum to 1.
    """

    steps: int
    batch_size: int
    warmup_steps: int
    final_rate_share: float
    weight_decay: float
    gradient_norm: float
    ema_decay: float
    context_tokens: int
    shots: int
    few_shot_share: float
    listed_share: float
    mixture: Mapping[str, float]


@dataclass(frozen=True)
class Ladder:
    """A ladder to be trained: its name, its recipe, its sizes by name and the seeds of each.

    `exclude` names the task.json files, below BIG-Bench's folder of tasks, whose questions are never trained on.
    `checkpoints` holds the steps after which a size's seed is saved besides the last, for those that have any.
    """

    name: str
    recipe: Recipe
    sizes: Mapping[str, Size]
    seeds: Mapping[str, tuple[int, ...]]
    exclude: tuple[str, ...]
    checkpoints: Mapping[tuple[str, int], tuple[int, ...]]


def read_config(path: Path) -> Ladder:
    """Read a ladder's training settings; raises InputError where a key is wrong, or the file is missing or no YAML."""
    settings = read_yaml(path)
    validate(settings, "train", str(path))
    shapes, seeds = settings.pop("sizes"), settings.pop("seeds")
    of_size = {name: tuple(size.pop("seeds", seeds)) for name, size in shapes.items()}
    sizes = {name: Size(**size) for name, size in shapes.items()}
    for name, size in sizes.items():
        if size.width % (2 * size.heads):  # rotary embeddings turn pairs
            raise InputError(
                f"{path}: sizes.{name}: width {size.width} must be a multiple of 2 * heads = {2 * size.heads}"
            )
    shares = settings.pop("mixture")
    mixture = {kind: shares[kind] / sum(shares.values()) for kind in sorted(shares)}
    grid = settings.pop("checkpoints")
    for name in grid["sizes"]:
        if name not in sizes:
            raise InputError(f"{path}: checkpoints.sizes: no size '{name}'; known sizes: {', '.join(sizes)}")
    if any(step >= settings["steps"] for step in grid["steps"]):
        raise InputError(
            f"{path}: checkpoints.steps: each must be below steps = {settings['steps']}, which is saved anyway"
        )
    name, exclude = settings.pop("ladder"), tuple(settings.pop("exclude"))
    steps = tuple(sorted(grid["steps"]))
    checkpoints = {(size, seed): steps for size in grid["sizes"] for seed in grid["seeds"]}
    return Ladder(name, Recipe(**settings, mixture=mixture), sizes, of_size, exclude, checkpoints)
