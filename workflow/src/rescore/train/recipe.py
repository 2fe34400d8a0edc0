"""The settings of a ladder's training, read from a YAML file and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from rescore.tables import InputError
from rescore.train.questions import KINDS

_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_COUNT = {"type": "integer", "minimum": 1}
_RATE = {"type": "number", "exclusiveMinimum": 0}
_SEEDS = {"type": "array", "items": {"type": "integer", "minimum": 0}, "uniqueItems": True}


def _exactly(properties: dict[str, Any], *, optional: bool = False) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [] if optional else list(properties),
        "additionalProperties": False,
    }


_SIZE = _exactly({"width": _COUNT, "layers": _COUNT, "heads": _COUNT, "learning_rate": _RATE})
_SIZE["properties"] |= {"seeds": _SEEDS | {"minItems": 1}}  # optional: instead of the ladder's
_SCHEMA = _exactly(
    {
        "ladder": {"type": "string", "pattern": "^[a-z0-9-]+$"},
        "seeds": _SEEDS | {"minItems": 1},
        "exclude": {"type": "array", "items": {"type": "string"}},
        "steps": _COUNT,
        "batch_size": _COUNT,
        "warmup_steps": _COUNT,
        "final_rate_share": _SHARE,
        "weight_decay": {"type": "number", "minimum": 0},
        "gradient_norm": _RATE,
        "ema_decay": _SHARE,
        "context_tokens": _COUNT,
        "shots": _COUNT,
        "few_shot_share": _SHARE,
        "listed_share": _SHARE,
        "checkpoints": _exactly(
            {
                "steps": {"type": "array", "items": _COUNT, "uniqueItems": True},
                "sizes": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
                "seeds": _SEEDS,
            }
        ),
        "mixture": _exactly(dict.fromkeys(KINDS, _RATE), optional=True) | {"minProperties": 1},
        "sizes": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z0-9-]+$"},
            "additionalProperties": _SIZE,
            "minProperties": 1,
        },
    }
)


@dataclass(frozen=True)
class Size:
    """A transformer's shape and the peak learning rate that suits it."""

    width: int
    layers: int
    heads: int
    learning_rate: float


@dataclass(frozen=True)
class Recipe:
    """What all models of a ladder have in common.

    Attributes
    ----------
    steps, batch_size
        Optimiser steps, and questions in each: the same for every size, so that all see the same tokens.
    warmup_steps, final_rate_share
        The learning rate rises linearly to its peak and falls along a cosine to this share of it.
    weight_decay
        Decoupled, on the matrices that Muon trains.
    gradient_norm
        Gradients are clipped to this norm.
    ema_decay
        Decay a step of the running mean of the weights, which is what is saved.
    context_tokens
        The longest sequence the saved model accepts.
    shots
        Examples before each last question, in steps of few-shot prompts.
    few_shot_share, listed_share
        The share of the steps with few-shot prompts, and of the steps about numbers that list choices.
    mixture
        Kind of question -> its share of the steps.
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
    """Read a ladder's training settings.

    Raises
    ------
    InputError
        The file is missing or no YAML; a key is unknown, missing or out of range; a width does not divide
        into heads of an even size (rotary embeddings turn pairs).
    """
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name an existing file") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    for problem in jsonschema.Draft202012Validator(_SCHEMA).iter_errors(settings):
        raise InputError(f"{path}: {problem.json_path.removeprefix('$.')}: {problem.message}")
    shapes, seeds = settings.pop("sizes"), settings.pop("seeds")
    of_size = {name: tuple(size.pop("seeds", seeds)) for name, size in shapes.items()}
    sizes = {name: Size(**size) for name, size in shapes.items()}
    for name, size in sizes.items():
        if size.width % (2 * size.heads):
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
