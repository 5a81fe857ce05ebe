"""Images for comparing views with Pillow: generated ones always, photographs if available."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bits.data.batch import ImageBatch

SIZES = [
    (64, 64),
    (40, 64),
    (64, 33),
    (90, 71),
    (150, 100),
    (97, 180),
    (20, 24),
    (160, 160),
]  # (height, width)


def made_image(height: int, width: int, generator: np.random.Generator) -> Image.Image:
    """A smooth colour field with hard-edged boxes and grain, about as varied as a photograph."""
    field = Image.fromarray(generator.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    pixels = np.asarray(field.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    for _ in range(4):
        top, left = generator.integers(0, height), generator.integers(0, width)
        pixels[top : top + height // 4, left : left + width // 3] = generator.integers(0, 256, 3)
    pixels += generator.normal(0, 6, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def made_images() -> list[Image.Image]:
    """One image of each size; the last one is grey."""
    generator = np.random.default_rng(0)
    images = [made_image(height, width, generator) for height, width in SIZES]
    return [*images[:-1], images[-1].convert("L").convert("RGB")]


def photographs(folder: Path) -> list[Image.Image]:
    """Eight small photographs and four larger ones, cropped to different shapes."""
    images = []
    for name, ending, count in (("tiny_imagenet_100.zip", ".JPEG", 8), ("grocery20.zip", ".jpg", 4)):
        with zipfile.ZipFile(folder / name) as archive:
            members = sorted(member for member in archive.namelist() if member.endswith(ending))
            for member in members[:: len(members) // count][:count]:
                images.append(Image.open(io.BytesIO(archive.read(member))).convert("RGB"))
    return [image.crop((0, 0, image.width - 9 * (i % 3), image.height - 7 * (i % 4))) for i, image in enumerate(images)]


@pytest.fixture(scope="session", params=["made", "photographs"])
def images(request: pytest.FixtureRequest) -> list[Image.Image]:
    """RGB images of different sizes."""
    if request.param == "made":
        return made_images()
    return photographs(request.getfixturevalue("shared_data"))


@pytest.fixture
def batch(images: list[Image.Image]) -> ImageBatch:
    """The same images on one canvas, padded with noise."""
    sizes = torch.tensor([[image.height, image.width] for image in images])
    height, width = sizes.amax(0).tolist()
    pixels = torch.randint(0, 256, (len(images), 3, height, width), dtype=torch.uint8)
    for index, image in enumerate(images):
        pixels[index, :, : image.height, : image.width] = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    return ImageBatch(pixels, sizes)
