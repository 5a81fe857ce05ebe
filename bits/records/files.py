"""Files that appear whole or not at all: readers see the old bytes or the new ones, never half."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

LITTER = ".tmp"  # how the name of a file that is being written ends


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it takes the place of `path` when the block ends without an error.

    The content and the new name reach the disk before it returns. The file gets the permissions that a plain open()
    would give it. Missing folders are made. After an error nothing is left behind, and `path` is as it was; what a
    killed process leaves, `sweep` removes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{LITTER}")
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # safetensors and tempfile write for their owner alone
        _to_disk(temporary)
        temporary.replace(path)
        _to_disk(path.parent)  # the new name, too, is to survive a crash of the machine
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file, see `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a whole file in UTF-8, see `replacing`."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write JSON, keys in the given order, see `replacing`; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def sweep(folder: Path) -> None:
    """Remove files that a killed process was writing. Only for a folder in which nobody else writes."""
    for litter in folder.glob(f".*{LITTER}"):
        litter.unlink(missing_ok=True)


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
