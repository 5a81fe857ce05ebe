"""Image sets: one split of a data set, read from a folder or a zip of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.data.decode import decode_rgb, header_size
from bits.data.layout import SAME_CLASSES, Source, differ
from bits.data.listing import Listing, list_folders
from bits.data.source import open_source
from bits.errors import DatasetError


class ImageSet(ABC):
    """One split of a data set: N images with labels.

    labels: int64 [N], positions in class_names; for a multi-label set each image's first.
    multilabels: bool [N, K], or None for single labels. boxes, masks: of the objects in the images, laid out as the
    kind of data set says; None where there are none. identities: one per image, distinct, stable across
    machines and orders, as "n01440764/ILSVRC2012_val_00000293.JPEG". folder: the split's place in its folder or zip,
    "" of what was rendered. in_memory: whether `batch` only copies.
    """

    name: str
    split: str
    class_names: tuple[str, ...]
    labels: Tensor
    multilabels: Tensor | None = None
    boxes: Tensor | None = None
    masks: Tensor | None = None
    identities: tuple[str, ...]
    folder: str = ""
    in_memory: bool = False

    def __len__(self) -> int:
        return len(self.identities)

    @property
    def relevance(self) -> Tensor:
        """What makes two images relevant to each other: int64 [N], the same class; or bool [N, K], a shared label."""
        return self.labels if self.multilabels is None else self.multilabels

    @abstractmethod
    def decode(self, index: int) -> Tensor:
        """Image `index` as uint8 [3, H, W], RGB. Safe to call from several threads."""

    def image_size(self, index: int) -> tuple[int, int]:
        """(height, width) of image `index` in pixels."""
        height, width = self.decode(index).shape[1:]
        return height, width

    def batch(self, indices: Tensor | Sequence[int]) -> ImageBatch:
        """The images at `indices` (int64 [B]), in that order."""
        return collate([self.decode(index) for index in as_list(indices)])

    def decoded_bytes(self, sample: int = 256) -> int:
        """Bytes that all decoded images take, estimated from `sample` evenly spaced ones."""
        count = min(sample, len(self))
        positions = [place * len(self) // count for place in range(count)]
        total = sum(height * width * 3 for height, width in map(self.image_size, positions))
        return -(-total * len(self) // count) if count else 0


def as_list(indices: Tensor | Sequence[int]) -> list[int]:
    """Positions as plain integers."""
    return indices.tolist() if isinstance(indices, Tensor) else list(indices)


def collate(images: Sequence[Tensor]) -> ImageBatch:
    """Images uint8 [3, h, w] on one canvas that holds the largest. Raises ValueError when there are none."""
    if not images:
        raise ValueError("a batch needs at least one image")
    sizes = torch.tensor([image.shape[1:] for image in images])
    height, width = sizes.amax(0).tolist()
    if bool((sizes == sizes[0]).all()):
        return ImageBatch(torch.stack(list(images)), sizes)
    pixels = torch.zeros(len(images), 3, height, width, dtype=torch.uint8)
    for canvas, image in zip(pixels, images, strict=True):
        canvas[:, : image.shape[1], : image.shape[2]] = image
    return ImageBatch(pixels, sizes)


class ImageFiles(ImageSet):
    """Image files of one split, decoded on demand; made by kinds and `open_image_set`.

    listing: of the split's images in `source`. several: whether they have several labels each.
    """

    def __init__(
        self,
        name: str,
        split: str,
        source: Source,
        listing: Listing,
        max_side: int | None,
        several: bool = False,
    ) -> None:
        self.name, self.split = name, split
        self.source, self.folder, self.max_side = source, listing.folder, max_side
        self.class_names, self.identities, self.paths = listing.class_names, listing.identities, listing.paths
        self.labels = torch.tensor([labels[0] for labels in listing.labels])
        self.multilabels = _multilabels(listing) if several else None

    def decode(self, index: int) -> Tensor:
        """Image `index` as uint8 [3, H, W]; see `decode_rgb`. Raises DatasetError naming file and archive."""
        name = self.paths[index]
        return decode_rgb(self.source.read(name), self.source.describe(name), self.max_side)

    def image_size(self, index: int) -> tuple[int, int]:
        """(height, width) of image `index` in pixels, from its header. Raises DatasetError."""
        name = self.paths[index]
        return header_size(self.source.read(name), self.source.describe(name), self.max_side)


def _multilabels(listing: Listing) -> Tensor:
    """bool [N, K]."""
    found = torch.zeros(len(listing.names), len(listing.class_names), dtype=torch.bool)
    rows = [row for row, labels in enumerate(listing.labels) for _ in labels]
    found[rows, [label for labels in listing.labels for label in labels]] = True
    return found


class NoImages(ImageSet):
    """A split without images of a data set whose other split is `other`."""

    in_memory = True

    def __init__(self, other: ImageSet, split: str) -> None:
        self.name, self.split, self.class_names = other.name, split, other.class_names
        self.labels, self.identities = other.labels[:0], ()
        self.multilabels = None if other.multilabels is None else other.multilabels[:0]

    def decode(self, index: int) -> Tensor:
        """Raises DatasetError: there is no image."""
        raise DatasetError(f"{self.name} has no {self.split} split. Evaluate it with what reads none.")


def open_image_set(
    root: Path,
    name: str,
    split: str,
    *,
    classes: int | None = None,
    max_side: int | None = None,
    eval_split: str = "val",
) -> ImageSet:
    """The split of a folder, or of a zip of one (read in place), laid out as <root>/<split>/<class>/<image>.

    In a zip everything may lie below one single top folder. Images nested deeper count for their class
    folder. Split "val" falls back to "validation", then "test"; with eval_split "test" it is "test" before the two.
    Classes are sorted, all-digit names as
    integers; images are sorted inside a class. classes: keep the first so many. max_side: see `decode_rgb`.
    Raises DatasetError: nothing there, another layout, empty class folders, too few classes, a damaged zip.
    """
    if max_side is not None and max_side < 1:
        raise DatasetError(f"{name}: max_side = {max_side}; expected a number of pixels from 1, or none.")
    source = open_source(root)
    return ImageFiles(name, split, source, list_folders(source, split, eval_split, classes), max_side)


def require_same_classes(first: ImageSet, second: ImageSet) -> None:
    """Raises DatasetError unless label i names the same class in both sets."""
    if first.class_names == second.class_names:
        return
    raise DatasetError(f"{first.name}: {differ(first.class_names, second.class_names)}.\n{SAME_CLASSES}")
