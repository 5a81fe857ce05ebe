"""An image folder on disk. Never imports torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from bits.data.layout import is_hidden, is_hidden_class, is_image, is_unread_image, join, nfc
from bits.errors import DatasetError

Named = tuple[str, "os.DirEntry[str]"]  # a name in NFC, and what has it


class Listed(NamedTuple):
    """What lies directly in one folder of a walk.

    prefix: of the names below the root of the walk: "" or "train/cat/". images: sorted by name. unread: names of what
    looks like an image and is not read.
    """

    prefix: str
    images: list[Named]
    unread: list[str]


def walk(folder: Path) -> Iterator[Listed]:
    """The folder and all folders below it, each once, always in the same order.

    Links to folders are followed, except to a folder that holds the link (a loop). Hidden files and folders of tools
    are left out, and only plain files are images: reading a pipe of such a name would wait for ever. Raises
    DatasetError: a folder that can't be listed, a link to an image that is not there, two names that are one in NFC.
    """
    holders = (*folder.absolute().parents, *folder.resolve().parents)
    pending = [(str(folder), "", frozenset(map(_inode, holders)))]
    while pending:
        path, prefix, above = pending.pop()
        here = _inode(path)
        if here in above:
            continue
        held, folders, listed = above | {here}, [], Listed(prefix, [], [])
        for name, entry in entries(path):
            if is_image(name) and entry.is_file():
                listed.images.append((name, entry))
            elif entry.is_dir():
                folders.append((entry.path, f"{prefix}{name}/", held))
            elif is_unread_image(name) or is_image(name):
                _refuse_dangling(entry)
                listed.unread.append(name)
        pending.extend(reversed(folders))
        yield listed


def _inode(path: str | Path) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino


def entries(path: str | Path) -> list[Named]:
    """What a folder holds, sorted by name, without what is hidden. Raises DatasetError, see `walk`."""
    try:
        with os.scandir(path) as scanned:
            found = [(nfc(entry.name), entry) for entry in scanned if not is_hidden(entry.name)]
    except OSError as error:
        raise DatasetError(f"{path} can't be listed: {error.strerror}. Check its permissions.") from error
    found.sort(key=itemgetter(0))
    if len(dict(found)) < len(found):
        twice = next(entry for (name, _), (following, entry) in pairwise(found) if name == following)
        raise DatasetError(same_in_nfc(twice.path))
    return found


def same_in_nfc(where: str) -> str:
    """What is said of a name that is there in two spellings."""
    return (
        f"{where} is there twice, in two Unicode forms of one name (NFC, as Linux and Windows write it, and NFD, as "
        "macOS does).\nRemove or rename one of them: convmv -f utf8 -t utf8 --nfc shows and renames them."
    )


def _refuse_dangling(entry: os.DirEntry[str]) -> None:
    if is_image(entry.name) and entry.is_symlink() and not Path(entry.path).exists():
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
        self._paths: dict[str, str] = {}  # of names that are not ASCII, which the disk may spell otherwise

    def folders(self, inside: str) -> list[str]:
        """Names of the folders directly inside, sorted; links to folders count."""
        return [name for name, entry in self._entries(inside) if entry.is_dir()]

    def holds_images(self, inside: str) -> bool:
        """Whether an image lies directly inside."""
        return any(is_image(name) for name, entry in entries(self._path(inside)) if entry.is_file())

    def images(self, inside: str, classes: Sequence[str]) -> dict[str, list[str]]:
        """For each class folder the sorted names, relative to `inside`, of all images below it."""
        return {name: sorted(f"{name}/{image}" for image in self._below(join(inside, name))) for name in classes}

    def _below(self, inside: str) -> Iterator[str]:
        path = self._path(inside)
        if path.is_dir():
            yield from (listed.prefix + name for listed in walk(path) for name, _ in listed.images)

    def _entries(self, inside: str) -> list[Named]:
        path = self._path(inside)
        return entries(path) if path.is_dir() else []

    def _path(self, name: str) -> Path:
        if name.isascii():
            return self.path / name
        if name not in self._paths:
            above = name.rpartition("/")[0]
            self._paths.update((join(above, other), entry.path) for other, entry in entries(self._path(above)))
        return Path(self._paths.get(name, self.path / name))

    def unread(self, inside: str) -> list[str]:
        """Names of all files below that look like images and are not read."""
        below = f"{inside}/" if inside else ""
        return [f"{below}{listed.prefix}{name}" for listed in walk(self._path(inside)) for name in listed.unread]

    def skipped(self, inside: str) -> list[str]:
        """Names of all files below that are taken for no image, whatever the reason, sorted."""
        top = self._path(inside)
        taken = {listed.prefix + name for listed in walk(top) for name, _ in listed.images}
        found = (
            nfc((Path(path) / name).relative_to(top).as_posix()) for path, _, names in os.walk(top) for name in names
        )
        return sorted(join(inside, name) for name in found if name not in taken)

    def hidden(self, inside: str) -> list[str]:
        """Names of the folders directly inside that hold images, but are left out because a dot begins their names."""
        with os.scandir(self._path(inside)) as scanned:
            found = [entry for entry in scanned if is_hidden_class(entry.name) and entry.is_dir()]
        return sorted(nfc(entry.name) for entry in found if any(listed.images for listed in walk(Path(entry.path))))

    def notes(self, inside: str) -> list[str]:
        """Names of the plain files directly inside that are no images, sorted."""
        return [name for name, entry in self._entries(inside) if not is_image(name) and entry.is_file()]

    def read(self, name: str) -> bytes:
        """The content of an image or a note. Raises DatasetError."""
        try:
            return self._path(name).read_bytes()
        except OSError as error:
            raise DatasetError(
                f"{self.describe(name)} was listed but can't be read: {error.strerror}.\n"
                "Check that it is still there and its permissions."
            ) from error

    def describe(self, name: str) -> str:
        """The file's path."""
        return str(self._path(name))
