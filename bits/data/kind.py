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
    from bits.data.videos import VideoSet

Labels = Literal["classes", "several", "boxes", "masks"]
Progress = Callable[[int, int], None]  # images done, images in all
SPLITS = ("train", "val")


@dataclass(frozen=True)
class Sizes:
    """Images of the splits, and classes."""

    train: int
    val: int
    classes: int


@dataclass(frozen=True)
class SplitFacts:
    """folder: the place of a split in its folder or zip, "" of what was rendered. images: class -> count, in order."""

    folder: str
    images: Mapping[str, int]


@dataclass(frozen=True)
class Check:
    """One finding about a data set. status: "ok", "warning" or "error". remedy: what to do about it."""

    status: Literal["ok", "warning", "error"]
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class DatasetKind:
    """Functions of a data set's settings and of its root, where it lies; those that read it raise DatasetError.

    labels: what images may have. check_settings: raises ValueError for settings that do not fit the kind.
    root(dataset, given): where it lies, given what the site says (None: nothing); "" if nowhere.
    fingerprint(dataset, root): the identity of its content, cheap enough for every plan.
    sizes(dataset, root): without decoding. split_facts(dataset, root, split). image_size(dataset): (height, width) of a
    usual image, px. open(dataset, root, split): split is "train" or "val".
    videos(dataset, root): None of a kind without. prepare(dataset, root, progress): makes what is not there, None of a
    kind that cannot. bytes_made(dataset): that prepare writes. frames_made(dataset): images and frames that it renders.
    checks(dataset, root, published, quick): whether it is whole and readable; published: counts, where known.
    """

    name: str
    labels: tuple[Labels, ...]
    check_settings: Callable[[Dataset], None]
    root: Callable[[Dataset, str | None], str]
    fingerprint: Callable[[Dataset, str], str]
    sizes: Callable[[Dataset, str], Sizes]
    split_facts: Callable[[Dataset, str, str], SplitFacts]
    image_size: Callable[[Dataset], tuple[int, int]]
    open: Callable[[Dataset, Path, str], ImageSet]
    checks: Callable[[Dataset, str, Mapping[str, int], bool], Sequence[Check]]
    videos: Callable[[Dataset, Path], VideoSet] | None = None
    prepare: Callable[[Dataset, Path, Progress | None], None] | None = None
    bytes_made: Callable[[Dataset], int] | None = None
    frames_made: Callable[[Dataset], int] | None = None


@cache
def dataset_kinds() -> dict[str, DatasetKind]:
    """Every kind by its name."""
    return {name: found.value for name, found in declarations("bits.data.kinds", "KIND").items()}


def kind_of(dataset: Dataset) -> DatasetKind:
    return dataset_kinds()[dataset.kind]


def kind_files(names: Sequence[str]) -> tuple[Path, ...]:
    """The files of some kinds, for digests of code."""
    found = declarations("bits.data.kinds", "KIND")
    return tuple(found[name].file for name in sorted(set(names)))
