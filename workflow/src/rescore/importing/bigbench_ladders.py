"""Ladders out of BIG-bench's score files: each says its model's family, parameters, batch and steps."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from rescore.importing.bigbench_scores import model_name, slug
from rescore.tables import InputError, count, some, write_text

_PARAMETERS = ("flop_matched_non_embedding_params", "non_embedding_params", "total_params")
_BATCH_TOKENS_MIN = 2**14  # published batches are of 2^17 tokens or more, or of 2^13 sequences at most
_HINT = "the same model in two files; make them agree, or give --ladder"


class Size(NamedTuple):
    """A model as a score file describes it."""

    name: str
    family: str
    n_params: int | None  # of the first of _PARAMETERS that is above 0; FLOP-matched ones of a dense model are its own
    n_tokens: int | None  # batch times steps; None where the batch is of sequences, whose length the file does not say
    where: str


class Ladders(NamedTuple):
    """The ladder tables, one per family; the axis along which all their models have a place; and what to say of it."""

    paths: list[Path]
    axis: str
    notes: list[str]


def size(model: Mapping[str, Any], *, where: str) -> Size:
    """Read a model off a file; a batch below 16,384 is taken to be of sequences.

    >>> dense = {"model_family": "BIG-G T=0", "model_name": "2m", "non_embedding_params": 2097152}
    >>> size(dense | {"training_batch_size": 262144, "training_steps": 1e6}, where="").n_tokens
    262144000000
    >>> size(dense | {"training_batch_size": 512, "training_steps": 1e6}, where="")[2:4]
    (2097152, None)
    """
    n_params = next((n for name in _PARAMETERS if (n := _whole(model.get(name)))), None)
    batch, steps = _whole(model.get("training_batch_size")), _whole(model.get("training_steps"))
    n_tokens = _whole(batch * steps) if batch and steps and batch >= _BATCH_TOKENS_MIN else None
    return Size(model_name(model), " ".join(str(model["model_family"]).split()), n_params, n_tokens, where)


def add(sizes: dict[str, Size], found: Size) -> None:
    """Remember a model; refuse a file that says something else of it than another."""
    first = sizes.setdefault(found.name, found)
    for here, there, what in zip(found[1:4], first[1:4], ("family", "parameters", "tokens"), strict=True):
        if here != there:
            raise InputError(
                f"{found.where}: model '{found.name}': {what} {here}, but {there} in {first.where}; {_HINT}"
            )


def write(sizes: Mapping[str, Size], out: Path) -> Ladders:
    """Write a ladder table per family to a folder; its name is the family's."""
    known = [size for size in sizes.values() if size.n_params]
    if not known:
        raise InputError(f"{next(iter(sizes.values())).where}: no file gives a number of parameters; give --ladder")
    families: dict[str, str] = {}
    for model in known:
        name = slug(model.family)
        if not name:
            raise InputError(f"{model.where}: model_family '{model.family}' has no letter or digit; give --ladder")
        if families.setdefault(name, model.family) != model.family:
            raise InputError(
                f"{model.where}: families '{model.family}' and '{families[name]}' share a name; give --ladder"
            )
    rows = pl.DataFrame(
        {
            "model": [model.name for model in known],
            "family": [model.family for model in known],
            "source": "-",
            "revision": "-",
            "n_params": [model.n_params for model in known],
            "n_tokens": [model.n_tokens for model in known],
            "dtype": "float32",
            "figures": "BIG-bench's score files",
        },
        schema_overrides={"n_tokens": pl.Int64},
    ).sort("n_params", "model")
    paths = []
    for name, family in sorted(families.items()):
        paths.append(out / f"{name}.tsv")
        write_text(rows.filter(family=family).write_csv(separator="\t", quote_style="never"), paths[-1])
    names = ", ".join(families[path.stem] for path in paths)
    told = f"{count(len(paths), 'ladder')} from the score files, in {out}: {names}"
    without = sorted(model.name for model in sizes.values() if not model.n_params)
    notes = [f"no number of parameters, so in no ladder: {', '.join(without)}"] if without else []
    unplaced = rows.filter(pl.col("n_tokens").is_null())["model"].to_list()
    if unplaced:
        why = f"as the tokens are not known of {some(unplaced, 1)}"
        return Ladders(paths, "n_params", [*notes, f"{told}; along parameters, {why}"])
    compute = "training compute, 6 x FLOP-matched parameters without embeddings x batch x steps"
    return Ladders(paths, "compute_flops", [*notes, f"{told}; along {compute}"])


def _whole(value: object) -> int | None:
    """Return a number above 0 as a whole one; None where there is none that 63 bits hold."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(value) if 1 <= value < 2**63 else None
