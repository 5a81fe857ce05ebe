"""The index stream against plain concatenation, and batches decoded ahead against batches decoded here."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bits.data.cache import cached
from bits.data.images import ImageSet
from bits.data.stream import IndexStream, prefetch
from bits.errors import DatasetError


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(-5, 2**70), st.integers(0, 30), st.integers(0, 200), st.integers(0, 100))
def test_any_stretch_equals_the_passes(n: int, seed: int, batch: int, start: int, count: int) -> None:
    dropped = batch if 1 <= batch <= n else None
    length = n if dropped is None else n - n % dropped
    passes = [IndexStream(n, seed, dropped).indices(p * length, length) for p in range(300 // length + 1)]
    stretch = IndexStream(n, seed, dropped).indices(start, count)
    assert stretch.dtype == torch.int64
    assert stretch.tolist() == torch.cat(passes)[start : start + count].tolist()
    for one in passes:
        assert len(set(one.tolist())) == length and set(one.tolist()) <= set(range(n))


def test_asking_backwards_gives_the_same() -> None:
    stream = IndexStream(10, 3)
    forwards = [stream.indices(start, 7).tolist() for start in range(40)]
    assert [stream.indices(start, 7).tolist() for start in reversed(range(40))] == forwards[::-1]


def test_passes_and_seeds_differ() -> None:
    streams = [IndexStream(50, seed) for seed in range(5)]
    orders = {tuple(stream.indices(50 * p, 50).tolist()) for stream in streams for p in range(5)}
    assert len(orders) == 25


def test_dropping_leaves_out_other_images_in_each_pass() -> None:
    stream = IndexStream(10, 0, drop_last_of_pass=4)
    passes = [frozenset(stream.indices(8 * p, 8).tolist()) for p in range(20)]
    assert all(len(one) == 8 for one in passes) and len(set(passes)) > 5


def test_the_order_of_published_runs_stays() -> None:
    second = [5, 9, 2, 7, 0, 6, 8, 4, 3, 1]
    assert IndexStream(10, 0).indices(0, 20).tolist() == [7, 5, 1, 2, 4, 8, 3, 0, 6, 9, *second]
    mixed = int(hashlib.sha256(b"0:1").hexdigest()[:16], 16) // 2
    assert torch.randperm(10, generator=torch.Generator().manual_seed(mixed)).tolist() == second


def test_impossible_streams_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"batch of 256 can't be drawn from a training split of 100 images"):
        IndexStream(100, 0, drop_last_of_pass=256)
    for n, batch in ((0, None), (5, 0)):
        with pytest.raises(DatasetError, match="at least 1 of each"):
            IndexStream(n, 0, batch)
    with pytest.raises(ValueError, match="not be negative"):
        IndexStream(5, 0).indices(-1, 3)


class Slow(ImageSet):
    """Image i is filled with i % 256 and takes a different time each; records which were begun."""

    def __init__(self, count: int, broken: tuple[int, ...] = (), seconds: float = 0.002) -> None:
        self.name, self.split, self.class_names = "slow", "train", ("only",)
        self.labels, self.identities = torch.zeros(count, dtype=torch.int64), tuple(map(str, range(count)))
        self.broken, self.seconds = broken, seconds
        self.begun: list[int] = []

    def decode(self, index: int) -> Tensor:
        self.begun.append(index)
        time.sleep(self.seconds * (index * 7 % 5) / 4)
        if index in self.broken:
            raise DatasetError(f"image {index} is broken")
        return torch.full((3, 2 + index % 3, 4), index % 256, dtype=torch.uint8)


def batches(count: int, size: int) -> list[Tensor]:
    return list(torch.arange(count).split(size))


@pytest.mark.parametrize(("workers", "depth"), [(0, 4), (1, 1), (3, 1), (3, 4), (16, 2)])
def test_batches_come_in_order(workers: int, depth: int) -> None:
    images = Slow(60)
    got = list(prefetch(images, batches(60, 7), workers, depth))
    for indices, batch in zip(batches(60, 7), got, strict=True):
        expected = images.batch(indices)
        assert torch.equal(batch.pixels, expected.pixels) and torch.equal(batch.sizes, expected.sizes)


def test_a_set_in_memory_needs_no_threads() -> None:
    images = cached(Slow(20, seconds=0), 1 << 20)
    before = threading.active_count()
    loader = prefetch(images, batches(20, 5), workers=4)
    assert next(loader).pixels.shape == (5, 3, 4, 4) and threading.active_count() == before


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_an_error_comes_where_its_batch_would(workers: int) -> None:
    loader = prefetch(Slow(60, broken=(17, 15, 31)), batches(60, 5), workers)
    assert [int(next(loader).pixels[0, 0, 0, 0]) for _ in range(3)] == [0, 5, 10]
    with pytest.raises(DatasetError, match="image 15 is broken"):
        next(loader)
    with pytest.raises(StopIteration):
        next(loader)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_the_order_does_not_overtake(workers: int) -> None:
    def order() -> Iterator[Tensor]:
        yield from batches(9, 3)
        raise DatasetError("the order broke")

    loader = prefetch(Slow(9), order(), workers)
    assert [int(next(loader).pixels[0, 0, 0, 0]) for _ in range(3)] == [0, 3, 6]
    with pytest.raises(DatasetError, match="the order broke"):
        next(loader)


def test_only_so_much_is_decoded_ahead() -> None:
    images, taken = Slow(1000, seconds=0), []

    def order() -> Iterator[Tensor]:
        for indices in batches(1000, 10):
            taken.append(indices)
            yield indices

    loader = prefetch(images, order(), workers=2, depth=3)
    assert taken == []
    next(loader)
    assert len(taken) == 4
    loader.close()
    assert len(taken) == 4 and set(images.begun) <= set(range(40))


@pytest.mark.parametrize("end", [GeneratorExit(), KeyboardInterrupt()])
def test_leaving_early_ends_the_threads(end: BaseException) -> None:
    images = Slow(4000, seconds=0.01)
    before = threading.active_count()
    loader = prefetch(images, [torch.arange(4), *batches(4000, 1000)], workers=2)
    next(loader)
    assert threading.active_count() == before + 2
    with pytest.raises(type(end)):
        loader.throw(end)
    assert threading.active_count() == before and len(images.begun) < 100


def test_wrong_settings_are_refused_at_once() -> None:
    for workers, depth in ((-1, 4), (2, 0)):
        with pytest.raises(ValueError, match="at least"):
            prefetch(Slow(4), [], workers, depth)
