"""Random images of one size, for timing where no data are."""

from __future__ import annotations

import torch
from torch import Tensor

from bits.data.images import ImageSet


class NoiseImages(ImageSet):
    """`count` images [3, height, width] in memory, of a few kinds of noise; labels go round `classes`."""

    name, split, in_memory = "noise", "train", True

    def __init__(self, count: int, height: int, width: int, classes: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.pixels = torch.randint(0, 256, (min(count, 64), 3, height, width), dtype=torch.uint8, generator=generator)
        self.class_names = tuple(map(str, range(classes)))
        self.labels = torch.arange(count) % classes
        self.identities = tuple(map(str, range(count)))

    def decode(self, index: int) -> Tensor:
        """Image `index` as uint8 [3, height, width]."""
        return self.pixels[index % len(self.pixels)]
