"""Official layouts that are damaged, incomplete or of another set: what is said, and what to do."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from bits.data.kind import kind_of
from bits.errors import DatasetError

from . import official
from .pictures import image_folder, png
from .test_official import SETS, dataset, listing

Damage = Callable[[Path], object]
KIT = "ILSVRC2012_devkit_t12"
TRUTH = f"{KIT}/data/ILSVRC2012_validation_ground_truth.txt"


def gone(name: str) -> Damage:
    """Takes a file or folder away."""

    def damage(place: Path) -> None:
        path = place / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def put(name: str, content: bytes | str) -> Damage:
    return lambda place: official.write(place / name, content)


def cut(name: str, kept: int) -> Damage:
    return lambda place: (place / name).write_bytes((place / name).read_bytes()[:kept])


def without(name: str, key: str) -> Damage:
    """Takes a key out of a JSON file."""

    def damage(place: Path) -> None:
        content = json.loads((place / name).read_text())
        del content[key]
        (place / name).write_text(json.dumps(content))

    return damage


DAMAGES: list[tuple[str, Damage, str]] = [
    ("imagenet1k", gone(KIT), rf"lie loose, and neither {TRUTH} nor LOC_val_.*\nUnpack {KIT}\.tar\.gz .* beside val/"),
    ("imagenet1k", cut(f"{KIT}/data/meta.mat", 90), r"meta\.mat can't be read: .*Unpack or copy the data set again"),
    ("imagenet1k", gone(f"{KIT}/data/meta.mat"), rf"has no {KIT}/data/meta\.mat, which says what its images show"),
    ("imagenet1k", put(TRUTH, "1\n2\nx\n1\n"), r"ground_truth\.txt: .*'x' is no number of a class"),
    ("imagenet1k", put(TRUTH, "1\n2\n9\n1\n"), r"ground_truth\.txt: '9' is no number of a class"),
    ("imagenet1k", put(TRUTH, b"\xff\xfe1"), r"ground_truth\.txt is no UTF-8 text"),
    (
        "imagenet1k",
        gone("val/ILSVRC2012_val_00000002.JPEG"),
        r"names 1 image that is not there: ILSVRC2012_val_0",
    ),
    ("imagenet1k", put("val/x.JPEG", png(0)), r"val holds 1 image whose class .* does not tell: x\.JPEG\.\nLeave only"),
    (
        "imagenetv2",
        gone("imagenetv2-matched-frequency-format-val/3"),
        r"format-val has no folder 3\. Expected ",
    ),
    (
        "imagenetv2",
        put("imagenetv2-matched-frequency-format-val/new/a.jpeg", png(0)),
        "folders that are no numbers, new.*\nUnpack",
    ),
    (
        "voc2012",
        gone("VOCdevkit/VOC2012/ImageSets"),
        r"has no ImageSets/Main/trainval\.txt.* Expected VOC2012 as",
    ),
    ("voc2012", gone("VOCdevkit/VOC2012/JPEGImages/2007_000027.jpg"), r"not there: JPEGImages/2007_000027\.jpg"),
    ("voc2012", gone("VOCdevkit/VOC2012/JPEGImages"), r"names 3 images that are not there"),
    (
        "voc2012",
        put("VOCdevkit/VOC2012/ImageSets/Main/cat_trainval.txt", "2008_000003\n"),
        r"cat_trainval\.txt: expected an image and 1, 0 or -1 a line, found \('2008_000003',\)",
    ),
    ("coco2014", gone("annotations"), r"has no annotations/instances_train2014\.json.* Expected COCO as its archives"),
    ("coco2014", gone("annotations/instances_val2014.json"), r"has no annotations/instances_val2014\.json, which says"),
    (
        "coco2014",
        cut("annotations/instances_val2014.json", 99),
        r"instances_val2014\.json is no JSON: .*Unpack",
    ),
    ("coco2014", put("annotations/instances_val2014.json", "[]"), r"instances_val2014\.json holds no JSON object"),
    (
        "coco2014",
        without("annotations/instances_val2014.json", "categories"),
        r"instances_val2014\.json is not laid out as COCO's: KeyError\('categories'\)",
    ),
    ("coco2014", gone("val2014"), r"names 1 image that is not there: val2014/COCO_val2014_7\.jpg"),
    ("davis2017", gone("DAVIS/ImageSets"), r"has no ImageSets/2017/val\.txt.* Expected DAVIS-2017-trainval-480p"),
    ("davis2017", gone("DAVIS/JPEGImages/480p/bear"), r"JPEGImages/480p/bear holds no frame; .*val\.txt names it"),
    (
        "davis2017",
        gone("DAVIS/Annotations/480p/bear/00001.png"),
        r"1 frame without .* a mask in DAVIS/Annotations/480p: bear/00001\.",
    ),
    ("food101", gone("food-101/meta/test.txt"), r"has no food-101/meta/test\.txt, which says what its images show"),
    ("food101", gone("food-101/images/tacos/2.jpg"), r"meta/test\.txt names 1 image that is not there: tacos/2\.jpg"),
    ("food101", gone("food-101/images"), r"names 2 images that are not there: apple_pie/1\.jpg, tacos/2\.jpg"),
    (
        "food101",
        put("food-101/meta/test.txt", "tacos/2\ntacos/2\n"),
        r"test\.txt names 1 image more than once: tacos/2",
    ),
    ("inat2019", gone("val2019.json"), r"has no val2019\.json, which says what its images show"),
    (
        "inat2019",
        gone("train_val2019"),
        r"val2019\.json names 2 images that are not there: train_val2019/",
    ),
    ("inat2019", without("val2019.json", "annotations"), r"val2019\.json is not laid out as iNaturalist's"),
]


@pytest.mark.parametrize(("name", "damage", "said"), DAMAGES)
@pytest.mark.parametrize("zipped", [False, True])
def test_what_is_missing_or_damaged_is_said(tmp_path: Path, name: str, damage: Damage, said: str, zipped: bool) -> None:
    place = SETS[name].make(tmp_path / "set")
    damage(place)
    if zipped:
        place = Path(shutil.make_archive(str(tmp_path / "zip"), "zip", place))
    with pytest.raises(DatasetError) as caught:
        listing(dataset(name), place, "val")
    text = str(caught.value).replace(f" in {place}", "")
    assert re.search(said, text), text
    assert re.match("Unpack|Leave only|Expected ", caught.value.told()[1]), "a remedy"


@pytest.mark.parametrize("name", SETS)
def test_a_folder_of_something_else_is_refused(tmp_path: Path, name: str) -> None:
    official.images(tmp_path / "set", ["holidays/1.png"])
    with pytest.raises(DatasetError, match=f"{tmp_path}/set.*\n?.*Expected|has folders that are no numbers"):
        listing(dataset(name), tmp_path / "set", "val")


def test_kaggles_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    place = official.kaggle(tmp_path / "set")
    (place / "LOC_val_solution.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match=r"LOC_val_solution\.csv: expected ImageId,PredictionString"):
        listing(dataset("imagenet1k"), place, "val")


@pytest.mark.parametrize("split", ["train", "val"])
def test_classes_of_a_list_that_are_not_there_are_named(tmp_path: Path, split: str) -> None:
    place = official.imagenet(tmp_path / "set")
    with pytest.raises(DatasetError, match=r"has no image of 100 of 100 classes: n01514668, n01537544, .* 92 more\.\n"):
        listing(dataset("imagenet100"), place, split)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "can't be read"), ("# none\n", "no class"), ("a\na\n", "one twice")]
)
def test_a_class_list_that_is_none_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    place, path = official.imagenet(tmp_path / "set"), tmp_path / "list.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DatasetError, match=rf"dataset\.settings\.class_list: {path} .*{said}"):
        listing(dataset("imagenet100", settings={"class_list": str(path)}), place, "val")


def test_two_spellings_of_one_class_in_one_split_are_refused(tmp_path: Path) -> None:
    place = image_folder(tmp_path / "set", {"train": {"A  B": 1, "A B": 1, "C": 1}, "test": {"A B": 1, "C": 1}})
    with pytest.raises(DatasetError, match="'A  B' and 'A B', whose names differ in spaces alone"):
        listing(dataset("birds525"), place, "train")


def test_names_are_the_same_in_either_unicode_form(tmp_path: Path) -> None:
    place = official.food101(tmp_path / "set") / "food-101"
    for form, name in (("NFD", "images"), ("NFC", "meta")):
        for path in [place / "images/tacos", *(place / "meta").iterdir()]:
            if name == "images" and path.is_dir():
                path.rename(path.with_name(unicodedata.normalize(form, "tacós")))
            if name == "meta" and path.is_file():
                path.write_text(path.read_text().replace("tacos", unicodedata.normalize(form, "tacós")))
    found = listing(dataset("food101"), place, "val")
    assert found.class_names == ("apple_pie", "tac\u00f3s")
    assert kind_of(dataset("food101")).open(dataset("food101"), place, "val").decode(1).shape == (3, 6, 6)


@pytest.mark.parametrize(
    ("name", "note", "old", "new"),
    [
        ("food101", "food-101/meta/train.txt", "tacos/10", "tacos/2"),
        ("inat2019", "train2019.json", '"category_id": 10', '"category_id": 2'),
        ("voc2012", "VOCdevkit/VOC2012/ImageSets/Main/cat_trainval.txt", "-1", " 1"),
        ("coco2014", "annotations/instances_val2014.json", '"category_id": 18', '"category_id": 1'),
        ("davis2017", "DAVIS/ImageSets/2017/val.txt", "bear\n", ""),
        ("imagenet1k", TRUTH, "2\n1\n", "1\n2\n"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_other_notes_are_another_data_set(
    tmp_path: Path, name: str, note: str, old: str, new: str, zipped: bool
) -> None:
    place, of = SETS[name].make(tmp_path / "set"), dataset(name)

    def packed(to: str) -> Path:
        return Path(shutil.make_archive(str(tmp_path / to), "zip", place)) if zipped else place

    kind, before = kind_of(of), packed("before")
    planned = of.model_copy(update={"fingerprint": kind.fingerprint(of, str(before))})
    kind.open(planned, before, "val")
    text = (place / note).read_text()
    assert old in text
    (place / note).write_text(text.replace(old, new, 1))
    with pytest.raises(DatasetError, match="holds other files than when this run was planned"):
        kind.open(planned, packed("after"), "val")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"x", r"00000\.png can't be decoded"), (png(0), r"00000\.png is of mode RGB; expected a palette PNG")],
)
def test_masks_that_are_none_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    place = official.davis(tmp_path / "set")
    (place / "DAVIS/Annotations/480p/bear/00000.png").write_bytes(content)
    videos = kind_of(dataset("davis2017")).videos
    assert videos is not None
    with pytest.raises(DatasetError, match=said):
        videos(dataset("davis2017"), place).masks_of(0)


def test_videos_of_other_files_than_planned_are_refused(tmp_path: Path) -> None:
    place, of = official.davis(tmp_path / "set"), dataset("davis2017", fingerprint="0" * 64)
    videos = kind_of(of).videos
    assert videos is not None
    with pytest.raises(DatasetError, match="holds other files than when this run was planned"):
        videos(of, place)


def test_frames_of_several_sizes_are_refused(tmp_path: Path) -> None:
    place = official.davis(tmp_path / "set")
    Image.new("RGB", (6, 7)).save(place / "DAVIS/JPEGImages/480p/bear/00001.jpg")
    videos = kind_of(dataset("davis2017")).videos
    assert videos is not None
    with pytest.raises(DatasetError, match="images of bear have several sizes"):
        videos(dataset("davis2017"), place).frames_of(0)
