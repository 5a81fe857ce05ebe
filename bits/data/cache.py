"""Image sets small enough to be decoded once and kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

import torch
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.data.images import ImageSet, as_list, collate

Progress = Callable[[int, int], None]
Result = TypeVar("Result")
_PORTION = 64  # images a thread takes at a time


def cached(image_set: ImageSet, limit_bytes: int, progress: Progress | None = None, threads: int = 4) -> ImageSet:
    """The set decoded into memory if that takes at most `limit_bytes`; otherwise the set as it is.

    progress: called with (images done, images in all). Raises DatasetError at the first broken image.
    """
    if image_set.in_memory or len(image_set) == 0 or image_set.decoded_bytes() > limit_bytes:
        return image_set
    with closing(_portions(image_set, _sizes, threads)) as portions:
        sizes = torch.tensor([size for portion in portions for size in portion])
    if int(sizes.prod(1).sum()) * 3 > limit_bytes:
        return image_set  # the estimate was too low
    return CachedImages(image_set, sizes, progress, threads)


def _portions(
    image_set: ImageSet, work: Callable[[ImageSet, range], Result], threads: int
) -> Generator[Result, None, None]:
    """What `work` gives for each run of images, in order."""
    portions = [range(i, min(i + _PORTION, len(image_set))) for i in range(0, len(image_set), _PORTION)]
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    try:
        yield from pool.map(lambda portion: work(image_set, portion), portions)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _sizes(image_set: ImageSet, portion: range) -> list[tuple[int, int]]:
    return [image_set.image_size(index) for index in portion]


class CachedImages(ImageSet):
    """Another set's images in one flat uint8 buffer, each as [3, H, W]; made by `cached`.

    sizes: int64 [N, 2], (height, width) of every image.
    """

    in_memory = True

    def __init__(self, image_set: ImageSet, sizes: Tensor, progress: Progress | None, threads: int) -> None:
        self.name, self.split, self.class_names = image_set.name, image_set.split, image_set.class_names
        self.labels, self.multilabels = image_set.labels, image_set.multilabels
        self.identities, self.folder = image_set.identities, image_set.folder
        self.sizes = sizes
        self.ends = (sizes.prod(1) * 3).cumsum(0)
        self.pixels = torch.empty(int(self.ends[-1]), dtype=torch.uint8)
        self.uniform = bool((sizes == sizes[0]).all())
        with closing(_portions(image_set, self._take, threads)) as portions:
            for done in portions:
                if progress is not None:
                    progress(done, len(self))

    def _take(self, image_set: ImageSet, portion: range) -> int:
        for index in portion:
            self.decode(index).copy_(image_set.decode(index))
        return portion.stop

    def decode(self, index: int) -> Tensor:
        """Image `index` as uint8 [3, H, W], a view of the buffer: do not write to it."""
        height, width = self.image_size(index)
        end = int(self.ends[index])
        return self.pixels[end - 3 * height * width : end].view(3, height, width)

    def image_size(self, index: int) -> tuple[int, int]:
        """(height, width) of image `index` in pixels."""
        height, width = self.sizes[index].tolist()
        return height, width

    def batch(self, indices: Tensor | Sequence[int]) -> ImageBatch:
        """The images at `indices`, in that order, copied."""
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        if not self.uniform:
            return collate([self.decode(index) for index in as_list(chosen)])
        height, width = self.image_size(0)
        every = self.pixels.view(-1, 3, height, width)
        return ImageBatch(every.index_select(0, chosen), self.sizes[chosen])
