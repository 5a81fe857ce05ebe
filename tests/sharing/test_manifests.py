"""Data manifests: counts by class of folders, zips and rendered scenes, and nothing of where they lie."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bits.config.recipe import Dataset
from bits.scenes.settings import SceneSettings
from bits.scenes.split import render_split
from bits.sharing.manifests import manifest, write_manifests

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
    of_folder, of_zip = manifest(IMAGES, str(folder)), manifest(IMAGES, str(archive))
    counts = {"images": 5, "classes": 2, "images_per_class": {"jay": 2, "owl": 3}}
    assert of_folder["splits"]["train"] == {"folder": "train", **counts}
    assert of_zip["splits"] == of_folder["splits"]
    assert of_zip["fingerprint"] != of_folder["fingerprint"]
    assert str(tmp_path) not in json.dumps([of_folder, of_zip])


def test_a_manifest_says_which_folder_is_evaluated(folder):
    tested = IMAGES.model_copy(update={"eval_split": "test"})
    assert manifest(tested, str(folder))["splits"]["val"]["folder"] == "val", "there is no other"
    (folder / "val").rename(folder / "test")
    assert manifest(tested, str(folder))["splits"]["val"]["folder"] == "test"


def test_scenes_are_counted_as_they_are_rendered():
    settings = {"image_size": 16, "classes": 3, "train": 40, "val": 7, "videos": 0}
    found = manifest(
        Dataset(name="scenes", title="scenes", kind="scenes", settings=settings), "data/scenes-1.safetensors"
    )
    for split, count in (("train", 40), ("val", 7)):
        labels = render_split(SceneSettings(**settings), split, 0, count)["labels"]
        assert list(found["splits"][split]["images_per_class"].values()) == np.bincount(labels, minlength=3).tolist()
    assert Counter(found["splits"]["val"]["images_per_class"]).total() == found["splits"]["val"]["images"] == 7


def test_data_that_are_not_here_keep_their_manifest(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = {
        "scale": {"name": "tiny"},
        "datasets": {"birds525": IMAGES.model_dump(mode="json")},
        "roots": {"birds525": str(folder)},
    }
    (written,) = write_manifests(plan)
    text = Path(written).read_text()
    assert written == "results/tiny/data/birds525.json"
    assert write_manifests({**plan, "roots": {"birds525": "nowhere"}}) == []
    assert Path(written).read_text() == text
