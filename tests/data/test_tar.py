"""Tars read in place: ImageNet's as downloaded, and any other uncompressed one."""

from __future__ import annotations

import io
import pickle
import shutil
import tarfile
from pathlib import Path

import pytest

from bits.data import tar as tars
from bits.data.fingerprint import digests, fingerprint
from bits.data.kind import kind_of
from bits.data.source import forget_sources, open_source
from bits.data.tar import Tar
from bits.errors import DatasetError

from . import official
from .pictures import image_folder, png
from .test_official import SETS, dataset, listing


def packed(folder: Path, into: Path, mode: str = "w") -> Path:
    """A tar of what a folder holds."""
    with tarfile.open(into, mode) as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    return into


def cut(tar: Path, length: int) -> None:
    tar.write_bytes(tar.read_bytes()[:length])


def imagenet(root: Path) -> Path:
    """The miniature ImageNet as downloaded: a tar of class tars, a tar of validation images, and the unpacked kit."""
    unpacked = official.imagenet(root / "unpacked")
    classes = root / "classes"
    classes.mkdir()
    for folder in (unpacked / "train").iterdir():
        packed(folder, classes / f"{folder.name}.tar")
    there = root / "there"
    there.mkdir()
    packed(classes, there / "ILSVRC2012_img_train.tar")
    packed(unpacked / "val", there / "ILSVRC2012_img_val.tar")
    shutil.copytree(unpacked / "ILSVRC2012_devkit_t12", there / "ILSVRC2012_devkit_t12")
    return there


def test_imagenets_tars_hold_what_they_unpack_to(tmp_path: Path) -> None:
    there, of = imagenet(tmp_path), dataset("imagenet1k")
    kind = kind_of(of)
    for split in ("train", "val"):
        found, expected = listing(of, there, split), listing(of, tmp_path / "unpacked", split)
        assert found == expected
        images, others = (kind.open(of, place, split) for place in (there, tmp_path / "unpacked"))
        assert all(images.decode(index).equal(others.decode(index)) for index in range(len(images)))
    published = {"train": 6, "val": 4, "classes": 2}
    (check,) = kind.checks(of, str(there), published, False)
    assert (check.status, check.found) == ("ok", f"6 train and 4 val images in {there}, all can be decoded")
    assert kind.remarks is not None and list(kind.remarks(of, str(there))) == []
    assert len(digests(there)) == 10


@pytest.mark.parametrize("name", ["voc2012", "food101", "inet10", "coco2014"])
def test_any_tar_is_read_as_the_folder_that_it_unpacks_to(tmp_path: Path, name: str) -> None:
    folder = SETS[name].make(tmp_path / "set")
    tar = packed(folder, tmp_path / "set.tar")
    for split in kind_of(dataset(name)).splits:
        assert listing(dataset(name), tar, split) == listing(dataset(name), folder, split)
        images = kind_of(dataset(name)).open(dataset(name), tar, split)
        assert images.decode(0).shape == (3, 6, 6)


def test_a_folder_beside_its_tar_is_what_counts(tmp_path: Path) -> None:
    there = imagenet(tmp_path)
    (there / "ILSVRC2012_img_val.tar").write_bytes(b"no tar")
    shutil.copytree(tmp_path / "unpacked/val", there / "val")
    found = listing(dataset("imagenet1k"), there, "val")
    assert open_source(there).describe(found.paths[0]) == str(there / found.paths[0])
    assert len(listing(dataset("imagenet1k"), there, "train").names) == 6


def test_a_tar_is_read_once_and_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = image_folder(tmp_path / "set", {"train": {"cat": 2}, "val": {"cat": 1}})
    tar = packed(folder, tmp_path / "set.tar")
    read: list[Path] = []
    index = tars._indexed
    monkeypatch.setattr(tars, "_indexed", lambda path: read.append(path) or index(path))
    forget_sources()
    before = fingerprint(tar)
    forget_sources()
    assert fingerprint(tar) == before and len(read) == 1, "another process finds the index"
    (folder / "val/cat/0.png").write_bytes(png(9))
    packed(folder, tar)
    assert fingerprint(tar) != before and len(read) == 2
    copy = shutil.copy(tar, tmp_path / "copy.tar")
    assert fingerprint(Path(copy)) == fingerprint(tar)


def test_a_copy_for_another_process_opens_the_file_again(tmp_path: Path) -> None:
    tar = packed(image_folder(tmp_path / "set", {"train": {"cat": 1}}), tmp_path / "set.tar")
    source = pickle.loads(pickle.dumps(Tar(tar)))
    assert source.read("train/cat/0.png") == png(0)


def test_links_hidden_files_and_unsafe_names_do_not_count(tmp_path: Path) -> None:
    tar = tmp_path / "odd.tar"
    with tarfile.open(tar, "w") as archive:
        for name in ("./train/a/1.png", "../x.png", "train/a/._1.png", "train/.b/1.png", "train/a/2.heic"):
            member = tarfile.TarInfo(name)
            member.size = len(png(0))
            archive.addfile(member, io.BytesIO(png(0)))
        link = tarfile.TarInfo("train/a/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "1.png"
        archive.addfile(link)
    source = open_source(tar)
    assert source.images("train", source.folders("train")) == {"a": ["a/1.png"]}
    assert (source.unread("train"), source.hidden("train")) == (["train/a/2.heic"], [".b"])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda tar: packed(tar.parent / "set", tar, "w:gz"),
            r"as an uncompressed tar: .*\nUnpack a compressed",
        ),
        (lambda tar: cut(tar, tar.read_bytes().index(png(0)) + 50), r"unexpected end of data.*\n.*truncated"),
        (lambda tar: cut(tar, tar.read_bytes().index(png(0)) - 20), r"truncated header.*\n.*truncated"),
        (lambda tar: cut(tar, tar.read_bytes().index(png(0)) + 512), r"its end is missing.*\n.*truncated"),
        (lambda tar: tar.write_bytes(b"x" * 2000), "can't be read as an uncompressed tar"),
    ],
)
def test_what_is_no_whole_uncompressed_tar_is_refused(tmp_path: Path, damage: object, said: str) -> None:
    tar = packed(image_folder(tmp_path / "set", {"train": {"cat": 1}}), tmp_path / "set.tar")
    damage(tar)  # type: ignore[operator]
    with pytest.raises(DatasetError, match=said):
        open_source(tar)


def test_bytes_that_changed_since_the_index_are_refused(tmp_path: Path) -> None:
    tar = packed(image_folder(tmp_path / "set", {"train": {"cat": 1}}), tmp_path / "set.tar")
    source = Tar(tar)
    content = tar.read_bytes()
    with tar.open("r+b") as file:
        file.seek(content.index(png(0)) + 20)
        file.write(b"\0\1")
    with pytest.raises(DatasetError, match=r"train/cat/0\.png in .*set\.tar is damaged, or the tar was changed"):
        source.read("train/cat/0.png")


def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    tar = packed(image_folder(tmp_path / "set", {"train": {"cat": 1}}), tmp_path / "set.tar")
    with tarfile.open(tar, "a") as archive:
        archive.add(tmp_path / "set/train/cat/0.png", "train/cat/0.png")
    with pytest.raises(DatasetError, match=r"train/cat/0\.png in .*set\.tar occurs twice"):
        open_source(tar)
