"""What a kind of data set declares of itself. Never imports torch: planning asks where data lie and what they are.

A kind is one file in bits/data/kinds with `KIND = DatasetKind(...)`; a data set of a known kind is one YAML file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bits.config.kinds import declarations

if TYPE_CHECKING:
    from bits.config.recipe import Dataset
    from bits.data.images import ImageSet
    from bits.data.inspection import Inspection
    from bits.data.listing import Listing
    from bits.data.videos import VideoSet

Labels = Literal["classes", "several", "boxes", "masks"]
LABELS_IN_WORDS: Mapping[Labels, str] = {
    "classes": "one class each",
    "several": "several labels each",
    "boxes": "boxes of objects",
    "masks": "masks of objects",
}
Progress = Callable[[int, int], None]  # images done, images in all
SPLITS = ("train", "val")


@dataclass(frozen=True)
class Sizes:
    """Images of the splits, and classes. train: 0 of a set that is only evaluated."""

    train: int
    val: int
    classes: int


@dataclass(frozen=True)
class SplitFacts:
    """A split without its pixels.

    folder: its place in the folder or zip, "" where there is none. images: how many. images_per_class: in label order;
    an image with several labels counts for each.
    """

    folder: str
    images: int
    images_per_class: Mapping[str, int]


@dataclass(frozen=True)
class Check:
    """One finding about a data set. remedy: what to do about it; needed of a warning or an error, "" of an ok."""

    status: Literal["ok", "warning", "error"]
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class DatasetKind:
    """Functions of a data set's settings and of its root, where it lies; those that read it raise DatasetError.

    labels: what images may have. layout: what is expected at the root, for messages ("Expected <layout>.").
    check_settings(dataset): raises ValueError for settings that do not fit the kind.
    root(dataset, given): where it lies, given what the site says (None: nothing); "" if nowhere.
    fingerprint(dataset, root): the identity of its content, cheap enough for every plan.
    splits: "val", and "train" unless the kind is only evaluated; none of the functions below is asked for another.
    listing(dataset, root, split): the images of a split, by name; None for a kind that holds no files.
    sizes(dataset, root): without decoding an image. split_facts(dataset, root, split): likewise.
    image_size(dataset): (height, width) of a typical image, px. decoded: whether images are stored as pixels.
    open(dataset, root, split): refuses other content than dataset.fingerprint.
    checks(dataset, root, published, quick): whether it is whole and readable. published: "train", "val" and "classes",
    where known. quick: without counting or decoding images.
    remarks(dataset, root): what to tell before anything is made from it, and why nothing may be (errors); cheap enough
    for a plan.
    inspection(dataset, root, published): every image, decoded, and all that is wrong; None for a kind that holds no
    files.
    canvas(dataset, root): (height, width) in px that holds every decoded image; None where all have `image_size`.
    within: name of the data set in whose place it lies where the site says no other.
    videos(dataset, root): None for a kind without videos.
    prepare(dataset, root, progress): makes what is not there; None for a kind that is only read. bytes_made(dataset):
    the bytes that it writes. frames_made(dataset): the images and video frames that it renders.
    """

    name: str
    labels: tuple[Labels, ...]
    layout: str
    check_settings: Callable[[Dataset], None]
    root: Callable[[Dataset, str | None], str]
    fingerprint: Callable[[Dataset, str], str]
    sizes: Callable[[Dataset, str], Sizes]
    split_facts: Callable[[Dataset, str, str], SplitFacts]
    image_size: Callable[[Dataset], tuple[int, int]]
    open: Callable[[Dataset, Path, str], ImageSet]
    checks: Callable[[Dataset, str, Mapping[str, int], bool], Sequence[Check]]
    remarks: Callable[[Dataset, str], Sequence[Check]] | None = None
    canvas: Callable[[Dataset, str], tuple[int, int]] | None = None
    splits: tuple[str, ...] = SPLITS
    listing: Callable[[Dataset, str, str], Listing] | None = None
    inspection: Callable[[Dataset, str, Mapping[str, int]], Inspection] | None = None
    within: str | None = None
    decoded: bool = False
    videos: Callable[[Dataset, Path], VideoSet] | None = None
    prepare: Callable[[Dataset, Path, Progress | None], None] | None = None
    bytes_made: Callable[[Dataset], int] | None = None
    frames_made: Callable[[Dataset], int] | None = None


@cache
def dataset_kinds() -> dict[str, DatasetKind]:
    """Every kind by its name."""
    return {name: found.value for name, found in declarations("bits.data.kinds", "KIND").items()}


def kind_of(dataset: Dataset) -> DatasetKind:
    """The kind that a data set is of."""
    return dataset_kinds()[dataset.kind]


def kind_files(names: Sequence[str]) -> tuple[Path, ...]:
    """The files that declare the kinds of those names, sorted by name, for digests of code."""
    found = declarations("bits.data.kinds", "KIND")
    return tuple(found[name].file for name in sorted(set(names)))
