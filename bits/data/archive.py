"""A zip of images and notes on them, read in place: nothing is ever extracted. Never imports torch."""

from __future__ import annotations

import os
import struct
import weakref
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bits.data.folder import same_in_nfc
from bits.data.identity import identity_of
from bits.data.inside import Inside
from bits.data.layout import MORE_SUFFIXES, is_hidden, is_image, nfc, suffix_of
from bits.data.zip_entries import directory, refuse_unreadable, safe_name
from bits.errors import DatasetError

_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, length of the name, length of the extra field


class Member(NamedTuple):
    """Where a file's bytes lie: offset of its local header, stored and real length in bytes."""

    offset: int
    stored: int
    length: int
    method: int
    crc: int


class Archive(Inside[Member]):
    """The images and notes inside a zip; see `layout.Source`.

    Reading needs no lock (positioned reads), so threads and forked processes can share one; a pickled copy
    opens the file again. Raises DatasetError: not a zip, truncated, encrypted, an unsupported compression,
    two entries of one name.
    """

    wrapped = True
    identity: str  # digest of every file's name, CRC-32 and length, but for hidden ones; "" where no image is

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._refused: dict[str, DatasetError] = {}  # notes
        self._spelled: dict[str, str] = {}  # the zip's spelling of names that are not in NFC there
        entries = directory(path)
        unsafe = [entry.orig_filename for entry in entries if not self._add(entry)]
        self.identity = identity_of("zip", _records(entries))
        self.remark = f" Ignored {len(unsafe)} unsafe names, as {unsafe[0]!r}." if unsafe else ""
        self.complete()
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)

    def __reduce__(self) -> tuple[type[Archive], tuple[Path]]:
        return Archive, (self.path,)

    def _add(self, entry: zipfile.ZipInfo) -> bool:
        """Whether the entry's name is safe; remembers it where it counts."""
        name = safe_name(entry)
        if name is None:
            return False
        file = nfc(name).rpartition("/")[2]
        if not self.counts(nfc(name)):
            return True
        if file and not is_image(file):
            self._add_note(nfc(name), entry)
        if is_image(file):
            where, spelled, name = self.describe(name), name, nfc(name)
            if name in self._members:
                if spelled != self._spelled.get(name, name):
                    raise DatasetError(same_in_nfc(where))
                raise DatasetError(f"{where} occurs twice: unclear which one counts. Make the zip again.")
            if spelled != name:
                self._spelled[name] = spelled
            refuse_unreadable(where, entry)
            self._members[name] = _member(entry)
        return True

    def _add_note(self, name: str, entry: zipfile.ZipInfo) -> None:
        """One that can't be read is refused when it is read, because most notes never are."""
        self._notes[name] = _member(entry)
        try:
            refuse_unreadable(self.describe(name), entry)
        except DatasetError as error:
            self._refused[name] = error

    def digests(self) -> Mapping[str, str]:
        """Of every image, its length and the zip's checksum of it."""
        return {name: f"{member.length}.{member.crc}" for name, member in self._members.items()}

    def read(self, name: str) -> bytes:
        """The content of an image or a note, its length and checksum verified. Raises DatasetError."""
        if name in self._refused:
            raise self._refused[name]
        member = self._members.get(name) or self._notes[name]
        head = self._bytes(name, member.offset, _LOCAL_HEADER.size)
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(head)
        if signature != b"PK\x03\x04":
            raise DatasetError(self._damaged(name, "its local header is missing"))
        start = member.offset + _LOCAL_HEADER.size + name_length + extra_length
        content = self._inflated(name, member, self._bytes(name, start, member.stored))
        if len(content) != member.length or zlib.crc32(content) != member.crc:
            raise DatasetError(self._damaged(name, "its length or checksum is not the listed one"))
        return content

    def _bytes(self, name: str, start: int, count: int) -> bytes:
        try:
            content = os.pread(self._descriptor, count, start)
        except OSError as error:
            raise DatasetError(self._damaged(name, str(error.strerror))) from error
        if len(content) < count:
            raise DatasetError(self._damaged(name, "the archive ends too early"))
        return content

    def _inflated(self, name: str, member: Member, stored: bytes) -> bytes:
        if member.method == zipfile.ZIP_STORED:
            return stored
        try:
            # The length is capped so that a forged entry can't fill the memory.
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(stored, member.length + 1)
        except zlib.error as error:
            raise DatasetError(self._damaged(name, str(error))) from error

    def _damaged(self, name: str, what: str) -> str:
        return f"{self.describe(name)} is damaged: {what}. Fetch the archive again; unzip -t checks it."

    def describe(self, name: str) -> str:
        """The member and its archive."""
        return f"{name} in {self.path}"


def _member(entry: zipfile.ZipInfo) -> Member:
    lengths = (entry.compress_size, entry.file_size)
    return Member(entry.header_offset, *lengths, entry.compress_type, entry.CRC)


def _records(entries: Sequence[zipfile.ZipInfo]) -> list[bytes]:
    files = [entry for entry in entries if not _left_out(entry.orig_filename)]
    if not any(is_image(entry.orig_filename) for entry in files):
        return []
    records = [f"{nfc(entry.orig_filename)}\0{entry.CRC}\0{entry.file_size}" for entry in files]
    # Before these were read, the same zip was a smaller set, which must not have the same identity.
    read_since = {suffix_of(entry.orig_filename) for entry in files}.intersection(MORE_SUFFIXES)
    return sorted(record.encode() for record in (*records, *read_since))


def _left_out(name: str) -> bool:
    return name.endswith("/") or any(is_hidden(part) for part in name.removeprefix("./").split("/"))
