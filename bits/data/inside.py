"""The files inside an archive, asked for as if they lay in folders. Never imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from bits.data.layout import is_hidden, is_hidden_class, is_image, is_unread_image


class HasLength(Protocol):
    """Where a file's bytes lie. length: how many there are, unpacked."""

    @property
    def length(self) -> int: ...


Place = TypeVar("Place", bound=HasLength)


class Inside(Generic[Place]):
    """Names of images and notes, in NFC; see `layout.Source`. An archive adds them, then calls `complete`."""

    def __init__(self) -> None:
        self._members: dict[str, Place] = {}  # images
        self._notes: dict[str, Place] = {}
        self._folders: set[str] = set()
        self._unread: list[str] = []
        self._hidden: set[str] = set()  # folders
        self._left_out: list[str] = []  # files that are hidden, or in a hidden folder

    def counts(self, name: str) -> bool:
        """Whether a file, or a folder whose name ends with "/", is not hidden; remembers its folder either way."""
        parts = name.split("/")
        if any(map(is_hidden, parts)):
            first = next(depth for depth, part in enumerate(parts) if is_hidden(part))
            if is_hidden_class(parts[first]) and first < len(parts) - 1 and is_image(parts[-1]):
                self._hidden.add("/".join(parts[: first + 1]))
            if parts[-1]:
                self._left_out.append(name)
            return False
        if folder := name.rpartition("/")[0]:
            self._folders.add(folder)
        if is_unread_image(parts[-1]):
            self._unread.append(name)
        return True

    def complete(self) -> None:
        """Know the folders that hold nothing but folders, too."""
        for folder in list(self._folders):
            parts = folder.split("/")
            self._folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))

    def folders(self, inside: str) -> list[str]:
        """Names of the folders directly inside, sorted."""
        prefix = f"{inside}/" if inside else ""
        below = (name[len(prefix) :] for name in self._folders if name.startswith(prefix))
        return sorted(name for name in below if "/" not in name)

    def holds_images(self, inside: str) -> bool:
        """Whether an image lies directly inside."""
        return any(name.rpartition("/")[0] == inside for name in self._members)

    def images(self, inside: str, classes: Sequence[str]) -> dict[str, list[str]]:
        """For each class folder the sorted names, relative to `inside`, of all images below it."""
        found: dict[str, list[str]] = {name: [] for name in classes}
        prefix = f"{inside}/" if inside else ""
        for member in self._members:
            class_name, slash, _ = member.removeprefix(prefix).partition("/")
            if slash and class_name in found and member.startswith(prefix):
                found[class_name].append(member[len(prefix) :])
        return {name: sorted(images) for name, images in found.items()}

    def unread(self, inside: str) -> list[str]:
        """Names of all files below that look like images and are not read."""
        prefix = f"{inside}/" if inside else ""
        return sorted(name for name in self._unread if name.startswith(prefix))

    def skipped(self, inside: str) -> list[str]:
        """Names of all files below that are taken for no image, whatever the reason, sorted."""
        prefix = f"{inside}/" if inside else ""
        return sorted(name for name in (*self._left_out, *self._notes) if name.startswith(prefix))

    def sizes(self) -> Mapping[str, int]:
        """Bytes of every image, unpacked."""
        return {name: place.length for name, place in self._members.items()}

    def hidden(self, inside: str) -> list[str]:
        """Names of the folders directly inside that hold images, but are left out because a dot begins their names."""
        split = [name.rpartition("/") for name in self._hidden]
        return sorted(name for above, _, name in split if above == inside)

    def notes(self, inside: str) -> list[str]:
        """Names of the files directly inside that are no images, sorted."""
        split = [name.rpartition("/") for name in self._notes]
        return sorted(name for above, _, name in split if above == inside)
