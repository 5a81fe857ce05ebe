"""Image folders, and zips of one read in place: <split>/<class>/<image>."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bits.data.fingerprint import fingerprint
from bits.data.kind import SPLITS, Check, DatasetKind, Sizes, SplitFacts
from bits.data.layout import FORMATS, Source, classes_and_images, join, locate
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
    facts = {split: split_facts(dataset, place, split).images for split in SPLITS}
    counts = {split: sum(images.values()) for split, images in facts.items()}
    return Sizes(counts["train"], counts["val"], len(facts["train"]))


def split_facts(dataset: Dataset, place: str, split: str) -> SplitFacts:
    source = open_source(Path(place))
    folder = locate(source, split, dataset.eval_split)
    found = classes_and_images(source, folder, dataset.classes)
    return SplitFacts(folder.rpartition("/")[2], {name: len(images) for name, images in found.items()})


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
    """Splits, classes, and unless quick the number of images and whether some can be decoded."""
    source = open_source(Path(place))
    folders = {split: locate(source, split, dataset.eval_split) for split in SPLITS}
    classes = {split: source.folders(folder) for split, folder in folders.items()}
    expected = dict(published) | ({"classes": dataset.classes} if dataset.classes else {})
    stands_in = _stands_in(dataset, folders["val"])
    if stands_in:
        expected.pop("val", None)  # published of the other
    findings = [*stands_in, *_classes(dataset, classes, expected.get("classes"))]
    if not quick:
        return [*findings, *_images(dataset, source, folders, expected)]
    shown = f"{dataset.title}: {len(classes['train'])} classes in {place}; images were not counted (--quick)"
    return findings or [Check("ok", shown)]


def _stands_in(dataset: Dataset, folder: str) -> list[Check]:
    """That the evaluation images are not those which were asked for."""
    if dataset.eval_split != "test" or folder.rpartition("/")[2] == "test":
        return []
    found = f"{dataset.title}: has no folder test, {folder} is evaluated instead"
    return [Check("warning", found, "Add the test images, or say that it is meant: eval_split: val.")]


def _classes(dataset: Dataset, classes: Mapping[str, Sequence[str]], wanted: int | None) -> list[Check]:
    train, val = (set(classes[split]) for split in SPLITS)
    findings = []
    if train != val:
        odd = sorted(train ^ val)
        found = f"{dataset.title}: {len(odd)} class folders are in one split only, as {', '.join(odd[:4])}"
        findings.append(Check("error", found, "Labels are positions in the sorted folders: give both splits the same."))
    if wanted and len(train) != wanted:
        found = f"{dataset.title}: {len(train)} class folders in train, expected {wanted}"
        findings.append(Check("error", found, COPY_AGAIN))
    return findings


def _images(dataset: Dataset, source: Source, folders: Mapping[str, str], expected: Mapping[str, int]) -> list[Check]:
    findings, counted = [], []
    for split, folder in folders.items():
        images = classes_and_images(source, folder, None)
        names = [join(folder, name) for members in images.values() for name in members]
        counted.append(f"{len(names):,} {folder.rpartition('/')[2]}")
        findings += [*_count(dataset, split, len(names), expected.get(split)), *_readable(dataset, source, names)]
    whole = f"{dataset.title}: {' and '.join(counted)} images in {source.path}, a sample of each can be read"
    return findings or [Check("ok", whole)]


def _count(dataset: Dataset, split: str, count: int, wanted: int | None) -> list[Check]:
    if wanted is None or count == wanted:
        return []
    found = f"{dataset.title}: {count:,} images in {split}, published with {wanted:,}"
    if count < wanted:
        return [Check("error", found, COPY_AGAIN)]
    return [Check("warning", found, "Remove what does not belong there, or say in the paper what this is.")]


def _readable(dataset: Dataset, source: Source, names: Sequence[str]) -> list[Check]:
    """Decode an evenly spaced sample, the same at every call."""
    count = min(SAMPLE, len(names))
    sample = [names[place * len(names) // count] for place in range(count)]
    problems = [problem for problem in (_problem(source, name) for name in sample) if problem]
    if not problems:
        return []
    remedy = "Replace it with an intact copy; where many are broken, copy the data set again."
    found = f"{dataset.title}: {len(problems)} of {count} images tried cannot be read, first {problems[0]}"
    return [Check("error", found, remedy)]


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
    check_settings=check_settings,
    root=root,
    fingerprint=identity,
    sizes=sizes,
    split_facts=split_facts,
    image_size=lambda dataset: PHOTOGRAPH,
    open=open_split,
    checks=checks,
)
