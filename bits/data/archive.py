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
from bits.data.layout import MORE_SUFFIXES, is_hidden, is_hidden_class, is_image, is_unread_image, nfc, suffix_of
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


class Archive:
    """The images and notes inside a zip; see `layout.Source`.

    Reading needs no lock (positioned reads), so threads and forked processes can share one; a pickled copy
    opens the file again. Raises DatasetError: not a zip, truncated, encrypted, an unsupported compression,
    two entries of one name.
    """

    wrapped = True
    identity: str  # digest of every file's name, CRC-32 and length, but for hidden ones; "" where no image is

    def __init__(self, path: Path) -> None:
        self.path = path
        self._members: dict[str, Member] = {}  # images
        self._notes: dict[str, zipfile.ZipInfo] = {}
        self._folders: set[str] = set()
        self._unread: list[str] = []
        self._hidden: set[str] = set()  # folders
        self._spelled: dict[str, str] = {}  # the zip's spelling of names that are not in NFC there
        entries = directory(path)
        unsafe = [entry.orig_filename for entry in entries if not self._add(entry)]
        self.identity = identity_of("zip", _records(entries))
        self.remark = f" Ignored {len(unsafe)} unsafe names, as {unsafe[0]!r}." if unsafe else ""
        for folder in list(self._folders):
            parts = folder.split("/")
            self._folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)

    def __reduce__(self) -> tuple[type[Archive], tuple[Path]]:
        return Archive, (self.path,)

    def _add(self, entry: zipfile.ZipInfo) -> bool:
        """Whether the entry's name is safe; remembers it where it counts."""
        name = safe_name(entry)
        if name is None:
            return False
        parts = nfc(name).split("/")
        if any(map(is_hidden, parts)):
            first = next(depth for depth, part in enumerate(parts) if is_hidden(part))
            if is_hidden_class(parts[first]) and first < len(parts) - 1 and is_image(parts[-1]):
                self._hidden.add("/".join(parts[: first + 1]))
            return True
        folder, _, file = nfc(name).rpartition("/")
        if folder:
            self._folders.add(folder)
        if file and not is_image(file):
            self._notes[nfc(name)] = entry
        if is_unread_image(file):
            self._unread.append(nfc(name))
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

    def folders(self, inside: str) -> list[str]:
        """Names of the folders directly inside, sorted."""
        prefix = f"{inside}/" if inside else ""
        below = (name[len(prefix) :] for name in self._folders if name.startswith(prefix))
        return sorted(name for name in below if "/" not in name)

    def holds_images(self, inside: str) -> bool:
        """Whether an image lies directly inside."""
        return any(name.rpartition("/")[0] == inside for name in self._members)

    def images(self, inside: str, classes: Sequence[str]) -> dict[str, list[str]]:
        """For each class folder the sorted names, relative to `inside`, of all images below it."""
        found: dict[str, list[str]] = {name: [] for name in classes}
        prefix = f"{inside}/" if inside else ""
        for member in self._members:
            class_name, slash, _ = member.removeprefix(prefix).partition("/")
            if slash and class_name in found and member.startswith(prefix):
                found[class_name].append(member[len(prefix) :])
        return {name: sorted(images) for name, images in found.items()}

    def unread(self, inside: str) -> list[str]:
        """Names of all files below that look like images and are not read."""
        prefix = f"{inside}/" if inside else ""
        return sorted(name for name in self._unread if name.startswith(prefix))

    def hidden(self, inside: str) -> list[str]:
        """Names of the folders directly inside that hold images, but are left out because a dot begins their names."""
        split = [name.rpartition("/") for name in self._hidden]
        return sorted(name for above, _, name in split if above == inside)

    def digests(self) -> Mapping[str, str]:
        """Of every image, its length and the zip's checksum of it."""
        return {name: f"{member.length}.{member.crc}" for name, member in self._members.items()}

    def notes(self, inside: str) -> list[str]:
        """Names of the files directly inside that are no images, sorted."""
        split = [name.rpartition("/") for name in self._notes]
        return sorted(name for above, _, name in split if above == inside)

    def read(self, name: str) -> bytes:
        """The content of an image or a note, its length and checksum verified. Raises DatasetError."""
        if name in self._notes:
            refuse_unreadable(self.describe(name), self._notes[name])
        member = _member(self._notes[name]) if name in self._notes else self._members[name]
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
