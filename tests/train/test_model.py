"""The lean forward pass is the library's, and the optimiser is torch's Muon."""

import pytest
import torch
from torch import nn

from rescore.train import architecture as models
from rescore.train import tokenizer as tokenizers
from rescore.train.optimiser import Optimiser, learning_rate, orthogonalise
from rescore.train.recipe import Recipe, Size

RECIPE = Recipe(110, 4, 10, 0.1, 0.01, 1.0, 0.9, 64, 0, 0.0, 0.0, {"dates": 1.0})


@pytest.mark.parametrize("size", [Size(8, 1, 1, 0.01), Size(24, 2, 2, 0.01), Size(32, 3, 4, 0.01)])
def test_logits_are_the_library_s(size: Size) -> None:
    model = models.build(size, tokenizers.build(), context_tokens=64, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms away from 0 and 1, so that each of them counts
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    tokens = torch.randint(100, (3, 40), generator=generator)
    where = torch.rand((3, 40), generator=generator) < 0.5
    with torch.no_grad():
        lean = models.answer_logits(model, tokens, where)
        library = model(tokens).logits[where]
    assert lean.shape == (int(where.sum()), len(tokenizers.build()))
    torch.testing.assert_close(lean, library, atol=1e-4, rtol=0)
    assert library.std() > 0.1


def test_padding_on_the_right_changes_nothing() -> None:
    model = models.build(Size(16, 2, 2, 0.01), tokenizers.build(), context_tokens=64, seed=0)
    tokens, where = torch.arange(20)[None], torch.ones((1, 20), dtype=torch.bool)
    padded = torch.cat([tokens, torch.full((1, 9), 2)], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(
            models.answer_logits(model, padded, torch.cat([where, torch.zeros((1, 9), dtype=torch.bool)], dim=1)),
            models.answer_logits(model, tokens, where),
            atol=1e-5,
            rtol=0,
        )


def test_n_params_leaves_out_embedding_and_head() -> None:
    model = models.build(Size(8, 1, 1, 0.01), tokenizers.build(), context_tokens=64, seed=0)
    # attention 24x8+24 and 8x8+8, MLP 32x8+32 and 8x32+8, three norms of 16
    assert models.n_params(model) == 216 + 72 + 288 + 264 + 48 == 888


def test_the_seed_decides_the_first_weights() -> None:
    def weights(seed: int) -> torch.Tensor:
        model = models.build(Size(8, 1, 1, 0.01), tokenizers.build(), context_tokens=64, seed=seed)
        return model.lm_head.weight.detach()

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 48, 16), (2, 16, 64)])
def test_orthogonalised_singular_values_are_near_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(matrices))
    assert values.min() > 0.3  # the quintic brings the largest to .7 to 1.2 and lifts the smallest towards it
    assert values.max() < 1.3
    assert values.median() > 0.65


class _Blocks(nn.Module):
    """Two blocks' matrices of two shapes, and a vector."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(8, 24), nn.Linear(24, 8), nn.Linear(8, 24)])})


def test_steps_are_torch_s_muon_and_adamw() -> None:
    torch.manual_seed(0)
    ours, theirs = _Blocks(), _Blocks()
    theirs.load_state_dict(ours.state_dict())
    optimiser = Optimiser(ours, weight_decay=0.01)
    matrices = [p for p in theirs.parameters() if p.ndim == 2]
    vectors = [p for p in theirs.parameters() if p.ndim == 1]
    muon = torch.optim.Muon(matrices, lr=0.01, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW(vectors, lr=0.01, betas=(0.9, 0.99), weight_decay=0.0)
    start = [p.detach().clone() for p in ours.parameters()]
    for _ in range(5):
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        optimiser.step(0.01)
        muon.step()
        adam.step()
    for mine, other, first in zip(ours.parameters(), theirs.parameters(), start, strict=True):
        moved = (mine - first).norm()
        assert moved > 0.01
        assert (mine - other).norm() < 0.02 * moved  # torch's Muon rounds to bfloat16


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (60, 0.55), (110, 0.1)],
)
def test_learning_rate_rises_and_falls(step: int, rate: float) -> None:
    assert learning_rate(step, peak=1.0, recipe=RECIPE) == pytest.approx(rate)
