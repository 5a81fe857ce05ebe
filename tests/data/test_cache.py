"""Images kept in memory: the same as decoding them anew."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bits.data.cache import CachedImages, cached
from bits.data.images import ImageSet
from bits.errors import DatasetError


class Noise(ImageSet):
    """Image i is noise of its own; `sizes` repeat. Counts how often each is decoded."""

    def __init__(self, count: int, sizes: list[tuple[int, int]], broken: int = -1) -> None:
        self.name, self.split, self.class_names = "noise", "train", ("even", "odd")
        self.labels, self.identities = torch.arange(count) % 2, tuple(map(str, range(count)))
        self.sizes, self.broken, self.decoded = sizes, broken, [0] * count

    def image_size(self, index: int) -> tuple[int, int]:
        return self.sizes[index % len(self.sizes)]

    def decode(self, index: int) -> Tensor:
        self.decoded[index] += 1
        if index == self.broken:
            raise DatasetError(f"image {index} is broken")
        generator = torch.Generator().manual_seed(index)
        return torch.randint(0, 256, (3, *self.image_size(index)), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("sizes", [[(5, 4)], [(5, 4), (2, 9), (6, 6)]])
@pytest.mark.parametrize("threads", [1, 3])
def test_cached_images_are_the_images(sizes: list[tuple[int, int]], threads: int) -> None:
    source = Noise(150, sizes)
    memory = cached(source, 1 << 20, threads=threads)
    assert isinstance(memory, CachedImages) and memory.in_memory
    assert source.decoded == [1] * 150
    assert (memory.identities, memory.class_names) == (source.identities, source.class_names)
    assert torch.equal(memory.labels, source.labels)
    assert memory.pixels.numel() == memory.decoded_bytes() == source.decoded_bytes()
    for index in range(150):
        assert torch.equal(memory.decode(index), source.decode(index))
    for indices in (torch.tensor([149, 0, 7, 7]), [3], torch.arange(150)):
        ours, theirs = memory.batch(indices), source.batch(indices)
        assert torch.equal(ours.pixels, theirs.pixels) and torch.equal(ours.sizes, theirs.sizes)


def test_a_batch_is_a_copy() -> None:
    memory = cached(Noise(4, [(3, 3)]), 1000)
    before = memory.decode(0).clone()
    memory.batch([0]).pixels.zero_()
    assert torch.equal(memory.decode(0), before)


def test_a_set_over_the_limit_stays_as_it_is() -> None:
    source = Noise(10, [(4, 4)])
    assert cached(source, 10 * 48 - 1) is source and source.decoded == [0] * 10
    assert isinstance(cached(source, 10 * 48), CachedImages)


def test_a_low_estimate_is_found_out_before_decoding() -> None:
    sizes = [(1, 1)] * 999 + [(100, 100)]
    source = Noise(1000, sizes)
    assert source.decoded_bytes() < 10_000
    assert cached(source, 10_000) is source and source.decoded == [0] * 1000


def test_progress_rises_to_the_end() -> None:
    calls: list[tuple[int, int]] = []
    cached(Noise(150, [(2, 2)]), 1 << 20, lambda done, total: calls.append((done, total)), threads=3)
    assert calls == sorted(calls) and calls[-1] == (150, 150) and len(calls) > 1


def test_a_broken_image_stops_it() -> None:
    with pytest.raises(DatasetError, match="image 70 is broken"):
        cached(Noise(5000, [(2, 2)], broken=70), 1 << 20)
