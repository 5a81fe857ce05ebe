"""The kind "scene-shapes": the file of the kind "scenes", with other labels."""

from __future__ import annotations

from pathlib import Path

import torch

from bits.config.recipe import Dataset
from bits.data.kind import dataset_kinds
from bits.data.kinds.scene_shapes import KIND
from bits.scenes.shapes import SHAPES

SETTINGS = {"image_size": 16, "train": 3, "val": 30, "videos": 0}


def test_labels_are_the_shapes_in_sight_and_counts_those_of_the_file(tmp_path: Path) -> None:
    dataset = Dataset(name="shapes", kind="scene-shapes", settings=SETTINGS)
    scenes = dataset_kinds()["scenes"]
    assert KIND.root(dataset, None) == scenes.root(dataset, None), "one file serves both kinds"
    path = tmp_path / "scenes.safetensors"
    assert KIND.prepare is not None
    KIND.prepare(dataset, path, None)
    images = KIND.open(dataset, path, "val")
    assert images.class_names == tuple(SHAPES)
    assert KIND.sizes(dataset, str(path)).classes == len(SHAPES)
    assert images.multilabels is not None and int(images.multilabels.sum(1).max()) > 1
    assert images.relevance is images.multilabels
    facts = KIND.split_facts(dataset, str(path), "val")
    assert facts.images == len(images) == KIND.sizes(dataset, str(path)).val
    assert facts.images_per_class == dict(zip(SHAPES, images.multilabels.sum(0).tolist(), strict=True))
    assert torch.equal(images.decode(0), scenes.open(dataset, path, "val").decode(0))
    assert "classes" not in KIND.labels
