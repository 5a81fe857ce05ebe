"""Images that are there more than once where that makes numbers too good. Never imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bits.data.kind import Check


class Image(NamedTuple):
    """One image of a split: its class, and the digest of its bytes."""

    label: str
    digest: str


def copies(train: Mapping[str, Image], val: Mapping[str, Image]) -> list[Check]:
    """Warnings about val images that are in train too, and images that are in several classes. Both: by name."""
    return [*_across_splits(train, val), *_across_classes({**train, **val})]


def _across_splits(train: Mapping[str, Image], val: Mapping[str, Image]) -> list[Check]:
    first: dict[str, str] = {}
    for name, image in train.items():
        first.setdefault(image.digest, name)
    seen = [name for name, image in val.items() if image.digest in first]
    if not seen:
        return []
    example = f"{seen[0]} of {first[val[seen[0]].digest]}"
    found = f"{len(seen):,} of {len(val):,} val images are copies of training images, such as {example}"
    return [Check("warning", found, "Numbers of such a val are too good: remove the copies from one of the splits.")]


def _across_classes(images: Mapping[str, Image]) -> list[Check]:
    first: dict[str, str] = {}
    other: dict[str, str] = {}  # digest -> an image of another class than the first one's
    for name, image in images.items():
        if images[first.setdefault(image.digest, name)].label != image.label:
            other.setdefault(image.digest, name)
    if not other:
        return []
    count = sum(image.digest in other for image in images.values())
    digest, name = next(iter(other.items()))
    found = f"{count:,} images are copies of each other in different classes, such as {first[digest]} and {name}"
    return [Check("warning", found, "Nothing can tell their classes apart: keep each image in one class.")]
