"""A digest of a data set's images that is cheap enough to take at every plan. Never imports torch."""

from __future__ import annotations

import os
from pathlib import Path

from bits.data.archive import Archive
from bits.data.folder import walk_images
from bits.data.identity import identity_of
from bits.data.source import open_source
from bits.errors import DatasetError


def fingerprint(root: Path) -> str:
    """Identity of the images at `root`, as 64 hexadecimal digits.

    Zip: every file's name, CRC-32 and length in bytes; order, times and compression do not matter.
    Folder: the images' relative names only, because reading 1.3 million files takes too long at every plan;
    an image overwritten in place is therefore not noticed. Hidden files never count.
    Raises DatasetError: missing root, not a zip, no images.
    """
    source = open_source(root)
    if isinstance(source, Archive):
        identity = source.identity
    else:
        identity = identity_of("folder", sorted(os.fsencode(name) for name in walk_images(root)))
    if not identity:
        raise DatasetError(f"{root} holds no images. Expected <split>/<class>/<image> in it.")
    return identity
