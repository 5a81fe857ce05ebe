"""DAVIS-2017 as its archives unpack: frames, a palette PNG of every frame's objects, and the list of val sequences.

JPEGImages/480p/<sequence>/<frame>.jpg, Annotations/480p/<sequence>/<frame>.png, ImageSets/2017/val.txt. As a set of
images the frames are listed by their sequence.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bits.data.files import file_kind
from bits.data.fingerprint import require_planned
from bits.data.layout import Source, counted, join, some
from bits.data.listing import Listing
from bits.data.notes import WHOLE, base_with, digest_of, lines_of
from bits.data.source import open_source
from bits.errors import DatasetError

if TYPE_CHECKING:
    from bits.config.recipe import Dataset
    from bits.data.videos import VideoSet

BASES = ("", "DAVIS")
LIST = "ImageSets/2017/val.txt"
FRAMES, MASKS = "JPEGImages/480p", "Annotations/480p"


def listing(dataset: Dataset, source: Source, split: str) -> Listing:
    base = _base(source)
    sequences = lines_of(source, join(base, LIST))[: dataset.classes]
    frames = source.images(join(base, FRAMES), sequences)
    masks = source.images(join(base, MASKS), sequences)
    for sequence in sequences:
        _require_masks(source, base, sequence, frames[sequence], masks[sequence])
    return Listing.by_class(join(base, FRAMES), frames)


def _require_masks(source: Source, base: str, sequence: str, frames: list[str], masks: list[str]) -> None:
    """Raises DatasetError for a sequence without frames, or with frames that have no mask."""
    if not frames:
        raise DatasetError(f"{source.path}: {join(base, FRAMES, sequence)} holds no frame; {LIST} names it. {WHOLE}")
    without = sorted({_stem(name) for name in frames} ^ {_stem(name) for name in masks})
    if without:
        raise DatasetError(
            f"{source.path}: {counted(len(without), 'frame')} without an image in {join(base, FRAMES)}, or without a "
            f"mask in {join(base, MASKS)}: {some(without, 3)}.\n{WHOLE}"
        )


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _base(source: Source) -> str:
    base = base_with(source, LIST, BASES)
    if base is None:
        raise DatasetError(f"{source.path} has no {LIST}. {WHOLE} Expected {KIND.layout}.")
    return base


def beside(dataset: Dataset, source: Source) -> str:
    return digest_of(source, [join(_base(source), LIST)])


def videos(dataset: Dataset, place: Path) -> VideoSet:
    from bits.data.mask_videos import MaskVideos

    source = open_source(place)
    if dataset.fingerprint is not None:
        require_planned(place, dataset.fingerprint, KIND.fingerprint(dataset, str(place)))
    found = listing(dataset, source, "val")
    frames: dict[str, list[str]] = {name: [] for name in found.class_names}
    for path, (label,) in zip(found.paths, found.labels, strict=True):
        frames[found.class_names[label]].append(path)
    masks = join(_base(source), MASKS)
    return MaskVideos(source, frames, lambda frame: f"{masks}/{_stem(frame.removeprefix(f'{found.folder}/'))}.png")


KIND = file_kind(
    name="davis",
    layout=f"DAVIS-2017-trainval-480p as its archive unpacks: {FRAMES}, {MASKS} and {LIST}",
    listing=listing,
    labels=("masks",),
    splits=("val",),
    beside=beside,
    videos=videos,
)
