"""How many images each data set of a plan has: counted where it is, else as it was published."""

from __future__ import annotations

from pathlib import Path

from bits.config.recipe import Dataset
from bits.costs.assumptions import Assumptions, Images
from bits.data.layout import classes_and_images, locate
from bits.data.source import open_source
from bits.errors import DatasetError
from bits.plan import Plan
from bits.scenes.settings import SceneSettings


def image_counts(plan: Plan, assumptions: Assumptions, listing: bool = True) -> dict[str, Images]:
    """Images by data set role; a role is absent where they can be neither counted nor looked up.

    listing: count file names, which takes minutes for ImageNet on a network disk; False: take the published counts.
    """
    found = {
        role: _images(dataset, plan.roots[role] if listing else "", assumptions)
        for role, dataset in plan.datasets.items()
    }
    return {role: images for role, images in found.items() if images is not None}


def _images(dataset: Dataset, root: str, assumptions: Assumptions) -> Images | None:
    if dataset.kind == "scenes":
        settings = SceneSettings(**dataset.settings)
        return Images(train=settings.train, val=settings.val, classes=settings.classes)
    try:
        return _listed(dataset, Path(root)) if root else _published(dataset, assumptions)
    except DatasetError:  # missing or damaged, which the workflow says when it starts
        return _published(dataset, assumptions)


def _listed(dataset: Dataset, root: Path) -> Images:
    source = open_source(root)
    train, val = (
        classes_and_images(source, locate(source, split, dataset.eval_split), dataset.classes)
        for split in ("train", "val")
    )
    return Images(train=_total(train), val=_total(val), classes=len(train))


def _total(classes: dict[str, list[str]]) -> int:
    return sum(map(len, classes.values()))


def _published(dataset: Dataset, assumptions: Assumptions) -> Images | None:
    published = assumptions.images.get(dataset.name)
    return published.model_copy(update={"assumed": True}) if published else None
