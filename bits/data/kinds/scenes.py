"""Procedural scenes with known factors, rendered once from a seed (docs/scenes.md)."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from bits.config.near import did_you_mean
from bits.data.kind import Check, DatasetKind, Progress, Sizes, SplitFacts
from bits.errors import DatasetError
from bits.records.digests import digest
from bits.scenes.settings import GENERATOR_VERSION, SceneSettings

if TYPE_CHECKING:
    from bits.config.recipe import Dataset
    from bits.data.images import ImageSet
    from bits.data.videos import VideoSet

SHORT = 8  # hex digits of a digest in a name
ROOM = 2**26  # bytes that must be free
PIXEL = 4  # bytes: its colour, and its mask


def generator(dataset: Dataset) -> SceneSettings:
    """The typed settings; raises DatasetError for what the generator does not know or allow."""
    known = [field.name for field in fields(SceneSettings)]
    for name in dataset.settings:
        if name not in known:
            raise DatasetError(f"dataset.settings.{name} of {dataset.name}: no such setting{did_you_mean(name, known)}")
    try:
        return SceneSettings(**dataset.settings)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"dataset.settings of {dataset.name}: {error}") from error


def check_settings(dataset: Dataset) -> None:
    if dataset.eval_split != "val":
        raise ValueError(f"eval_split = {dataset.eval_split!r}: rendered scenes have the splits train and val alone")
    for name in ("classes", "max_side"):
        if getattr(dataset, name) is not None:
            raise ValueError(f"{name} = {getattr(dataset, name)}: scenes are rendered as dataset.settings says")
    try:
        generator(dataset)
    except DatasetError as error:
        raise ValueError(str(error)) from None


def root(dataset: Dataset, given: str | None) -> str:
    return given or f"data/scenes-{digest([GENERATOR_VERSION, dataset.settings])[:SHORT]}.safetensors"


def identity(dataset: Dataset, place: str) -> str:
    """The name of the file, which follows from the settings."""
    return Path(place).stem


def sizes(dataset: Dataset, place: str) -> Sizes:
    settings = generator(dataset)
    return Sizes(settings.train, settings.val, settings.classes)


def split_facts(dataset: Dataset, place: str, split: str) -> SplitFacts:
    """A function of the settings."""
    import numpy as np

    from bits.scenes.classes import class_table
    from bits.scenes.factors import draw_factors

    settings = generator(dataset)
    count = settings.train if split == "train" else settings.val
    tally = Counter(draw_factors(settings, split, np.arange(count)).label.tolist())
    names = class_table(settings.classes).names
    return SplitFacts("", count, {name: tally[label] for label, name in enumerate(names)})


def image_size(dataset: Dataset) -> tuple[int, int]:
    side = generator(dataset).image_size
    return side, side


def open_split(dataset: Dataset, place: Path, split: str) -> ImageSet:
    from bits.data.scene_set import SceneSet

    return SceneSet(place, split)


def videos(dataset: Dataset, place: Path) -> VideoSet:
    from bits.data.scene_set import SceneVideos

    return SceneVideos(place)


def prepare(dataset: Dataset, place: Path, progress: Progress | None = None) -> None:
    """Render the scenes to `place`; raises DatasetError for bad settings or a full disk."""
    from bits.scenes.file import prepare as render

    settings = generator(dataset)
    place.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(place.parent).free < ROOM:
        raise DatasetError(f"{place.parent}: less than 64 MiB of disk are left; free some for the rendered scenes")
    render(settings, place, progress)


def frames_made(dataset: Dataset) -> int:
    settings = generator(dataset)
    return settings.train + settings.val + settings.videos * settings.video_frames


def bytes_made(dataset: Dataset) -> int:
    return PIXEL * generator(dataset).image_size ** 2 * frames_made(dataset)


def checks(dataset: Dataset, place: str, published: Mapping[str, int], quick: bool) -> list[Check]:
    state = "is there" if Path(place).is_file() else "will be rendered"
    return [Check("ok", f"{place} {state}")]


KIND = DatasetKind(
    name="scenes",
    labels=("classes", "several", "boxes", "masks"),
    layout="a file of rendered scenes, which the preparation step makes",
    check_settings=check_settings,
    root=root,
    fingerprint=identity,
    sizes=sizes,
    split_facts=split_facts,
    image_size=image_size,
    open=open_split,
    checks=checks,
    decoded=True,
    videos=videos,
    prepare=prepare,
    bytes_made=bytes_made,
    frames_made=frames_made,
)
