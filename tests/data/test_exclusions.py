"""What a policy leaves out of a data set, and what it refuses, on planted faults."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image
from pydantic import ValidationError

from bits.config.policy import Policy
from bits.config.recipe import Dataset
from bits.data.exclusions import Exclusions
from bits.data.kinds.images import KIND
from bits.data.listing import Listing
from bits.data.manifest import write_manifest, write_notes

from .pictures import image_folder, png

LEAVING = {"broken": "exclude", "oblong": "exclude", "ambiguous": "exclude", "copies": "exclude"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def dataset(**policy: Any) -> Dataset:
    return Dataset.model_validate({"name": "pets", "title": "Pets", "kind": "images", "policy": policy})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Distinct images of three classes, four of each in train and two in val, and one fault of every sort."""
    root = image_folder(
        tmp_path / "pets", {"train": {"cat": 4, "dog": 4, "owl": 4}, "val": {"cat": 2, "dog": 2, "owl": 1}}
    )
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        path.write_bytes(png(100 + number))
    (root / "train/cat/0.png").write_bytes(b"no image")
    Image.new("RGB", (60, 4)).save(root / "train/dog/long.png")
    shutil.copy(root / "train/cat/1.png", root / "train/dog/cat.png")  # two classes
    shutil.copy(root / "val/dog/1.png", root / "train/dog/val.png")  # copy of a val image
    for name in ("train/cat/._1.png", "train/cat/@eaDir/1.png", "val/cat/notes.txt", "val/cat/2.heic"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


@pytest.fixture(params=["folder", "zip"])
def place(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> str:
    return str(folder if request.param == "folder" else shutil.make_archive(str(tmp_path / "pets"), "zip", folder))


def images(place: str, split: str, **policy: Any) -> tuple[str, ...]:
    return KIND.open(dataset(**policy), Path(place), split).identities


def test_nothing_is_left_out_unless_the_policy_says_so(place: str) -> None:
    assert len(images(place, "train")) == 15
    assert dataset() == Dataset(name="pets", title="Pets", kind="images")
    assert "policy" not in dataset().model_dump(), "digests of sets without a policy of their own do not know the key"
    assert KIND.fingerprint(dataset(oblong="refuse"), place) == KIND.fingerprint(dataset(), place)


@pytest.mark.parametrize(
    ("policy", "gone"),
    [
        ({"broken": "exclude"}, {"cat/0.png"}),
        ({"oblong": "exclude"}, {"dog/long.png"}),
        ({"oblong": "exclude", "longest": 15.0}, set()),
        ({"ambiguous": "exclude"}, {"cat/1.png", "dog/cat.png"}),
        ({"copies": "exclude"}, {"dog/val.png"}),
        (LEAVING, {"cat/0.png", "dog/long.png", "cat/1.png", "dog/cat.png", "dog/val.png"}),
    ],
)
def test_each_answer_leaves_out_what_it_names_and_that_is_part_of_the_identity(
    place: str, policy: dict[str, Any], gone: set[str]
) -> None:
    everything = set(images(place, "train"))
    assert set(images(place, "train", **policy)) == everything - gone
    assert images(place, "val", **policy) == images(place, "val")
    assert (KIND.fingerprint(dataset(**policy), place) != KIND.fingerprint(dataset(), place)) == bool(gone)
    assert KIND.sizes(dataset(**policy), place).train == 15 - len(gone)


def test_small_classes_go_from_both_splits(folder: Path) -> None:
    shutil.rmtree(folder / "val/cat")
    for path in (folder / "train/dog").iterdir():
        path.unlink()
    place = str(folder)
    left = KIND.open(dataset(small_classes="exclude"), folder, "train")
    assert left.class_names == ("owl",) and set(left.labels.tolist()) == {0}
    assert KIND.split_facts(dataset(small_classes="exclude"), place, "val").images_per_class == {"owl": 1}
    (check,) = [check for check in KIND.remarks(dataset(small_classes="exclude"), place) if "class" in check.found]
    assert check.found == "left out: 2 classes with too few images, cat (0 in val), dog (0 in train)"


def test_classes_that_a_protocol_cannot_use_are_left_out(place: str) -> None:
    policy = {"small_classes": "exclude", "least_images": 2}
    assert KIND.split_facts(dataset(**policy), place, "val").images_per_class == {"cat": 2, "dog": 2}
    assert {name.split("/")[0] for name in images(place, "train", **policy)} == {"cat", "dog"}


@pytest.mark.parametrize("reason", ["broken", "oblong", "ambiguous", "copies"])
def test_refusing_is_an_error_as_soon_as_it_is_known(folder: Path, reason: str) -> None:
    asked = dataset(**{"broken": "exclude", reason: "refuse"})

    def errors() -> list[str]:
        return [check.found for check in KIND.remarks(asked, str(folder)) if check.status == "error"]

    if reason == "broken":
        assert errors() == [], "nothing was decoded yet"
        KIND.inspection(asked, str(folder), {})
    (found,) = errors()
    named = {"broken": "cat/0.png", "oblong": "dog/long.png", "ambiguous": "cat/1.png", "copies": "dog/val.png"}
    assert named[reason] in found


def test_only_files_can_be_left_out() -> None:
    with pytest.raises(ValidationError, match="its images are made here, and none is left out"):
        Dataset.model_validate({"name": "s", "kind": "scenes", "settings": {}, "policy": {"broken": "exclude"}})
    assert not Policy().excludes and Policy(copies="exclude").excludes and not Policy(copies="exclude").looks


def test_an_image_with_several_labels_goes_with_all_its_classes() -> None:
    listing = Listing("val", ("a", "b", "c"), ("1", "2", "3"), ((0, 1), (1,), (1, 2)), known_as=("x", "y", "z"))
    left = Exclusions({"val/3": "broken"}, {"b": "0 in val"}).applied(listing)
    assert left == Listing("val", ("a", "c"), ("1",), ((0,),), known_as=("x",))
    assert Exclusions().applied(listing) is listing


def test_an_inspection_lists_every_image_and_every_fault(place: str, tmp_path: Path) -> None:
    asked = dataset(broken="exclude", small_classes="exclude", least_images=2)
    found = KIND.inspection(asked, place, {"train": 15, "val": 6, "classes": 3})
    write_manifest(tmp_path / "m.parquet", "pets", place, found)
    table = pq.read_table(tmp_path / "m.parquet")
    rows = table.to_pylist()
    assert len(rows) == 20 and table.schema.metadata[b"identity"].decode() == KIND.fingerprint(asked, place)
    by_path = {row["path"]: row for row in rows}
    assert by_path["train/cat/0.png"]["left_out"] == "broken"
    assert by_path["train/owl/2.png"]["left_out"] == by_path["val/owl/0.png"]["left_out"] == "small class"
    intact = by_path["val/cat/1.png"]
    assert (intact["split"], intact["labels"], intact["height"], intact["width"]) == ("val", ["cat"], 6, 6)
    assert intact["bytes"] == len(png(100 + 13))
    assert (intact["modified"] is None) == place.endswith(".zip")
    assert intact["digest"] and intact["left_out"] == ""
    assert found.counts == {"train": (10, 2), "val": (4, 2)}
    write_notes(tmp_path / "n.csv", found.notes)
    notes = {(row["what"], row["path"]) for row in csv.DictReader((tmp_path / "n.csv").open(encoding="utf-8"))}
    assert notes == {
        ("broken", "train/cat/0.png"),
        ("oblong", "train/dog/long.png"),
        ("copy in another class", "train/cat/1.png"),
        ("copy in another class", "train/dog/cat.png"),
        ("copy in val", "train/dog/val.png"),
        ("class with too few images", "owl"),
        ("class with one image", "owl"),
        *(("not read", name) for name in ("train/cat/._1.png", "train/cat/@eaDir/1.png")),
        *(("not read", name) for name in ("val/cat/2.heic", "val/cat/notes.txt")),
    }
    said = {check.found for check in found.checks if check.status == "error"}
    assert said == {"5 images in val, published with 6"}
