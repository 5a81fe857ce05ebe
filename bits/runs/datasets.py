"""Open the data set that a recipe names, and make the rendered scenes when they are missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from bits.config.recipe import Dataset
from bits.config.site import Site
from bits.data.cache import cached
from bits.data.errors import LAYOUT, DatasetError
from bits.data.fingerprint import fingerprint
from bits.data.images import ImageSet, open_image_set, require_same_classes
from bits.data.videos import VideoSet
from bits.plan import data_root
from bits.scenes.scene_set import SceneSet, SceneSettings, SceneVideos, prepare


def open_split(dataset: Dataset, root: Path, split: str) -> ImageSet:
    """One split ("train" or "val"); raises DatasetError when it is missing, damaged or other data than planned."""
    if dataset.kind == "scenes":
        return SceneSet(root, split)
    if not str(root) or str(root) == ".":
        raise DatasetError(missing_data(dataset.name))
    found = fingerprint(root)
    if dataset.fingerprint is not None and found != dataset.fingerprint:
        raise DatasetError(
            f"{root}: holds other files than when this run was planned (fingerprint {found[:12]}, planned "
            f"{dataset.fingerprint[:12]}). Start the pipeline again: it plans anew, under another run name."
        )
    return open_image_set(
        root,
        dataset.name,
        split,
        classes=dataset.classes,
        max_side=dataset.max_side,
        eval_split=dataset.eval_split,
    )


def open_cached(dataset: Dataset, root: Path, split: str, site: Site) -> ImageSet:
    """`open_split`, decoded into memory where it fits `site.cache_gib`."""
    images = open_split(dataset, root, split)
    limit = int(site.cache_gib * 2**30)
    return cached(images, limit, threads=max(site.workers, 1)) if limit else images


def open_pair(dataset: Dataset, root: Path, site: Site) -> tuple[ImageSet, ImageSet]:
    """(train, val) with the same classes."""
    train, val = (open_cached(dataset, root, split, site) for split in ("train", "val"))
    require_same_classes(train, val)
    return train, val


def open_videos(dataset: Dataset, site: Site) -> VideoSet:
    """The videos of a data set; raises DatasetError for a kind that has none."""
    if dataset.kind != "scenes":
        raise DatasetError(
            f"{dataset.name}: image folders hold no videos. Choose a data set with some, such as scenes."
        )
    return SceneVideos(Path(data_root(dataset, site.data)))


def missing_data(name: str) -> str:
    """What to do about a data set that has no path."""
    return (
        f"site.data.{name}: no path is given. Expected {LAYOUT}. "
        f"Say data=PATH after --config, or site.data.{name}=PATH on the command line, "
        f"or write it into config/site/local.yaml."
    )


def prepare_scenes(dataset: Dataset, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Render the scenes of `dataset.settings` to `path`; raises DatasetError for bad settings or a full disk."""
    try:
        settings = SceneSettings(**dataset.settings)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"dataset.settings of {dataset.name}: {error}") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(path.parent).free < 2**26:
        raise DatasetError(f"{path.parent}: less than 64 MiB of disk are left; free some for the rendered scenes")
    prepare(settings, path, progress)
