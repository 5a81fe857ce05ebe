"""What is found where image files are checked: how many, whether they can be decoded, copies. Never imports torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bits.data.copies import Image, copies
from bits.data.fingerprint import digests, fingerprint
from bits.data.kind import Check
from bits.data.layout import SPLIT_FOLDERS, counted, join, some, suffix_of
from bits.data.listing import Listing
from bits.data.source import open_source

if TYPE_CHECKING:
    from bits.config.recipe import Dataset
    from bits.data.intact import Looked

MOST_NAMED = 50  # broken images
COPY_AGAIN = "Copy or unpack the data set again, then compare the number of files with the original's."


def checks(
    dataset: Dataset, place: str, listings: Mapping[str, Listing], published: Mapping[str, int], quick: bool
) -> list[Check]:
    """Number of classes, and unless quick the number of images and whether every image can be decoded.

    listings: of every split, with all classes.
    """
    expected = dict(published) | ({"classes": dataset.classes} if dataset.classes else {})
    stands_in = _stands_in(dataset, listings["val"].folder)
    if stands_in:
        expected.pop("val", None)  # published of the other
    split, listing = next(iter(listings.items()))
    classes = len(listing.class_names)
    found = [*stands_in, *_class_check(classes, split, expected.get("classes"))]
    if not quick:
        return [*found, *_image_checks(dataset, place, listings, expected)]
    return found or [Check("ok", f"{classes} classes in {place}; images were not counted (--quick)")]


def _stands_in(dataset: Dataset, folder: str) -> list[Check]:
    """That the evaluation images are not those which were asked for."""
    if dataset.eval_split != "test" or _last(folder) not in SPLIT_FOLDERS["val"]:
        return []
    found = f"has no folder test, {folder} is evaluated instead"
    return [Check("warning", found, "Add the test images, or confirm it with eval_split: val.")]


def _class_check(classes: int, split: str, wanted: int | None) -> list[Check]:
    if not wanted or classes == wanted:
        return []
    return [Check("error", f"{classes} classes in {split}, expected {wanted}", COPY_AGAIN)]


def _image_checks(
    dataset: Dataset, place: str, listings: Mapping[str, Listing], expected: Mapping[str, int]
) -> list[Check]:
    checks, held = [], []
    for split, listing in listings.items():
        held.append(f"{len(listing.names):,} {_said(split, listing)}")
        checks += _count_checks(split, len(listing.names), expected.get(split))
    looked = looked_at(dataset, place, listings)
    checks += _broken(looked)
    reduced = f", {looked.reduced:,} reduced to max_side = {dataset.max_side} px" if looked.reduced else ""
    whole = f"{' and '.join(held)} images in {place}, all can be decoded{reduced}{_unlabelled(listings)}"
    return checks or [Check("ok", whole)]


def _unlabelled(listings: Mapping[str, Listing]) -> str:
    """ "; left out, without a label: 2 images, val/3.jpg, val/8.jpg"."""
    names = [join(listing.folder, name) for listing in listings.values() for name in listing.unlabelled]
    return f"; left out, without a label: {counted(len(names), 'image')}, {some(names, 3)}" if names else ""


def _said(split: str, listing: Listing) -> str:
    """The split, by the name of its folder where that is the name of one."""
    folder = _last(listing.folder)
    return folder if any(folder in names for names in SPLIT_FOLDERS.values()) else split


def _last(folder: str) -> str:
    return folder.rpartition("/")[2]


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


def looked_at(dataset: Dataset, place: str, listings: Mapping[str, Listing]) -> Looked:
    """All images of all splits, decoded; once a process for as long as they are the same."""
    names = tuple(path for listing in listings.values() for path in listing.paths)
    return _looked(place, fingerprint(Path(place)), names, dataset.max_side)


@lru_cache(maxsize=2)
def _looked(place: str, identity: str, names: tuple[str, ...], max_side: int | None) -> Looked:
    from bits.data.intact import look

    return look(open_source(Path(place)), names, max_side)


def remarks(place: str, listings: Mapping[str, Listing]) -> list[Check]:
    """Copies of images where they make numbers too good, and files that look like images but are not read."""
    source, known = open_source(Path(place)), digests(Path(place))
    images = {split: _images(listing, known) for split, listing in listings.items()}
    folders = dict.fromkeys(listing.folder for listing in listings.values())
    unread = [name for folder in folders for name in source.unread(folder)]
    hidden = [join(folder, name) for folder in folders for name in source.hidden(folder)]
    return [*copies(images.get("train", {}), images["val"]), *_unread(unread), *_hidden(hidden)]


def _images(listing: Listing, known: Mapping[str, str]) -> dict[str, Image]:
    said = {labels: ", ".join(listing.class_names[label] for label in labels) for labels in set(listing.labels)}
    pairs = zip(listing.paths, listing.labels, strict=True)
    return {path: Image(said[labels], known[path]) for path, labels in pairs if path in known}


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
