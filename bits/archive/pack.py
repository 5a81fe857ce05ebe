"""Pack files into a zip: the same bytes for the same contents, and complete or not there at all."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bits.archive.contents import Item
from bits.archive.errors import ArchiveError
from bits.archive.private import TEXTS, cleaned
from bits.archive.sealed import resealed
from bits.records.files import replacing

EPOCH = (1980, 1, 1, 0, 0, 0)  # of every entry, so that the zip depends on the contents alone
MODE = 0o644 << 16
CHUNK = 2**20  # bytes
STORED = {".png", ".pdf", ".safetensors", ".zip"}  # already compressed, or hardly compressible


@dataclass(frozen=True)
class Packed:
    """A file in the archive. size: in bytes. changed: absolute paths were removed from it."""

    name: str
    size: int
    sha256: str
    changed: bool


def pack(
    path: Path,
    items: Sequence[Item],
    texts: Mapping[str, bytes],
    roots: Iterable[Path],
    describe: Callable[[Sequence[Packed]], tuple[str, bytes]],
) -> list[Packed]:
    """Write `items`, `texts`, and last what `describe` makes of them all: a name and its content.

    Returns what is in the archive, without that last file. roots: folders whose paths are cut from texts. Raises
    ArchiveError when a file changes meanwhile or two have the same name; OSError when one cannot be read or written.
    """
    _refuse_doubles([*(item.name for item in items), *texts])
    before = {item: _stamp(item) for item in items}
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        packed = [_add(archive, item, list(roots)) for item in items]
        packed += [_write(archive, name, content, False) for name, content in texts.items()]
        for item in items:
            if _stamp(item) != before[item]:
                raise ArchiveError(
                    f"{item.source} changed while it was archived. Wait until no job runs, then try again."
                )
        _write(archive, *describe(packed), False)
    return packed


def _refuse_doubles(names: Sequence[str]) -> None:
    doubles = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if doubles:
        raise ArchiveError(f"two files would be called {doubles[0]} in the archive. Remove one of them.")


def _stamp(item: Item) -> tuple[int, int]:
    try:
        status = item.source.stat()
    except OSError as error:
        raise ArchiveError(
            f"{item.source}: {error.strerror} while it was archived. Wait until no job runs, then try again."
        ) from error
    return status.st_size, status.st_mtime_ns


def _add(archive: zipfile.ZipFile, item: Item, roots: Sequence[Path]) -> Packed:
    if item.made and item.source.suffix in TEXTS:
        content = item.source.read_bytes()
        clean = resealed(item.name, content, cleaned(item.name, content, roots))
        return _write(archive, item.name, clean, clean != content)
    digest, size = hashlib.sha256(), 0
    with item.source.open("rb") as source, archive.open(_entry(item.name), "w", force_zip64=True) as target:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            size += target.write(chunk)
    return Packed(item.name, size, digest.hexdigest(), False)


def _write(archive: zipfile.ZipFile, name: str, content: bytes, changed: bool) -> Packed:
    archive.writestr(_entry(name), content)
    return Packed(name, len(content), hashlib.sha256(content).hexdigest(), changed)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.external_attr = MODE
    entry.compress_type = zipfile.ZIP_STORED if Path(name).suffix in STORED else zipfile.ZIP_DEFLATED
    return entry
