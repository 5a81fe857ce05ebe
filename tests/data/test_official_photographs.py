"""Real images and annotations of COCO and DAVIS, read by their official layouts."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bits.data.kind import kind_of
from bits.errors import DatasetError

from .test_official import dataset, listing


def test_labels_of_coco_are_those_of_its_annotations(shared_data: Path) -> None:
    place, of = shared_data / "coco_val2017_mini.zip", dataset("coco2017")
    with zipfile.ZipFile(place) as archive:
        notes = json.loads(archive.read("annotations/instances_val2017.json"))
    names = {category["id"]: category["name"] for category in notes["categories"]}
    shown: dict[str, set[str]] = {}
    for image in notes["images"]:
        found = {names[one["category_id"]] for one in notes["annotations"] if one["image_id"] == image["id"]}
        shown[f"val2017/{image['file_name']}"] = found
    images = kind_of(of).open(of, place, "val")
    assert images.class_names == tuple(names[number] for number in sorted(names))
    assert images.multilabels is not None and len(images) == sum(map(bool, shown.values())) > 10
    for identity, row in zip(images.identities, images.multilabels.tolist(), strict=True):
        assert {images.class_names[label] for label, is_there in enumerate(row) if is_there} == shown[identity]
    height, width = images.decode(0).shape[1:]
    assert min(height, width) > 200


def test_masks_of_davis_are_the_indices_of_their_palette(shared_data: Path, tmp_path: Path) -> None:
    """The miniature has no list of sequences, which is added; of two of its sequences every frame is there."""
    with zipfile.ZipFile(shared_data / "davis_mini.zip") as archive:
        names = [name for name in archive.namelist() if "/bear/" in name or "/tennis/" in name]
        archive.extractall(tmp_path, names)
    with pytest.raises(DatasetError, match=r"has no ImageSets/2017/val\.txt"):
        listing(dataset("davis2017"), tmp_path, "val")
    lists = tmp_path / "DAVIS/ImageSets/2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("bear\ntennis\n")
    kind = kind_of(dataset("davis2017"))
    assert kind.videos is not None
    videos = kind.videos(dataset("davis2017"), tmp_path)
    frames, masks = videos.frames_of(1), videos.masks_of(1)
    assert frames.shape == (2, 3, *masks.shape[1:]) and masks.shape[1] == 480
    with Image.open(tmp_path / "DAVIS/Annotations/480p/tennis/00001.png") as image:
        indices = np.array(image)
    assert set(np.unique(indices)) == {0, 1, 2, 255}, "two objects, and void"
    assert np.array_equal(masks[1].numpy(), np.where(indices == 255, 0, indices))
