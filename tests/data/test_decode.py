"""Decoding: Pillow's convert("RGB") with the exceptions that the docstring states."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from bits.data.decode import decode_rgb, header_size
from bits.errors import DatasetError

NOISE = np.random.default_rng(0).integers(0, 256, (13, 17, 4), dtype=np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def rows(content: bytes, max_side: int | None = None) -> np.ndarray:
    """[H, W, 3], as Pillow has it."""
    return decode_rgb(content, "picture", max_side).permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]
    + [("CMYK", "JPEG"), ("L", "JPEG"), ("RGB", "JPEG"), ("CMYK", "TIFF"), ("RGB", "WEBP"), ("RGB", "BMP")]
    + [("P", "GIF"), ("RGB", "PPM"), ("L", "PPM")],
)
def test_every_mode_is_converted_as_pillow_does(mode: str, kind: str) -> None:
    source = Image.fromarray(NOISE, "CMYK" if mode == "CMYK" else None)
    content = encoded(source.convert("RGB").convert(mode) if mode in "1LP" else source.convert(mode), kind)
    image = decode_rgb(content, "picture")
    assert image.dtype == torch.uint8 and image.shape == (3, 13, 17) and image.is_contiguous()
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert np.array_equal(image.permute(1, 2, 0).numpy(), expected)


def test_transparent_palettes_keep_their_colours_silently() -> None:
    palette = Image.fromarray(NOISE[..., :3]).convert("P")
    content = encoded(palette, transparency=bytes(range(256)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(rows(content), np.asarray(palette.convert("RGB")))


def test_sixteen_bit_grey_keeps_its_high_byte() -> None:
    values = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    for kind in ("PNG", "TIFF", "PPM"):
        pixels = rows(encoded(Image.fromarray(values), kind))
        assert np.array_equal(pixels, np.repeat((values >> 8)[..., None], 3, 2))


def test_pixels_without_a_white_are_refused() -> None:
    for kind in (np.float32, np.int32):
        with pytest.raises(DatasetError, match=r"picture can't be decoded(.|\n)*no defined white"):
            rows(encoded(Image.fromarray(np.ones((4, 4), kind)), "TIFF"))


def test_orientation_is_not_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to view
    content = encoded(Image.fromarray(NOISE[..., :3]), "JPEG", exif=exif)
    assert rows(content).shape == (13, 17, 3) and header_size(content, "picture") == (13, 17)


def test_pixels_can_be_written_to() -> None:
    image = decode_rgb(encoded(Image.new("RGB", (1, 1))), "picture")
    image += 1
    assert image.flatten().tolist() == [1, 1, 1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("width", "height", "expected"), [(400, 300, (75, 100)), (90, 300, (100, 30)), (999, 1, (1, 100))]
)
def test_max_side_keeps_the_shape(kind: str, width: int, height: int, expected: tuple[int, int]) -> None:
    ramp = np.linspace(0, 255, width)[None, :, None] * np.ones((height, 1, 3))
    content = encoded(Image.fromarray(ramp.astype(np.uint8)), kind)
    small = rows(content, max_side=100)
    assert small.shape[:2] == header_size(content, "picture", 100) == expected
    reference = Image.open(io.BytesIO(content)).resize(expected[::-1], Image.Resampling.LANCZOS)
    assert np.abs(small.astype(int) - np.asarray(reference).astype(int)).max() <= 3


def test_max_side_is_antialiased_also_for_palettes() -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    grey = rows(encoded(Image.fromarray(stripes).convert("P")), max_side=8)
    assert np.abs(grey.astype(int) - 127).max() < 20


def test_max_side_leaves_smaller_images_alone() -> None:
    content = encoded(Image.fromarray(NOISE[..., :3]), "JPEG")
    assert np.array_equal(rows(content, max_side=17), rows(content))


def test_the_format_is_told_by_content_and_the_list_is_short() -> None:
    postscript = encoded(Image.new("RGB", (4, 4)), "EPS")
    assert postscript.startswith(b"%!PS")
    with pytest.raises(DatasetError, match="UnidentifiedImageError: cannot identify image file\n"):
        rows(postscript)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_cut_and_garbled_files_raise_only_dataset_errors(kind: str) -> None:
    content = encoded(Image.fromarray(NOISE[..., :3]), kind)
    chance = np.random.default_rng(1)
    message = r"picture can't be decoded \([\d,]+ bytes\)\. \w+: .+\n.*intact copy"
    with pytest.raises(DatasetError, match=message):
        rows(content[: len(content) // 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(200):
            garbled = bytearray(content)
            for place in chance.integers(0, len(content), 3):
                garbled[place] = chance.integers(0, 256)
            try:
                rows(bytes(garbled))
            except DatasetError as error:
                assert str(error).startswith("picture ")


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    content = bytearray(encoded(Image.new("RGB", (1, 1)), "BMP"))
    content[18:26] = (100_000).to_bytes(4, "little") * 2
    with pytest.raises(DatasetError, match=r"picture has too many pixels: .*10000000000 pixels"):
        header_size(bytes(content), "picture")
