"""Labels from windows of patches against all affinities at once."""

from __future__ import annotations

import pytest
import torch

from bits.evaluation.video.neighbours import Neighbours, carried, unit_patches

from .straightforward import dense_labels


def drawn(rows: int, columns: int, contexts: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(contexts + 1, 8, rows, columns, generator=generator)
    patches = torch.stack([unit_patches(one) for one in vectors])
    labels = torch.rand(contexts, rows, columns, 3, generator=generator)
    return patches[0], patches[1:], labels


@pytest.mark.parametrize("radius", [0, 1, 3, 50])
@pytest.mark.parametrize("size", [(9, 16, 3), (16, 9, 8), (1, 1, 1), (1, 13, 2), (2, 2, 1)])
def test_labels_are_those_of_all_affinities(size: tuple[int, int, int], radius: int) -> None:
    """Also where fewer patches are in reach than are to be taken."""
    parts, how = drawn(*size), Neighbours(radius, top=5, temperature=0.1)
    found = carried(*parts, how=how)
    assert found.shape == (*size[:2], 3)
    torch.testing.assert_close(found, dense_labels(*parts, how=how), atol=1e-5, rtol=0)


def test_equal_patches_count_alike_whatever_their_order() -> None:
    target, contexts, labels = drawn(6, 7, 2)
    target, contexts = target * 0 + target[:1, :1], contexts * 0 + target[:1, :1]
    how = Neighbours(2, top=5, temperature=0.1)
    found = carried(target, contexts, labels, how)
    torch.testing.assert_close(found, dense_labels(target, contexts, labels, how), atol=1e-5, rtol=0)
    torch.testing.assert_close(found[3, 3], labels[:, 1:6, 1:6].mean(dim=(0, 1, 2)), atol=1e-5, rtol=0)
    mirrored = carried(target, contexts.flip(0), labels.flip(0), how)
    torch.testing.assert_close(found, mirrored, atol=1e-6, rtol=0)


def test_weights_follow_similarity_and_temperature() -> None:
    angles = torch.tensor([[[0.0], [0.4]], [[1.2], [0.1]]])
    contexts = torch.cat([angles.cos(), angles.sin()], dim=2)[None]
    target, labels = torch.tensor([1.0, 0.0]).expand(2, 2, 2), torch.arange(4.0).reshape(1, 2, 2, 1)
    found = carried(target.contiguous(), contexts, labels, Neighbours(1, top=2, temperature=0.1))
    weights = torch.softmax(torch.tensor([0.0, 0.1]).cos() / 0.1, dim=0)
    nearest = float(weights[0] * 0 + weights[1] * 3)  # labels 0 and 3 stand at angles 0 and 0.1
    assert found.flatten().tolist() == pytest.approx([nearest] * 4, abs=1e-5)
