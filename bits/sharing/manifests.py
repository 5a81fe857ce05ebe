"""Data manifests: what a scale was trained and measured on, as text. The images themselves stay with who has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bits.config.recipe import Dataset
from bits.data.layout import classes_and_images, locate
from bits.data.source import open_source
from bits.plan import dataset_fingerprint, manifest_path
from bits.records.files import write_json
from bits.scenes.factors import draw_factors
from bits.scenes.settings import SceneSettings, class_table
from bits.sharing.files import results_folder

SPLITS = ("train", "val")


def write_manifests(plan: Mapping[str, Any]) -> list[str]:
    """One file a data set of the plan, those that are not on this machine left as they are; returns their paths."""
    written = []
    for role, values in plan["datasets"].items():
        dataset, root = Dataset.model_validate(values), plan["roots"][role]
        if dataset_fingerprint(dataset, root) is not None:
            path = manifest_path(Path(results_folder(plan)), role)
            write_json(path, {"role": role, **manifest(dataset, root)})
            written.append(str(path))
    return written


def manifest(dataset: Dataset, root: str) -> dict[str, Any]:
    """Name, kind, identity and the number of images of every class; not where it lies. Raises DatasetError."""
    counts = scene_counts if dataset.kind == "scenes" else image_counts
    splits = {split: counts(dataset, root, split) for split in SPLITS}
    return {
        "name": dataset.name,
        "title": dataset.title,
        "kind": dataset.kind,
        "fingerprint": dataset_fingerprint(dataset, root),
        "splits": {
            split: {
                "folder": folder(dataset, root, split),
                "images": sum(classes.values()),
                "classes": len(classes),
                "images_per_class": classes,
            }
            for split, classes in splits.items()
        },
    }


def folder(dataset: Dataset, root: str, split: str) -> str:
    """Name of the folder that plays a split, "" of rendered scenes."""
    if dataset.kind == "scenes":
        return ""
    return locate(open_source(Path(root)), split, dataset.eval_split).rpartition("/")[2]


def image_counts(dataset: Dataset, root: str, split: str) -> dict[str, int]:
    """Class -> number of images, of a folder or a zip, in label order."""
    source = open_source(Path(root))
    found = classes_and_images(source, locate(source, split, dataset.eval_split), dataset.classes)
    return {name: len(images) for name, images in found.items()}


def scene_counts(dataset: Dataset, root: str, split: str) -> dict[str, int]:
    """Class -> number of rendered scenes, in label order: a function of the settings."""
    settings = SceneSettings(**dataset.settings)
    count = settings.train if split == "train" else settings.val
    tally = Counter(draw_factors(settings, split, np.arange(count)).label.tolist())
    return {name: tally[label] for label, name in enumerate(class_table(settings.classes).names)}
