"""A cache with room holds what the library's own cache holds, and copies nothing when a token is added."""

import pytest
import torch
from transformers import DynamicCache

from rescore.models.caches import with_room


@pytest.fixture
def caches():
    """Two equal caches of two layers: [rows 3, heads 2, tokens 4, width 5], one of them with room for 3 more."""
    torch.manual_seed(0)
    plain, roomy = DynamicCache(), DynamicCache()
    for layer in range(2):
        keys, values = torch.randn(3, 2, 4, 5), torch.randn(3, 2, 4, 5)
        for cache in (plain, roomy):
            cache.update(keys.clone(), values.clone(), layer)
    with_room(roomy, 3)
    return plain, roomy


def _same(plain, roomy):
    assert plain.get_seq_length() == roomy.get_seq_length()
    for one, other in zip(plain.layers, roomy.layers, strict=True):
        assert torch.equal(one.keys, other.keys)
        assert torch.equal(one.values, other.values)


def test_tokens_are_added_and_rows_chosen_as_in_the_library(caches):
    plain, roomy = caches
    _same(plain, roomy)
    for n in (2, 1):
        for layer in range(2):
            keys, values = torch.randn(len(plain.layers[layer].keys), 2, n, 5), torch.randn(3, 2, n, 5)
            values = values[: len(keys)]
            for one, other in zip(plain.update(keys, values, layer), roomy.update(keys, values, layer), strict=True):
                assert torch.equal(one, other)
        _same(plain, roomy)
        for cache in caches:
            cache.batch_select_indices(torch.tensor([0, 2][:n]))
        _same(plain, roomy)


def test_a_token_is_added_without_a_copy_of_the_others(caches):
    _, roomy = caches
    before = [layer.keys.data_ptr() for layer in roomy.layers]
    for layer in range(2):
        roomy.update(torch.randn(3, 2, 1, 5), torch.randn(3, 2, 1, 5), layer)
    assert [layer.keys.data_ptr() for layer in roomy.layers] == before
    assert roomy.get_seq_length() == 5
