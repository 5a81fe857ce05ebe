"""Masks on the patch grid and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from bits.evaluation.video.grid import mask_of, network_size, one_hot, resized_nearest


@pytest.mark.parametrize(
    ("size", "short", "multiple", "expected"),
    [
        ((480, 854), 480, 16, (480, 848)),
        ((480, 854), 480, 14, (476, 854)),
        ((854, 480), 480, 16, (848, 480)),
        ((48, 48), 192, 8, (192, 192)),
        ((333, 501), 480, 16, (480, 720)),
        ((10, 3000), 8, 16, (16, 2400)),
    ],
)
def test_frames_go_through_at_whole_patches(
    size: tuple[int, int], short: int, multiple: int, expected: tuple[int, int]
) -> None:
    assert network_size(*size, short, multiple) == expected


@pytest.mark.parametrize("size", [(30, 53), (7, 200), (101, 33), (61, 97)])
def test_nearest_is_pillows(size: tuple[int, int]) -> None:
    mask = torch.randint(0, 9, (61, 97), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    theirs = Image.fromarray(mask.numpy()).resize(size[::-1], Image.Resampling.NEAREST)
    assert np.array_equal(resized_nearest(mask, *size).numpy(), np.array(theirs))


def test_an_object_too_small_for_the_grid_keeps_its_channel() -> None:
    mask = torch.zeros(64, 64, dtype=torch.uint8)
    mask[:, 32:], mask[0, 0:3] = 4, 9
    channels = one_hot(mask, (4, 9), 4, 4)
    assert channels.shape == (4, 4, 3)
    assert channels.sum(dim=(0, 1)).tolist() == [8, 8, 0]
    back = mask_of(channels, (4, 9), (64, 64), (64, 64))
    assert back.dtype == torch.uint8 and set(back.unique().tolist()) == {0, 4}
    assert torch.equal(back[:, 40:], mask[:, 40:])


def test_channels_are_stretched_so_that_a_weak_object_shows_where_it_is_strongest() -> None:
    channels = torch.zeros(4, 4, 2)
    channels[..., 0] = 1
    channels[2, 2] = torch.tensor([0.9, 0.1])
    back = mask_of(channels, (3,), (4, 4), (4, 4))
    assert back.nonzero().tolist() == [[2, 2]] and int(back[2, 2]) == 3


@pytest.mark.parametrize(("channel", "number"), [(0, 0), (1, 6)])
def test_what_fills_the_frame_fills_the_mask(channel: int, number: int) -> None:
    """Values that are constant but for rounding are not stretched."""
    channels = torch.zeros(5, 7, 2)
    channels[..., channel] = 1 - 1e-7 * torch.rand(5, 7, generator=torch.Generator().manual_seed(0))
    assert mask_of(channels, (6,), (40, 56), (41, 57)).unique().tolist() == [number]
