"""The twelve data sets, as their official archives unpack: what is read of each, in a folder and in a zip."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from bits.config.declared import CONFIG_DIR
from bits.config.recipe import Dataset
from bits.data import kept
from bits.data.class_list import class_list
from bits.data.kind import Check, Sizes, kind_of
from bits.data.kinds import coco
from bits.data.listing import Listing

from . import official

TRAIN = tuple(f"{wnid}/{wnid}_{number}.JPEG" for wnid in official.WNIDS[:2] for number in (1, 10, 2))
VAL = tuple(
    f"{wnid}/ILSVRC2012_val_{number:08d}.JPEG"
    for wnid, numbers in zip(official.WNIDS[:2], ((1, 3), (2, 4)), strict=True)
    for number in numbers
)


class Expected(NamedTuple):
    """What is read of a miniature: classes, and by split the images with their labels."""

    make: Callable[[Path], Path]
    classes: tuple[str, ...]
    images: dict[str, dict[str, tuple[int, ...]]]


def plain(*names: str) -> dict[str, tuple[int, ...]]:
    """Images in class folders; a class's label is its place among the names' folders."""
    folders = list(dict.fromkeys(name.partition("/")[0] for name in names))
    return {name: (folders.index(name.partition("/")[0]),) for name in names}


SETS = {
    "imagenet1k": Expected(official.imagenet, official.WNIDS[:2], {"train": plain(*TRAIN), "val": plain(*VAL)}),
    "imagenetv2": Expected(
        official.imagenetv2,
        tuple(map(str, range(12))),
        {"val": plain(*(f"{label}/{name}.jpeg" for label in range(12) for name in "ab"))},
    ),
    "voc2012": Expected(
        official.voc,
        ("bird", "cat"),
        {"val": {"2007_000027.jpg": (0,), "2008_000003.jpg": (0, 1), "2009_000001.jpg": (1,)}},
    ),
    "coco2014": Expected(
        official.coco,
        ("person", "dog"),
        {"val": {"train2014/COCO_train2014_9.jpg": (0, 1), "val2014/COCO_val2014_7.jpg": (1,)}},
    ),
    "coco2017": Expected(official.coco, ("person", "dog"), {"val": {"val2017/7.jpg": (1,)}}),
    "davis2017": Expected(
        official.davis,
        ("bear", "tennis"),
        {"val": plain(*(f"{name}/{frame:05d}.jpg" for name in ("bear", "tennis") for frame in (0, 1)))},
    ),
    "birds525": Expected(
        official.birds525,
        ("ABBOTTS BABBLER", "PARAKETT AKULET"),
        {
            "train": plain(*(f"{name}/{n}.png" for name in ("ABBOTTS BABBLER", "PARAKETT  AKULET") for n in (0, 1))),
            "val": plain("ABBOTTS BABBLER/0.png", "PARAKETT AKULET/0.png"),
        },
    ),
    "food101": Expected(
        official.food101,
        ("apple_pie", "tacos"),
        {
            "train": plain("apple_pie/20.jpg", "apple_pie/3.jpg", "tacos/10.jpg"),
            "val": plain("apple_pie/1.jpg", "tacos/2.jpg"),
        },
    ),
    "inat2019": Expected(
        official.inaturalist,
        ("2", "10"),
        {
            split: {f"train_val2019/Plants/{label}/{one}.jpg": (place,) for one, label, place in found}
            for split, found in {"train": ((2, 2, 0), (3, 2, 0), (1, 10, 1)), "val": ((4, 2, 0), (5, 10, 1))}.items()
        },
    ),
    "plantnet300k": Expected(
        official.plantnet300k,
        ("1355868", "1355920"),
        dict.fromkeys(("train", "val"), plain("1355868/0.png", "1355868/1.png", "1355920/0.png")),
    ),
    "inet10": Expected(
        official.imagenette,
        ("n01440764", "n02102040"),
        {
            "train": plain(*(f"n01440764/{number}.png" for number in range(3)), "n02102040/0.png", "n02102040/1.png"),
            "val": plain("n01440764/0.png", "n02102040/0.png"),
        },
    ),
}


def dataset(name: str, **values: Any) -> Dataset:
    """As config/dataset says, but for the number of classes."""
    declared = yaml.safe_load((CONFIG_DIR / f"dataset/{name}.yaml").read_text(encoding="utf-8"))
    return Dataset.model_validate({**declared, "classes": None, **values})


def listing(of: Dataset, place: Path, split: str) -> Listing:
    kind = kind_of(of)
    assert kind.listing is not None
    return kind.listing(of, str(place), split)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", SETS)
def test_an_official_layout_is_read_as_it_unpacks(tmp_path: Path, name: str, zipped: bool) -> None:
    expected, of = SETS[name], dataset(name)
    place, kind = expected.make(tmp_path / "set"), kind_of(of)
    if zipped:
        place = Path(shutil.make_archive(str(tmp_path / "zip"), "zip", place))
    assert set(kind.splits) == set(expected.images)
    for split, images in expected.images.items():
        found = listing(of, place, split)
        assert found.class_names == expected.classes
        assert dict(zip(found.identities, found.labels, strict=True)) == images
        assert list(found.identities) == list(images), "in a fixed order"
        opened = kind.open(of.model_copy(update={"fingerprint": kind.fingerprint(of, str(place))}), place, split)
        assert opened.identities == found.identities and opened.class_names == expected.classes
        assert (opened.multilabels is None) == ("several" not in kind.labels)
        assert all(opened.decode(index).shape == (3, 6, 6) for index in range(len(opened)))
    counts = {split: len(images) for split, images in expected.images.items()}
    assert kind.sizes(of, str(place)) == Sizes(counts.get("train", 0), counts["val"], len(expected.classes))
    published = {**counts, "classes": len(expected.classes)}
    (check,) = kind.checks(of, str(place), published, False)
    assert (check.status, "all can be decoded" in check.found) == ("ok", True)
    assert kind.remarks is not None
    kind.remarks(of, str(place))


@pytest.mark.parametrize("name", ["imagenet1k", "food101", "inat2019"])
def test_the_plain_layout_is_read_as_well(tmp_path: Path, name: str) -> None:
    place = official.imagenette(tmp_path / "set")
    assert kind_of(dataset(name)).sizes(dataset(name), str(place)) == Sizes(5, 2, 2)
    assert kind_of(dataset(name)).fingerprint(dataset(name), str(place)) == kind_of(dataset("inet10")).fingerprint(
        dataset("inet10"), str(place)
    )


def test_kaggles_imagenet_is_the_same_set(tmp_path: Path) -> None:
    place, of = official.kaggle(tmp_path / "kaggle"), dataset("imagenet1k")
    other = official.imagenet(tmp_path / "official")
    for split in ("train", "val"):
        found, expected = listing(of, place, split), listing(of, other, split)
        assert (found.identities, found.labels) == (expected.identities, expected.labels)
        assert found.folder == f"ILSVRC/Data/CLS-LOC/{split}"


def test_validation_images_in_class_folders_are_the_same_set(tmp_path: Path) -> None:
    place, of = official.imagenet(tmp_path / "set"), dataset("imagenet1k")
    before = listing(of, place, "val")
    for name, identity in zip(before.names, before.identities, strict=True):
        (place / "val" / identity).parent.mkdir(exist_ok=True)
        (place / "val" / name).rename(place / "val" / identity)
    after = listing(of, place, "val")
    assert (after.identities, after.labels, after.class_names) == (before.identities, before.labels, before.class_names)


def test_imagenet_100_is_some_classes_of_imagenet(tmp_path: Path) -> None:
    place = official.imagenet(tmp_path / "set")
    (tmp_path / "list.txt").write_text(f"# one class\n{official.WNIDS[1]}\n")
    of = dataset("imagenet100", settings={"class_list": str(tmp_path / "list.txt")})
    assert listing(of, place, "train").identities == TRAIN[3:]
    assert listing(of, place, "val").identities == VAL[2:]
    assert listing(of, place, "val").class_names == official.WNIDS[1:2]
    whole = dataset("imagenet1k")
    assert kind_of(of).fingerprint(of, str(place)) != kind_of(of).fingerprint(whole, str(place))


def test_hashnets_list_has_a_hundred_wnids_in_order() -> None:
    found = class_list(dataset("imagenet100"))
    assert found is not None and len(found) == len(set(found)) == 100
    lines = (CONFIG_DIR / "imagenet100.txt").read_text().splitlines()
    assert list(found) == [line for line in lines if not line.startswith("#")] == sorted(found)
    assert all(len(name) == 9 and name[0] == "n" and name[1:].isdecimal() for name in found)


def test_images_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    place, of = official.coco(tmp_path / "set"), dataset("coco2014")
    assert listing(of, place, "val").unlabelled == ("train2014/COCO_train2014_5.jpg",)
    (check,) = kind_of(of).checks(of, str(place), {}, False)
    assert check == Check(
        "ok",
        f"2 val images in {place}, all can be decoded; left out, without a label: 1 image, "
        "train2014/COCO_train2014_5.jpg",
    )


def test_difficult_objects_count_unless_they_are_ignored(tmp_path: Path) -> None:
    place = official.voc(tmp_path / "set")
    found = listing(dataset("voc2012", settings={"difficult": "ignored"}), place, "val")
    assert (found.names, found.unlabelled) == (("2007_000027.jpg", "2008_000003.jpg"), ("2009_000001.jpg",))
    assert listing(dataset("voc2012"), place, "val").unlabelled == ()


def test_videos_have_frames_and_objects_and_void_is_background(tmp_path: Path) -> None:
    place, of = official.davis(tmp_path / "set"), dataset("davis2017")
    kind = kind_of(of)
    assert kind.videos is not None
    videos = kind.videos(of, place)
    assert (list(videos.names), len(videos)) == (["bear", "tennis"], 2)
    assert videos.frames_of(1).shape == (2, 3, 6, 6)
    for index, last in enumerate((1, 2)):
        masks = videos.masks_of(index)
        assert masks.shape == (2, 6, 6)
        assert masks[0, :, 0].tolist() == [0, 1, 1, last, 0, 0]


def test_what_annotations_say_is_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, of = official.coco(tmp_path / "set"), dataset("coco2014")
    monkeypatch.setattr(kept, "PLACE", tmp_path / "kept")
    coco._annotated.cache_clear()
    before = listing(of, place, "val")
    files = sorted((tmp_path / "kept").iterdir())
    assert len(files) == 2, "one for each part"
    monkeypatch.setattr(coco, "json_of", None)
    coco._annotated.cache_clear()
    assert listing(of, place, "val") == before
    monkeypatch.undo()
    monkeypatch.setattr(kept, "PLACE", tmp_path / "kept")
    for file in files:
        file.write_text("damaged")
    coco._annotated.cache_clear()
    assert listing(of, place, "val") == before
