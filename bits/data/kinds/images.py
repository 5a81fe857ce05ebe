"""Image folders, and zips of one read in place: <split>/<class>/<image>."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bits.data.files import file_kind
from bits.data.layout import LAYOUT, Source
from bits.data.listing import Listing, list_folders

if TYPE_CHECKING:
    from bits.config.recipe import Dataset


def listing(dataset: Dataset, source: Source, split: str) -> Listing:
    empty_too = dataset.policy.small_classes == "exclude"
    return list_folders(source, split, dataset.eval_split, dataset.classes, empty_too)


KIND = file_kind(name="images", layout=LAYOUT, listing=listing)
