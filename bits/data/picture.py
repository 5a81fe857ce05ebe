"""From a file's bytes to an RGB picture, as torchvision's default loader does it. Never imports torch."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

# Importing a plugin registers its format; doing it here keeps Pillow from importing inside threads.
from PIL import (  # noqa: F401
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from bits.data.layout import FORMATS
from bits.errors import DatasetError

STARTS_ANEW = (
    "Either makes it another data set, so that its runs start anew, from their first step: `bits doctor` finds all "
    "broken images at once."
)


def rgb_picture(content: bytes, where: str, max_side: int | None = None) -> Image.Image:
    """The image as Pillow's RGB, see `decode.decode_rgb`. Raises DatasetError."""
    with _opened(content, where) as image:
        size = fitted(image.size, max_side)
        if size != image.size:
            # Twice the target leaves the Lanczos filter enough to work with.
            image.draft(None, (2 * size[0], 2 * size[1]))
        rgb = _rgb(image)
        return rgb if rgb.size == size else rgb.resize(size, Image.Resampling.LANCZOS)


def header_size(content: bytes, where: str, max_side: int | None = None) -> tuple[int, int]:
    """(height, width) in pixels that `decode_rgb` would give, from the header alone. Raises DatasetError."""
    with _opened(content, where) as image:
        width, height = fitted(image.size, max_side)
        return height, width


@contextmanager
def _opened(content: bytes, where: str) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            yield image
    except MemoryError:
        raise
    except Image.DecompressionBombError as error:
        raise DatasetError(
            f"{where} has too many pixels: {error}\n"
            f"Reduce the image, or remove it; a photograph this large is usually a damaged header. {STARTS_ANEW}"
        ) from error
    except Exception as error:  # Pillow raises almost any type for damaged files
        raise DatasetError(
            f"{where} can't be decoded ({len(content):,} bytes). {type(error).__name__}: {_plain(error)}\n"
            f"Replace the image with an intact copy, or remove it from the data set. {STARTS_ANEW}"
        ) from error


def _plain(error: Exception) -> str:
    """What Pillow says, without the address of the buffer that it was given."""
    return re.sub(r" ?<_io\.BytesIO[^>]*>", "", str(error))


def _rgb(image: Image.Image) -> Image.Image:
    # Pillow opens 16-bit grey as "I;16", but as "I" (32 bit) from a PGM.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError("32-bit pixels have no defined white; save them as 8 or 16 bit")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # the same colours; convert("RGB") would warn
    return image.convert("RGB")


def fitted(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    """(width, height) in px that an image is decoded to."""
    longer = max(size)
    if max_side is None or longer <= max_side:
        return size
    return max(1, round(size[0] * max_side / longer)), max(1, round(size[1] * max_side / longer))
