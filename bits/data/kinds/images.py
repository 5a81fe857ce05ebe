"""Image folders, and zips of one read in place: <split>/<class>/<image>."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bits.data.copies import Image, copies
from bits.data.fingerprint import digests, fingerprint, require_planned
from bits.data.kind import SPLITS, Check, DatasetKind, Sizes, SplitFacts
from bits.data.layout import LAYOUT, Source, classes_and_images, counted, join, locate, some, suffix_of
from bits.data.source import open_source

if TYPE_CHECKING:
    from bits.config.recipe import Dataset
    from bits.data.images import ImageSet
    from bits.data.intact import Looked

MOST_NAMED = 50  # broken images
PHOTOGRAPH = (375, 500)  # px, a usual image of ImageNet
COPY_AGAIN = "Copy or unpack the data set again, then compare the number of files with the original's."


def check_settings(dataset: Dataset) -> None:
    if dataset.settings:
        raise ValueError(f"settings = {dataset.settings}: image folders have none")


def root(dataset: Dataset, given: str | None) -> str:
    return given or ""


def identity(dataset: Dataset, place: str) -> str:
    return fingerprint(Path(place))


def sizes(dataset: Dataset, place: str) -> Sizes:
    train, val = (split_facts(dataset, place, split) for split in SPLITS)
    return Sizes(train.images, val.images, len(train.images_per_class))


def split_facts(dataset: Dataset, place: str, split: str) -> SplitFacts:
    source = open_source(Path(place))
    folder = locate(source, split, dataset.eval_split)
    found = classes_and_images(source, folder, dataset.classes)
    counts = {name: len(images) for name, images in found.items()}
    return SplitFacts(folder.rpartition("/")[2], sum(counts.values()), counts)


def open_split(dataset: Dataset, place: Path, split: str) -> ImageSet:
    from bits.data.images import open_image_set

    require_planned(place, dataset.fingerprint)
    return open_image_set(
        place,
        dataset.name,
        split,
        classes=dataset.classes,
        max_side=dataset.max_side,
        eval_split=dataset.eval_split,
    )


def checks(dataset: Dataset, place: str, published: Mapping[str, int], quick: bool) -> list[Check]:
    """Number of classes, and unless quick the number of images and whether every image can be decoded."""
    source = open_source(Path(place))
    folders = _folders(dataset, place)
    expected = dict(published) | ({"classes": dataset.classes} if dataset.classes else {})
    stands_in = _stands_in(dataset, folders["val"])
    if stands_in:
        expected.pop("val", None)  # published of the other
    classes = len(source.folders(folders["train"]))
    found = [*stands_in, *_class_check(classes, expected.get("classes"))]
    if not quick:
        return [*found, *_image_checks(dataset, place, expected)]
    return found or [Check("ok", f"{classes} classes in {place}; images were not counted (--quick)")]


def _folders(dataset: Dataset, place: str) -> dict[str, str]:
    """Split -> its folder."""
    source = open_source(Path(place))
    return {split: locate(source, split, dataset.eval_split) for split in SPLITS}


def _stands_in(dataset: Dataset, folder: str) -> list[Check]:
    """That the evaluation images are not those which were asked for."""
    if dataset.eval_split != "test" or folder.rpartition("/")[2] == "test":
        return []
    found = f"has no folder test, {folder} is evaluated instead"
    return [Check("warning", found, "Add the test images, or confirm it with eval_split: val.")]


def _class_check(classes: int, wanted: int | None) -> list[Check]:
    if not wanted or classes == wanted:
        return []
    return [Check("error", f"{classes} class folders in train, expected {wanted}", COPY_AGAIN)]


def remarks(dataset: Dataset, place: str) -> list[Check]:
    """Copies of images where they make numbers too good, and files that look like images but are not read."""
    source, known = open_source(Path(place)), digests(Path(place))
    folders = _folders(dataset, place)
    images = {split: _images(source, folder, dataset.classes, known) for split, folder in folders.items()}
    unread = [name for folder in folders.values() for name in source.unread(folder)]
    hidden = [join(folder, name) for folder in folders.values() for name in source.hidden(folder)]
    return [*copies(images["train"], images["val"]), *_unread(unread), *_hidden(hidden)]


def _images(source: Source, folder: str, classes: int | None, known: Mapping[str, str]) -> dict[str, Image]:
    found = classes_and_images(source, folder, classes)
    pairs = ((join(folder, name), label) for label, names in found.items() for name in names)
    return {name: Image(label, known[name]) for name, label in pairs if name in known}


def _names(source: Source, folder: str) -> list[str]:
    return [join(folder, name) for images in classes_and_images(source, folder, None).values() for name in images]


def _unread(names: Sequence[str]) -> list[Check]:
    if not names:
        return []
    suffixes = ", ".join(f"{count:,} {suffix}" for suffix, count in Counter(map(suffix_of, names)).most_common())
    found = f"not read, though named like images: {counted(len(names), 'file')} ({suffixes}), {some(names, 3)}"
    return [Check("warning", found, "Convert them to JPEG or PNG, or remove them; only plain files are read.")]


def _hidden(folders: Sequence[str]) -> list[Check]:
    if not folders:
        return []
    found = (
        f"left out, because a dot begins their names: {counted(len(folders), 'folder')} of images, {some(folders, 3)}"
    )
    return [Check("warning", found, "Rename those that are classes.")]


def _image_checks(dataset: Dataset, place: str, expected: Mapping[str, int]) -> list[Check]:
    checks, counted = [], []
    for split, folder in _folders(dataset, place).items():
        count = len(_names(open_source(Path(place)), folder))
        counted.append(f"{count:,} {folder.rpartition('/')[2]}")
        checks += _count_checks(split, count, expected.get(split))
    looked = _looked_at(dataset, place)
    checks += _broken(looked)
    reduced = f", {looked.reduced:,} reduced to max_side = {dataset.max_side} px" if looked.reduced else ""
    return checks or [Check("ok", f"{' and '.join(counted)} images in {place}, all can be decoded{reduced}")]


def _count_checks(split: str, count: int, wanted: int | None) -> list[Check]:
    if wanted is None or count == wanted:
        return []
    found = f"{count:,} images in {split}, published with {wanted:,}"
    if count < wanted:
        return [Check("error", found, COPY_AGAIN)]
    return [Check("warning", found, "Remove what does not belong there, or say in the paper what this is.")]


def _broken(looked: Looked) -> list[Check]:
    from bits.data.picture import STARTS_ANEW

    if not looked.broken:
        return []
    remedy = (
        f"Replace them with intact copies, or remove them. {STARTS_ANEW.partition(':')[0]}. "
        "If many are broken, so is the disk or the copy: copy the set again."
    )
    said = f"{counted(len(looked.broken), 'image')} can't be decoded: {some(looked.broken, MOST_NAMED)}"
    return [Check("error", said, remedy)]


def canvas(dataset: Dataset, place: str) -> tuple[int, int]:
    return _looked_at(dataset, place).canvas


def _looked_at(dataset: Dataset, place: str) -> Looked:
    """All images of both splits, decoded; once a process for as long as they are the same."""
    source = open_source(Path(place))
    names = [name for folder in _folders(dataset, place).values() for name in _names(source, folder)]
    return _looked(place, identity(dataset, place), tuple(names), dataset.max_side)


@lru_cache(maxsize=2)
def _looked(place: str, identity: str, names: tuple[str, ...], max_side: int | None) -> Looked:
    from bits.data.intact import look

    return look(open_source(Path(place)), names, max_side)


KIND = DatasetKind(
    name="images",
    labels=("classes",),
    layout=LAYOUT,
    check_settings=check_settings,
    root=root,
    fingerprint=identity,
    sizes=sizes,
    split_facts=split_facts,
    image_size=lambda dataset: PHOTOGRAPH,
    open=open_split,
    checks=checks,
    remarks=remarks,
    canvas=canvas,
)
