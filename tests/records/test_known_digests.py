"""Digests of large files are kept while nothing says that the file may have changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bits.records import known_digests
from bits.records.digests import file_digest
from bits.records.known_digests import known_digest


@pytest.fixture
def settled(tmp_path: Path) -> Path:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"weights")
    os.utime(path, (1e9, 1e9))
    return path


def test_a_file_that_is_as_it_was_is_not_read_again(settled: Path, tmp_path: Path, monkeypatch) -> None:
    digest = known_digest(settled, tmp_path / "kept")
    assert digest == file_digest(settled)
    monkeypatch.setattr(known_digests, "file_digest", lambda path: pytest.fail("read again"))
    assert known_digest(settled, tmp_path / "kept") == digest


def test_other_bytes_of_the_same_size_and_date_are_read(settled: Path, tmp_path: Path) -> None:
    known_digest(settled, tmp_path / "kept")
    settled.write_bytes(b"WEIGHTS")
    os.utime(settled, (1e9, 1e9))
    assert known_digest(settled, tmp_path / "kept") == file_digest(settled)


def test_a_file_that_has_just_changed_is_not_trusted(settled: Path, tmp_path: Path) -> None:
    os.utime(settled)
    known_digest(settled, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_note_that_cannot_be_read_is_made_anew(settled: Path, tmp_path: Path) -> None:
    digest = known_digest(settled, tmp_path / "kept")
    (note,) = (tmp_path / "kept").iterdir()
    note.write_text("[]")
    assert known_digest(settled, tmp_path / "kept") == digest and "sha256" in note.read_text()
