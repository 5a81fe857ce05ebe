"""What the images of a folder hold, by the digest of every file's bytes. Never imports torch.

A file is read once, and again when its size, its time of modification or that of change (ctime, which tells a file
that was overwritten with its old date) is another one.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from bits.data import kept
from bits.data.folder import walk
from bits.data.identity import identity_of
from bits.data.kept import Kept
from bits.data.pace import Pace
from bits.errors import DatasetError

THREADS = 8  # more than cores: on a network disk most of the time is waiting
PORTION = 64  # files that a thread takes at a time
SAVE_S = 20.0  # at most so much reading is lost when the process is killed
SETTLED_NS = (
    2_000_000_000  # a file that changed less than so long ago may change again within the same tick of the clock
)
CHUNK = 1 << 20  # bytes


class File(NamedTuple):
    """An image: its name below the folder, its path, its stamp, its size in bytes."""

    name: str
    path: str
    stamp: str
    size: int


def identity(root: Path) -> str:
    """Of all images below a folder, "" without any: their names and bytes. Says on stderr when they have changed.

    Costs a look at every file, and reading those that are new or changed since the last time. Raises DatasetError.
    """
    found = kept.header(kept.file_of(root))
    return found.identity if found.state and found.state == state(root) else contents(root).identity


def contents(root: Path) -> Kept:
    """Likewise, with the digest of every image."""
    path = kept.file_of(root)
    known = kept.read(path)
    if known.state and known.state == state(root):
        return known
    found = _read(root, known, path)
    if known.identity and found.identity and known.identity != found.identity:
        changes = kept.replaced(known.digests, found.digests)
        print(f"{root}: other images than before: {changes}", file=sys.stderr)
        kept.set_aside(path)
    if found.identity:
        kept.write(path, root, found)
        kept.finished(path)
    return found


def state(root: Path) -> str:
    """Digest of the names and stamps of all images, which changes whenever one of them may have changed."""
    digest = hashlib.sha256()
    for listed in walk(root):
        digest.update(_line(listed.prefix, [(name, _stamp(entry.stat())) for name, entry in listed.images]))
    return digest.hexdigest()


def _line(prefix: str, stamps: list[tuple[str, str]]) -> bytes:
    """What the state of one folder is made from: (name, stamp) of its images."""
    return os.fsencode("\0".join([prefix, *chain.from_iterable(stamps), ""]))


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size}.{status.st_mtime_ns}.{status.st_ctime_ns}"


def _read(root: Path, known: Kept, path: Path) -> Kept:
    files, stamps = _files(root)
    part = kept.read(kept.unfinished(path)).files
    found, pending = {}, []
    for file in files:
        old = next(
            (old for old in (known.files.get(file.name), part.get(file.name)) if old and old[0] == file.stamp), None
        )
        if old:
            found[file.name] = old
        else:
            pending.append(file)
    _digest_all(root, pending, found, kept.unfinished(path))
    settled = all(stamp for stamp, _ in found.values())
    records = [os.fsencode(f"{name}\0{found[name][1]}") for name in sorted(found)]
    return Kept(identity_of("files", records), stamps if settled else "", found)


def _files(root: Path) -> tuple[list[File], str]:
    """(every image, the folder's state)."""
    digest, files = hashlib.sha256(), []
    for listed in walk(root):
        stamps = []
        for name, entry in listed.images:
            status = entry.stat()
            files.append(File(listed.prefix + name, entry.path, _stamp(status), status.st_size))
            stamps.append((name, files[-1].stamp))
        digest.update(_line(listed.prefix, stamps))
    return files, digest.hexdigest()


def _digest_all(root: Path, pending: list[File], found: dict[str, tuple[str, str]], part: Path) -> None:
    """Add (stamp, digest) of the pending files to `found`, which is saved now and then, and when stopped."""
    pace = Pace(f"{root}: reading images that are new or changed", sum(file.size for file in pending), "bytes")
    portions = [pending[start : start + PORTION] for start in range(0, len(pending), PORTION)]
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="digest")
    save = time.monotonic() + SAVE_S
    done = False
    try:
        for portion, digests in zip(portions, pool.map(_digests, portions), strict=True):
            found.update((file.name, digest) for file, digest in zip(portion, digests, strict=True))
            pace.add(sum(file.size for file in portion))
            if time.monotonic() > save:
                save = _saved(root, found, part)
        done = True
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        if not done and found:
            _saved(root, found, part)


def _saved(root: Path, found: dict[str, tuple[str, str]], part: Path) -> float:
    """When to save again: writing takes at most a tenth of the time."""
    started = time.monotonic()
    kept.write(part, root, Kept(files=found))
    return time.monotonic() + max(SAVE_S, 10 * (time.monotonic() - started))


def _digests(files: list[File]) -> list[tuple[str, str]]:
    return [_digest(file) for file in files]


def _digest(file: File) -> tuple[str, str]:
    """(stamp, digest) of a file; without a stamp when it changes meanwhile, or has changed just now."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with Path(file.path).open("rb", buffering=0) as content:
            status = os.fstat(content.fileno())
            while chunk := content.read(CHUNK):
                digest.update(chunk)
            unchanged = file.stamp == _stamp(status) == _stamp(os.fstat(content.fileno()))
    except OSError as error:
        raise DatasetError(
            f"{file.path} can't be read: {error.strerror}.\nCheck its permissions, or remove it from the data set."
        ) from error
    settled = time.time_ns() - status.st_ctime_ns > SETTLED_NS
    return (file.stamp if unchanged and settled else ""), digest.hexdigest()
