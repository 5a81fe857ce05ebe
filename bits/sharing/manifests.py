"""Data manifests: what a scale was trained and measured on, as text. The images stay with whoever has them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bits.config.recipe import Dataset
from bits.data.layout import classes_and_images, locate
from bits.data.source import open_source
from bits.plan.data import dataset_fingerprint, manifest_path
from bits.plan.model import Plan
from bits.records.files import write_json
from bits.scenes.factors import draw_factors
from bits.scenes.settings import SceneSettings, class_table

SPLITS = ("train", "val")


@dataclass(frozen=True)
class Split:
    """One split of a data set. folder: the name of its folder, "" for rendered scenes."""

    folder: str
    images: int
    classes: int
    images_per_class: dict[str, int]  # in label order


@dataclass(frozen=True)
class Manifest:
    """A data set by the identity of its content. Where it lies is left out."""

    role: str
    name: str
    title: str
    kind: str
    fingerprint: str | None
    splits: dict[str, Split]


def write_manifests(plan: Plan) -> list[Path]:
    """Write a manifest of each data set on this machine; returns their paths. Manifests of other sets stay as is."""
    written = []
    for role, dataset in plan.datasets.items():
        root = plan.roots[role]
        if dataset_fingerprint(dataset, root) is not None:
            path = manifest_path(plan.folder, role)
            write_json(path, asdict(manifest(role, dataset, root)))
            written.append(path)
    return written


def manifest(role: str, dataset: Dataset, root: str) -> Manifest:
    """The manifest of the data set at `root`; raises DatasetError when it cannot be read."""
    splits = {split: _split(dataset, root, split) for split in SPLITS}
    identity = dataset_fingerprint(dataset, root)
    return Manifest(role, dataset.name, dataset.title, dataset.kind, identity, splits)


def _split(dataset: Dataset, root: str, split: str) -> Split:
    count = scene_counts if dataset.kind == "scenes" else image_counts
    classes = count(dataset, root, split)
    return Split(_folder(dataset, root, split), sum(classes.values()), len(classes), classes)


def _folder(dataset: Dataset, root: str, split: str) -> str:
    if dataset.kind == "scenes":
        return ""
    return locate(open_source(Path(root)), split, dataset.eval_split).rpartition("/")[2]


def image_counts(dataset: Dataset, root: str, split: str) -> dict[str, int]:
    """Class -> number of images in a folder or zip, in label order."""
    source = open_source(Path(root))
    found = classes_and_images(source, locate(source, split, dataset.eval_split), dataset.classes)
    return {name: len(images) for name, images in found.items()}


def scene_counts(dataset: Dataset, root: str, split: str) -> dict[str, int]:
    """Class -> number of rendered scenes, in label order; follows from the settings alone."""
    settings = SceneSettings(**dataset.settings)
    count = settings.train if split == "train" else settings.val
    tally = Counter(draw_factors(settings, split, np.arange(count)).label.tolist())
    return {name: tally[label] for label, name in enumerate(class_table(settings.classes).names)}
