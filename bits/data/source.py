"""Open the folder or zip that holds a data set. Never imports torch."""

from __future__ import annotations

import os
from pathlib import Path

from bits.data.archive import Archive
from bits.data.errors import DatasetError
from bits.data.folder import Folder
from bits.data.layout import Source


def open_source(root: Path) -> Source:
    """The folder or zip at `root`. Raises DatasetError when nothing is there or it is neither."""
    require_root(root)
    return Folder(root) if root.is_dir() else Archive(root)


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
