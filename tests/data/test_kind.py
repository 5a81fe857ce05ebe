"""Every kind of data set: what it declares, and what it costs to ask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bits.config.recipe import Dataset
from bits.data.kind import dataset_kinds, kind_files, kind_of
from bits.records.code import ROOT

from . import official

HEAVY = ("torch", "numpy", "PIL", "safetensors")
SETTINGS = {"coco": {"parts": ["val2017"]}}  # that a kind cannot do without
MAKERS = {"coco": official.coco, "davis": official.davis, "imagenetv2": official.imagenetv2, "voc": official.voc}


def test_kinds_are_known_by_their_names() -> None:
    files = ["coco", "davis", "food101", "images", "imagenet", "imagenetv2", "inaturalist", "voc"]
    assert sorted(dataset_kinds()) == sorted([*files, "scene-shapes", "scenes"])
    for name, kind in dataset_kinds().items():
        assert kind.name == name
        assert kind_of(Dataset(name="x", kind=name, settings=SETTINGS.get(name, {}))) is kind


def test_what_makes_a_set_says_how_much() -> None:
    for kind in dataset_kinds().values():
        makers = (kind.prepare, kind.bytes_made, kind.frames_made)
        assert all(makers) or not any(makers), kind.name


def test_the_files_of_kinds_are_named_for_digests_of_code() -> None:
    folder = ROOT / "bits/data/kinds"
    assert kind_files(["scenes", "images", "scenes"]) == (folder / "images.py", folder / "scenes.py")
    assert kind_files([]) == ()


@pytest.mark.parametrize(
    "question",
    [
        "",
        "kind.root(dataset, 'x.zip')",
        "kind.fingerprint(dataset, kind.root(dataset, root))",
        "kind.sizes(dataset, kind.root(dataset, root))",
        "kind.image_size(dataset)",
    ],
)
def test_planning_asks_kinds_without_loading_what_reads_pixels(tmp_path: Path, question: str) -> None:
    roots = {name: str(MAKERS.get(name, official.imagenette)(tmp_path / name)) for name in dataset_kinds()}
    program = f"""
import sys
from bits.config.recipe import Dataset
from bits.data.kind import dataset_kinds
for name, kind in dataset_kinds().items():
    dataset, root = Dataset(name=name, kind=name, settings={SETTINGS}.get(name, {{}})), {roots}[name]
    {question or "pass"}
sys.exit(", ".join(name for name in {HEAVY} if name in sys.modules) or 0)
"""
    command, environment = [sys.executable, "-c", program], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "image"}, "images"),
        ({"kind": "images", "settings": {"train": 5}}, "the kind images has none"),
        ({"kind": "imagenet", "settings": {"classes": "x"}}, "this kind has class_list alone"),
        ({"kind": "voc", "settings": {"difficult": "no"}}, "expected difficult, which is labelled or ignored"),
        ({"kind": "coco"}, r"expected parts, the folders of images, as \[train2014, val2014\]"),
        ({"kind": "coco", "settings": {"parts": [2014]}}, "expected parts, the folders of images"),
        ({"kind": "scenes", "eval_split": "test"}, "train and val alone"),
        ({"kind": "scenes", "classes": 3}, "classes = 3: scenes are rendered as dataset.settings says"),
        ({"kind": "scenes", "max_side": 64}, "max_side = 64: scenes are rendered as dataset.settings says"),
        ({"kind": "scenes", "settings": {"trian": 5}}, "settings.trian of x: no such setting; did you mean 'train'"),
        ({"kind": "scenes", "settings": {"classes": 65}}, "classes = 65, expected 2 to 64"),
    ],
)
def test_settings_that_do_not_fit_the_kind_are_refused_when_they_are_read(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Dataset.model_validate({"name": "x", **values})
