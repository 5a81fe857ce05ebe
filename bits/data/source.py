"""Open the folder, zip or tar that holds a data set. Never imports torch."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from bits.data.archive import Archive
from bits.data.folder import Folder
from bits.data.layout import Source
from bits.data.tar import Tar
from bits.data.tar_folder import TarFolder, tars_in
from bits.errors import DatasetError

KEPT = 8  # archives; at 1.3 million images the names and places of one take 330 MB


def open_source(root: Path) -> Source:
    """The folder, zip or tar at `root`. Raises DatasetError when nothing is there or it is none of these.

    However often a process opens an archive, it reads what that holds once for as long as the file stays the same.
    """
    require_root(root)
    if not root.is_dir():
        return _archive_at(root).opened()
    tars = {place: _archive_at(path).opened() for place, path in tars_in(root).items()}
    packed = {place: tar for place, tar in tars.items() if isinstance(tar, Tar)}
    return TarFolder(root, packed) if packed else Folder(root)


def forget_sources() -> None:
    """Drop the archives that are kept open, in a process that needs no more of them."""
    _archive_at.cache_clear()


class _Archive:
    """The zip or tar at a path, opened again when the file is another one than before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: tuple[tuple[int, ...], Archive | Tar] | None = None

    def opened(self) -> Archive | Tar:
        status = self.path.stat()
        # The time of change tells a file that was overwritten, but keeps size and date, as cp -p leaves it.
        version = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if self._opened is None or self._opened[0] != version:
            self._opened = version, Tar(self.path) if self.path.suffix == ".tar" else Archive(self.path)
        return self._opened[1]


@lru_cache(maxsize=KEPT)
def _archive_at(path: Path) -> _Archive:
    return _Archive(path)


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
