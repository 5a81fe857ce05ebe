"""PASCAL VOC 2012 as its archive unpacks: the labelled images of train and val are one pool, with several labels each.

ImageSets/Main/<class>_trainval.txt says of each image 1 (the class is there), -1 (it is not) or 0 (it is there, but all
of its objects are hard to make out). Such an image has the label, unless settings.difficult is "ignored".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bits.data.files import file_kind
from bits.data.layout import Source, join
from bits.data.listing import Listing
from bits.data.notes import WHOLE, base_with, digest_of, lines_of, require_there
from bits.errors import DatasetError

if TYPE_CHECKING:
    from bits.config.recipe import Dataset

LISTS, SUFFIX = "ImageSets/Main", "_trainval.txt"
BASES = ("", "VOC2012", "VOCdevkit/VOC2012")
FOLDER = "JPEGImages"
DIFFICULT = ("labelled", "ignored")


def check_settings(dataset: Dataset) -> None:
    unknown = set(dataset.settings) - {"difficult"}
    if unknown or dataset.settings.get("difficult", DIFFICULT[0]) not in DIFFICULT:
        raise ValueError(f"settings = {dataset.settings}: expected difficult, which is {' or '.join(DIFFICULT)}")


def listing(dataset: Dataset, source: Source, split: str) -> Listing:
    base = _required_base(source)
    present = {"1"} if dataset.settings.get("difficult") == "ignored" else {"1", "0"}
    classes = _classes(source, base)[: dataset.classes]
    labels: dict[str, list[int]] = {}
    for label, name in enumerate(classes):
        for image, marked in _marks(source, join(base, LISTS, name + SUFFIX)):
            labels.setdefault(image, []).extend([label] if marked in present else [])
    named = sorted(labels)
    folder = join(base, FOLDER)
    there = source.images(base, [FOLDER])[FOLDER] if FOLDER in source.folders(base) else []
    require_there(source, join(base, LISTS), [f"{FOLDER}/{image}.jpg" for image in named], there)
    kept = [image for image in named if labels[image]]
    return Listing(
        folder,
        tuple(classes),
        tuple(f"{image}.jpg" for image in kept),
        tuple(tuple(labels[image]) for image in kept),
        unlabelled=tuple(f"{image}.jpg" for image in named if not labels[image]),
    )


def _classes(source: Source, base: str) -> list[str]:
    lists = source.notes(join(base, LISTS))
    return [name.removesuffix(SUFFIX) for name in lists if name.endswith(SUFFIX)]


def _marks(source: Source, note: str) -> list[tuple[str, str]]:
    """(image, "1", "0" or "-1") of every line."""
    pairs = [tuple(line.split()) for line in lines_of(source, note)]
    wrong = next((pair for pair in pairs if len(pair) != 2 or pair[1] not in ("1", "0", "-1")), None)
    if wrong:
        raise DatasetError(f"{source.describe(note)}: expected an image and 1, 0 or -1 a line, found {wrong}. {WHOLE}")
    return [(image, mark) for image, mark in pairs]


def _required_base(source: Source) -> str:
    """The folder that holds ImageSets/Main; raises DatasetError where there is none."""
    base = base_with(source, f"{LISTS}/trainval.txt", BASES)
    if base is None:
        raise DatasetError(f"{source.path} has no {LISTS}/trainval.txt. {WHOLE} Expected {KIND.layout}.")
    return base


def beside(dataset: Dataset, source: Source) -> str:
    base = _required_base(source)
    return digest_of(source, [join(base, LISTS, name + SUFFIX) for name in _classes(source, base)])


KIND = file_kind(
    name="voc",
    layout="VOC2012 as VOCtrainval_11-May-2012.tar unpacks: JPEGImages/ and ImageSets/Main/ in VOCdevkit/VOC2012",
    listing=listing,
    labels=("several",),
    splits=("val",),
    check_settings=check_settings,
    beside=beside,
)
