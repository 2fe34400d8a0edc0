"""Rows of a cache of keys and values: repeated, joined, chosen, and with room for the tokens to come."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import DynamicLayer


def shifted(prefix: Cache, behind: Tensor) -> Cache:
    """Repeat the cache of a prefix [1, ...] for rows that need its first `behind` tokens, at their right end."""
    chosen = copy.copy(prefix)
    layers: list[Any] = [copy.copy(layer) for layer in prefix.layers]
    chosen.layers = layers
    for layer in layers:
        if layer.keys is not None:
            n = layer.keys.shape[2]
            place = (torch.arange(n) - (n - behind[:, None])).clamp(min=0).to(layer.keys.device)  # [rows, n]
            layer.keys, layer.values = (of[0][:, place].transpose(0, 1) for of in (layer.keys, layer.values))
    return chosen


def joined(caches: Sequence[Cache]) -> Cache:
    """Join the rows of caches in the first of them; the others are emptied, so that no layer is held twice."""
    layers: list[list[Any]] = [list(cache.layers) for cache in caches]
    for first, *rest in zip(*layers, strict=True):
        if rest and first.keys is not None:
            first.keys = torch.cat([first.keys, *(layer.keys for layer in rest)])
            first.values = torch.cat([first.values, *(layer.values for layer in rest)])
            for layer in rest:
                layer.keys = layer.values = None
    return caches[0]


def select(cache: Cache, rows: Sequence[int], n: int) -> Cache:
    """Return a cache of some of its `n` rows, copied once, or not at all where these are all; the original stays.

    The index is on the CPU, since layers may be on several devices.
    """
    chosen = copy.copy(cache)
    chosen.layers = [copy.copy(layer) for layer in cache.layers]
    if list(rows) != list(range(n)):
        chosen.batch_select_indices(torch.tensor(rows))
    return chosen


def with_room(cache: Cache, n: int) -> None:
    """Make room for `n` more tokens; the library's own layers copy all tokens whenever one is added."""
    cache.layers = [
        _Roomy(layer, n) if type(layer) is DynamicLayer and layer.keys is not None else layer for layer in cache.layers
    ]


class _Roomy(DynamicLayer):  # type: ignore[no-untyped-call]  # the library leaves its __init_subclass__ untyped
    """A layer whose tokens are the first of a larger tensor: [rows, heads, tokens, width]."""

    keys: Any
    values: Any

    def __init__(self, layer: Any, n: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # so is this
        self.dtype, self.device, self.is_initialized = layer.dtype, layer.device, True
        self._rooms = []
        for own in (layer.keys, layer.values):
            rows, heads, tokens, width = own.shape
            self._rooms.append(own.new_empty(rows, heads, tokens + n, width))
            self._rooms[-1][:, :, :tokens] = own
        self._show(tokens)
        layer.keys = layer.values = None  # freed before the next layer is copied

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Add tokens; return all keys and all values."""
        start = self.keys.shape[2]
        end = start + key_states.shape[2]
        for room, new in zip(self._rooms, (key_states, value_states), strict=True):
            room[:, :, start:end] = new
        self._show(end)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows only."""
        self._rooms = [room[indices] for room in self._rooms]
        self._show(self.keys.shape[2])

    def _show(self, n: int) -> None:
        self.keys, self.values = (room[:, :, :n] for room in self._rooms)
