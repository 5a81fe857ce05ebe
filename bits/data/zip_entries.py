"""A zip's table of contents, checked. Never imports torch."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

from bits.errors import DatasetError

_LARGEST_MEMBER = 1 << 29  # bytes; no photograph comes near, so more is damage or malice


def directory(path: Path) -> list[zipfile.ZipInfo]:
    """Every entry of the zip's central directory. Raises DatasetError: not a zip, or a truncated one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except OSError as error:
        raise DatasetError(f"{path} can't be read: {error.strerror}. Check its permissions.") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, struct.error) as error:
        raise DatasetError(_not_a_zip(path, error)) from error


def _not_a_zip(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        begins_like_one = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    if begins_like_one:
        return (
            f"{path} begins like a zip, but its table of contents (at the end) is damaged: {error}.\n"
            f"It holds {path.stat().st_size:,} bytes, probably of a broken download or copy. Fetch it again."
        )
    return (
        f"{path} is neither a folder nor a zip: {error}.\n"
        "Expected a folder, or a zip or .tar of one. Unpack other archives (tar.gz, 7z, parquet) into a folder first."
    )


def safe_name(entry: zipfile.ZipInfo) -> str | None:
    """The entry's name in normal form, or None where it could lead out of the archive or is a link.

    Nothing is ever written under these names; refusing them keeps identities the same on every system.
    """
    name = entry.orig_filename.removeprefix("./")
    if "\\" in name or "\0" in name or ":" in name.partition("/")[0]:
        return None
    if any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
        return None
    return None if stat.S_ISLNK(entry.external_attr >> 16) else name


def refuse_unreadable(where: str, entry: zipfile.ZipInfo) -> None:
    """Raises DatasetError for an entry that is encrypted, unsupported or absurdly long."""
    if entry.flag_bits & 0x1:
        raise DatasetError(f"{where} is encrypted. Decrypt it and make the zip again without a password.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DatasetError(
            f"{where} uses zip compression {entry.compress_type}; expected 0 (stored) or 8 (deflated).\n"
            "Make the zip again with: zip -0 -r (images hardly compress further)."
        )
    longest = max(entry.file_size, entry.compress_size)
    if longest > _LARGEST_MEMBER:
        raise DatasetError(
            f"{where} claims {longest:,} bytes; at most {_LARGEST_MEMBER:,} are read.\n"
            "The archive is damaged or not a set of photographs: fetch it again, or remove the entry."
        )
