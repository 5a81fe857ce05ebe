"""An image folder on disk. Never imports torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from bits.data.layout import is_hidden, is_image
from bits.errors import DatasetError


def walk_images(folder: Path) -> Iterator[str]:
    """Names of all images below the folder, relative to it, in no particular order.

    Links to folders are followed, except to a folder that holds the link (a loop). Hidden files are left
    out. Raises DatasetError: a folder that can't be listed, a link to an image that is not there.
    """
    holders = (*folder.absolute().parents, *folder.resolve().parents)
    pending = [(folder, "", frozenset(_inode(holder) for holder in holders))]
    while pending:
        path, prefix, above = pending.pop()
        here = _inode(path)
        if here in above:
            continue
        for entry in _entries(path):
            if entry.is_dir():
                pending.append((Path(entry.path), f"{prefix}{entry.name}/", above | {here}))
            elif is_image(entry.name):
                _refuse_dangling(entry)
                yield prefix + entry.name


def _inode(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if not is_hidden(entry.name)]
    except OSError as error:
        raise DatasetError(f"{path} can't be listed: {error.strerror}. Check its permissions.") from error


def _refuse_dangling(entry: os.DirEntry[str]) -> None:
    if entry.is_symlink() and not Path(entry.path).exists():
        raise DatasetError(
            f"{entry.path} is a link to {Path(entry.path).readlink()}, which does not exist.\n"
            "Fetch the data that the links point to (for example with dvc pull), or remove the link."
        )


class Folder:
    """The image files below a folder; see `layout.Source`."""

    wrapped = False
    remark = ""

    def __init__(self, path: Path) -> None:
        self.path = path

    def folders(self, inside: str) -> list[str]:
        """Names of the folders directly inside, sorted; links to folders count."""
        return sorted(entry.name for entry in _entries(self.path / inside) if entry.is_dir())

    def holds_images(self, inside: str) -> bool:
        """Whether an image lies directly inside."""
        return any(is_image(entry.name) for entry in _entries(self.path / inside) if entry.is_file())

    def images(self, inside: str, classes: Sequence[str]) -> dict[str, list[str]]:
        """For each class folder the sorted names, relative to `inside`, of all images below it."""
        root = self.path / inside
        return {name: sorted(f"{name}/{image}" for image in walk_images(root / name)) for name in classes}

    def read(self, name: str) -> bytes:
        """The file's content. Raises DatasetError."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise DatasetError(
                f"{self.describe(name)} was listed but can't be read: {error.strerror}.\n"
                "Check that it is still there and its permissions."
            ) from error

    def describe(self, name: str) -> str:
        """The file's path."""
        return str(self.path / name)
