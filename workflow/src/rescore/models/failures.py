"""What goes wrong while a model runs, in one line: with its name, and a mend where there is one."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel

from rescore.models.forward import NotFiniteError
from rescore.tables import InputError


@contextmanager
def named(model: PreTrainedModel, label: str) -> Iterator[None]:
    """Raise what goes wrong inside as an input error that begins with `label`; errors of this program pass."""
    try:
        yield
    except NotFiniteError as error:
        raise InputError(f"{label}: {error}; {_why_not_finite(model)}") from error
    except InputError as error:
        raise InputError(f"{label}: {error}") from error
    except Exception as error:
        # torch names so what calls a module: only what is raised in one is the model's
        if all(frame.f_code.co_name != "_call_impl" for frame, _ in traceback.walk_tb(error.__traceback__)):
            raise
        told = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise InputError(f"{label}: its architecture does not run here ({told})") from error


def _why_not_finite(model: PreTrainedModel) -> str:
    """Say where logits that are no numbers come from, and the mend: other weights, or a wider type."""
    is_half = model.dtype.itemsize < 4
    for name, weight in model.named_parameters():
        # infinity in half precision may be a number that was too large for it
        bad = torch.isnan(weight) if is_half else ~torch.isfinite(weight)
        if bad.any():
            return f"its weight {name} holds them, so its file is damaged or its training went astray; get another"
    if is_half:
        wider = "bfloat16 or float32" if model.dtype == torch.float16 else "float32"
        return f"try dtype {wider} in its ladder row"
    return "its weights are numbers, and what it computes from them overflows even in float32; they may be damaged"
