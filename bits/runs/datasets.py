"""Open the data set that a recipe or an evaluation names, and make one that can be made when it is missing."""

from __future__ import annotations

from pathlib import Path

from bits.config.recipe import Dataset
from bits.config.site import Site
from bits.data.cache import cached
from bits.data.images import ImageSet, NoImages, require_same_classes
from bits.data.kind import Progress, kind_of
from bits.data.obtain import expected
from bits.data.videos import VideoSet
from bits.data.workers import decoding_threads
from bits.errors import DatasetError
from bits.plan import data_root


def dataset_root(dataset: Dataset, site: Site) -> Path:
    """Where the data set lies on this machine. Raises DatasetError when the site does not say."""
    root = data_root(dataset, site.data)
    if not root:
        raise DatasetError(missing_data(dataset))
    return Path(root)


def open_split(dataset: Dataset, root: Path, split: str) -> ImageSet:
    """One split ("train" or "val"); raises DatasetError when it is missing, damaged or other data than planned."""
    return kind_of(dataset).open(dataset, root, split)


def open_cached(dataset: Dataset, root: Path, split: str, site: Site) -> ImageSet:
    """`open_split`, decoded into memory where it fits `site.cache_gib`."""
    images = open_split(dataset, root, split)
    limit = int(site.cache_gib * 2**30)
    return cached(images, limit, threads=max(decoding_threads(site), 1)) if limit else images


def open_pair(dataset: Dataset, root: Path, site: Site) -> tuple[ImageSet, ImageSet]:
    """(train, val) with the same classes; train is empty of a kind that has none."""
    if "train" not in kind_of(dataset).splits:
        val = open_cached(dataset, root, "val", site)
        return NoImages(val, "train"), val
    train, val = (open_cached(dataset, root, split, site) for split in ("train", "val"))
    require_same_classes(train, val)
    return train, val


def open_videos(dataset: Dataset, site: Site) -> VideoSet:
    """The videos of a data set; raises DatasetError for a kind that has none."""
    kind = kind_of(dataset)
    if kind.videos is None:
        raise DatasetError(f"{dataset.name}: a data set of kind {kind.name} holds no videos. Choose one that does.")
    return kind.videos(dataset, dataset_root(dataset, site))


def make_dataset(dataset: Dataset, root: Path, progress: Progress | None = None) -> bool:
    """Make a data set that is not there, if its kind can; returns whether it did."""
    make = kind_of(dataset).prepare
    if make is None or root.exists():
        return False
    make(dataset, root, progress)
    return True


def missing_data(dataset: Dataset) -> str:
    """What to do about a data set that has no path."""
    key = f"site.data.{dataset.name}"
    return (
        f"{key}: no path is given. {expected(dataset)} "
        f"Say data=PATH or {key}=PATH, or write it into config/site/local.yaml."
    )
