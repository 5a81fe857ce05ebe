"""Fingerprints: what must and what must not change them."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bits.data.fingerprint import fingerprint
from bits.data.folder import walk
from bits.errors import DatasetError

FILES = {"train/a/1.png": b"one", "train/b/2.png": b"two", "val/a/3.JPEG": b"three", "index.csv": b"4"}


def write_folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write_zip(path: Path, files: dict[str, bytes], method: int = 0, year: int = 2020) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), content, method)
    return path


def test_making_the_zip_again_changes_nothing(tmp_path: Path) -> None:
    first = fingerprint(write_zip(tmp_path / "1.zip", FILES))
    assert len(first) == 64 and set(first) <= set("0123456789abcdef")
    ignored = {"__MACOSX/x.png": b"fork", "train/": b"", "train/a/.DS_Store": b"x"}
    again = {**ignored, **dict(reversed(FILES.items()))}
    assert fingerprint(write_zip(tmp_path / "2.zip", again, zipfile.ZIP_DEFLATED, 1999)) == first


@pytest.mark.parametrize(
    "files",
    [
        {**FILES, "train/a/1.png": b"One"},
        {**FILES, "train/a/1.png": b"one\0"},
        {**FILES, "index.csv": b"5"},
        {**FILES, "train/c/1.png": b"one"},
        {name: content for name, content in FILES.items() if "3" not in name},
        {**FILES, "train/a/1.png": b"two", "train/b/2.png": b"one"},
    ],
)
def test_other_content_changes_a_zip(tmp_path: Path, files: dict[str, bytes]) -> None:
    before = fingerprint(write_zip(tmp_path / "1.zip", FILES))
    assert fingerprint(write_zip(tmp_path / "2.zip", files)) != before


def test_a_folder_is_known_by_the_names_and_bytes_of_its_images(tmp_path: Path) -> None:
    first = fingerprint(write_folder(tmp_path / "1", FILES))
    same = {**dict(reversed(FILES.items())), "notes.txt": b"", ".cache/x.png": b"", "train/a/._1.png": b""}
    assert fingerprint(write_folder(tmp_path / "2", same)) == first
    (tmp_path / "2/train/a/1.png").rename(tmp_path / "2/train/a/9.png")
    assert fingerprint(tmp_path / "2") != first
    assert fingerprint(tmp_path / "1") == first != fingerprint(write_zip(tmp_path / "1.zip", FILES))
    assert fingerprint(write_folder(tmp_path / "3", {**FILES, "train/a/1.png": b"One"})) != first


def test_names_do_not_run_into_each_other(tmp_path: Path) -> None:
    one = write_folder(tmp_path / "1", {"a.png": b"", "b.png": b""})
    two = write_folder(tmp_path / "2", {"a.png5:b.png": b""})
    assert fingerprint(one) != fingerprint(two)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "root", FILES)
    store = write_folder(tmp_path / "store", {"x.png": b"", "deep/y.png": b""})
    (root / "train/linked").symlink_to(store)
    (root / "train/twin").symlink_to(root / "train/a")
    for name, target in [("self", "."), ("up", root), ("top", tmp_path)]:
        (root / "train/a" / name).symlink_to(target)
    (store / "back").symlink_to(root / "train")
    found = sorted(listed.prefix + name for listed in walk(root) for name, _ in listed.images)
    linked = ["train/linked/x.png", "train/linked/deep/y.png", "train/twin/1.png"]
    assert found == sorted(["train/a/1.png", "train/b/2.png", "val/a/3.JPEG", *linked])
    assert fingerprint(root) == fingerprint(root)


def test_a_link_to_nothing_is_an_error(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "root", FILES)
    (root / "train/a/gone.png").symlink_to(tmp_path / "cache/gone.png")
    with pytest.raises(DatasetError, match=r"gone.png is a link to .*does not exist(.|\n)*Fetch"):
        fingerprint(root)


def test_missing_and_empty_roots_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere does not exist(.|\n)*Correct the data set's root"):
        fingerprint(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    for root in (tmp_path / "empty", write_zip(tmp_path / "e.zip", {"readme.txt": b""})):
        with pytest.raises(DatasetError, match="holds no images"):
            fingerprint(root)
    (tmp_path / "a.7z").write_bytes(b"7z")
    with pytest.raises(DatasetError, match="neither a folder nor a zip"):
        fingerprint(tmp_path / "a.7z")


@pytest.mark.skipif(os.name != "posix", reason="only POSIX file names can be other than text")
def test_names_that_are_not_text_still_count(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "root", FILES)
    before = fingerprint(root)
    try:
        Path(os.fsdecode(bytes(root) + b"/train/a/\xff.png")).touch()
    except OSError:
        pytest.skip("this file system refuses names that are not UTF-8")
    assert fingerprint(root) != before


def test_planning_does_not_load_torch() -> None:
    code = "import sys, bits.data.fingerprint; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
