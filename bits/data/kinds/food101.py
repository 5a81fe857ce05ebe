"""Food-101 (Bossard et al., 2014) as food-101.tar.gz unpacks: images/<class>/<image>.jpg, meta/train.txt and test.txt.

The test images are evaluated: there is no third split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bits.data.files import file_kind
from bits.data.layout import LAYOUT, Source, join
from bits.data.listing import Listing, list_folders
from bits.data.notes import base_with, digest_of, lines_of, require_there

if TYPE_CHECKING:
    from bits.config.recipe import Dataset

LISTS = {"train": "meta/train.txt", "val": "meta/test.txt"}  # lines as apple_pie/1005649
BASES = ("", "food-101")


def listing(dataset: Dataset, source: Source, split: str) -> Listing:
    base = _base(source)
    if base is None:
        return list_folders(source, split, dataset.eval_split, dataset.classes)
    found: dict[str, list[str]] = {}
    for line in lines_of(source, join(base, LISTS[split])):
        found.setdefault(line.rpartition("/")[0], []).append(f"{line}.jpg")
    kept = {name: sorted(found[name]) for name in sorted(found)[: dataset.classes]}
    folder = join(base, "images")
    there = {image for images in source.images(folder, list(kept)).values() for image in images}
    require_there(source, join(base, LISTS[split]), [image for images in kept.values() for image in images], there)
    return Listing.by_class(folder, kept)


def beside(dataset: Dataset, source: Source) -> str:
    base = _base(source)
    return "" if base is None else digest_of(source, [join(base, name) for name in LISTS.values()])


def _base(source: Source) -> str | None:
    return next((base for name in LISTS.values() if (base := base_with(source, name, BASES)) is not None), None)


KIND = file_kind(
    name="food101",
    layout=f"food-101 as its archive unpacks, with images/ and meta/, or {LAYOUT}",
    listing=listing,
    beside=beside,
)
