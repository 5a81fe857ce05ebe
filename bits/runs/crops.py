"""The crops of training images on which a probe trains (protocol "Linear probe"): random, resized, mirrored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bits.data.images import ImageSet
from bits.data.stream import IndexStream, prefetch
from bits.evaluation.declaration import Interpolation
from bits.training.views import seeded, step_views
from bits.views.parameters import Triple
from bits.views.views import ViewSpec

SCALE = (0.08, 1.0)  # of a crop's share of its image
FLIP = 0.5

Crop = tuple[Tensor, Tensor]  # views float32 [B, 3, size, size] on the device, labels int64 [B]


@dataclass(frozen=True)
class TrainingCrops:
    """All that the crops of a training set follow from: equal values, equal crops in every epoch.

    mean, std: of the normalisation, per channel. interpolation: antialiased.
    """

    seed: int
    batch_size: int
    size: int
    mean: Triple
    std: Triple
    interpolation: Interpolation

    def batches(self, images: int) -> int:
        """How many there are in an epoch."""
        return -(-images // self.batch_size)

    def epoch(self, number: int, images: ImageSet, device: torch.device, workers: int) -> Iterator[Crop]:
        """Every image once, in an order of the epoch's own; the last batch may be smaller."""
        spec = ViewSpec(
            size=self.size, scale=SCALE, flip=FLIP, mean=self.mean, std=self.std, interpolation=self.interpolation
        )
        order = self._order(len(images), number)
        seed = int(seeded(self.seed, number).initial_seed())
        for step, batch in enumerate(prefetch(images, order, workers)):
            (views,) = step_views(batch, [spec], seed, step, device)
            yield views, images.labels[order[step]]

    def _order(self, count: int, number: int) -> list[Tensor]:
        """The positions of each batch."""
        stream, end = IndexStream(count, self.seed), (number + 1) * count
        starts = range(number * count, end, self.batch_size)
        return [stream.indices(start, min(self.batch_size, end - start)) for start in starts]
