"""Zips read in place: what is hostile is ignored or refused, what is damaged is named."""

from __future__ import annotations

import io
import multiprocessing
import pickle
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bits.data.archive import Archive
from bits.data.images import open_image_set
from bits.errors import DatasetError

from .pictures import png


def write(path: Path, names: list[str], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for seed, name in enumerate(names):
            archive.writestr(zipfile.ZipInfo(name), png(seed), method)
    return path


def test_names_that_lead_astray_never_count(tmp_path: Path) -> None:
    bad = ["../train/a/up.png", "train/../../b/up.png", "/train/a/root.png", "C:/train/a/drive.png"]
    bad += ["train\\a\\back.png", "train/a//double.png", "train/./a/dot.png", "train/a/Znul.png"]
    path = write(tmp_path / "odd.zip", [*bad, "train/a/good.png", "./train/b/dotted.png"])
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("train/a/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    path.write_bytes(path.read_bytes().replace(b"a/Znul", b"a/\0nul"))  # zipfile would cut the name there
    assert open_image_set(path, "odd", "train").identities == ("a/good.png", "b/dotted.png")
    with pytest.raises(DatasetError, match="Ignored 9 unsafe names"):
        open_image_set(path, "odd", "val")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["odd.zip"]


def test_names_that_differ_in_case_are_different_images(tmp_path: Path) -> None:
    path = write(tmp_path / "case.zip", ["train/Dog/a.png", "train/dog/a.png", "train/dog/A.PNG"])
    images = open_image_set(path, "case", "train")
    assert images.class_names == ("Dog", "dog")
    assert images.identities == ("Dog/a.png", "dog/A.PNG", "dog/a.png")
    assert len({images.decode(index).numpy().tobytes() for index in range(3)}) == 3


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "twice.zip", ["train/a/x.png", "./train/a/x.png"])
    with pytest.raises(DatasetError, match=r"train/a/x.png in .*twice.zip occurs twice"):
        Archive(path)


def test_encrypted_and_exotic_entries_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "bzip2.zip", ["train/a/x.png"], zipfile.ZIP_BZIP2)
    with pytest.raises(DatasetError, match="compression 12; expected 0"):
        Archive(path)
    locked = write(tmp_path / "locked.zip", ["train/a/x.png"])
    content = bytearray(locked.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(content)
    with pytest.raises(DatasetError, match="is encrypted"):
        Archive(locked)


def test_absurd_lengths_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "huge.zip", ["train/a/x.png"])
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, 0xFFFFFF00)
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"claims 4,294,967,040 bytes"):
        Archive(path)


def test_what_is_no_zip_is_told_from_a_broken_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", ["train/a/x.png", "train/a/y.png"])
    whole = path.read_bytes()
    for kept in (10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:kept])
        with pytest.raises(DatasetError, match="begins like a zip, but"):
            open_image_set(path, "a", "train")
    for content in (b"", b"\x1f\x8b tar", png(0)):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match="neither a folder nor a zip"):
            open_image_set(path, "a", "train")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_no_flipped_byte_goes_unnoticed(tmp_path: Path, method: int) -> None:
    path = write(tmp_path / "a.zip", ["train/a/x.png"], method)
    whole = path.read_bytes()
    end = whole.index(b"PK\x01\x02")
    intact = Archive(path).read("train/a/x.png")
    for place in range(end):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            content = Archive(path).read("train/a/x.png")
        except DatasetError as error:
            assert "train/a/x.png in " in str(error) and "a.zip is damaged" in str(error)
        else:
            assert content == intact  # a header field that reading does not need


def test_a_broken_image_names_member_and_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train/a/cut.png", png(0)[:60])
        archive.writestr("train/a/text.jpg", "hello")
    images = open_image_set(path, "a", "train")
    for index, name in enumerate(("cut.png", "text.jpg")):
        with pytest.raises(DatasetError, match=rf"train/a/{name} in .*a\.zip can't be decoded(.|\n)*Replace"):
            images.decode(index)


def test_zips_from_streams_and_behind_a_prefix_are_read(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        """Can't seek, so the writer puts lengths behind the data instead of in front of it."""

        def __init__(self) -> None:
            self.content = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.content += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        archive.writestr("train/a/x.png", png(0))
        with archive.open("train/a/y.png", "w", force_zip64=True) as member:
            member.write(png(1))
    path = tmp_path / "a.zip"
    path.write_bytes(b"#!/bin/sh\n" + pipe.content)
    assert [Archive(path).read(f"train/a/{name}.png") for name in "xy"] == [png(0), png(1)]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_threads_read_what_one_reads(tmp_path: Path, method: int) -> None:
    path = write(tmp_path / "a.zip", [f"train/a/{index}.png" for index in range(40)], method)
    images = open_image_set(path, "a", "train")
    alone = [images.decode(index).numpy().tobytes() for index in range(40)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda index: images.decode(index % 40).numpy().tobytes(), range(400)))
    assert together == alone * 10


def test_a_copy_for_another_process_opens_the_file_again(tmp_path: Path) -> None:
    archive = Archive(write(tmp_path / "a.zip", ["train/a/x.png"]))
    copy = pickle.loads(pickle.dumps(archive))
    assert copy._descriptor != archive._descriptor
    assert copy.read("train/a/x.png") == archive.read("train/a/x.png") == png(0)


def _send(archive: Archive, names: list[str], sender: multiprocessing.connection.Connection) -> None:
    sender.send_bytes(b"".join(archive.read(name) for name in names * 50))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_processes_read_without_disturbing_each_other(tmp_path: Path) -> None:
    names = [f"train/a/{index}.png" for index in range(10)]
    archive = Archive(write(tmp_path / "a.zip", names))
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    workers = [context.Process(target=_send, args=(archive, names, sender)) for _, sender in pipes]
    for worker in workers:
        worker.start()
    expected = b"".join(archive.read(name) for name in names * 50)
    assert [receiver.recv_bytes() for receiver, _ in pipes] == [expected, expected]
    for worker in workers:
        worker.join(20)
        assert worker.exitcode == 0
