"""Zips that are opened again and again: read once, and never taken for what they were before."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bits.data import archive
from bits.data.archive import Archive
from bits.data.fingerprint import fingerprint
from bits.data.kind import kind_of
from bits.data.source import forget_sources, open_source
from bits.data.zip_entries import directory
from bits.errors import DatasetError
from bits.plan import PRETRAINING_ROLE, Request, make_plan
from bits.runs.datasets import open_pair, open_split
from bits.workflow import build_plan

from .pictures import png

Reads = Callable[[], int]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """reads() -> how often the table of contents of a zip has been read since the test began."""
    seen: list[Path] = []
    monkeypatch.setattr(archive, "directory", lambda path: seen.append(path) or directory(path))
    forget_sources()
    return lambda: len(seen)


def write(path: Path, *contents: bytes) -> Path:
    """A zip in which every content is an image of its own class, in both splits."""
    with zipfile.ZipFile(path, "w") as file:
        for number, content in enumerate(contents):
            for split in ("train", "val"):
                file.writestr(zipfile.ZipInfo(f"{split}/class{number}/x.png"), content)
    return path


def test_a_process_that_plans_counts_and_trains_reads_the_table_of_contents_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: Reads
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "images.zip", png(0), png(1), png(2))
    plan = make_plan(Request.of_scale("small", (f"site.data.images={path}",)))
    dataset = plan.datasets[PRETRAINING_ROLE]
    sizes = kind_of(dataset).sizes(dataset, str(path))
    train, val = open_pair(dataset, path, plan.site)
    assert (sizes.train, sizes.val, sizes.classes) == (len(train), len(val), 3)
    assert reads() == 1


def test_a_zip_that_is_another_file_now_is_read_anew(tmp_path: Path, reads: Reads) -> None:
    path = write(tmp_path / "a.zip", png(0))
    first, before = open_source(path), fingerprint(path)
    write(tmp_path / "b.zip", png(1), png(2)).replace(path)
    assert open_source(path).folders("train") == ["class0", "class1"]
    assert fingerprint(path) != before
    assert reads() == 2
    assert first.read("train/class0/x.png") == png(0), "who opened the old one reads on"


@pytest.mark.parametrize("how", ["replaced", "overwritten"])
def test_size_and_date_do_not_hide_another_content(tmp_path: Path, how: str) -> None:
    path, other = write(tmp_path / "a.zip", b"one"), write(tmp_path / "b.zip", b"two")
    before = fingerprint(path)
    date = path.stat().st_mtime_ns
    if how == "replaced":
        os.utime(other, ns=(date, date))
        other.replace(path)
    else:
        shutil.copyfile(other, path)
        os.utime(path, ns=(date, date))
    assert path.stat().st_mtime_ns == date
    assert fingerprint(path) != before


def test_a_zip_that_is_replaced_after_planning_is_refused_though_the_old_one_is_open(tmp_path: Path) -> None:
    plan = make_plan(Request.of_scale("small", (f"site.data.images={write(tmp_path / 'a.zip', png(0))}",)))
    dataset = plan.datasets[PRETRAINING_ROLE]
    assert len(open_split(dataset, tmp_path / "a.zip", "train")) == 1
    write(tmp_path / "b.zip", png(1)).replace(tmp_path / "a.zip")
    with pytest.raises(DatasetError, match=r"a\.zip: holds other files than when this run was planned"):
        open_split(dataset, tmp_path / "a.zip", "val")


def test_a_broken_zip_is_tried_again(tmp_path: Path, reads: Reads) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04")
    for _ in range(2):
        with pytest.raises(DatasetError, match="begins like a zip, but"):
            open_source(path)
    write(path, png(0))
    assert open_source(path).folders("") == ["train", "val"]
    assert reads() == 3


def test_forgotten_zips_are_closed_and_read_again(tmp_path: Path, reads: Reads) -> None:
    paths = [write(tmp_path / f"{number}.zip", png(number)) for number in range(3)]
    opened = [open_source(path) for path in paths]
    assert [open_source(path) for path in paths] == opened
    descriptors = [source._descriptor for source in opened if isinstance(source, Archive)]
    del opened
    forget_sources()
    for descriptor in descriptors:
        with pytest.raises(OSError):
            os.fstat(descriptor)
    open_source(paths[0])
    assert reads() == 4


def test_a_build_that_has_its_plan_keeps_no_zip_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: Reads
) -> None:
    path = write(tmp_path / "a.zip", png(0))
    monkeypatch.setattr(build_plan, "current_plan", lambda request: open_source(path))
    build_plan.load_plan({"scale": "smoke"})
    open_source(path)
    assert reads() == 2


def test_a_relative_name_means_what_it_means_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        monkeypatch.chdir(tmp_path / str(number))
        found.append(fingerprint(write(Path("a.zip"), png(number))))
    assert found[0] != found[1]


def test_folders_are_looked_at_every_time(tmp_path: Path) -> None:
    (tmp_path / "set/train/cat").mkdir(parents=True)
    assert open_source(tmp_path / "set").folders("train") == ["cat"]
    (tmp_path / "set/train/dog").mkdir()
    assert open_source(tmp_path / "set").folders("train") == ["cat", "dog"]
