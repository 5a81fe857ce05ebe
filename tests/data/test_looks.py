"""What decoding images showed is kept by their bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bits.data import looks as module
from bits.data.fingerprint import digests
from bits.data.looks import Look, known_looks, looks, seen_at
from bits.data.source import open_source
from bits.errors import DatasetError

from .pictures import image_folder, png


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=["folder", "zip"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Four intact images, a truncated one and one that is none."""
    folder = image_folder(tmp_path / "set", {"train": {"a": 4}})
    (folder / "train/a/cut.png").write_bytes(png(9, 40, 30)[:1500])
    (folder / "train/a/text.jpg").write_bytes(b"<html>404</html>")
    return folder if request.param == "folder" else Path(shutil.make_archive(str(tmp_path / "set"), "zip", folder))


def test_every_image_is_decoded_once_however_often_it_is_asked_for(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = digests(place)
    assert known_looks(place, wanted) == {} and seen_at(place) == ""
    found = looks(open_source(place), wanted, None)
    assert {name: look for name, look in found.items() if not look.problem} == {
        f"train/a/{number}.png": Look(6, 6) for number in range(4)
    }
    cut, text = found["train/a/cut.png"], found["train/a/text.jpg"]
    assert cut[:2] == (40, 30) and cut.problem.startswith("(1,500 bytes)"), "the header is intact"
    assert text[:2] == (0, 0) and "UnidentifiedImageError" in text.problem and str(place) not in text.problem
    assert seen_at(place) == "6, 2 broken"
    monkeypatch.setattr(module, "_decode", lambda *_: pytest.fail("nothing is new"))
    assert looks(open_source(place), wanted, None) == known_looks(place, wanted) == found


def test_an_image_that_was_replaced_is_decoded_again_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = image_folder(tmp_path / "set", {"train": {"a": 3}})
    looks(open_source(folder), digests(folder), None)
    (folder / "train/a/1.png").write_bytes(png(7, 8, 9))
    decoded = []
    look_at = module._look
    monkeypatch.setattr(module, "_look", lambda source, name, side: decoded.append(name) or look_at(source, name, side))
    assert looks(open_source(folder), digests(folder), None)["train/a/1.png"] == Look(8, 9)
    assert decoded == ["train/a/1.png"]


def test_what_could_not_be_read_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = image_folder(tmp_path / "set", {"train": {"a": 2}})
    source, wanted = open_source(folder), digests(folder)
    read = source.read

    def failing(name: str) -> bytes:
        if name.endswith("1.png"):
            raise DatasetError(f"{source.describe(name)} was listed but can't be read: Stale file handle.")
        return read(name)

    monkeypatch.setattr(source, "read", failing)
    assert looks(source, wanted, None)["train/a/1.png"].problem == ("was listed but can't be read: Stale file handle.")
    assert set(known_looks(folder, wanted)) == {"train/a/0.png"}
    assert looks(open_source(folder), wanted, None)["train/a/1.png"] == Look(6, 6)


def test_a_check_that_is_stopped_keeps_what_it_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = image_folder(tmp_path / "set", {"train": {"a": 5}})
    monkeypatch.setattr(module, "PORTION", 1)
    adding = module.Pace.add

    def stop(self: module.Pace, done: int) -> None:
        adding(self, done)
        if self.done == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(module.Pace, "add", stop)
    with pytest.raises(KeyboardInterrupt):
        looks(open_source(folder), digests(folder), None)
    assert len(known_looks(folder, digests(folder))) == 3


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 0}', b'{"format": 1}\0x', b"\xff\xfe"])
def test_a_damaged_file_of_looks_is_made_anew(tmp_path: Path, content: bytes) -> None:
    folder = image_folder(tmp_path / "set", {"train": {"a": 2}})
    found = looks(open_source(folder), digests(folder), None)
    module._file(folder).write_bytes(content)
    assert known_looks(folder, digests(folder)) == {} and seen_at(folder) == ""
    assert looks(open_source(folder), digests(folder), None) == found


def test_the_shape_is_the_longer_side_by_the_shorter() -> None:
    assert Look(10, 400).shape == Look(400, 10).shape == 40.0
    assert Look(0, 0).shape == 0.0
