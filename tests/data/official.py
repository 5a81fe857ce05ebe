"""Miniatures of the twelve data sets, laid out as their official archives unpack."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import savemat

from .pictures import image_folder, png

WNIDS = ("n01440764", "n01443537", "n02084071")  # classes of the miniature ImageNet, and their parent


def write(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def images(root: Path, names: Sequence[str], first: int = 0) -> None:
    """Images of those names, each of which holds other bytes."""
    for number, name in enumerate(names, start=first):
        write(root / name, png(number))


def imagenet(root: Path) -> Path:
    """The training tars unpacked into class folders; the validation images loose, of either class in turn; the kit."""
    images(root, [f"train/{wnid}/{wnid}_{number}.JPEG" for wnid in WNIDS[:2] for number in (1, 2, 10)])
    images(root, [f"val/ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 5)], first=100)
    rows = [(2, WNIDS[0], 0), (1, WNIDS[1], 0), (3, WNIDS[2], 2)]  # numbers are not in the order of wnids
    synsets = np.array(
        [(number, wnid, "words", "gloss", children, []) for number, wnid, children in rows],
        dtype=[(name, object) for name in ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children")],
    )
    meta = io.BytesIO()
    savemat(meta, {"synsets": synsets})
    kit = root / "ILSVRC2012_devkit_t12/data"
    write(kit / "meta.mat", meta.getvalue())
    write(kit / "ILSVRC2012_validation_ground_truth.txt", "2\n1\n2\n1\n")
    return root


def kaggle(root: Path) -> Path:
    """The same images as Kaggle packs them."""
    below = root / "ILSVRC/Data/CLS-LOC"
    imagenet(below)
    (below / "ILSVRC2012_devkit_t12").rename(root / "elsewhere")
    rows = [(number, WNIDS[(number + 1) % 2]) for number in (3, 1, 4, 2)]
    table = [f"ILSVRC2012_val_{number:08d},{wnid} 1 2 3 4 {wnid} 5 6 7 8 " for number, wnid in rows]
    write(root / "LOC_val_solution.csv", "\n".join(["ImageId,PredictionString", *table, ""]))
    return root


def imagenetv2(root: Path) -> Path:
    folder = root / "imagenetv2-matched-frequency-format-val"
    images(folder, [f"{label}/{name}.jpeg" for label in range(12) for name in ("b", "a")])
    return root


def voc(root: Path) -> Path:
    base = root / "VOCdevkit/VOC2012"
    marks = {
        "cat": {"2008_000003": 1, "2007_000027": -1, "2009_000001": 0},
        "bird": {"2008_000003": 1, "2007_000027": 1, "2009_000001": -1},
    }
    for name, found in marks.items():
        write(
            base / f"ImageSets/Main/{name}_trainval.txt", "".join(f"{one} {mark:2d}\n" for one, mark in found.items())
        )
        write(base / f"ImageSets/Main/{name}_train.txt", "2008_000003  1\n")
    write(base / "ImageSets/Main/trainval.txt", "\n".join(marks["cat"]))
    images(base, [f"JPEGImages/{name}.jpg" for name in (*marks["cat"], "2012_004331")])
    images(base, ["SegmentationClass/2007_000027.png"], first=50)
    return root


def coco_notes(names: Mapping[int, str], shown: Mapping[int, Sequence[int]]) -> str:
    """instances_*.json: image id -> file, image id -> categories of its objects."""
    content: dict[str, Any] = {
        "info": {"year": 2014},
        "images": [{"id": number, "file_name": name, "height": 6, "width": 6} for number, name in names.items()],
        "annotations": [
            {"id": 1, "image_id": number, "category_id": one, "segmentation": [[1.5, 2.5]], "iscrowd": 0}
            for number, found in shown.items()
            for one in found
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
    }
    return json.dumps(content)


def coco(root: Path) -> Path:
    """train2014, val2014 and val2017; one image of train2014 shows nothing."""
    parts: dict[str, tuple[dict[int, str], dict[int, list[int]]]] = {
        "train2014": ({9: "COCO_train2014_9.jpg", 5: "COCO_train2014_5.jpg"}, {9: [18, 1, 18]}),
        "val2014": ({7: "COCO_val2014_7.jpg"}, {7: [18]}),
        "val2017": ({7: "7.jpg"}, {7: [18]}),
    }
    for place, (part, (names, shown)) in enumerate(parts.items()):
        images(root / part, list(names.values()), first=10 * place)
        write(root / f"annotations/instances_{part}.json", coco_notes(names, shown))
    return root


def davis(root: Path) -> Path:
    """Two sequences of val with two frames each; one has two objects and void pixels."""
    base = root / "DAVIS"
    for sequence in ("tennis", "bear", "of-train"):
        for frame in range(2):
            images(base, [f"JPEGImages/480p/{sequence}/{frame:05d}.jpg"], first=frame)
            indices = np.full((6, 6), 255, dtype=np.uint8)
            indices[:4] = [[0], [1], [1], [2 if sequence == "tennis" else 1]]
            mask = Image.fromarray(indices, mode="P")
            mask.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [7] * 759)
            buffer = io.BytesIO()
            mask.save(buffer, "PNG")
            write(base / f"Annotations/480p/{sequence}/{frame:05d}.png", buffer.getvalue())
    write(base / "ImageSets/2017/val.txt", "bear\ntennis\n")
    return root


def birds525(root: Path) -> Path:
    """One class has two spaces in train alone."""
    names = ("ABBOTTS BABBLER", "PARAKETT  AKULET")
    image_folder(root, {"train": dict.fromkeys(names, 2)})
    return image_folder(root, {split: {" ".join(name.split()): 1 for name in names} for split in ("valid", "test")})


def food101(root: Path) -> Path:
    base = root / "food-101"
    lists = {"train": ("tacos/10", "apple_pie/3", "apple_pie/20"), "test": ("apple_pie/1", "tacos/2")}
    for name, found in lists.items():
        write(base / f"meta/{name}.txt", "\n".join(found) + "\n")
    write(base / "meta/classes.txt", "apple_pie\ntacos\n")
    images(base / "images", [f"{name}.jpg" for found in lists.values() for name in found])
    return root


def inaturalist(root: Path) -> Path:
    folder = "train_val2019/Plants"
    for split, found in {"train": {1: 10, 2: 2, 3: 2}, "val": {4: 2, 5: 10}}.items():
        content = {
            "images": [{"id": one, "file_name": f"{folder}/{label}/{one}.jpg"} for one, label in found.items()],
            "annotations": [{"id": one, "image_id": one, "category_id": label} for one, label in found.items()],
            "categories": [{"id": 10, "name": "x", "supercategory": "Plants"}, {"id": 2, "name": "y"}],
        }
        write(root / f"{split}2019.json", json.dumps(content))
        images(root, [f"{folder}/{label}/{one}.jpg" for one, label in found.items()], first=min(found))
    return root


def plantnet300k(root: Path) -> Path:
    classes = {"1355868": 2, "1355920": 1}
    return image_folder(root, {f"images_{split}": classes for split in ("train", "val", "test")})


def imagenette(root: Path) -> Path:
    return image_folder(root, {"train": {"n01440764": 3, "n02102040": 2}, "val": {"n01440764": 1, "n02102040": 1}})
