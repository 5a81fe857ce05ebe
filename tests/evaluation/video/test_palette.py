"""Predicted masks as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bits.evaluation.video.palette import palette, write_masks


def test_masks_come_back_bit_by_bit_from_palette_images(tmp_path: Path) -> None:
    masks = np.random.default_rng(0).integers(0, 256, (2, 13, 17)).astype(np.uint8)
    written = write_masks(tmp_path, "dog", ["00000", "00007"], masks)
    assert written == [tmp_path / "dog/00000.png", tmp_path / "dog/00007.png"]
    for path, mask in zip(written, masks, strict=True):
        with Image.open(path) as image:
            assert image.mode == "P" and np.array_equal(np.array(image), mask)


def test_colours_are_those_of_the_annotations(shared_data: Path, tmp_path: Path) -> None:
    import io
    import zipfile

    with zipfile.ZipFile(shared_data / "davis_mini.zip") as archive:
        content = archive.read("DAVIS/Annotations/480p/tennis/00000.png")
    with Image.open(io.BytesIO(content)) as image:
        theirs = image.getpalette()
    assert theirs is not None and palette()[: 3 * 22] == theirs[: 3 * 22]


def test_the_first_colours() -> None:
    assert palette()[:15] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128]
    assert len(palette()) == 768 and palette()[-3:] == [224, 224, 192]


def test_as_many_names_as_masks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        write_masks(tmp_path, "dog", ["00000"], np.zeros((2, 3, 3), np.uint8))
