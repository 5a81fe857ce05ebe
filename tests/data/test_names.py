"""Names: Unicode forms, folders of tools, formats that are read, and what is no plain file."""

from __future__ import annotations

import os
import unicodedata
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from bits.data.fingerprint import digests, fingerprint
from bits.data.identity import identity_of
from bits.data.images import open_image_set
from bits.data.layout import TOOL_FOLDERS
from bits.data.source import open_source
from bits.errors import DatasetError

from .pictures import png

NAMES = ("train/caf\u00e9/\u00fcber.png", "train/zoo/a.png", "val/caf\u00e9/x.png", "val/zoo/\u00f6.png")


def in_form(form: str, path: Path) -> Path:
    """A folder, or for a name that ends so a zip, of the same images with their names in a Unicode form."""
    names = [unicodedata.normalize(form, name) for name in NAMES]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for seed, name in enumerate(names):
                archive.writestr(name, png(seed))
    else:
        for seed, name in enumerate(names):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(png(seed))
    return path


@pytest.mark.parametrize("ending", ["", ".zip"])
def test_the_unicode_form_of_names_changes_nothing(tmp_path: Path, ending: str) -> None:
    nfc, nfd = (in_form(form, tmp_path / f"{form}{ending}") for form in ("NFC", "NFD"))
    assert fingerprint(nfc) == fingerprint(nfd)
    assert digests(nfc) == digests(nfd)
    for split in ("train", "val"):
        one, other = (open_image_set(root, "set", split) for root in (nfc, nfd))
        assert one.class_names == other.class_names == ("caf\u00e9", "zoo")
        assert one.identities == other.identities
        for index in range(len(one)):
            assert one.decode(index).equal(other.decode(index))


def test_a_name_is_found_by_whoever_has_not_listed_its_folder(tmp_path: Path) -> None:
    root = in_form("NFD", tmp_path / "set")
    assert open_source(root).read(NAMES[0]) == png(0)
    assert open_source(root).describe(NAMES[0]) == str(root / unicodedata.normalize("NFD", NAMES[0]))


def test_splits_in_different_forms_have_the_same_classes(tmp_path: Path) -> None:
    for split, form in (("train", "NFC"), ("val", "NFD")):
        folder = tmp_path / split / unicodedata.normalize(form, "caf\u00e9")
        folder.mkdir(parents=True)
        (folder / "0.png").write_bytes(png(0))
    train, val = (open_image_set(tmp_path, "set", split) for split in ("train", "val"))
    assert train.class_names == val.class_names


@pytest.mark.parametrize("ending", ["", ".zip"])
def test_two_names_that_are_one_are_an_error_that_names_the_forms(tmp_path: Path, ending: str) -> None:
    root = tmp_path / f"set{ending}"
    in_form("NFC", root)
    other = unicodedata.normalize("NFD", NAMES[0])
    if ending:
        with zipfile.ZipFile(root, "a") as archive:
            archive.writestr(other, png(9))
    else:
        path = root / "train/caf\u00e9" / other.rpartition("/")[2]
        path.write_bytes(png(9))
    with pytest.raises(DatasetError, match=r"is there twice, in two Unicode forms .*NFC.*NFD"):
        fingerprint(root)


@pytest.mark.parametrize("name", sorted(TOOL_FOLDERS))
def test_folders_of_tools_are_neither_classes_nor_do_they_hold_images(tmp_path: Path, name: str) -> None:
    (tmp_path / "train/cat").mkdir(parents=True)
    (tmp_path / "train/cat/0.png").write_bytes(png(0))
    before = fingerprint(tmp_path)
    for place in (f"train/{name}/cat", f"train/cat/{name}/0.png", name):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "thumbnail.jpg").write_bytes(png(1))
    images = open_image_set(tmp_path, "set", "train")
    assert (images.class_names, images.identities) == (("cat",), ("cat/0.png",))
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize("suffix", ["gif", "jfif", "jpe", "avif", "GIF", "pbm"])
def test_formats_that_pillow_reads_are_read(tmp_path: Path, suffix: str) -> None:
    kind = {"gif": "GIF", "avif": "AVIF", "pbm": "PPM"}.get(suffix.lower(), "JPEG")
    (tmp_path / "train/cat").mkdir(parents=True)
    Image.new("1" if suffix == "pbm" else "RGB", (9, 7)).save(tmp_path / f"train/cat/x.{suffix}", kind)
    images = open_image_set(tmp_path, "set", "train")
    assert images.identities == (f"cat/x.{suffix}",)
    assert images.decode(0).shape == (3, 7, 9)


@pytest.mark.parametrize(("name", "same"), [("1.png", True), ("1.txt", True), ("1.gif", False), ("1.jfif", False)])
def test_a_zip_has_another_identity_than_when_less_of_it_was_read(tmp_path: Path, name: str, same: bool) -> None:
    root = tmp_path / "a.zip"
    with zipfile.ZipFile(root, "w") as archive:
        for member in ("train/a/0.png", f"train/a/{name}"):
            archive.writestr(member, b"x")
        records = sorted(f"{one.filename}\0{one.CRC}\0{one.file_size}".encode() for one in archive.infolist())
    assert (fingerprint(root) == identity_of("zip", records)) is same


def test_only_plain_files_and_links_to_them_are_images(tmp_path: Path) -> None:
    folder = tmp_path / "train/cat"
    folder.mkdir(parents=True)
    (folder / "0.png").write_bytes(png(0))
    (folder / "link.png").symlink_to("0.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "null.png").symlink_to("/dev/null")
    assert open_image_set(tmp_path, "set", "train").identities == ("cat/0.png", "cat/link.png")
    assert open_source(tmp_path).unread("train") == ["train/cat/null.png", "train/cat/pipe.png"]


def test_a_pipe_in_the_place_of_a_data_set_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "set.zip")
    with pytest.raises(DatasetError, match=r"set\.zip is neither a folder nor a file"):
        fingerprint(tmp_path / "set.zip")
