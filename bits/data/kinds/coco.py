"""COCO as its archives unpack: train2014/, val2014/, val2017/, and annotations/instances_<those>.json.

The labelled images of all of settings.parts are one pool, with several labels each: the categories of their objects,
crowds included. Images without an object are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bits.data import kept as keeping
from bits.data.files import file_kind
from bits.data.layout import Source, join
from bits.data.listing import Listing
from bits.data.notes import WHOLE, base_with, digest_of, json_of, require_there
from bits.data.source import open_source
from bits.errors import DatasetError
from bits.records.files import write_text

if TYPE_CHECKING:
    from bits.config.recipe import Dataset

BASES = ("", "coco", "COCO")
WANTED = ("images", "annotations", "categories", "id", "file_name", "image_id", "category_id", "name")
Labels = dict[str, tuple[int, ...]]  # image -> ids of its categories


def check_settings(dataset: Dataset) -> None:
    parts = dataset.settings.get("parts")
    if list(dataset.settings) != ["parts"] or not parts or not all(isinstance(part, str) for part in parts):
        raise ValueError(
            f"settings = {dataset.settings}: expected parts, the folders of images, as [train2014, val2014]"
        )


def listing(dataset: Dataset, source: Source, split: str) -> Listing:
    base = _base(dataset, source)
    categories: dict[int, str] = {}
    labels: Labels = {}
    for part in dataset.settings["parts"]:
        note = _note(base, part)
        found, of_part = _annotated(source.path, note, digest_of(source, [note]))
        categories |= found
        there = source.images(base, [part])[part] if part in source.folders(base) else []
        require_there(source, note, [f"{part}/{image}" for image in of_part], there)
        labels |= {f"{part}/{image}": of_part[image] for image in sorted(of_part)}
    kept = sorted(categories)[: dataset.classes]
    place = {number: label for label, number in enumerate(kept)}
    pairs = [(image, tuple(place[one] for one in found if one in place)) for image, found in labels.items()]
    return Listing(
        base,
        tuple(categories[number] for number in kept),
        tuple(image for image, found in pairs if found),
        tuple(found for _, found in pairs if found),
        unlabelled=tuple(image for image, found in pairs if not found),
    )


@lru_cache(maxsize=4)
def _annotated(place: Path, note: str, digest: str) -> tuple[dict[int, str], Labels]:
    """(name of each category, categories of each image), of a note with that digest.

    Kept in the process and, beside the digests of images, on disk: reading 330 MB of outlines takes 20 s.
    """
    kept = keeping.PLACE / f"{digest}.labels"
    with suppress(OSError, ValueError):
        names, labels = json.loads(kept.read_text(encoding="utf-8"))
        return {int(number): name for number, name in names.items()}, {one: tuple(of) for one, of in labels.items()}
    source = open_source(place)
    content = json_of(source, note, WANTED)
    try:
        found = _categories(content), _labels(content)
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{source.describe(note)} is not laid out as COCO's: {error!r}. {WHOLE}") from error
    with suppress(OSError):
        write_text(kept, json.dumps(found))
    return found


def _categories(content: dict[str, Any]) -> dict[int, str]:
    return {category["id"]: category["name"] for category in content["categories"]}


def _labels(content: dict[str, Any]) -> Labels:
    found: dict[int, set[int]] = {image["id"]: set() for image in content["images"]}
    for annotation in content["annotations"]:
        found[annotation["image_id"]].add(annotation["category_id"])
    return {image["file_name"]: tuple(sorted(found[image["id"]])) for image in content["images"]}


def beside(dataset: Dataset, source: Source) -> str:
    base = _base(dataset, source)
    return digest_of(source, [_note(base, part) for part in dataset.settings["parts"]])


def _note(base: str, part: str) -> str:
    return join(base, "annotations", f"instances_{part}.json")


def _base(dataset: Dataset, source: Source) -> str:
    parts: Sequence[str] = dataset.settings["parts"]
    for part in parts:
        base = base_with(source, _note("", part), BASES)
        if base is not None:
            return base
    raise DatasetError(f"{source.path} has no {_note('', parts[0])}. {WHOLE} Expected {KIND.layout}.")


KIND = file_kind(
    name="coco",
    layout="COCO as its archives unpack: folders of images such as val2017/, and annotations/instances_val2017.json",
    listing=listing,
    labels=("several",),
    splits=("val",),
    check_settings=check_settings,
    beside=beside,
)
