"""Atomic file writing: readers see the old content or the new, never a part."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bits.errors import BitsError

TEMPORARY = ".tmp"  # suffix of a file that is being written
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class ReadOnlyError(BitsError, OSError):
    """A file that this user, or anybody, may not write; an OSError too, for those who clean up after any of them."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it replaces `path` when the block ends without an error.

    The content and the new name are on disk before it returns. The file gets the permissions that a plain open()
    would give it. Missing folders are created. After an error nothing is left behind and `path` is unchanged; `sweep`
    removes what a killed process leaves behind. Raises ReadOnlyError where nothing may be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # safetensors and tempfile restrict files to their owner
        _to_disk(temporary)
        temporary.replace(path)
        _to_disk(path.parent)  # so that the new name survives a crash of the machine, too
    except OSError as error:
        if error.errno in FORBIDDEN:
            there = next(folder for folder in path.absolute().parents if folder.is_dir())
            raise ReadOnlyError(
                f"{path}: cannot be written ({error.strerror}). Who may write there: ls -ld {there}. Use a checkout of "
                "your own, or let its owner run this."
            ) from error
        raise
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically, see `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file atomically, see `replacing`."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, keys in the given order, see `replacing`; ValueError for NaN and infinity."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def sweep(folder: Path) -> None:
    """Remove partial files left by killed processes. Only for folders in which no other process writes."""
    for leftover in folder.glob(f".*{TEMPORARY}"):
        leftover.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
