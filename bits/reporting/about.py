"""What every exhibit says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bits.exhibits import Exhibit
from bits.exhibits.kinds.base import dataset_of
from bits.plan.data import is_own
from bits.plan.model import Plan


@dataclass(frozen=True)
class About:
    """What every exhibit says of itself; beyond: the paper does not have it."""

    id: str
    name: str
    title: str
    caption: str
    section: str
    notes: tuple[str, ...]
    scale: str
    stamp: str
    reproduction: bool
    beyond: bool = False


def about(exhibit: Exhibit, plan: Plan) -> About:
    """An exhibit's heading, with the scale's stamp; the caption says which data stand in for the paper's."""
    return About(
        id=exhibit.id,
        name=exhibit.name,
        title=exhibit.title,
        caption=" ".join((exhibit.caption, *_stand_ins(exhibit, plan))),
        section=exhibit.section,
        notes=exhibit.notes,
        scale=plan.scale.name,
        stamp=plan.scale.stamp,
        reproduction=plan.scale.reproduction,
        beyond=exhibit.beyond,
    )


def _stand_ins(exhibit: Exhibit, plan: Plan) -> Iterator[str]:
    """One sentence that says which rendered data were measured on in place of the paper's, if any."""
    places = []
    for role in dict.fromkeys(dataset_of(measure) for _, measure in exhibit.needs()):
        dataset = plan.datasets.get(role)
        if dataset is not None and dataset.name != role and not is_own(role, dataset):
            places.append(f"{dataset.title or dataset.name}, in place of {role}")
    if places:
        yield f"Measured here on {'; '.join(places)}."
