"""Data manifests: what a scale was trained and measured on, as text. The images stay with whoever has them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from bits.config.recipe import Dataset
from bits.data.kind import kind_of
from bits.plan.data import dataset_fingerprint, manifest_path
from bits.plan.model import Plan
from bits.records.files import write_json


@dataclass(frozen=True)
class Split:
    """One split of a data set. folder: the name of its folder, "" where it has none, as rendered scenes."""

    folder: str
    images: int
    classes: int
    images_per_class: dict[str, int]  # in label order; an image with several labels counts for each


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
    splits = {split: _split(dataset, root, split) for split in kind_of(dataset).splits}
    identity = dataset_fingerprint(dataset, root)
    return Manifest(role, dataset.name, dataset.title, dataset.kind, identity, splits)


def _split(dataset: Dataset, root: str, split: str) -> Split:
    facts = kind_of(dataset).split_facts(dataset, root, split)
    return Split(facts.folder, facts.images, len(facts.images_per_class), dict(facts.images_per_class))
