"""A folder in which tars lie as they were downloaded, in the place of the folders that they would unpack to.

Never imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from bits.data import contents
from bits.data.folder import Folder
from bits.data.identity import identity_of
from bits.data.tar import Tar

PLACES = {"train": "ILSVRC2012_img_train.tar", "val": "ILSVRC2012_img_val.tar"}  # folder -> what it is unpacked from


def tars_in(root: Path) -> dict[str, Path]:
    """Folder -> the tar that stands for it, where there is no such folder."""
    there = {place: root / name for place, name in PLACES.items() if (root / name).is_file()}
    return {place: path for place, path in there.items() if not (root / place).exists()}


class TarFolder(Folder):
    """See `layout.Source`. tars: by the folder that each stands for."""

    def __init__(self, path: Path, tars: Mapping[str, Tar]) -> None:
        super().__init__(path)
        self.tars = tars

    @cached_property
    def identity(self) -> str:
        """Of all images, in the tars and beside them; "" without any."""
        parts = {**{place: tar.identity for place, tar in self.tars.items()}, "": contents.identity(self.path)}
        records = [f"{place}\0{found}".encode() for place, found in sorted(parts.items()) if found]
        return identity_of("tars", records)

    def digests(self) -> Mapping[str, str]:
        """Of every image, that of its bytes."""
        inside = {f"{place}/{name}": found for place, tar in self.tars.items() for name, found in tar.digests().items()}
        return {**contents.contents(self.path).digests, **inside}

    def sizes(self) -> Mapping[str, int]:
        """Bytes of every image in the tars."""
        return {f"{place}/{name}": size for place, tar in self.tars.items() for name, size in tar.sizes().items()}

    def folders(self, inside: str) -> list[str]:
        """Names of the folders directly inside, sorted."""
        tar, rest = self._tar(inside)
        if tar is not None:
            return tar.folders(rest)
        return sorted({*super().folders(inside), *(self.tars if not inside else ())})

    def holds_images(self, inside: str) -> bool:
        """Whether an image lies directly inside."""
        tar, rest = self._tar(inside)
        return super().holds_images(inside) if tar is None else tar.holds_images(rest)

    def images(self, inside: str, classes: Sequence[str]) -> dict[str, list[str]]:
        """For each class folder the sorted names, relative to `inside`, of all images below it."""
        tar, rest = self._tar(inside)
        if tar is not None:
            return tar.images(rest, classes)
        packed = {} if inside else {name: self.tars[name] for name in classes if name in self.tars}
        found = super().images(inside, [name for name in classes if name not in packed])
        found |= {name: sorted(f"{name}/{image}" for image in tar.digests()) for name, tar in packed.items()}
        return {name: found[name] for name in classes}

    def unread(self, inside: str) -> list[str]:
        """Names of all files below that look like images and are not read."""
        tar, rest = self._tar(inside)
        place = inside.partition("/")[0]
        return super().unread(inside) if tar is None else [f"{place}/{name}" for name in tar.unread(rest)]

    def skipped(self, inside: str) -> list[str]:
        """Names of all files below that are taken for no image, whatever the reason, sorted."""
        tar, rest = self._tar(inside)
        place = inside.partition("/")[0]
        return super().skipped(inside) if tar is None else [f"{place}/{name}" for name in tar.skipped(rest)]

    def hidden(self, inside: str) -> list[str]:
        """Names of the folders directly inside that hold images, but are left out because a dot begins their names."""
        tar, rest = self._tar(inside)
        return super().hidden(inside) if tar is None else tar.hidden(rest)

    def notes(self, inside: str) -> list[str]:
        """Names of the plain files directly inside that are no images, sorted."""
        tar, rest = self._tar(inside)
        return super().notes(inside) if tar is None else tar.notes(rest)

    def read(self, name: str) -> bytes:
        """The content of an image or a note. Raises DatasetError."""
        tar, rest = self._tar(name)
        return super().read(name) if tar is None else tar.read(rest)

    def describe(self, name: str) -> str:
        """The file's path, or its name and tar."""
        tar, rest = self._tar(name)
        return super().describe(name) if tar is None else tar.describe(rest)

    def _tar(self, name: str) -> tuple[Tar | None, str]:
        """(the tar that a name lies in, the name inside it)."""
        place, _, rest = name.partition("/")
        return self.tars.get(place), rest
