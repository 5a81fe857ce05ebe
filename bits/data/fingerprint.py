"""A digest of a data set's images that is cheap enough to take at every plan. Never imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bits.data.archive import Archive
from bits.data.contents import contents, identity
from bits.data.kept import between
from bits.data.source import open_source
from bits.data.tar import Tar
from bits.data.tar_folder import TarFolder
from bits.errors import DatasetError

KNOWN = (Archive, Tar, TarFolder)  # sources that know what identifies their images


def fingerprint(root: Path) -> str:
    """Identity of the images at `root`, as 64 hexadecimal digits.

    Zip: every file's name, CRC-32 and length in bytes; order, times and compression do not matter.
    Tar: every file's name and the digest of its bytes, which are kept with the tar's index.
    Folder: every image's relative name and the digest of its bytes, which is kept and taken again where size or times
    have changed; the first time all images are read. Hidden files never count, and names count in NFC.
    Raises DatasetError: missing root, not a zip, no images.
    """
    source = open_source(root)
    found = source.identity if isinstance(source, KNOWN) else identity(root)
    if not found:
        raise DatasetError(f"{root} holds no images. Expected <split>/<class>/<image> in it.")
    return found


def digests(root: Path) -> Mapping[str, str]:
    """Of every image at `root`, by its name: equal digests, equal bytes. Raises DatasetError."""
    source = open_source(root)
    return source.digests() if isinstance(source, KNOWN) else contents(root).digests


def file_facts(root: Path) -> Mapping[str, tuple[int, int | None]]:
    """(bytes, time of modification in ns since 1970) of every image at `root`; no time of those inside an archive.

    Raises DatasetError.
    """
    source = open_source(root)
    inside = {name: (size, None) for name, size in source.sizes().items()} if isinstance(source, KNOWN) else {}
    beside = () if isinstance(source, Archive | Tar) else contents(root).files
    return {**{name: _facts(Path(source.describe(name))) for name in beside}, **inside}


def _facts(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def require_planned(root: Path, planned: str, found: str) -> None:
    """Raises DatasetError where a data set has another fingerprint, `found`, than when it was planned."""
    if found == planned:
        return
    changes = between(planned, found)
    raise DatasetError(
        f"{root}: holds other files than when this run was planned (fingerprint {found[:12]}, planned {planned[:12]})"
        f"{f': {changes}' if changes else ''}.\nStart the pipeline again: it plans anew, under another run name."
    )
