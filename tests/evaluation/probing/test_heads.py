"""The heads' written gradients against autograd."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bits.evaluation.probing.heads import HiddenLayerHeads, LinearHeads

DIMENSION, CLASSES = 10, 4


@pytest.mark.parametrize("hidden", [None, 5])
def test_written_gradients_equal_autograd(hidden: int | None) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(20, DIMENSION, generator=generator, dtype=torch.float64)
    labels = torch.randint(CLASSES, (20,), generator=generator)
    if hidden is None:
        heads = LinearHeads(3, DIMENSION, CLASSES, generator, features)
    else:
        heads = HiddenLayerHeads(3, DIMENSION, hidden, CLASSES, generator, features)
    for parameter in heads.parameters:
        parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator).to(parameter)).requires_grad_()
    losses = [nn.functional.cross_entropy(heads.logits(features)[:, head], labels) for head in range(3)]
    expected = torch.autograd.grad(sum(losses), heads.parameters)
    for got, want in zip(heads.gradients(features, labels), expected, strict=True):
        torch.testing.assert_close(got, want, rtol=0, atol=1e-12)
