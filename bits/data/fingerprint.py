"""A digest of a data set's images that is cheap enough to take at every plan. Never imports torch."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from bits.data.errors import DatasetError
from bits.data.folder import walk_images
from bits.data.layout import is_hidden, is_image
from bits.data.source import require_root
from bits.data.zip_entries import directory


def fingerprint(root: Path) -> str:
    """Identity of the images at `root`, as 64 hexadecimal digits.

    Zip: every file's name, CRC-32 and length in bytes; order, times and compression do not matter.
    Folder: the images' relative names only, because reading 1.3 million files takes too long at every plan;
    an image overwritten in place is therefore not noticed. Hidden files never count.
    Raises DatasetError: missing root, not a zip, no images.
    """
    require_root(root)
    if root.is_dir():
        return _digest("folder", sorted(os.fsencode(name) for name in walk_images(root)), root)
    return _digest("zip", _zip_records(root), root)


def _digest(kind: str, records: list[bytes], root: Path) -> str:
    if not records:
        raise DatasetError(f"{root} holds no images. Expected <split>/<class>/<image> in it.")
    digest = hashlib.sha256(kind.encode())
    for record in records:
        # The length in front keeps ("ab", "c") and ("a", "bc") apart.
        digest.update(b"%d:%b" % (len(record), record))
    return digest.hexdigest()


def _zip_records(root: Path) -> list[bytes]:
    files = [entry for entry in directory(root) if not _left_out(entry.orig_filename)]
    if not any(is_image(entry.orig_filename) for entry in files):
        return []
    return sorted(f"{entry.orig_filename}\0{entry.CRC}\0{entry.file_size}".encode() for entry in files)


def _left_out(name: str) -> bool:
    return name.endswith("/") or any(is_hidden(part) for part in name.removeprefix("./").split("/"))
