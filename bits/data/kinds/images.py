"""Image folders, and zips of one read in place: <split>/<class>/<image>."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bits.data.fingerprint import fingerprint
from bits.data.kind import SPLITS, Check, DatasetKind, Sizes, SplitFacts
from bits.data.layout import FORMATS, LAYOUT, Source, classes_and_images, join, locate
from bits.data.source import open_source
from bits.errors import DatasetError

if TYPE_CHECKING:
    from bits.config.recipe import Dataset
    from bits.data.images import ImageSet

SAMPLE = 20  # images of a split that are decoded when it is checked
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

    found = identity(dataset, str(place))
    if dataset.fingerprint is not None and found != dataset.fingerprint:
        raise DatasetError(
            f"{place}: holds other files than when this run was planned (fingerprint {found[:12]}, planned "
            f"{dataset.fingerprint[:12]}). Start the pipeline again: it plans anew, under another run name."
        )
    return open_image_set(
        place,
        dataset.name,
        split,
        classes=dataset.classes,
        max_side=dataset.max_side,
        eval_split=dataset.eval_split,
    )


def checks(dataset: Dataset, place: str, published: Mapping[str, int], quick: bool) -> list[Check]:
    """Splits and classes, and unless quick the number of images and whether a sample of them can be decoded."""
    source = open_source(Path(place))
    folders = {split: locate(source, split, dataset.eval_split) for split in SPLITS}
    classes = {split: source.folders(folder) for split, folder in folders.items()}
    expected = dict(published) | ({"classes": dataset.classes} if dataset.classes else {})
    stands_in = _stands_in(dataset, folders["val"])
    if stands_in:
        expected.pop("val", None)  # published of the other
    found = [*stands_in, *_class_checks(classes, expected.get("classes"))]
    if not quick:
        return [*found, *_image_checks(source, folders, expected)]
    return found or [Check("ok", f"{len(classes['train'])} classes in {place}; images were not counted (--quick)")]


def _stands_in(dataset: Dataset, folder: str) -> list[Check]:
    """That the evaluation images are not those which were asked for."""
    if dataset.eval_split != "test" or folder.rpartition("/")[2] == "test":
        return []
    found = f"has no folder test, {folder} is evaluated instead"
    return [Check("warning", found, "Add the test images, or confirm it with eval_split: val.")]


def _class_checks(classes: Mapping[str, Sequence[str]], wanted: int | None) -> list[Check]:
    train, val = (set(classes[split]) for split in SPLITS)
    checks = []
    if train != val:
        odd = sorted(train ^ val)
        found = f"{len(odd)} class folders are in one split only, such as {', '.join(odd[:4])}"
        remedy = "Labels are positions in the sorted folders: give both splits the same."
        checks.append(Check("error", found, remedy))
    if wanted and len(train) != wanted:
        checks.append(Check("error", f"{len(train)} class folders in train, expected {wanted}", COPY_AGAIN))
    return checks


def _image_checks(source: Source, folders: Mapping[str, str], expected: Mapping[str, int]) -> list[Check]:
    checks, counted = [], []
    for split, folder in folders.items():
        images = classes_and_images(source, folder, None)
        names = [join(folder, name) for members in images.values() for name in members]
        counted.append(f"{len(names):,} {folder.rpartition('/')[2]}")
        checks += [*_count_checks(split, len(names), expected.get(split)), *_unreadable(source, names)]
    whole = f"{' and '.join(counted)} images in {source.path}, a sample of each can be read"
    return checks or [Check("ok", whole)]


def _count_checks(split: str, count: int, wanted: int | None) -> list[Check]:
    if wanted is None or count == wanted:
        return []
    found = f"{count:,} images in {split}, published with {wanted:,}"
    if count < wanted:
        return [Check("error", found, COPY_AGAIN)]
    return [Check("warning", found, "Remove what does not belong there, or say in the paper what this is.")]


def _unreadable(source: Source, names: Sequence[str]) -> list[Check]:
    """Decode an evenly spaced sample, the same at every call."""
    tried = min(SAMPLE, len(names))
    sample = [names[place * len(names) // tried] for place in range(tried)]
    problems = [problem for problem in (_problem(source, name) for name in sample) if problem]
    if not problems:
        return []
    remedy = "Replace it with an intact copy. If many are broken, so is the disk or the copy: copy the set again."
    return [Check("error", f"{len(problems)} of {tried} images tried cannot be read, first {problems[0]}", remedy)]


def _problem(source: Source, name: str) -> str:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(source.read(name)), formats=FORMATS) as image:
            image.load()
    except Exception as error:  # Pillow raises almost any type for damaged files
        return f"{source.describe(name)} ({str(error).splitlines()[0]})"
    return ""


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
)
