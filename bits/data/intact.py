"""Whether every image can be decoded, and how large the largest are. Never imports torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bits.data.layout import Source
from bits.data.pace import Pace
from bits.data.picture import header_size, rgb_picture
from bits.errors import DatasetError

PORTION = 32  # images that a thread takes at a time


@dataclass(frozen=True)
class Looked:
    """What decoding some images showed.

    broken: what is wrong with each that can't be decoded. canvas: (height, width) in px that holds every image as it is
    decoded. reduced: images that are larger than max_side, which decoding reduces.
    """

    broken: tuple[str, ...] = ()
    canvas: tuple[int, int] = (0, 0)
    reduced: int = 0

    def __add__(self, other: Looked) -> Looked:
        canvas = max(self.canvas[0], other.canvas[0]), max(self.canvas[1], other.canvas[1])
        return Looked(self.broken + other.broken, canvas, self.reduced + other.reduced)


def look(source: Source, names: Sequence[str], max_side: int | None) -> Looked:
    """Decode every image as training does, on all cores, and say on stderr how far that is."""
    pace = Pace(f"{source.path}: decoding all images", len(names), "images")
    portions = [names[start : start + PORTION] for start in range(0, len(names), PORTION)]
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="look")
    whole = Looked()
    try:
        for portion, looked in zip(
            portions, pool.map(lambda part: _look(source, part, max_side), portions), strict=True
        ):
            whole += looked
            pace.add(len(portion))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return whole


def _look(source: Source, names: Sequence[str], max_side: int | None) -> Looked:
    found = Looked()
    for name in names:
        try:
            content, where = source.read(name), source.describe(name)
            size = header_size(content, where)
            picture = rgb_picture(content, where, max_side)
            found += Looked((), (picture.height, picture.width), int((picture.height, picture.width) != size))
        except DatasetError as error:
            found += Looked((str(error).splitlines()[0].replace(" can't be decoded", ""),))
    return found
