"""A folder's identity: what is read again, what is kept, and what is said when images have changed."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from pathlib import Path

import pytest

from bits.data import contents, kept
from bits.data.contents import identity
from bits.data.fingerprint import fingerprint, require_planned
from bits.errors import DatasetError

OLD_NS = 3_600 * 10**9
FILES = {"train/a/1.png": b"one", "train/a/2.png": b"two", "val/a/3.png": b"three"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images whose last change counts as long ago."""
    monkeypatch.setattr(contents, "SETTLED_NS", -OLD_NS)
    monkeypatch.setattr(kept, "PLACE", tmp_path / "kept")
    for name, content in FILES.items():
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(content)
    return tmp_path / "set"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that have been read, in the order of the alphabet at each reading."""
    seen: list[str] = []
    digest = contents._digest
    monkeypatch.setattr(contents, "_digest", lambda file: seen.append(file.name) or digest(file))
    return seen


def test_an_image_is_read_once_and_again_when_it_has_changed(folder: Path, reads: list[str]) -> None:
    first = identity(folder)
    assert sorted(reads) == sorted(FILES)
    assert identity(folder) == first and len(reads) == 3
    (folder / "train/a/2.png").write_bytes(b"TWO")
    assert identity(folder) != first and reads[3:] == ["train/a/2.png"]
    (folder / "train/a/2.png").write_bytes(b"two")
    assert identity(folder) == first
    (folder / "train/a/2.png").touch()
    assert identity(folder) == first, "times are no part of it"


def test_the_old_size_and_date_do_not_hide_other_bytes(folder: Path) -> None:
    first, path = identity(folder), folder / "train/a/1.png"
    date = path.stat().st_mtime_ns
    path.write_bytes(b"ONE")
    os.utime(path, ns=(date, date))
    assert path.stat().st_mtime_ns == date
    assert identity(folder) != first


def test_a_folder_in_the_place_of_another_with_the_same_names_is_another_set(folder: Path) -> None:
    first = fingerprint(folder)
    other = shutil.copytree(folder, folder.parent / "other")
    assert fingerprint(other) == first, "where it lies is no part of it"
    (other / "val/a/3.png").write_bytes(b"THREE")
    folder.rename(folder.parent / "away")
    other.rename(folder)
    assert fingerprint(folder) != first


def test_what_changed_is_named_once_and_in_the_refusal(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    planned = fingerprint(folder)
    require_planned(folder, planned, fingerprint(folder))
    (folder / "train/a/1.png").write_bytes(b"ONE")
    (folder / "val/a/3.png").rename(folder / "val/a/4.png")
    said = "1 replaced (train/a/1.png), 1 added (val/a/4.png), 1 removed (val/a/3.png)"
    found = fingerprint(folder)
    assert capfd.readouterr().err == f"{folder}: other images than before: {said}\n"
    assert fingerprint(folder) == found
    assert capfd.readouterr().err == ""
    with pytest.raises(DatasetError, match=r"holds other files than when this run was planned") as refusal:
        require_planned(folder, planned, fingerprint(folder))
    assert said in str(refusal.value)
    assert kept.between(planned, found) == said


def test_a_file_that_changed_just_now_is_read_again(
    folder: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "SETTLED_NS", OLD_NS)
    first = identity(folder)
    assert identity(folder) == first and sorted(reads) == sorted([*FILES, *FILES])


def test_what_was_read_before_a_stop_is_not_read_again(
    folder: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "PORTION", 1)
    monkeypatch.setattr(contents, "THREADS", 1)
    whole = contents._digest

    def stopped(file: contents.File) -> tuple[str, str]:
        if file.name.startswith("val"):
            raise KeyboardInterrupt
        return whole(file)

    monkeypatch.setattr(contents, "_digest", stopped)
    with pytest.raises(KeyboardInterrupt):
        identity(folder)
    assert sorted(reads) == ["train/a/1.png", "train/a/2.png"]
    monkeypatch.setattr(contents, "_digest", whole)
    reads.clear()
    identity(folder)
    assert reads == ["val/a/3.png"]
    assert not list(kept.PLACE.glob("*.part"))


@pytest.mark.parametrize("damage", [b"", b"{}", b"\0\0", b'{"format": "0", "identity": "x", "state": "y"}'])
def test_a_damaged_record_is_made_again(folder: Path, reads: list[str], damage: bytes) -> None:
    first = identity(folder)
    kept.file_of(folder).write_bytes(damage)
    assert identity(folder) == first and len(reads) == 6


def test_where_nothing_can_be_kept_the_identity_is_the_same(folder: Path) -> None:
    first = identity(folder)
    shutil.rmtree(kept.PLACE)
    kept.PLACE.write_text("a file where the folder should be")
    assert identity(folder) == first


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_processes_that_read_the_same_folder_at_once_agree(folder: Path, reads: list[str]) -> None:
    context = multiprocessing.get_context("fork")
    with context.Pool(4) as pool:
        found = set(pool.map(identity, [folder] * 16))
    assert found == {identity(folder)} and reads == [], "what one of them kept is whole"


def test_an_image_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(DatasetError, match=r"a/.\.png can't be read: Permission denied(.|\n)*Check its permissions"):
        identity(folder)


def test_how_far_it_is_is_told_and_nothing_of_short_work(capfd: pytest.CaptureFixture[str]) -> None:
    from bits.data.pace import Pace

    now = [0.0]
    pace = Pace("data/set: reading", 40 * 2**20, "bytes", clock=lambda: now[0])
    now[0] = 2.0
    pace.add(10 * 2**20)
    assert capfd.readouterr().err == ""
    now[0] = 5.0
    pace.add(10 * 2**20)
    assert capfd.readouterr().err == "data/set: reading: 20 of 40 MiB, 4 MiB/s, 5 s left\n"
    now[0] = 6.0
    pace.add(2**20)
    assert capfd.readouterr().err == ""


def test_a_pipe_is_no_image_and_nobody_waits_for_it(folder: Path) -> None:
    first = fingerprint(folder)
    os.mkfifo(folder / "train/a/pipe.jpg")
    assert fingerprint(folder) == first
