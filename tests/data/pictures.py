"""Small images for tests, as files and as bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def png(seed: int, height: int = 6, width: int = 6) -> bytes:
    """A PNG of noise."""
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def image_folder(root: Path, counts: Mapping[str, Mapping[str, int]]) -> Path:
    """<root>/<split>/<class>/<number>.png, as many as counts[split][class]."""
    for split, classes in counts.items():
        for name, count in classes.items():
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                (root / split / name / f"{number}.png").write_bytes(png(number))
    return root
