"""The kind "images": every function that it declares, on folders and zips."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bits.config.recipe import Dataset
from bits.data.file_checks import COPY_AGAIN
from bits.data.fingerprint import fingerprint
from bits.data.images import open_image_set
from bits.data.kind import Check, Sizes, SplitFacts
from bits.data.kinds.images import KIND
from bits.errors import DatasetError

from .pictures import image_folder, png

COUNTS = {"train": {"cat": 3, "dog": 2}, "val": {"cat": 1, "dog": 1}}


def dataset(**values: Any) -> Dataset:
    return Dataset.model_validate({"name": "pets", "title": "Pets", "kind": "images", **values})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return image_folder(tmp_path / "pets", COUNTS)


@pytest.fixture(params=["folder", "zip"])
def place(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Path:
    """The same images as a folder and as a zip."""
    return folder if request.param == "folder" else Path(shutil.make_archive(str(tmp_path / "pets"), "zip", folder))


def checks(place: Path, quick: bool = False, published: dict[str, int] | None = None, **values: Any) -> list[Check]:
    return list(KIND.checks(dataset(**values), str(place), published or {}, quick))


def test_it_lies_where_the_site_says_and_nowhere_else() -> None:
    assert KIND.root(dataset(), "/data/pets.zip") == "/data/pets.zip"
    assert KIND.root(dataset(), None) == ""


def test_its_identity_is_the_fingerprint_of_its_files(place: Path) -> None:
    assert KIND.fingerprint(dataset(), str(place)) == fingerprint(place)
    with pytest.raises(DatasetError, match="nowhere does not exist"):
        KIND.fingerprint(dataset(), str(place.parent / "nowhere"))


def test_sizes_and_facts_follow_from_the_names(place: Path) -> None:
    assert KIND.sizes(dataset(), str(place)) == Sizes(train=5, val=2, classes=2)
    assert KIND.split_facts(dataset(), str(place), "train") == SplitFacts("train", 5, {"cat": 3, "dog": 2})
    assert KIND.sizes(dataset(classes=1), str(place)) == Sizes(train=3, val=1, classes=1)
    assert KIND.split_facts(dataset(classes=1), str(place), "val") == SplitFacts("val", 1, {"cat": 1})


def test_the_evaluation_folder_is_the_one_that_is_preferred(folder: Path) -> None:
    shutil.copytree(folder / "val", folder / "test")
    (folder / "test" / "dog" / "9.png").write_bytes(png(9))
    for split, count in (("val", 2), ("test", 3)):
        facts = KIND.split_facts(dataset(eval_split=split), str(folder), "val")
        assert (facts.folder, facts.images) == (split, count)
        assert len(KIND.open(dataset(eval_split=split), folder, "val")) == count


def test_a_typical_image_is_a_photograph() -> None:
    assert KIND.image_size(dataset()) == (375, 500)


def test_a_split_is_opened_as_the_settings_say(place: Path) -> None:
    images = KIND.open(dataset(), place, "train")
    other = open_image_set(place, "pets", "train")
    assert (images.name, images.split, images.class_names) == ("pets", "train", ("cat", "dog"))
    assert images.identities == other.identities
    assert images.decode(4).equal(other.decode(4))
    few = KIND.open(dataset(classes=1, max_side=4), place, "train")
    assert few.identities == ("cat/0.png", "cat/1.png", "cat/2.png")
    assert few.image_size(0) == (4, 4)


def test_other_files_than_planned_are_refused(place: Path) -> None:
    planned = dataset(fingerprint=KIND.fingerprint(dataset(), str(place)))
    assert len(KIND.open(planned, place, "val")) == 2
    other = planned.model_copy(update={"fingerprint": "0" * 64})
    with pytest.raises(DatasetError, match=r"holds other files than when this run was planned .*planned 000000000000"):
        KIND.open(other, place, "val")


def test_a_user_supplies_it_and_it_has_no_videos() -> None:
    assert KIND.prepare is KIND.bytes_made is KIND.frames_made is KIND.videos is None
    assert KIND.labels == ("classes",)


def test_a_whole_set_is_found_whole(place: Path) -> None:
    published = {"train": 5, "val": 2, "classes": 2}
    whole = f"5 train and 2 val images in {place}, all can be decoded"
    assert checks(place) == checks(place, published=published) == [Check("ok", whole)]
    quick = f"2 classes in {place}; images were not counted (--quick)"
    assert checks(place, quick=True, published=published) == [Check("ok", quick)]


def test_counts_are_held_against_the_published_ones(place: Path) -> None:
    (few,) = checks(place, published={"train": 6, "val": 2, "classes": 2})
    assert few == Check("error", "5 images in train, published with 6", COPY_AGAIN)
    (many,) = checks(place, published={"train": 5, "val": 1, "classes": 2})
    assert (many.status, many.found) == ("warning", "2 images in val, published with 1")
    assert checks(place, quick=True, published={"train": 6, "val": 2})[0].status == "ok"


@pytest.mark.parametrize("quick", [False, True])
def test_classes_are_held_against_the_published_ones_and_the_settings_win(place: Path, quick: bool) -> None:
    found = checks(place, quick, {"classes": 3})[0]
    assert found == Check("error", "2 classes in train, expected 3", COPY_AGAIN)
    assert checks(place, quick, {"classes": 3}, classes=2)[0].status == "ok"


@pytest.mark.parametrize("quick", [False, True])
def test_val_in_the_place_of_test_is_said_and_not_held_against_the_published_count(folder: Path, quick: bool) -> None:
    published = {"train": 5, "val": 100, "classes": 2}
    found = checks(folder, quick, published, eval_split="test")[0]
    assert (found.status, found.found) == ("warning", "has no folder test, val is evaluated instead")
    assert all("published" not in each.found for each in checks(folder, quick, published, eval_split="test"))


def test_all_broken_images_are_named(folder: Path) -> None:
    (folder / "train/cat/0.png").write_bytes(b"<html>404</html>")
    (folder / "val/dog/0.png").write_bytes(png(0)[:50])
    (found,) = checks(folder)
    assert found.status == "error" and found.found.startswith("2 images can't be decoded: ")
    for name in ("train/cat/0.png (16 bytes)", "val/dog/0.png (50 bytes)"):
        assert f"{folder}/{name}" in found.found
    assert "its runs start anew" in found.remedy
    assert checks(folder, quick=True)[0].status == "ok"


@pytest.mark.parametrize("mode", ["F", "I"])
def test_images_are_decoded_as_training_does(folder: Path, mode: str) -> None:
    Image.new(mode, (6, 6)).save(folder / "train/cat/deep.tif")
    (found,) = checks(folder)
    assert found.status == "error" and "deep.tif" in found.found and "32-bit pixels" in found.found


def test_large_images_are_counted_and_the_canvas_holds_what_is_decoded(place: Path) -> None:
    assert KIND.canvas is not None
    assert KIND.canvas(dataset(), str(place)) == (6, 6)
    assert KIND.canvas(dataset(max_side=4), str(place)) == (4, 4)
    (found,) = checks(place, max_side=4)
    assert found.found.endswith("all can be decoded, 7 reduced to max_side = 4 px")


def test_the_canvas_is_bounded_whatever_the_shapes(folder: Path) -> None:
    Image.new("RGB", (2000, 10)).save(folder / "train/cat/wide.png")
    Image.new("RGB", (10, 2000)).save(folder / "val/cat/high.png")
    assert KIND.canvas is not None
    assert KIND.canvas(dataset(), str(folder)) == (2000, 2000)
    assert KIND.canvas(dataset(max_side=100), str(folder)) == (100, 100)


def remarks(place: Path, **values: Any) -> list[Check]:
    assert KIND.remarks is not None
    return list(KIND.remarks(dataset(**values), str(place)))


def distinct(root: Path) -> None:
    """Give every image other bytes than all others have."""
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        path.write_bytes(png(100 + number))


@pytest.mark.parametrize("zipped", [False, True])
def test_copies_across_splits_and_classes_are_counted_and_named(folder: Path, tmp_path: Path, zipped: bool) -> None:
    def told() -> list[str]:
        place = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", folder)) if zipped else folder
        return [check.found for check in remarks(place)]

    distinct(folder)
    assert told() == []
    (folder / "val/cat/0.png").write_bytes((folder / "train/cat/1.png").read_bytes())
    across = "1 training image is a copy of a val image, such as train/cat/1.png of val/cat/0.png"
    assert told() == [across]
    (folder / "train/dog/1.png").write_bytes((folder / "train/dog/0.png").read_bytes())
    assert told() == [across], "copies in one class of one split are no harm"
    (folder / "train/cat/2.png").write_bytes((folder / "train/dog/0.png").read_bytes())
    classes = "3 images are copies of each other in different classes, such as train/cat/2.png and train/dog/0.png"
    assert told() == [classes, across]


def test_a_val_that_is_a_link_to_train_is_told(folder: Path) -> None:
    distinct(folder)
    shutil.rmtree(folder / "val")
    (folder / "val").symlink_to("train")
    (found,) = remarks(folder)
    assert found.found.startswith("5 training images are copies of val images")


@pytest.mark.parametrize("zipped", [False, True])
def test_files_that_look_like_images_and_are_not_read_are_counted(folder: Path, tmp_path: Path, zipped: bool) -> None:
    distinct(folder)
    for name in ("train/cat/a.HEIC", "train/cat/b.heic", "val/dog/c.svg", "train/cat/notes.txt", "logo.svg"):
        (folder / name).write_bytes(b"x")
    place = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", folder)) if zipped else folder
    (found,) = remarks(place)
    said = "not read, though named like images: 3 files (2 .heic, 1 .svg), "
    assert (found.status, found.found) == ("warning", f"{said}train/cat/a.HEIC, train/cat/b.heic, val/dog/c.svg")


@pytest.mark.parametrize("zipped", [False, True])
def test_a_hidden_folder_that_may_be_a_class_is_told(folder: Path, tmp_path: Path, zipped: bool) -> None:
    distinct(folder)
    before = KIND.sizes(dataset(), str(folder))
    image = next((folder / "train/cat").iterdir())
    for name in ("train/.net", "val/.net/below", "train/.notes", "train/@eaDir", "train/.ipynb_checkpoints"):
        (folder / name).mkdir(parents=True)
        if name != "train/.notes":
            shutil.copy(image, folder / name)
    place = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", folder)) if zipped else folder
    (found,) = remarks(place)
    said = "left out, because a dot begins their names: 2 folders of images, train/.net, val/.net"
    assert (found.status, found.found) == ("warning", said)
    assert KIND.sizes(dataset(), str(place)) == before


def test_a_split_that_is_missing_is_an_error_with_what_is_there(folder: Path) -> None:
    shutil.rmtree(folder / "val")
    for ask in (checks, lambda place: KIND.sizes(dataset(), str(place))):
        with pytest.raises(DatasetError, match=r'no folder "val"'):
            ask(folder)
