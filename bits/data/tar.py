"""An uncompressed tar of images, read in place by an index of where each lies. Never imports torch.

A tar has no table of contents, so it is read once as a whole, with the digest of every file, and what was found is kept
beside the digests of folders. Tars inside it, as ILSVRC2012_img_train.tar holds one for each class, count as folders.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from bits.data import kept
from bits.data.identity import identity_of
from bits.data.inside import Inside
from bits.data.layout import is_image, join, nfc
from bits.data.pace import Pace
from bits.errors import DatasetError
from bits.records.files import write_bytes

FORMAT = 1


class Piece(NamedTuple):
    """Where a file's bytes lie in the tar, and the digest of them."""

    offset: int
    length: int
    digest: str


class Tar(Inside[Piece]):
    """The images and notes inside a tar; see `layout.Source`.

    Reading needs no lock (positioned reads); a pickled copy opens the file again. Raises DatasetError: compressed,
    truncated, or no tar, two files of one name.
    """

    wrapped = True
    remark = ""
    identity: str  # digest of every file's name and content; "" where no image is

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        pieces = _kept(path) or _indexed(path)
        records = []
        for name, piece in pieces.items():
            if self.counts(name):
                (self._members if is_image(name) else self._notes)[name] = piece
                records.append(os.fsencode(f"{name}\0{piece.digest}"))
        self.complete()
        self.identity = identity_of("tar", sorted(records)) if self._members else ""
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)

    def __reduce__(self) -> tuple[type[Tar], tuple[Path]]:
        return Tar, (self.path,)

    def digests(self) -> Mapping[str, str]:
        """Of every image, that of its bytes."""
        return {name: piece.digest for name, piece in self._members.items()}

    def read(self, name: str) -> bytes:
        """The content of an image or a note. Raises DatasetError where it is not what it was when it was indexed."""
        piece = self._members.get(name) or self._notes[name]
        try:
            content = os.pread(self._descriptor, piece.length, piece.offset)
        except OSError as error:
            raise DatasetError(f"{self.describe(name)} can't be read: {error.strerror}. Check the disk.") from error
        if _digest(content) != piece.digest:
            raise DatasetError(f"{self.describe(name)} is damaged, or the tar was changed meanwhile. Copy it again.")
        return content

    def describe(self, name: str) -> str:
        """The file and its tar."""
        return f"{name} in {self.path}"


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _indexed(path: Path) -> dict[str, Piece]:
    """Every file inside by name, read as a whole; kept on disk for the next time."""
    pace = Pace(f"{path}: reading the tar once, for an index", path.stat().st_size, "bytes")
    pieces: dict[str, Piece] = {}
    stamp = _stamp(path)
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for name, piece in _files(archive, "", 0, pace):
                if name in pieces:
                    raise DatasetError(
                        f"{name} in {path} occurs twice, maybe in two Unicode forms: unclear which one counts. Make "
                        "the tar again."
                    )
                pieces[name] = piece
            file.seek(-min(tarfile.BLOCKSIZE, path.stat().st_size), os.SEEK_END)
            if file.read().strip(b"\0"):  # tarfile takes a header that is cut for the end
                raise tarfile.ReadError("its end is missing")
    except OSError as error:
        raise DatasetError(f"{path} can't be read: {error.strerror}. Check its permissions and the disk.") from error
    except tarfile.TarError as error:
        raise DatasetError(
            f"{path} can't be read as an uncompressed tar: {error}.\nUnpack a compressed one (.tar.gz) into a folder; "
            "copy one that is truncated again."
        ) from error
    if _stamp(path) == stamp:
        _keep(path, stamp, pieces)
    return pieces


def _files(archive: tarfile.TarFile, place: str, start: int, pace: Pace) -> Iterator[tuple[str, Piece]]:
    """(name, piece) of every plain file; `start` is where the tar begins, `place` the folder that it stands for."""
    for member in archive:
        stream = archive.extractfile(member) if member.isreg() else None
        name = nfc(member.name.removeprefix("./"))
        if stream is None or any(part in ("", ".", "..") for part in name.split("/")):
            continue
        if name.endswith(".tar"):
            yield from _nested(stream, join(place, name.removesuffix(".tar")), start + member.offset_data, pace)
            continue
        content = stream.read()
        if len(content) < member.size:  # tarfile tells only where nothing is left at all
            raise tarfile.ReadError("unexpected end of data")
        pace.add(len(content))
        yield join(place, name), Piece(start + member.offset_data, len(content), _digest(content))


def _nested(stream: IO[bytes], place: str, start: int, pace: Pace) -> Iterator[tuple[str, Piece]]:
    with tarfile.open(fileobj=stream, mode="r:") as inner:
        yield from _files(inner, place, start, pace)


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size}.{status.st_mtime_ns}.{status.st_ctime_ns}"


def _keep(path: Path, stamp: str, pieces: Mapping[str, Piece]) -> None:
    header = json.dumps({"format": FORMAT, "tar": str(path.absolute()), "stamp": stamp}).encode()
    records = (f"{one.offset} {one.length} {one.digest} ".encode() + os.fsencode(name) for name, one in pieces.items())
    with suppress(OSError):
        write_bytes(_index_of(path), b"\0".join((header, *records)))


def _kept(path: Path) -> dict[str, Piece]:
    """What is kept of the tar; nothing where that is another one now."""
    with suppress(OSError, ValueError, KeyError):
        header, *records = _index_of(path).read_bytes().split(b"\0")
        facts = json.loads(header)
        if (facts["format"], facts["stamp"]) == (FORMAT, _stamp(path)):
            split = (record.split(b" ", 3) for record in records)
            return {os.fsdecode(name): Piece(int(at), int(size), digest.decode()) for at, size, digest, name in split}
    return {}


def _index_of(path: Path) -> Path:
    return kept.file_of(path).with_suffix(".tar")
