"""ILSVRC2012, whole or some of its classes: class folders, with the validation images in theirs or loose as unpacked.

Official: train/<wnid>/, val/ and ILSVRC2012_devkit_t12/ beside them. Kaggle's: ILSVRC/Data/CLS-LOC/train/ and val/,
with LOC_val_solution.csv. settings.class_list names a file with a wnid a line, of the classes that are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from bits.data.class_list import KEY, class_list
from bits.data.devkit import META, SOLUTION, TRUTH, from_devkit, from_solution
from bits.data.files import file_kind
from bits.data.layout import LAYOUT, Source, classes_and_images, counted, images_below, join, locate, some
from bits.data.listing import Listing
from bits.data.notes import WHOLE, base_with, digest_of, require_there
from bits.errors import DatasetError
from bits.records.digests import digest

if TYPE_CHECKING:
    from bits.config.recipe import Dataset

KIT = "ILSVRC2012_devkit_t12"
KITS = (KIT, "devkit", "")
KAGGLE = "ILSVRC/Data/CLS-LOC"


def check_settings(dataset: Dataset) -> None:
    if set(dataset.settings) - {KEY}:
        raise ValueError(f"settings = {dataset.settings}: this kind has {KEY} alone")


def listing(dataset: Dataset, source: Source, split: str) -> Listing:
    folder = _folder(dataset, source, split)
    if split == "train" or source.folders(folder):
        return _of_folders(dataset, source, folder)
    return _loose(dataset, source, folder)


def _folder(dataset: Dataset, source: Source, split: str) -> str:
    return join(KAGGLE, split) if source.folders(KAGGLE) else locate(source, split, dataset.eval_split)


def _of_folders(dataset: Dataset, source: Source, folder: str) -> Listing:
    kept = class_list(dataset)
    if kept is None:
        return Listing.by_class(folder, classes_and_images(source, folder, dataset.classes))
    found = source.images(folder, kept)
    _require_classes(f"{source.path}: {folder}", kept, [name for name, images in found.items() if images])
    return Listing.by_class(folder, {name: found[name] for name in kept[: dataset.classes]})


def _loose(dataset: Dataset, source: Source, folder: str) -> Listing:
    """The validation images as their archive unpacks them, with the identities that they have in class folders."""
    note, shown = _truth(source)
    there = images_below(source, folder)
    _require_shown(f"{source.path}: {folder}", note, there, shown)
    kept = class_list(dataset) or sorted(set(shown.values()))
    _require_classes(f"{source.path}: {note}", kept, shown.values())
    images: dict[str, list[str]] = {wnid: [] for wnid in kept[: dataset.classes]}
    for image, wnid in shown.items():
        if wnid in images:
            images[wnid].append(image)
    require_there(source, note, [image for names in images.values() for image in names], there)
    identities = tuple(f"{wnid}/{image}" for wnid, names in images.items() for image in names)
    return replace(Listing.by_class(folder, images), known_as=identities)


def _truth(source: Source) -> tuple[str, dict[str, str]]:
    """(the note that tells them, image -> wnid), sorted by image; raises DatasetError where there is none."""
    kit, solution = _kit(source), base_with(source, SOLUTION, ("", "ILSVRC"))
    if kit is not None:
        return join(kit, TRUTH), from_devkit(source, kit)
    if solution is not None:
        note = join(solution, SOLUTION)
        return note, dict(sorted(from_solution(source, note).items()))
    raise DatasetError(
        f"{source.path} holds validation images that lie loose, and neither {KIT}/{TRUTH} nor {SOLUTION}, one of which "
        f"tells their classes.\nUnpack {KIT}.tar.gz of ILSVRC2012 beside val/, or sort the images into class folders."
    )


def _kit(source: Source) -> str | None:
    return base_with(source, TRUTH, KITS)


def _require_shown(where: str, note: str, there: Iterable[str], shown: Collection[str]) -> None:
    """Raises DatasetError for validation images whose class is not told."""
    untold = [image for image in there if image not in shown]
    if untold:
        raise DatasetError(
            f"{where} holds {counted(len(untold), 'image')} whose class {note} does not tell: {some(untold, 3)}.\n"
            "Leave only the images of ILSVRC2012_img_val.tar there."
        )


def _require_classes(where: str, kept: Collection[str], there: Iterable[str]) -> None:
    """Raises DatasetError where classes of the class list have no image."""
    absent = sorted(set(kept) - set(there))
    if absent:
        raise DatasetError(f"{where} has no image of {len(absent)} of {len(kept)} classes: {some(absent)}.\n{WHOLE}")


def beside(dataset: Dataset, source: Source) -> str:
    kept = class_list(dataset)
    parts = [] if kept is None else [digest(kept)]
    if not source.folders(_folder(dataset, source, "val")):
        kit, (note, _) = _kit(source), _truth(source)
        parts.append(digest_of(source, [note] if kit is None else [note, join(kit, META)]))
    return "".join(parts)


KIND = file_kind(
    name="imagenet",
    layout=f"{LAYOUT}, val as it unpacks beside {KIT}, or Kaggle's {KAGGLE} and {SOLUTION}",
    listing=listing,
    check_settings=check_settings,
    beside=beside,
    within="imagenet1k",
)
