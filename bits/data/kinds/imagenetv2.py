"""ImageNetV2 (Recht et al., 2019): folders 0 to 999, one for each ImageNet class, their validation images alone.

Folder i holds the i-th of ImageNet's classes in the order of their wnids, so folders count as numbers: as text, 10
would come before 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bits.data.files import file_kind
from bits.data.layout import Source, classes_and_images, join, some
from bits.data.listing import Listing
from bits.errors import DatasetError

if TYPE_CHECKING:
    from bits.config.recipe import Dataset

FOLDER = "imagenetv2-matched-frequency-format-val"  # as its archive unpacks


def listing(dataset: Dataset, source: Source, split: str) -> Listing:
    folder = _folder(source)
    _require_numbers(f"{source.path}: {folder or 'the root'}", source.folders(folder))
    return Listing.by_class(folder, classes_and_images(source, folder, dataset.classes))


def _folder(source: Source) -> str:
    """What holds the class folders: the archive's folder or val, in the root or in a zip's top folder; or the root."""
    top = source.folders("")
    inside = ["", *(top if source.wrapped else [])]
    named = (join(base, name) for base in inside for name in (FOLDER, "val") if name in source.folders(base))
    return next(named, "")


def _require_numbers(where: str, names: list[str]) -> None:
    """Raises DatasetError unless the folders are 0, 1, 2, ... without a gap."""
    numbers = {int(name) for name in names if name.isdecimal()}
    others = [name for name in names if not name.isdecimal()]
    gaps = [str(number) for number in range(max(numbers, default=0)) if number not in numbers]
    if others or gaps or not numbers:
        said = [f"no folder {some(gaps)}"] * bool(gaps) + [f"folders that are no numbers, {some(others)}"] * bool(
            others
        )
        raise DatasetError(
            f"{where} has {' and '.join(said) or 'no folders'}. Expected the folders 0 to 999, one for each class.\n"
            "Unpack the archive again, and neither add nor rename folders."
        )


KIND = file_kind(
    name="imagenetv2",
    layout=f"a folder or zip with the class folders 0 to 999, or with {FOLDER}, which holds them",
    listing=listing,
    splits=("val",),
)
