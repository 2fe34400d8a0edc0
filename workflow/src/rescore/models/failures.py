"""Errors while a model runs, in one line: with the model's name, and what to do where that is known."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel

from rescore.models.forward import NotFiniteError
from rescore.tables import InputError


@contextmanager
def named(model: PreTrainedModel, label: str) -> Iterator[None]:
    """Turn errors of the model into an InputError that begins with `label`; errors of this program pass."""
    try:
        yield
    except NotFiniteError as error:
        raise InputError(f"{label}: {error}; {_why_not_finite(model)}") from error
    except InputError as error:
        raise InputError(f"{label}: {error}") from error
    except Exception as error:
        # torch calls modules through a function of this name: only errors raised inside one are the model's
        if all(frame.f_code.co_name != "_call_impl" for frame, _ in traceback.walk_tb(error.__traceback__)):
            raise
        told = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise InputError(f"{label}: its architecture does not run here ({told})") from error


def _why_not_finite(model: PreTrainedModel) -> str:
    """Say where NaN or infinite logits come from, and what to do: get other weights, or use a wider type."""
    is_half = model.dtype.itemsize < 4
    for name, weight in model.named_parameters():
        # infinity in half precision may be a number that was too large for it
        bad = torch.isnan(weight) if is_half else ~torch.isfinite(weight)
        if bad.any():
            return f"its weight {name} holds them, so its file is damaged or its training diverged; get another"
    if is_half:
        wider = "bfloat16 or float32" if model.dtype == torch.float16 else "float32"
        return f"try dtype {wider} in its ladder row"
    return "its weights are finite, and what it computes from them overflows even in float32; they may be damaged"
