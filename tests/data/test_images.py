"""Image sets from folders and zips: the same images, labels and identities, however they are stored."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bits.data.images import ImageSet, collate, open_image_set, require_same_classes
from bits.errors import DatasetError


def save(path: Path, seed: int, size: tuple[int, int] = (9, 7)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes in two splits, different sizes, and files that must not count."""
    root = tmp_path / "photos"
    names = [
        "train/dog/b.png",
        "train/dog/a.PNG",
        "train/cat/1.bmp",
        "train/cat/deep/er/0.png",
        "val/cat/x.png",
    ]
    for seed, name in enumerate([*names, "val/dog/y.png", "train/cat/.c.png", "train/.git/x.png"]):
        save(root / name, seed, (5 + seed, 7))
    (root / "train/dog/notes.txt").write_text("not an image")
    (root / "train/readme.md").write_text("nor this")
    return root


def zipped(root: Path, path: Path, method: int = zipfile.ZIP_STORED, top: str = "") -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(root.rglob("*"), reverse=True):
            archive.write(file, Path(top) / file.relative_to(root))
    return path


def assert_same(one: ImageSet, other: ImageSet) -> None:
    assert (one.class_names, one.identities) == (other.class_names, other.identities)
    assert torch.equal(one.labels, other.labels)
    for index in range(len(one)):
        assert torch.equal(one.decode(index), other.decode(index))


def test_a_folder_is_read_in_sorted_order(photos: Path) -> None:
    images = open_image_set(photos, "photos", "train")
    assert (images.name, images.split, len(images)) == ("photos", "train", 4)
    assert images.class_names == ("cat", "dog")
    assert images.identities == ("cat/1.bmp", "cat/deep/er/0.png", "dog/a.PNG", "dog/b.png")
    assert images.labels.dtype == torch.int64 and images.labels.tolist() == [0, 0, 1, 1]
    assert images.multilabels is None


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("top", ["", "photos-1.0"])
def test_a_zip_gives_what_its_folder_gives(photos: Path, tmp_path: Path, method: int, top: str) -> None:
    archive = zipped(photos, tmp_path / "p.zip", method, top)
    for split in ("train", "val"):
        assert_same(open_image_set(archive, "p", split), open_image_set(photos, "p", split))


def test_a_zip_may_hold_other_folders_beside_its_top_one(photos: Path, tmp_path: Path) -> None:
    archive = zipped(photos, tmp_path / "p.zip", top="photos")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("docs/licence.txt", "free")
        file.writestr("__MACOSX/photos/train/dog/._b.png", "resource fork")
    assert_same(open_image_set(archive, "p", "train"), open_image_set(photos, "p", "train"))


def test_torchvision_reads_the_same(photos: Path) -> None:
    datasets = pytest.importorskip("torchvision.datasets")
    images = open_image_set(photos, "photos", "train")
    (photos / "train/cat/.c.png").unlink()  # torchvision would count it
    (photos / "train/.git/x.png").unlink()
    (photos / "train/.git").rmdir()
    theirs = datasets.ImageFolder(photos / "train")
    labels = {Path(path).relative_to(photos / "train").as_posix(): label for path, label in theirs.samples}
    assert labels == dict(zip(images.identities, images.labels.tolist(), strict=True))
    for index, identity in enumerate(images.identities):
        pixels = np.asarray(theirs.loader(str(photos / "train" / identity)))
        assert np.array_equal(images.decode(index).permute(1, 2, 0).numpy(), pixels)


def test_all_digit_classes_sort_as_integers(tmp_path: Path) -> None:
    for name in ("10", "9", "100", "0"):
        save(tmp_path / "val" / name / "a.png", 0)
    assert open_image_set(tmp_path, "inv2", "val").class_names == ("0", "9", "10", "100")
    save(tmp_path / "val" / "x" / "a.png", 0)
    assert open_image_set(tmp_path, "inv2", "val").class_names == ("0", "10", "100", "9", "x")


def test_classes_keeps_the_first(photos: Path) -> None:
    images = open_image_set(photos, "photos", "train", classes=1)
    assert images.class_names == ("cat",) and images.labels.tolist() == [0, 0]
    for wrong in (0, 3):
        with pytest.raises(DatasetError, match=rf"2 class folders, but classes = {wrong}"):
            open_image_set(photos, "photos", "train", classes=wrong)


def test_val_falls_back_and_train_does_not(tmp_path: Path) -> None:
    save(tmp_path / "test/a/in_test.png", 0)
    assert open_image_set(tmp_path, "set", "val").identities == ("a/in_test.png",)
    save(tmp_path / "validation/a/in_validation.png", 0)
    assert open_image_set(tmp_path, "set", "val").identities == ("a/in_validation.png",)
    save(tmp_path / "val/a/in_val.png", 0)
    assert open_image_set(tmp_path, "set", "val").identities == ("a/in_val.png",)
    with pytest.raises(DatasetError, match=r'no folder "train"\. It holds: test, val, validation'):
        open_image_set(tmp_path, "set", "train")


def test_eval_split_says_which_folder_is_evaluated_where_both_are_there(tmp_path: Path) -> None:
    def evaluated(eval_split: str) -> tuple[str, str]:
        images = open_image_set(tmp_path, "set", "val", eval_split=eval_split)
        return images.folder, images.identities[0]

    with pytest.raises(DatasetError, match=r'no folder "test" or "val" or "validation"(.|\n)*Expected test/<class>'):
        open_image_set(tmp_path, "set", "val", eval_split="test")
    save(tmp_path / "val/a/in_val.png", 0)
    assert evaluated("test") == evaluated("val") == ("val", "a/in_val.png")
    save(tmp_path / "test/a/in_test.png", 0)
    save(tmp_path / "train/a/in_train.png", 0)
    assert evaluated("val") == ("val", "a/in_val.png")
    assert evaluated("test") == ("test", "a/in_test.png")
    train = open_image_set(tmp_path, "set", "train", eval_split="test")
    assert (train.folder, train.identities) == ("train", ("a/in_train.png",))


def test_a_batch_pads_with_zeros(photos: Path) -> None:
    images = open_image_set(photos, "photos", "train")
    batch = images.batch(torch.tensor([3, 0]))
    assert batch.sizes.tolist() == [[7, 5], [7, 7]] and batch.pixels.shape == (2, 3, 7, 7)
    assert torch.equal(batch.pixels[0, :, :, :5], images.decode(3)) and not batch.pixels[0, :, :, 5:].any()
    assert torch.equal(batch.pixels[1], images.decode(0))
    assert [images.image_size(index) for index in (3, 0)] == [(7, 5), (7, 7)]
    with pytest.raises(ValueError, match="at least one image"):
        images.batch([])


def test_collate_agrees_with_a_loop_over_pixels() -> None:
    sizes = [(2, 5), (4, 1), (3, 3)]
    images = [torch.randint(0, 256, (3, *size), dtype=torch.uint8) for size in sizes]
    batch = collate(images)
    expected = torch.zeros(3, 3, 4, 5, dtype=torch.uint8)
    for number, (height, width) in enumerate(sizes):
        for row in range(height):
            for column in range(width):
                expected[number, :, row, column] = images[number][:, row, column]
    assert torch.equal(batch.pixels, expected)


class Painted(ImageSet):
    """Image i is filled with i; two labels each."""

    def __init__(self, count: int) -> None:
        self.name, self.split, self.class_names = "painted", "train", ("a", "b", "c")
        self.labels = torch.arange(count) % 3
        self.multilabels = torch.arange(count * 3).view(count, 3) % 2 == 0
        self.identities = tuple(f"{index}.png" for index in range(count))

    def decode(self, index: int) -> Tensor:
        return torch.full((3, 2, 2 + index % 2), index, dtype=torch.uint8)


def test_decoded_bytes_is_exact_for_few_and_close_for_many() -> None:
    images = Painted(200)
    exact = sum(images.decode(index).numel() for index in range(200))
    assert images.decoded_bytes() == exact
    assert images.decoded_bytes(sample=7) == pytest.approx(exact, rel=0.2)


def test_a_missing_root_names_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "imagenet").mkdir()
    with pytest.raises(DatasetError, match=r"does not exist(.|\n)*holds: imagenet"):
        open_image_set(tmp_path / "imagnet" / "sub", "imagenet", "train")


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("", 'one level further down: point the root at "photos"'),
        ("photos/train", "looks like the train split itself: point the root at .*photos"),
        ("photos/train/dog", "two levels too deep"),
    ],
)
def test_a_root_at_the_wrong_level_is_recognised(photos: Path, place: str, hint: str) -> None:
    with pytest.raises(DatasetError, match=hint):
        open_image_set(photos.parent / place, "photos", "train")


def test_class_folders_without_a_split_are_recognised(tmp_path: Path) -> None:
    save(tmp_path / "flowers/rose/a.png", 0)
    with pytest.raises(DatasetError, match='class folders: move them into a folder named "train"'):
        open_image_set(tmp_path / "flowers", "flowers", "train")


def test_a_zip_with_two_top_folders_is_refused(photos: Path, tmp_path: Path) -> None:
    archive = zipped(photos, tmp_path / "p.zip", top="one")
    with zipfile.ZipFile(archive, "a") as file:
        file.write(photos / "val/cat/x.png", "two/val/cat/x.png")
    with pytest.raises(DatasetError, match=r'It holds: one, two(.|\n)*lies in "one", beside others'):
        open_image_set(archive, "p", "train")


def test_empty_class_folders_are_named(photos: Path, tmp_path: Path) -> None:
    (photos / "train/bird").mkdir()
    (photos / "train/fish").mkdir()
    (photos / "train/fish/scan.pdf").write_text("")
    for root in (photos, zipped(photos, tmp_path / "p.zip")):
        with pytest.raises(DatasetError, match="2 of 4 class folders hold no image: bird, fish"):
            open_image_set(root, "photos", "train")


def test_unsorted_and_empty_splits_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(DatasetError, match="no class folders; it holds no images"):
        open_image_set(tmp_path, "set", "train")
    save(tmp_path / "train/a.png", 0)
    with pytest.raises(DatasetError, match="images lie directly in it"):
        open_image_set(tmp_path, "set", "train")


def test_splits_with_other_classes_are_refused(photos: Path) -> None:
    train, val = (open_image_set(photos, "photos", split) for split in ("train", "val"))
    require_same_classes(train, val)
    save(photos / "train/bird/a.png", 0)
    with pytest.raises(DatasetError, match="class bird only in train"):
        require_same_classes(open_image_set(photos, "photos", "train"), val)


def test_real_photographs(shared_data: Path) -> None:
    archive = shared_data / "tiny_imagenet_100.zip"
    train = open_image_set(archive, "tiny-imagenet", "train")
    assert len(train) == 16000 and len(train.class_names) == 100
    assert torch.bincount(train.labels).tolist() == [160] * 100
    assert train.decoded_bytes() == 16000 * 3 * 64 * 64
    with zipfile.ZipFile(archive) as file:
        for index in range(0, 16000, 500):
            with file.open(f"train/{train.identities[index]}") as member:
                expected = np.asarray(Image.open(member).convert("RGB"))
            assert np.array_equal(train.decode(index).permute(1, 2, 0).numpy(), expected)
    groceries = open_image_set(shared_data / "grocery20.zip", "groceries", "val", classes=7)
    assert len(groceries) == 21 and groceries.image_size(0) == (348, 348)
