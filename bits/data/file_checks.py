"""What is found where image files are checked: how many, whether they can be decoded, copies. Never imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bits.data.exclusions import Exclusions, Found, found_at, troubles
from bits.data.fingerprint import digests
from bits.data.image_checks import classes_left_out, not_read, said
from bits.data.kind import Check
from bits.data.layout import SPLIT_FOLDERS, counted, join, some
from bits.data.listing import Listing
from bits.data.looks import Look, looks
from bits.data.source import open_source

if TYPE_CHECKING:
    from bits.config.recipe import Dataset

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
    seen = looked_at(dataset, place, listings)
    found = troubles(listings, digests(Path(place)), seen, dataset.policy)
    checks += said({**found, "ambiguous": {}, "copies": {}}, dataset.policy, place)  # of those `remarks` speaks
    large = sum(max(look[:2]) > dataset.max_side for look in seen.values()) if dataset.max_side else 0
    reduced = f", {large:,} reduced to max_side = {dataset.max_side} px" if large else ""
    whole = f"{' and '.join(held)} images in {place}, all can be decoded{reduced}{_unlabelled(listings)}"
    return checks or [Check("ok", whole)]


def looked_at(dataset: Dataset, place: str, listings: Mapping[str, Listing]) -> dict[str, Look]:
    """What decoding every image of all splits shows; what was seen before is not decoded again."""
    digest_of = digests(Path(place))
    wanted = {path: digest_of[path] for listing in listings.values() for path in listing.paths}
    return looks(open_source(Path(place)), wanted, dataset.max_side)


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


def canvas(dataset: Dataset, place: str, listings: Mapping[str, Listing]) -> tuple[int, int]:
    """(height, width) in px that holds every image as it is decoded."""
    from bits.data.picture import fitted

    intact = (look for look in looked_at(dataset, place, listings).values() if look.width)
    sizes = [fitted((look.width, look.height), dataset.max_side) for look in intact]
    return max((height for _, height in sizes), default=0), max((width for width, _ in sizes), default=0)


def remarks(dataset: Dataset, place: str, listings: Mapping[str, Listing], gone: Exclusions) -> list[Check]:
    """What its policy has to say of images that are known to be broken or copies, and what is not read."""
    found = _found(dataset, place, listings)
    source = open_source(Path(place))
    folders = dict.fromkeys(listing.folder for listing in listings.values())
    unread = [name for folder in folders for name in source.unread(folder)]
    hidden = [join(folder, name) for folder in folders for name in source.hidden(folder)]
    return [*said(found, dataset.policy, place), *classes_left_out(gone), *not_read(unread, hidden)]


def _found(dataset: Dataset, place: str, listings: Mapping[str, Listing]) -> Found:
    return found_at(dataset, place, listings, decode=False)
