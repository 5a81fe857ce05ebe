"""Open the folder or zip that holds a data set. Never imports torch."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from bits.data.archive import Archive
from bits.data.folder import Folder
from bits.data.layout import Source
from bits.errors import DatasetError


def open_source(root: Path) -> Source:
    """The folder or zip at `root`. Raises DatasetError when nothing is there or it is neither.

    A process reads the table of contents of a zip once, however often it is opened, while the file stays the same.
    """
    require_root(root)
    if root.is_dir():
        return Folder(root)
    status = root.stat()
    return _archive(root, status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)
def _archive(path: Path, *version: int) -> Archive:
    return Archive(path)


def require_root(root: Path) -> None:
    """Raises DatasetError, naming what exists on the way, unless a file or folder is at `root`."""
    if root.exists():
        return
    near = next(parent for parent in root.absolute().parents if parent.is_dir())
    there = sorted(entry.name for entry in near.iterdir())[:8] if os.access(near, os.R_OK) else []
    raise DatasetError(
        f"{root} does not exist. The nearest folder is {near}; it holds: {', '.join(there) or 'nothing'}.\n"
        "Expected a folder, or a zip of one, as <split>/<class>/<image>. Correct the data set's root."
    )
