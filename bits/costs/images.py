"""How many images each data set of a plan has: counted where it is, else as it was published."""

from __future__ import annotations

from bits.config.recipe import Dataset
from bits.costs.assumptions import Assumptions, Images
from bits.data.kind import kind_of
from bits.errors import DatasetError
from bits.plan import Plan


def image_counts(plan: Plan, assumptions: Assumptions, listing: bool = True) -> dict[str, Images]:
    """Images by data set role; a role is absent where they can be neither counted nor looked up.

    listing: count file names, which takes minutes for ImageNet on a network disk; False: take the published counts.
    """
    found = {role: _images(dataset, plan.roots[role], assumptions, listing) for role, dataset in plan.datasets.items()}
    return {role: images for role, images in found.items() if images is not None}


def _images(dataset: Dataset, root: str, assumptions: Assumptions, listing: bool) -> Images | None:
    kind = kind_of(dataset)
    # What can be made follows from its settings: nothing is listed, and it need not be there.
    if (root and listing) or kind.prepare is not None:
        try:
            sizes = kind.sizes(dataset, root)
            return Images(train=sizes.train, val=sizes.val, classes=sizes.classes)
        except DatasetError:  # missing or damaged, which the workflow says when it starts
            pass
    published = assumptions.images.get(dataset.name)
    return published.model_copy(update={"assumed": True}) if published else None
