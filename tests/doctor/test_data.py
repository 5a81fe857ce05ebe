"""Data sets with one fault each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bits.config.declared import CONFIG_DIR
from bits.config.recipe import Dataset
from bits.costs.assumptions import Images, load_assumptions
from bits.doctor import data
from bits.plan import Plan
from bits.plan.model import DataRemark, MissingData

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
    said = "Pets: 6 train and 4 val images in {}, all can be decoded"
    assert findings(pictures, COUNTS) == [("ok", said.format(pictures))]
    zipped = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", pictures))
    assert findings(zipped, COUNTS) == [("ok", said.format(zipped))]


def test_val_in_the_place_of_the_test_images_is_said_and_not_held_against_their_number(pictures: Path) -> None:
    counts = COUNTS.model_copy(update={"val": 3})
    (first, second) = findings(pictures, counts, eval_split="test")
    assert first == ("warning", "Pets: has no folder test, val is evaluated instead")
    assert second[1].startswith("Pets: 6 train and 4 val images")
    shutil.move(pictures / "val", pictures / "test")
    said = f"Pets: 6 train and 4 test images in {pictures}, all can be decoded"
    assert findings(pictures, COUNTS, eval_split="test") == [("ok", said)]


def test_an_incomplete_copy(pictures: Path) -> None:
    (pictures / "train" / "cat" / "0.png").unlink()
    assert findings(pictures, COUNTS) == [("error", "Pets: 5 images in train, published with 6")]
    assert findings(pictures, None)[0][0] == "ok"
    assert findings(pictures, COUNTS, quick=True)[0][0] == "ok"
    assert findings(pictures, COUNTS.model_copy(update={"train": 4}))[0][0] == "warning"


@pytest.mark.parametrize("quick", [False, True])
def test_another_number_of_classes_than_expected(pictures: Path, quick: bool) -> None:
    for counts in (None, COUNTS):
        found = findings(pictures, counts, quick, classes=1000)
        assert ("error", "Pets: 2 classes in train, expected 1000") in found
    more = COUNTS.model_copy(update={"classes": 3})
    assert ("error", "Pets: 2 classes in train, expected 3") in findings(pictures, more, quick)


def test_a_split_that_is_missing_and_an_empty_class(pictures: Path) -> None:
    (pictures / "val").rename(pictures / "evaluation")
    ((status, found),) = findings(pictures)
    assert status == "error" and '"val" or "validation" or "valid" or "test"' in found
    (pictures / "evaluation").rename(pictures / "test")
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
    assert len(found) == 1 and "1 image can't be decoded" in found[0] and str(broken) in found[0]


def test_a_set_that_is_not_there(plan: Plan) -> None:
    gap = MissingData(role="imagenet1k", dataset="scenes", root="data/x", reason="data/x does not exist.")
    reason = "no data for food101: nothing at data/food101"
    gaps = plan.model_copy(update={"missing": (gap,), "left_out": {"table-8": reason, "table-14": reason}})
    (missing,), (left_out, expected) = data.absent(gaps, "imagenet1k"), data.left_out(gaps)
    assert missing.status == "error" and "does not exist" in missing.found
    assert data.absent(gaps, "food101") == []
    assert left_out.status == "warning" and left_out.found == "not here: food101; left out: table-8, table-14"
    assert "birds525" not in left_out.remedy, "no exhibit waits for it"
    assert expected.status == "skipped" and expected.found.startswith(f"{plan.datasets['food101'].title}: Expected ")
    assert data.left_out(plan) == []


def test_published_counts_name_data_sets_of_the_configuration() -> None:
    counts = load_assumptions(CONFIG_DIR).images
    text = (CONFIG_DIR / "site" / "default.yaml").read_text()
    assert counts and all(f"  {name}:" in text for name in counts)
    assert not any(images.assumed for images in counts.values())


@pytest.fixture
def photographs(plan: Plan, tmp_path: Path) -> Plan:
    """A plan whose pretraining images are two wide and two high ones."""
    for split in ("train", "val"):
        for number, size in enumerate([(400, 10), (10, 400)]):
            path = tmp_path / "photos" / split / "cat" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", size, (number, len(split), 0)).save(path)
    images = Dataset.model_validate({"name": "photos", "title": "Photos", "kind": "images"})
    roots = {**plan.roots, "imagenet1k": str(tmp_path / "photos")}
    return plan.model_copy(update={"datasets": {**plan.datasets, "imagenet1k": images}, "roots": roots})


def with_images(plan: Plan, **values: Any) -> Plan:
    """The plan with other settings of its pretraining images."""
    dataset = plan.datasets["imagenet1k"].model_copy(update=values)
    return plan.model_copy(update={"datasets": {**plan.datasets, "imagenet1k": dataset}})


def test_the_largest_batch_is_held_against_the_memory(photographs: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    site = photographs.site.model_copy(update={"feature_batch": 100})
    wide = photographs.model_copy(update={"site": site})
    monkeypatch.setattr(data, "hardware", lambda: {"memory_gib": 1.0})
    (fits,) = data.batches(wide, "imagenet1k", slurm=False)
    # 100 images of 400 x 400 px, 3 bytes each, six batches at a time
    assert fits.status == "ok"
    assert (
        fits.found == "Photos: a batch of 100 images on a canvas of 400 x 400 px; 6 of them in memory take up to 288 MB"
    )
    monkeypatch.setattr(data, "hardware", lambda: {"memory_gib": 0.5})
    (large,) = data.batches(wide, "imagenet1k", slurm=False)
    assert large.status == "warning" and "dataset.max_side, now null" in large.remedy
    (reduced,) = data.batches(with_images(wide, max_side=40), "imagenet1k", slurm=False)
    assert reduced.status == "ok" and "40 x 40 px" in reduced.found
    (job,) = data.batches(wide, "imagenet1k", slurm=True)
    assert job.status == "ok", "three GiB are asked for"


def test_rendered_images_of_one_size_need_no_look(plan: Plan) -> None:
    assert data.batches(plan, "imagenet1k", slurm=False) == []


def test_what_the_plan_says_of_data_is_found(plan: Plan) -> None:
    wrong = DataRemark(role="imagenet1k", found="class b only in train", remedy="Remove it.")
    told = DataRemark(role="food101", found="1 of 2 val images are copies", remedy="Remove them.")
    marked = plan.model_copy(update={"unfit": (wrong,), "remarks": (told,)})
    (first,), (second,) = (data.unfit(marked, role) for role in ("imagenet1k", "food101"))
    assert (first.status, first.found) == ("error", f"{plan.datasets['imagenet1k'].title}: class b only in train")
    assert (second.status, second.remedy) == ("warning", "Remove them.")
