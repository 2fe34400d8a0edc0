"""Load a model of a ladder from its folder, as any model of the Hub is loaded."""

import errno
import pickle
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging

from rescore.config.cluster import SMALL_PARAMS
from rescore.config.folder import check_folder, is_bin, is_of_bin
from rescore.models.device import claim
from rescore.models.failures import named
from rescore.models.probe import Way, probe
from rescore.models.split import SplitModel, split
from rescore.models.vocabulary import Vocabulary
from rescore.tables import InputError

_WINDOW = (
    "max_position_embeddings",  # transformers maps other names to it (n_positions, context_length, ...)
    "max_seq_len",  # MPT
    "max_target_positions",  # the decoder of Whisper
    # of models with their own code, and of BLOOM
    "n_positions", "n_ctx", "seq_length", "max_sequence_length", "max_seq_length", "context_length", "model_max_length",
)  # fmt: skip
"""Keys of a configuration that say how many tokens the model can look at; the first one found is used."""

_TEXT = " Two words,\n  12 + 345 = 357?\n\tIt's \u201c\u00dcn\u00efcode\u201d: \u4f60\u597d (x_y)!"
"""Shows how a tokenizer splits text; begins with a space, so that one put before every text is no difference."""


class Loaded(NamedTuple):
    """A model ready to run."""

    model: SplitModel
    vocabulary: Vocabulary
    window: int  # how many tokens it can look at
    eos_ids: frozenset[int]
    way: Way  # how its questions are read
    refused: tuple[str, ...]  # why no faster way is taken, one line per way that was tried


def load(row: Mapping[str, Any]) -> Loaded:
    """Load the model and tokenizer of a ladder row whose source is a folder.

    They go on a free GPU, on all where its `device_map` says so. A model of less than `SMALL_PARAMS` parameters stays
    on the CPU, as any model does where torch knows no GPU by the name CUDA (NVIDIA's and AMD's; not Apple's). Raises
    InputError that names the model, its source and what to do where the folder cannot be loaded as the row says.
    """
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # "Loading weights" would fill the log file
    label = f"model '{row['model']}': {row['source']}"
    for key, package in (("gguf_file", "gguf"), ("gguf_file", "accelerate"), ("device_map", "accelerate")):
        if row.get(key) and find_spec(package) is None:
            raise InputError(f"{label}: '{key}' needs the package '{package}': install it beside rescore")
    check_folder(Path(row["source"]), row, label)
    tokenizer = _tokenizer(row, label)
    model = _model(row, label)
    eos = model.generation_config.eos_token_id if model.generation_config else None
    ends = [tokenizer.eos_token_id, *(eos if isinstance(eos, list) else [eos])]
    if not all(token is None or isinstance(token, int) for token in ends):
        raise InputError(f"{label}: key 'eos_token_id' is {eos!r}: expected the id of a token, or a list of ids")
    longest, embedded = window(model), n_embedded(model)
    with named(model, label):
        parts = split(model)
        way, why = probe(parts, longest, embedded)
    refused = tuple(f"{other}: {reason}" for other, reason in why.items())
    return Loaded(parts, Vocabulary.of(tokenizer, embedded), longest, frozenset(ends) - {None}, way, refused)


def _tokenizer(row: Mapping[str, Any], label: str) -> Any:
    options = _options(row)
    with _told(row, label):
        if "gguf_file" not in options:  # the tokenizer reads the config too, and its error would look like its own
            AutoConfig.from_pretrained(row["source"], **options)
    with _told(row, label, "its tokenizer: "):
        tokenizer = AutoTokenizer.from_pretrained(row["source"], **options)
        is_empty = not tokenizer("a")["input_ids"]
    if is_empty:
        raise InputError(f"{label} has no tokenizer: 'a' is no token of it")
    own = type(tokenizer).__module__.startswith("transformers.models.") and "gguf_file" not in options
    if not own or not (Path(row["source"]) / "tokenizer.json").is_file():
        return tokenizer
    # A class of the library may rebuild the tokenizer with rules of its own, whatever the file holds (Qwen2's does).
    with _told(row, label, "its tokenizer: "):
        exact = PreTrainedTokenizerFast.from_pretrained(row["source"], local_files_only=True)
        read, by_file = (one(_TEXT, add_special_tokens=False)["input_ids"] for one in (tokenizer, exact))
    if read == by_file:
        return tokenizer
    for of in ("bos_token", "eos_token"):  # the class may know them where the configuration says nothing
        if getattr(exact, of) is None and getattr(tokenizer, of) in exact.get_vocab():
            setattr(exact, of, getattr(tokenizer, of))
    name = type(tokenizer).__name__
    print(f"{label}: its tokenizer.json is read as it is; {name} of transformers reads text otherwise", file=sys.stderr)  # noqa: T201
    return exact


def _model(row: Mapping[str, Any], label: str) -> PreTrainedModel:
    """Load the weights, all of them, to the device that is to run them."""
    device_map, options = row.get("device_map"), _options(row)
    is_small = not device_map and (row.get("n_params") or SMALL_PARAMS) < SMALL_PARAMS
    gpus = [] if is_small else claim(every=bool(device_map))  # small ones would only queue for one
    with _told(row, label):
        found: Any = AutoModelForCausalLM.from_pretrained(
            row["source"],
            dtype=getattr(torch, row["dtype"]),
            use_safetensors=None if "gguf_file" in options else not is_bin(Path(row["source"]), row),
            weights_only=True,  # of a pickle: whatever is no tensor is refused, and no code in it is run
            device_map=device_map,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported below; the library's own error names none of them
            return_dict=True,  # a configuration may ask for tuples, or for an attention that is not installed
            attn_implementation=None,
            **options,
        )
    whole: Any = found[0].eval()
    _check_whole(whole, found[1], label)
    try:
        model: PreTrainedModel = whole if device_map else whole.to(f"cuda:{gpus[0]}" if gpus else "cpu")
    except torch.OutOfMemoryError as error:
        raise InputError(f"{label} exceeds the GPU: a smaller 'dtype', or 'device_map' auto on several") from error
    return model


def _options(row: Mapping[str, Any]) -> dict[str, Any]:
    options = {"trust_remote_code": row["trust_remote_code"], "local_files_only": True}
    return options | ({"gguf_file": row["gguf_file"]} if row.get("gguf_file") else {})


@contextmanager
def _told(row: Mapping[str, Any], label: str, part: str = "") -> Iterator[None]:
    """Turn an error of the library into one line: it raises many kinds, all about the folder or the machine."""
    try:
        yield
    except Exception as error:
        raise InputError(f"{label} cannot be loaded: {part}{_reason(row, error)}") from error


def _check_whole(model: PreTrainedModel, found: Mapping[str, Any], label: str) -> None:
    """Refuse weights that are missing, of another shape, or left over, by what the library says of loading them."""
    for name, there, here in sorted(found["mismatched_keys"]):
        raise InputError(f"{label}: {name} is {tuple(there)} in its weights and {tuple(here)} by its config.json")
    absent = sorted(map(str, found["missing_keys"]))
    if absent:  # the library would use random numbers in their place
        raise InputError(f"{label} lacks weights: {absent[0]} and {len(absent) - 1} more")
    over = _left_over(model, found["unexpected_keys"])
    if over:
        raise InputError(f"{label}: its config.json has no place for its weights {over[0]} and {len(over) - 1} more")


def _left_over(model: PreTrainedModel, unexpected: Iterable[str]) -> list[str]:
    """List weights of layers too many, and weights too many of layers that are there: the library ignores them.

    Buffers and other parts may be left over, such as a vision tower, or a layer behind the last that predicts later
    tokens (multi-token prediction of DeepSeek and GLM).
    """
    names, modules = {re.sub(r"\d+", "0", key) for key in model.state_dict()}, dict(model.named_modules())
    parts = tuple(key.removesuffix("eh_proj.weight") for key in unexpected if key.endswith(".eh_proj.weight"))
    over = []
    for key in sorted(unexpected):
        layer, (parent, _, kind) = re.match(r"(.+?\.\d+)\.", key), key.rpartition(".")
        is_buffer = kind not in ("weight", "bias") or (parent in modules and any(modules[parent].children()))
        is_inside = layer is not None and layer[1] in modules and not is_buffer
        if (is_inside or re.sub(r"\d+", "0", key) in names) and not key.startswith(parts):
            over.append(key)
    return over


def window(model: PreTrainedModel) -> int:
    """How many tokens a model can look at; 2**31 where its configuration says nothing (Mamba)."""
    config = model.config.get_text_config()
    values = [getattr(config, key, None) for key in _WINDOW]
    found = next((value for value in values if isinstance(value, int) and value > 0), 2**31)
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") == "yarn":  # the configuration may give the window before or after the extension
        found = max(found, int(rope.get("factor", 1) * (rope.get("original_max_position_embeddings") or found)))
    for name, table in model.named_modules():  # RoBERTa and its relatives: positions begin after that of padding
        if name.endswith("position_embeddings") and isinstance(table, nn.Embedding) and table.padding_idx is not None:
            found = min(found, table.num_embeddings - table.padding_idx - 1)
    return found


def n_embedded(model: PreTrainedModel) -> int:
    """How many tokens a model has an embedding for."""
    try:
        table: Any = model.get_input_embeddings()
        return int(table.weight.shape[0])
    except (AttributeError, NotImplementedError):  # a model's own code may not define it
        return int(model.config.get_text_config().vocab_size)


def _reason(row: Mapping[str, Any], error: Exception) -> str:
    """Say in one line why the library could not load a folder, and what to do where that is known."""
    told = " ".join(f"{type(error).__name__}: {error}".split())
    if "trust_remote_code" in told:
        return "it needs code that comes with it; read that, then set 'trust_remote_code' in its ladder row"
    if "does not recognize this architecture" in told:
        if "`hf_olmo`" in told:  # DataDecide, and the first OLMo
            return "its 'model_type' hf_olmo is of the package 'ai2-olmo', which works with transformers 4 alone"
        return "the installed transformers does not know its 'model_type' (config.json); a later one may"
    if "quantiz" in told and not row.get("gguf_file"):
        return f"its weights are quantised ({told[:200]}); take those in 16 or 32 bits, or a GGUF file ('gguf_file')"
    package = re.search(r"not found in your environment: (.+?)\. Run|No module named '(\w+)'", told)
    if isinstance(error, ImportError) and package:
        return f"its code needs the package '{package[1] or package[2]}': install it beside rescore"
    unfit = re.search(r"Unrecognized configuration class <class '[\w.]*?(\w+)'>", told)
    if unfit:
        return f"its configuration is a {unfit[1]}, which is no causal language model; only those are run"
    if isinstance(error, SafetensorError):
        for path in sorted(Path(row["source"]).glob("*.safetensors")):
            try:
                with safe_open(path, "pt"):
                    pass
            except SafetensorError:
                return f"{path.name} is damaged or cut off ({path.stat().st_size} bytes); copy it there again"
    if isinstance(error, pickle.UnpicklingError | RuntimeError | EOFError) and is_bin(Path(row["source"]), row):
        for path in sorted(path for path in Path(row["source"]).iterdir() if is_of_bin(path.name)):
            try:
                torch.load(path, map_location="meta", weights_only=True)
            except Exception as bad:  # as where the model is loaded
                code = re.search(r"GLOBAL (\S+)", str(bad))
                what = f"asks to run {code[1]}" if code else f"is damaged or no weights ({path.stat().st_size} bytes)"
                return f"{path.name} {what}; nothing in it was run; take another copy, from a source that you trust"
    if isinstance(error, OSError) and error.errno in (errno.ENOTDIR, errno.EACCES, errno.EROFS) and error.filename:
        return f"{error.filename} cannot be written ({error.strerror}); name a folder that can be in HF_HOME"
    return told[:300] + (f"; see whether {row['gguf_file']} is whole" if row.get("gguf_file") else "")
