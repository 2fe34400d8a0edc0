"""A causal language model in two parts: the body, up to the last hidden state of a token, and the head after it.

The body reads whole batches. The head, whose output has a number for every token of the vocabulary, is computed only at
the places that are scored or generated, and in float32: in bfloat16 the two likeliest tokens often have equal logits.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from rescore.models.memory import logits_at_once


@dataclass(frozen=True, kw_only=True)
class SplitModel:
    """A model whose head, hidden state to logits, can be left out of a forward pass and applied later.

    Where the head cannot be separated it is None, and the model's own logits take the place of hidden states. The model
    turns the output z of its head into scale z, or into cap tanh(scale z / cap) where there is a cap. Sequences of at
    least `alone_from` tokens must not share a pass or a cache: what the model does depends on its longest row.
    """

    model: PreTrainedModel
    takes: frozenset[str]  # arguments of its forward pass; "**" where it takes any
    vocabulary: int  # how many logits a token has
    head: nn.Module | None = None
    weight: Tensor | None = None  # the head's, in float32, where a CPU would convert half precision at every step
    scale: float = 1.0
    cap: float | None = None
    alone_from: int = 2**62

    @property
    def device(self) -> torch.device:
        """Where token ids go."""
        return self.model.device

    def states(self, *, last: bool = False, **inputs: Any) -> tuple[Tensor, Any]:
        """Run the body on `inputs`, without those that the model does not take.

        Returns hidden states [rows, tokens, width] in the model's precision, of the last token [rows, width] only with
        `last`; and the model's cache, None where it returns none.
        """
        if last:
            inputs["logits_to_keep"] = 1
        if "**" not in self.takes:
            inputs = {name: value for name, value in inputs.items() if name in self.takes}
        with _replaced(self.head, lambda hidden: hidden.new_zeros(*hidden.shape[:-1], 1)) as seen:
            out = self.model(**inputs)
        found = out.logits if self.head is None else seen[0]
        return found[:, -1] if last else found, getattr(out, "past_key_values", None)

    def logits(self, states: Tensor) -> Tensor:
        """Apply the head, in float32: states [tokens, width] to logits [tokens, vocabulary], which are new memory."""
        if self.head is None:
            return states.to(torch.float32, copy=True)
        logits = self._head(states)
        if self.scale != 1:
            logits = logits * self.scale
        return logits if self.cap is None else torch.tanh(logits / self.cap) * self.cap

    def chunks(self, states: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Apply the head to [tokens, width] in parts that fit the memory; yield each with its place."""
        size = max(1, logits_at_once(len(states) * self.vocabulary, states.device) // self.vocabulary)
        for start in range(0, len(states), size):
            part = slice(start, start + size)
            yield part, self.logits(states[part])

    def _head(self, states: Tensor) -> Tensor:
        head: Any = self.head
        bias = 0.0 if getattr(head, "bias", None) is None else head.bias.float()
        if self.weight is not None:
            return states.float() @ self.weight.T + bias
        if _is_half_linear(head) and states.is_cuda:
            # sums and result in float32, without a copy of the weights
            return torch.mm(states, head.weight.T, out_dtype=torch.float32) + bias
        logits: Tensor = head(states)
        return logits.float()


def split(model: PreTrainedModel) -> SplitModel:
    """Find the head of a model and what the model does after it; runs the model once, on four tokens."""
    parameters = inspect.signature(model.forward).parameters.values()
    takes = frozenset("**" if p.kind is p.VAR_KEYWORD else p.name for p in parameters)
    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]  # the library leaves it untyped
    weight: Any = getattr(head, "weight", None)
    vocabulary = int(model.config.get_text_config().vocab_size if weight is None else len(weight))
    whole = SplitModel(model=model, takes=takes, vocabulary=vocabulary, alone_from=_alone_from(model))
    found = None if weight is None else _behind(model, head, vocabulary)
    if found is None:
        return whole
    converted = head.weight.float() if _is_half_linear(head) and weight.device.type == "cpu" else None
    return replace(whole, head=head, weight=converted, scale=found[0], cap=found[1])


def _alone_from(model: PreTrainedModel) -> int:
    """Find the length where rotary factors or chunks of attention begin to depend on the longest row of a pass.

    Dynamic scaling ("dynamic" and "longrope") uses other factors where the longest row exceeds the length of
    pretraining; chunked attention counts columns, including padding; Doge attends to a number of columns, those that
    score highest, from that number on.
    """
    config = model.config.get_text_config()
    window = getattr(config, "max_position_embeddings", None)
    lengths = []
    for scaling in (getattr(config, "rope_parameters", None), getattr(config, "rope_scaling", None)):
        by_layer = scaling.values() if isinstance(scaling, dict) else ()
        for one in (scaling, *by_layer):
            kind = (one.get("rope_type") or one.get("type")) if isinstance(one, dict) else None
            if kind is not None and ("dynamic" in kind or kind in ("longrope", "su")):
                original = one.get("original_max_position_embeddings")
                lengths.append(original or getattr(config, "original_max_position_embeddings", None) or window)
    if "chunked_attention" in (getattr(config, "layer_types", None) or ()):
        lengths.append(config.attention_chunk_size + 1)
    if keep := getattr(config, "keep_window_size", None):
        lengths.append(keep + 1)
    return min((int(length) for length in lengths if length), default=2**62)


def _is_half_linear(head: Any) -> bool:
    return type(head) is nn.Linear and head.weight.dtype in (torch.float16, torch.bfloat16)


_LARGE = 2.0**60  # far beyond every logit and every soft cap
_TRIED = torch.tensor([0.0, 1.0, _LARGE, -1.0, 2.0, -3.0, 8.0, -32.0, 64.0, -_LARGE])
"""Outputs of a head that are tried, each of them exact in half precision."""


@torch.inference_mode()
def _behind(model: PreTrainedModel, head: nn.Module, vocabulary: int) -> tuple[float, float | None] | None:
    """Scale and soft cap that a model applies to the output of its head; None where it does something else."""
    if vocabulary < len(_TRIED):
        return None
    tried = _TRIED.repeat(vocabulary // len(_TRIED) + 1)[:vocabulary].to(model.device)
    ids = torch.arange(4, device=model.device)[None]
    try:
        with _replaced(head, lambda hidden: tried.expand(*hidden.shape[:-1], vocabulary)) as seen:
            logits = model(input_ids=ids).logits[0, -1].float()
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError):  # it needs its own logits
        return None
    if len(seen) != 1 or logits.shape != tried.shape or seen[0].shape[:-1] != ids.shape:
        return None
    cap = float(logits[2]) if logits[2] < _LARGE / 2**20 else None
    scale = float(logits[1]) if cap is None else float(torch.atanh(logits[1].double() / cap)) * cap
    scale = 1.0 if abs(scale - 1) < 1e-5 else scale
    expected = tried * scale if cap is None else torch.tanh(tried * scale / cap) * cap
    return (scale, cap) if torch.allclose(logits, expected, rtol=1e-5, atol=1e-5) else None


@contextmanager
def _replaced(module: nn.Module | None, forward: Callable[[Tensor], Tensor]) -> Iterator[list[Tensor]]:
    """Replace a module's forward pass for a while; yield the inputs that it got."""
    seen: list[Tensor] = []
    if module is None:
        yield seen
        return

    def instead(hidden: Tensor, *_: Any, **__: Any) -> Tensor:
        seen.append(hidden)
        return forward(hidden)

    before = module.__dict__.get("forward")  # accelerate may have put its own there
    module.forward = instead
    try:
        yield seen
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before
