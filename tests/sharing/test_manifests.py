"""Data manifests: counts by class of folders, zips and rendered scenes, and nothing of where they lie."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bits.config.recipe import Dataset
from bits.data.kind import SplitFacts
from bits.scenes.settings import SceneSettings
from bits.scenes.split import render_split
from bits.sharing import manifests
from bits.sharing.manifests import Split, manifest, write_manifests

from .plans import plan_of

IMAGES = Dataset(name="birds", title="birds", kind="images")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, label, count in (("train", "owl", 3), ("train", "jay", 2), ("val", "owl", 1), ("val", "jay", 1)):
        for index in range(count):
            path = tmp_path / "birds" / split / label / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
    return tmp_path / "birds"


def test_images_of_a_folder_and_of_a_zip_are_counted_by_class(folder, tmp_path):
    archive = tmp_path / "birds.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.rglob("*.png"):
            file.write(path, path.relative_to(folder))
    of_folder, of_zip = (manifest("birds525", IMAGES, str(root)) for root in (folder, archive))
    assert of_folder.splits["train"] == Split("train", images=5, classes=2, images_per_class={"jay": 2, "owl": 3})
    assert list(of_folder.splits["train"].images_per_class) == ["jay", "owl"]
    assert of_zip.splits == of_folder.splits
    assert of_zip.fingerprint != of_folder.fingerprint
    assert str(tmp_path) not in json.dumps([asdict(of_folder), asdict(of_zip)])


def test_a_manifest_says_which_folder_is_evaluated(folder):
    tested = IMAGES.model_copy(update={"eval_split": "test"})
    assert manifest("birds525", tested, str(folder)).splits["val"].folder == "val", "there is no other"
    (folder / "val").rename(folder / "test")
    assert manifest("birds525", tested, str(folder)).splits["val"].folder == "test"


def test_scenes_are_counted_as_they_are_rendered():
    settings = {"image_size": 16, "classes": 3, "train": 40, "val": 7, "videos": 0}
    scenes = Dataset(name="scenes", title="scenes", kind="scenes", settings=settings)
    found = manifest("imagenet1k", scenes, "data/scenes-1.safetensors")
    for split, count in (("train", 40), ("val", 7)):
        labels = render_split(SceneSettings(**settings), split, 0, count)["labels"]
        assert list(found.splits[split].images_per_class.values()) == np.bincount(labels, minlength=3).tolist()
    assert Counter(found.splits["val"].images_per_class).total() == found.splits["val"].images == 7


def test_an_image_with_several_labels_is_one_image_and_counts_for_each_label(monkeypatch):
    facts = SplitFacts("", 3, {"red": 2, "round": 2})
    monkeypatch.setattr(
        manifests, "kind_of", lambda dataset: SimpleNamespace(splits=("val",), split_facts=lambda *where: facts)
    )
    split = manifest("birds525", IMAGES, "nowhere").splits["val"]
    assert split == Split("", images=3, classes=2, images_per_class={"red": 2, "round": 2})


def test_data_that_are_not_here_keep_their_manifest(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = plan_of("tiny", datasets={"birds525": IMAGES}, roots={"birds525": str(folder)})
    (written,) = write_manifests(plan)
    text = written.read_text()
    assert written == Path("results/tiny/data/birds525.json")
    content = json.loads(text)
    assert list(content) == ["role", "name", "title", "kind", "fingerprint", "splits"]
    assert content["splits"]["val"] == {
        "folder": "val",
        "images": 2,
        "classes": 2,
        "images_per_class": {"jay": 1, "owl": 1},
    }
    assert write_manifests(plan.model_copy(update={"roots": {"birds525": "nowhere"}})) == []
    assert written.read_text() == text
