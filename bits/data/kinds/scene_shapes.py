"""Procedural scenes whose labels are the shapes in sight, several an image (docs/scenes.md)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bits.data.kind import Sizes, SplitFacts
from bits.data.kinds.scenes import KIND as SCENES
from bits.data.kinds.scenes import generator

if TYPE_CHECKING:
    from bits.config.recipe import Dataset
    from bits.data.images import ImageSet


LABELS = 8  # as many as bits.scenes.shapes.SHAPES, which would import numpy in every plan


def sizes(dataset: Dataset, place: str) -> Sizes:
    settings = generator(dataset)
    return Sizes(settings.train, settings.val, LABELS)


def split_facts(dataset: Dataset, place: str, split: str) -> SplitFacts:
    """Rendered, because an object may be hidden behind others."""
    from bits.scenes.shapes import SHAPES
    from bits.scenes.split import render_split

    settings = generator(dataset)
    count = settings.train if split == "train" else settings.val
    seen = render_split(settings, split, 0, count)["multilabels"].sum(axis=0)
    return SplitFacts("", count, dict(zip(SHAPES, seen.tolist(), strict=True)))


def open_split(dataset: Dataset, place: Path, split: str) -> ImageSet:
    from bits.data.scene_set import SceneSet

    return SceneSet(place, split, targets="shapes")


KIND = replace(
    SCENES,
    name="scene-shapes",
    labels=("several", "boxes", "masks"),
    sizes=sizes,
    split_facts=split_facts,
    open=open_split,
)
