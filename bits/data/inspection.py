"""Every image of a data set and all that is wrong with it, for `bits check-data`. Never imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bits.data import file_checks, image_checks
from bits.data.exclusions import REASONS, Exclusions, small_classes, troubles
from bits.data.fingerprint import digests, file_facts
from bits.data.kind import Check
from bits.data.layout import why_skipped
from bits.data.listing import Listing
from bits.data.looks import Look
from bits.data.source import open_source

if TYPE_CHECKING:
    from bits.config.recipe import Dataset


class Row(NamedTuple):
    """An image. path: its name in the source. size: bytes. modified: ns since 1970, None inside an archive.

    digest: of its bytes, or their length and checksum inside a zip. height, width: px, as stored; 0 where unknown.
    left_out: why the policy leaves it out, "" of one that counts.
    """

    path: str
    split: str
    labels: tuple[str, ...]
    size: int
    modified: int | None
    digest: str
    height: int
    width: int
    left_out: str


class Note(NamedTuple):
    """One thing that is wrong. what: in a word or two. path: of the file or class. detail: more about it."""

    what: str
    split: str
    path: str
    detail: str


@dataclass(frozen=True)
class Inspection:
    """identity: of the images. rows: all that the splits list, those that are left out included. counts: split ->
    (images, classes), without those. checks: what should be known or put right."""

    identity: str
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]
    counts: Mapping[str, tuple[int, int]]
    checks: tuple[Check, ...]


def inspected(
    dataset: Dataset, place: str, listings: Mapping[str, Listing], gone: Exclusions, published: Mapping[str, int]
) -> Inspection:
    """Decode every image that was not checked before, and say what is wrong. Raises DatasetError.

    listings: of every split, with what is left out. published: "train", "val" and "classes", where known.
    """
    from bits.data.kind import kind_of

    seen = file_checks.looked_at(dataset, place, listings)
    kept = {split: gone.applied(listing) for split, listing in listings.items()}
    several = any(len(labels) > 1 for labels in kept["val"].labels)
    rows = tuple(_rows(place, listings, seen, gone))
    notes = (*_of_images(dataset, place, listings, seen), *_of_classes(dataset, listings, gone))
    checks = (
        *file_checks.checks(dataset, place, listings, published, quick=False),
        *file_checks.remarks(dataset, place, listings, gone),
        *(() if several else image_checks.single(kept["val"].images_per_class)),
    )
    return Inspection(
        identity=kind_of(dataset).fingerprint(dataset, place),
        rows=rows,
        notes=(*notes, *_skipped(place, listings)),
        counts={split: (len(listing.names), len(listing.class_names)) for split, listing in kept.items()},
        checks=tuple(dict.fromkeys(checks)),
    )


def _rows(place: str, listings: Mapping[str, Listing], seen: Mapping[str, Look], gone: Exclusions) -> Iterator[Row]:
    facts, digest_of = file_facts(Path(place)), digests(Path(place))
    for split, listing in listings.items():
        for path, labels in zip(listing.paths, listing.labels, strict=True):
            names = tuple(listing.class_names[label] for label in labels)
            why = gone.images.get(path) or ("small class" if all(name in gone.classes for name in names) else "")
            look = seen[path]
            yield Row(path, split, names, *facts[path], digest_of[path], look.height, look.width, why)


def _of_images(
    dataset: Dataset, place: str, listings: Mapping[str, Listing], seen: Mapping[str, Look]
) -> Iterator[Note]:
    split_of = {path: split for split, listing in listings.items() for path in listing.paths}
    found = troubles(listings, digests(Path(place)), seen, dataset.policy)
    words = {"broken": "broken", "oblong": "oblong", "ambiguous": "copy in another class", "copies": "copy in val"}
    for reason in REASONS:
        for path, detail in found[reason].items():
            yield Note(words[reason], split_of[path], path, detail)
    for path, look in seen.items():
        if dataset.max_side and max(look.height, look.width) > dataset.max_side:
            yield Note("reduced", split_of[path], path, f"{look.width} x {look.height} px")
    for split, listing in listings.items():
        for name in listing.unlabelled:
            yield Note("without a label", split, f"{listing.folder}/{name}".lstrip("/"), "")


def _of_classes(dataset: Dataset, listings: Mapping[str, Listing], gone: Exclusions) -> Iterator[Note]:
    for name, why in small_classes(listings, gone.images, dataset.policy).items():
        yield Note("class with too few images", "", name, why)
    for split, listing in listings.items():
        for name, count in listing.images_per_class.items():
            if count == 1:
                yield Note("class with one image", split, name, "")


def _skipped(place: str, listings: Mapping[str, Listing]) -> Iterator[Note]:
    source = open_source(Path(place))
    for folder, split in {listing.folder: split for split, listing in listings.items()}.items():
        for path in source.skipped(folder):
            yield Note("not read", split, path, why_skipped(path.removeprefix(f"{folder}/")))
