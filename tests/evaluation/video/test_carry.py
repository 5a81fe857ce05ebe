"""A video's masks from those of its first frame."""

from __future__ import annotations

import pytest
import torch

from bits.evaluation.video import carry
from bits.evaluation.video.carry import carried_masks
from bits.evaluation.video.grid import one_hot
from bits.evaluation.video.neighbours import Neighbours

from .straightforward import dense_labels

PAPER = Neighbours(radius=12, top=5, temperature=0.1)


def moving(frames: int, height: int = 61, width: int = 93) -> torch.Tensor:
    """Masks of two objects, 1 and 3, that move right by three px a frame."""
    masks = torch.zeros(frames, height, width, dtype=torch.uint8)
    for t, mask in enumerate(masks):
        mask[10:30, 10 + 3 * t : 30 + 3 * t], mask[35:50, 40 + 3 * t : 60 + 3 * t] = 1, 3
    return masks


def planted(masks: torch.Tensor, rows: int, columns: int) -> list[torch.Tensor]:
    """Features [D, h, w] that say of which object a patch is."""
    return [one_hot(mask, (1, 3), rows, columns).permute(2, 0, 1) for mask in masks]


def test_features_that_name_their_object_carry_its_mask_along() -> None:
    masks = moving(6)
    found = carried_masks(planted(masks, 30, 46), masks[0], (1, 3), (60, 92), PAPER, previous=7)
    assert found.shape == masks.shape and found.dtype == torch.uint8
    assert torch.equal(found[0], masks[0])
    assert (found != masks).float().mean() < 0.03


def test_masks_are_those_of_all_affinities_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, masks = torch.Generator().manual_seed(1), moving(5)
    features = [one + 0.3 * torch.randn(one.shape, generator=generator) for one in planted(masks, 15, 23)]
    how, size = Neighbours(4, 5, 0.1), (240, 368)
    found = carried_masks(features, masks[0], (1, 3), size, how, previous=2)
    monkeypatch.setattr(carry, "carried", dense_labels)
    assert torch.equal(found, carried_masks(features, masks[0], (1, 3), size, how, previous=2))
    assert set(found[-1].unique().tolist()) == {0, 1, 3}


def test_labels_come_from_the_first_frame_and_the_last_few(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[float]] = []

    def spied(target: torch.Tensor, contexts: torch.Tensor, labels: torch.Tensor, how: Neighbours) -> torch.Tensor:
        seen.append([round(float(angle), 3) for angle in torch.atan2(contexts[:, 0, 0, 1], contexts[:, 0, 0, 0])])
        return dense_labels(target, contexts, labels, how)

    monkeypatch.setattr(carry, "carried", spied)
    frames = [torch.tensor([0.1 * t]).mul(torch.ones(1)) for t in range(6)]
    features = [torch.cat([t.cos(), t.sin()])[:, None, None].expand(2, 3, 3) for t in frames]
    carried_masks(features, moving(1)[0], (1, 3), (48, 48), PAPER, previous=2)
    assert seen == [[0.0], [0.0, 0.1], [0.0, 0.1, 0.2], [0.0, 0.2, 0.3], [0.0, 0.3, 0.4]]


@pytest.mark.parametrize("frames", [1, 2])
def test_short_videos_and_odd_sizes(frames: int) -> None:
    masks = moving(2)[:, :59, :87][:frames]
    found = carried_masks(planted(masks, 4, 6), masks[0], (1, 3), (64, 96), PAPER, previous=7)
    assert found.shape == (frames, 59, 87) and torch.equal(found[0], masks[0])


def test_an_object_of_three_pixels_stays_the_object_that_it_is() -> None:
    """Between the patches' centres it has no patch, so no later frame has it; the others keep their numbers."""
    masks = moving(3)
    masks[0, 0, 0:3] = 2
    features = planted(masks, 6, 9)
    found = carried_masks(features, masks[0], (1, 2, 3), (96, 144), PAPER, previous=7)
    assert int((found[0] == 2).sum()) == 3
    assert set(found[1:].unique().tolist()) == {0, 1, 3}
