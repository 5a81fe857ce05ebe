"""Data sets with one fault each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bits.config.compose import CONFIG_DIR
from bits.config.recipe import Dataset
from bits.costs.assumptions import Images, load_assumptions
from bits.doctor import data
from bits.plan import Plan
from bits.plan.model import MissingData

COUNTS = Images(classes=2, train=6, val=4)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes, three training and two validation images each."""
    for split, count in (("train", 3), ("val", 2)):
        for name in ("cat", "dog"):
            folder = tmp_path / "set" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
    return tmp_path / "set"


def findings(root: Path, counts: Images | None = None, quick: bool = False, **values: Any) -> list[tuple[str, str]]:
    dataset = Dataset.model_validate({"name": "pets", "title": "Pets", "kind": "images", **values})
    return [(each.status, each.found) for each in data.data_set(dataset, str(root), counts, quick)]


def test_a_whole_set_folder_or_zip(pictures: Path, tmp_path: Path) -> None:
    said = "Pets: 6 train and 4 val images in {}, a sample of each can be read"
    assert findings(pictures, COUNTS) == [("ok", said.format(pictures))]
    zipped = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", pictures))
    assert findings(zipped, COUNTS) == [("ok", said.format(zipped))]


def test_val_in_the_place_of_the_test_images_is_said_and_not_held_against_their_number(pictures: Path) -> None:
    counts = COUNTS.model_copy(update={"val": 3})
    (first, second) = findings(pictures, counts, eval_split="test")
    assert first == ("warning", "Pets: has no folder test, val is evaluated instead")
    assert second[1].startswith("Pets: 6 train and 4 val images")
    shutil.move(pictures / "val", pictures / "test")
    said = f"Pets: 6 train and 4 test images in {pictures}, a sample of each can be read"
    assert findings(pictures, COUNTS, eval_split="test") == [("ok", said)]


def test_an_incomplete_copy(pictures: Path) -> None:
    (pictures / "train" / "cat" / "0.png").unlink()
    assert findings(pictures, COUNTS) == [("error", "Pets: 5 images in train, published with 6")]
    assert findings(pictures, None)[0][0] == "ok"
    assert findings(pictures, COUNTS, quick=True)[0][0] == "ok"
    assert findings(pictures, COUNTS.model_copy(update={"train": 4}))[0][0] == "warning"


@pytest.mark.parametrize("quick", [False, True])
def test_classes_that_are_missing_or_differ(pictures: Path, quick: bool) -> None:
    shutil.rmtree(pictures / "val" / "dog")
    assert ("error", "Pets: 1 class folders are in one split only, such as dog") in findings(pictures, None, quick)
    for counts in (None, COUNTS):
        found = findings(pictures, counts, quick, classes=1000)
        assert ("error", "Pets: 2 class folders in train, expected 1000") in found
    more = COUNTS.model_copy(update={"classes": 3})
    assert ("error", "Pets: 2 class folders in train, expected 3") in findings(pictures, more, quick)


def test_a_split_that_is_missing_and_an_empty_class(pictures: Path) -> None:
    (pictures / "val").rename(pictures / "valid")
    ((status, found),) = findings(pictures)
    assert status == "error" and '"val" or "validation" or "test"' in found
    (pictures / "valid").rename(pictures / "test")
    (pictures / "test" / "cat" / "0.png").unlink()
    (pictures / "test" / "cat" / "1.png").unlink()
    ((status, found),) = findings(pictures)
    assert status == "error" and "hold no image: cat" in found


@pytest.mark.parametrize("damage", ["cut", "text", "unreadable"])
def test_a_broken_image_is_named(pictures: Path, damage: str) -> None:
    broken = pictures / "val" / "dog" / "1.png"
    if damage == "unreadable":
        broken.unlink()
        broken.mkdir()  # root reads files of any mode
        broken = pictures / "val" / "dog" / "0.png"
        damage = "text"
    broken.write_bytes(broken.read_bytes()[:40] if damage == "cut" else b"<html>404</html>")
    found = [text for status, text in findings(pictures) if status == "error"]
    assert len(found) == 1 and "images tried cannot be read" in found[0] and str(broken) in found[0]


def test_a_set_that_is_not_there(plan: Plan) -> None:
    gap = MissingData(role="imagenet1k", dataset="scenes", root="data/x", reason="data/x does not exist.")
    reason = "no data for food101: nothing at data/food101"
    gaps = plan.model_copy(update={"missing": (gap,), "left_out": {"table-8": reason, "table-14": reason}})
    (missing,), (left_out,) = data.absent(gaps, "imagenet1k"), data.left_out(gaps)
    assert missing.status == "error" and "does not exist" in missing.found
    assert data.absent(gaps, "food101") == []
    assert left_out.status == "warning" and left_out.found == "not here: food101; left out: table-8, table-14"
    assert "birds525" not in left_out.remedy, "no exhibit waits for it"
    assert data.left_out(plan) == []


def test_published_counts_name_data_sets_of_the_configuration() -> None:
    counts = load_assumptions(CONFIG_DIR).images
    text = (CONFIG_DIR / "site" / "default.yaml").read_text()
    assert counts and all(f"  {name}:" in text for name in counts)
    assert not any(images.assumed for images in counts.values())
