"""What decoding an image showed, kept by the digest of its bytes, so that no image is decoded twice to be checked.

One file a place in data/.digests, of this machine alone, beside what `kept` holds. Never imports torch.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bits.data import kept
from bits.data.layout import Source
from bits.data.pace import Pace
from bits.errors import DatasetError
from bits.records.files import write_bytes

FORMAT = 1
LONGEST_HEADER = 1 << 14  # bytes
PORTION = 32  # images that a thread takes at a time
SAVE_S = 20.0  # at most so much decoding is lost when the process is killed


class Look(NamedTuple):
    """height, width: px, as stored; 0 of an image whose header can't be read. problem: why it can't be decoded, ""
    of an intact image."""

    height: int
    width: int
    problem: str = ""

    @property
    def shape(self) -> float:
        """The longer side by the shorter one."""
        return max(self.height, self.width) / max(min(self.height, self.width), 1)


def known_looks(place: Path, digests: Mapping[str, str]) -> dict[str, Look]:
    """What was seen of those images (name -> digest) before; nothing is decoded."""
    known = _read(_file(place))
    return {name: known[digest] for name, digest in digests.items() if digest in known}


def seen_at(place: Path) -> str:
    """How many images of a place were decoded, and how many were broken: changes whenever more is known."""
    try:
        with _file(place).open("rb") as file:
            facts = json.loads(file.read(LONGEST_HEADER).partition(b"\0")[0])
        return f"{facts['images']}, {facts['broken']} broken"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def looks(source: Source, digests: Mapping[str, str], max_side: int | None) -> dict[str, Look]:
    """What decoding every image (name -> digest) as training does shows; each content is decoded once.

    On all cores, with lines on stderr on how far that is. What was seen is kept also when it is stopped, except of
    images that could not be read, which the disk may give the next time.
    """
    file = _file(source.path)
    known = _read(file)
    pending = {digest: name for name, digest in digests.items() if digest not in known}
    unread: dict[str, Look] = {}
    if pending:
        _decode(source, list(pending.items()), max_side, known, unread, file)
    return {name: known.get(digest) or unread[digest] for name, digest in digests.items()}


def _decode(
    source: Source,
    pending: Sequence[tuple[str, str]],
    max_side: int | None,
    known: dict[str, Look],
    unread: dict[str, Look],
    file: Path,
) -> None:
    """Add what is seen of (digest, name) pairs to `known`, which is saved now and then, and to `unread`."""
    pace = Pace(f"{source.path}: decoding images that were not checked yet", len(pending), "images")
    portions = [pending[start : start + PORTION] for start in range(0, len(pending), PORTION)]
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="look")
    save = time.monotonic() + SAVE_S
    try:
        for portion, seen in zip(
            portions, pool.map(lambda part: [_look(source, name, max_side) for _, name in part], portions), strict=True
        ):
            for (digest, _), (look, was_read) in zip(portion, seen, strict=True):
                (known if was_read else unread)[digest] = look
            pace.add(len(portion))
            if time.monotonic() > save:
                save = _saved(file, source.path, known)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        _saved(file, source.path, known)


def _saved(file: Path, place: Path, known: Mapping[str, Look]) -> float:
    """When to save again: writing takes at most a tenth of the time."""
    started = time.monotonic()
    _write(file, place, known)
    return time.monotonic() + max(SAVE_S, 10 * (time.monotonic() - started))


def _look(source: Source, name: str, max_side: int | None) -> tuple[Look, bool]:
    """(what is seen, whether the file could be read)."""
    from bits.data.picture import header_size, rgb_picture

    try:
        content = source.read(name)
    except DatasetError as error:
        return Look(0, 0, _first_line(error).removeprefix(source.describe(name)).strip()), False
    size = (0, 0)
    try:
        size = header_size(content, "")
        rgb_picture(content, "", max_side)
    except DatasetError as error:
        return Look(*size, _first_line(error).strip().removeprefix("can't be decoded ")), True
    return Look(*size), True


def _first_line(error: DatasetError) -> str:
    return str(error).splitlines()[0]


def _file(place: Path) -> Path:
    return kept.file_of(place).with_suffix(".looks")


def _read(file: Path) -> dict[str, Look]:
    """Digest -> what was seen; nothing when there is no such file, or one of another version."""
    try:
        header, *records = file.read_text(encoding="utf-8").split("\0")
        if json.loads(header)["format"] != FORMAT:
            return {}
        found = (record.split(" ", 3) for record in records)
        return {digest: Look(int(height), int(width), problem) for digest, height, width, problem in found}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write(file: Path, place: Path, known: Mapping[str, Look]) -> None:
    """Keep it; a file that can't be written is done without."""
    broken = sum(bool(look.problem) for look in known.values())
    counts = {"images": len(known), "broken": broken}
    facts = json.dumps({"format": FORMAT, "root": str(place.absolute()), **counts})
    with suppress(OSError):
        write_bytes(file, "\0".join([facts, *_records(known)]).encode("utf-8", "replace"))


def _records(known: Mapping[str, Look]) -> Iterable[str]:
    for digest, look in known.items():
        yield f"{digest} {look.height} {look.width} {look.problem.replace(chr(0), ' ')}"
