"""iNaturalist 2019: train_val2019/<group>/<class>/<image>.jpg, and the splits in train2019.json and val2019.json.

One folder holds the images of both splits, so only the annotations tell which is which. The labels of the test images
were never published; val is evaluated. A class is named by its number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bits.data.files import file_kind
from bits.data.layout import LAYOUT, Source, join
from bits.data.listing import Listing, list_folders
from bits.data.notes import WHOLE, base_with, digest_of, json_of, require_there
from bits.errors import DatasetError

if TYPE_CHECKING:
    from bits.config.recipe import Dataset

NOTES = {"train": "train2019.json", "val": "val2019.json"}
FOLDER = "train_val2019"
BASES = ("", "inat2019", "iNat2019")
WANTED = ("images", "annotations", "categories", "id", "file_name", "image_id", "category_id")


def listing(dataset: Dataset, source: Source, split: str) -> Listing:
    base = _base(source)
    if base is None:
        return list_folders(source, split, dataset.eval_split, dataset.classes)
    note = join(base, NOTES[split])
    try:
        found = _by_class(json_of(source, note, WANTED))
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{source.describe(note)} is not laid out as iNaturalist's: {error!r}. {WHOLE}") from error
    kept = dict(list(found.items())[: dataset.classes])
    there = source.images(base, [FOLDER])[FOLDER] if FOLDER in source.folders(base) else []
    require_there(source, note, [name for names in kept.values() for name in names], there)
    return Listing.by_class(base, kept)


def _by_class(found: dict[str, Any]) -> dict[str, list[str]]:
    """Class, by its number, -> its sorted images."""
    names = {image["id"]: image["file_name"] for image in found["images"]}
    images: dict[int, list[str]] = {category["id"]: [] for category in found["categories"]}
    for annotation in found["annotations"]:
        images[annotation["category_id"]].append(names[annotation["image_id"]])
    return {str(number): sorted(images[number]) for number in sorted(images)}


def beside(dataset: Dataset, source: Source) -> str:
    base = _base(source)
    return "" if base is None else digest_of(source, [join(base, name) for name in NOTES.values()])


def _base(source: Source) -> str | None:
    return next((base for name in NOTES.values() if (base := base_with(source, name, BASES)) is not None), None)


KIND = file_kind(
    name="inaturalist",
    layout=f"{FOLDER}/ beside train2019.json and val2019.json, as their archives unpack, or {LAYOUT}",
    listing=listing,
    beside=beside,
)
