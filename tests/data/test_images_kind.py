"""The kind "images": every function that it declares, on folders and zips."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from bits.config.recipe import Dataset
from bits.data.fingerprint import fingerprint
from bits.data.images import open_image_set
from bits.data.kind import Check, Sizes, SplitFacts
from bits.data.kinds.images import COPY_AGAIN, KIND, SAMPLE
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
    whole = f"5 train and 2 val images in {place}, a sample of each can be read"
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
    assert found == Check("error", "2 class folders in train, expected 3", COPY_AGAIN)
    assert checks(place, quick, {"classes": 3}, classes=2)[0].status == "ok"


@pytest.mark.parametrize("quick", [False, True])
def test_a_class_of_one_split_only_is_named(folder: Path, quick: bool) -> None:
    image_folder(folder, {"train": {"emu": 1}})
    found = checks(folder, quick)[0]
    assert (found.status, found.found) == ("error", "1 class folders are in one split only, such as emu")


@pytest.mark.parametrize("quick", [False, True])
def test_val_in_the_place_of_test_is_said_and_not_held_against_the_published_count(folder: Path, quick: bool) -> None:
    published = {"train": 5, "val": 100, "classes": 2}
    found = checks(folder, quick, published, eval_split="test")[0]
    assert (found.status, found.found) == ("warning", "has no folder test, val is evaluated instead")
    assert all("published" not in each.found for each in checks(folder, quick, published, eval_split="test"))


def test_damaged_images_are_counted_and_the_first_is_named(folder: Path) -> None:
    for name in ("0", "1"):
        (folder / "train" / "cat" / f"{name}.png").write_bytes(b"<html>404</html>")
    (found,) = checks(folder)
    assert found.status == "error"
    assert found.found.startswith(f"2 of 5 images tried cannot be read, first {folder}/train/cat/0.png (")
    assert checks(folder, quick=True)[0].status == "ok"


def test_of_many_images_an_even_sample_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bits.data.folder import Folder

    place = image_folder(tmp_path / "many", {"train": {"cat": 3 * SAMPLE}, "val": {"cat": 1}})
    read: list[str] = []
    whole = Folder.read
    monkeypatch.setattr(Folder, "read", lambda self, name: read.append(name) or whole(self, name))
    assert checks(place)[0].status == "ok"
    names = sorted(f"train/cat/{number}.png" for number in range(3 * SAMPLE))
    assert read == [*names[::3], "val/cat/0.png"]


def test_a_split_that_is_missing_is_an_error_with_what_is_there(folder: Path) -> None:
    shutil.rmtree(folder / "val")
    for ask in (checks, lambda place: KIND.sizes(dataset(), str(place))):
        with pytest.raises(DatasetError, match=r'no folder "val"'):
            ask(folder)
