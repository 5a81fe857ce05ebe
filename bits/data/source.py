"""Open the folder or zip that holds a data set. Never imports torch."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from bits.data.archive import Archive
from bits.data.folder import Folder
from bits.data.layout import Source
from bits.errors import DatasetError

KEPT = 8  # zips; at 1.3 million images the names and places of one take 330 MB


def open_source(root: Path) -> Source:
    """The folder or zip at `root`. Raises DatasetError when nothing is there or it is neither.

    However often a process opens a zip, it reads the table of contents once for as long as the file stays the same.
    """
    require_root(root)
    return Folder(root) if root.is_dir() else _zip_at(root).archive()


def forget_sources() -> None:
    """Drop the zips that are kept open, in a process that needs no more of them."""
    _zip_at.cache_clear()


class _Zip:
    """The zip at a path, opened again when the file is another one than before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: tuple[tuple[int, ...], Archive] | None = None

    def archive(self) -> Archive:
        status = self.path.stat()
        # The time of change tells a file that was overwritten, but keeps size and date, as cp -p leaves it.
        version = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if self._opened is None or self._opened[0] != version:
            self._opened = version, Archive(self.path)
        return self._opened[1]


@lru_cache(maxsize=KEPT)
def _zip_at(path: Path) -> _Zip:
    return _Zip(path)


def require_root(root: Path) -> None:
    """Raises DatasetError, naming what exists on the way, unless a file or folder is at `root`."""
    if root.is_file() or root.is_dir():
        return
    if root.exists():  # a pipe, which would be waited for, or a device
        raise DatasetError(
            f"{root} is neither a folder nor a file. Expected a folder, or a zip of one: correct the root."
        )
    near = next(parent for parent in root.absolute().parents if parent.is_dir())
    there = sorted(entry.name for entry in near.iterdir())[:8] if os.access(near, os.R_OK) else []
    raise DatasetError(
        f"{root} does not exist. The nearest folder is {near}; it holds: {', '.join(there) or 'nothing'}.\n"
        "Expected a folder, or a zip of one, as <split>/<class>/<image>. Correct the data set's root."
    )
