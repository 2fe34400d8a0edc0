"""Loading a model of a ladder from its folder, as any model of the Hub is loaded."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.utils import logging

from rescore.extract.device import claim
from rescore.extract.vocabulary import Vocabulary
from rescore.schema import InputError


class Loaded(NamedTuple):
    """A model ready to run."""

    model: PreTrainedModel
    vocabulary: Vocabulary
    window: int
    eos_ids: frozenset[int]


def load(row: Mapping[str, Any]) -> Loaded:
    """Load a ladder row's model and tokenizer: on a free GPU where there is one, on all where its `device_map` says so.

    Parameters
    ----------
    row
        The model's row of a ladder table; its source is a folder, for a model of the Hub the one it was fetched to.

    Raises
    ------
    InputError
        The folder cannot be loaded as the row says; names the model, its source and what to do.
    """
    # "Loading weights" would fill the log file.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # the library leaves it untyped
    label = f"model '{row['model']}': {row['source']}"
    for key, package in (("gguf_file", "gguf"), ("gguf_file", "accelerate"), ("device_map", "accelerate")):
        if row.get(key) and find_spec(package) is None:
            raise InputError(f"{label}: '{key}' needs the package '{package}': install it beside rescore")
    gguf, device_map = row.get("gguf_file"), row.get("device_map")
    options: dict[str, Any] = {"trust_remote_code": row["trust_remote_code"], "local_files_only": True}
    if gguf:
        options["gguf_file"] = gguf
    gpus = claim(every=bool(device_map))
    try:
        tokenizer = AutoTokenizer.from_pretrained(row["source"], **options)
        found: Any = AutoModelForCausalLM.from_pretrained(
            row["source"],
            dtype=getattr(torch, row["dtype"]),
            use_safetensors=None if gguf else True,
            device_map=device_map,
            output_loading_info=True,
            **options,
        )
    except Exception as error:  # the library raises of many kinds, all of them about the folder or the machine
        if "trust_remote_code" in str(error):
            reason = "it needs code that comes with it; read that, then set 'trust_remote_code' in its ladder row"
        else:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise InputError(f"{label} cannot be loaded: {reason}") from error
    model, loading = found  # with output_loading_info the library gives a pair
    absent = sorted(str(key) for kind in ("missing_keys", "mismatched_keys") for key in loading[kind])
    if absent:  # the library would go on with random numbers in their place
        raise InputError(f"{label} lacks weights: {absent[0]} and {len(absent) - 1} more")
    if not tokenizer("a")["input_ids"]:
        raise InputError(f"{label} has no tokenizer: 'a' is no token of it")
    try:
        model = model if device_map else model.to(f"cuda:{gpus[0]}" if gpus else "cpu")
    except torch.OutOfMemoryError as error:
        raise InputError(f"{label} exceeds the GPU: a smaller 'dtype', or 'device_map' auto on several") from error
    eos = model.generation_config.eos_token_id if model.generation_config else None
    eos_ids = {tokenizer.eos_token_id, *(eos if isinstance(eos, list) else [eos])} - {None}
    window = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 2**31
    return Loaded(model.eval(), Vocabulary.of(tokenizer), int(window), frozenset(eos_ids))
