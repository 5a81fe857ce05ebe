"""Which images come when: a seeded stream of indices, and batches decoded ahead of time."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import torch
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.data.images import ImageSet, collate
from bits.data.workers import AHEAD
from bits.errors import DatasetError


class IndexStream:
    """Endless training order: pass after pass over n images, each in an order of its own.

    Position s is a function of (n, seed, s) alone, so a resumed run needs no state but its position.
    Pass p is torch.randperm(n) from a generator seeded with the first 63 bits of sha256("<seed>:<p>").
    drop_last_of_pass: batch size b; each pass then gives only its first floor(n / b) * b indices, so that
    no batch spans two passes (the paper scale's drop_last). Raises DatasetError: no images, or b > n.
    """

    def __init__(self, n: int, seed: int, drop_last_of_pass: int | None = None) -> None:
        batch = 1 if drop_last_of_pass is None else drop_last_of_pass
        if n < 1 or batch < 1:
            raise DatasetError(f"training on {n} images in batches of {batch}; expected at least 1 of each.")
        if batch > n:
            raise DatasetError(
                f"a batch of {batch} can't be drawn from a training split of {n} images, because every pass\n"
                f"drops its incomplete last batch. Set schedule.batch_size={n} or less, or use more images."
            )
        self.n, self.seed = n, seed
        self.per_pass = n // batch * batch
        self._kept: tuple[int, Tensor] | None = None

    def indices(self, start: int, count: int) -> Tensor:
        """Positions start to start + count - 1 of the stream, int64 [count]; may span passes."""
        if start < 0 or count < 0:
            raise ValueError(f"start and count must not be negative, got {start} and {count}")
        parts = [torch.empty(0, dtype=torch.int64)]
        while count > 0:
            number, offset = divmod(start, self.per_pass)
            part = self._order(number)[offset : min(offset + count, self.per_pass)]
            parts.append(part)
            start, count = start + len(part), count - len(part)
        return torch.cat(parts)

    def _order(self, number: int) -> Tensor:
        kept = self._kept
        if kept is None or kept[0] != number:
            mixed = hashlib.sha256(f"{self.seed}:{number}".encode()).digest()[:8]
            generator = torch.Generator().manual_seed(int.from_bytes(mixed, "big") >> 1)
            self._kept = kept = (number, torch.randperm(self.n, generator=generator))
        return kept[1]


def prefetch(
    image_set: ImageSet, batches_of_indices: Iterable[Tensor], workers: int, depth: int = AHEAD
) -> Generator[ImageBatch, None, None]:
    """The batches of images in order; up to `depth` of them are decoded ahead of time by `workers` threads.

    workers = 0, or a set that is in memory, decodes when asked. An error comes out where its batch would.
    Closing the generator waits for the images in work and ends the threads. Raises ValueError.
    """
    if workers < 0 or depth < 1:
        raise ValueError(f"workers must be at least 0 and depth at least 1, got {workers} and {depth}")
    if workers == 0 or image_set.in_memory:
        return (image_set.batch(indices) for indices in batches_of_indices)
    return _prefetch(image_set, iter(batches_of_indices), workers, depth)


def _prefetch(
    image_set: ImageSet, batches: Iterator[Tensor], workers: int, depth: int
) -> Generator[ImageBatch, None, None]:
    pool, stop = ThreadPoolExecutor(workers, thread_name_prefix="decode"), Event()

    def decode(indices: Tensor) -> list[Tensor]:
        return [image_set.decode(index) for index in indices.tolist() if not stop.is_set()]

    ahead: deque[Future[ImageBatch]] = deque()
    try:
        more = True
        while more or ahead:
            while more and len(ahead) <= depth:
                batch = _submit(pool, decode, batches, workers)
                more = batch is not None
                if batch is not None:
                    ahead.append(batch)
            if ahead:
                yield ahead.popleft().result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(
    pool: ThreadPoolExecutor,
    decode: Callable[[Tensor], list[Tensor]],
    batches: Iterator[Tensor],
    workers: int,
) -> Future[ImageBatch] | None:
    """The next batch on its way, or None at the end."""
    try:
        indices = next(batches)
    except StopIteration:
        return None
    except Exception as error:  # must not overtake the batches that are on their way
        failed: Future[ImageBatch] = Future()
        failed.set_exception(error)
        return failed
    parts = [pool.submit(decode, part) for part in indices.chunk(workers)]
    # The pool is first in, first out: by the time a thread takes this up, the parts have all begun, so it
    # can wait for them without blocking the pool for good.
    return pool.submit(_collate, parts)


def _collate(parts: list[Future[list[Tensor]]]) -> ImageBatch:
    return collate([image for part in parts for image in part.result()])
