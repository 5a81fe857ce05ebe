"""Download a file so that a stop costs nothing, and keep only what has the right checksum."""

from __future__ import annotations

import shutil
import urllib.request
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from bits.data.pace import MIB, Pace
from bits.errors import DatasetError

CHUNK = 1 << 20  # bytes
TIMEOUT_S = 60.0  # without a byte
COMPLETE = 416  # HTTP status: nothing lies behind the last byte that is there
UNPACKED = 1.3  # times the archive's size that unpacking takes; photographs hardly compress


def download(url: str, path: Path, md5: str) -> None:
    """Fetch `url` into `path`, unless what is there has the checksum already.

    What has come lies in `path` with .part at its end until it is whole, and another call goes on from there. Raises
    DatasetError: no connection, too little disk, another checksum (then nothing is kept).
    """
    from torchvision.datasets.utils import check_integrity

    if path.is_file() and check_integrity(path, md5):
        return
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    before = -1
    while not _fetched(url, part):
        if _size(part) <= max(before, 0):  # nothing has come since the last attempt
            raise DatasetError(f"{url}: the connection ends after {_size(part):,} bytes. {_goes_on(part)}")
        before = _size(part)
    if not check_integrity(part, md5):
        size = _size(part)
        part.unlink()
        raise DatasetError(
            f"{url}: the {size:,} bytes that came do not have the checksum {md5}, and were removed.\n"
            "Call again; if that does not help, get the file by hand from the data set's page."
        )
    part.replace(path)


def _fetched(url: str, part: Path) -> bool:
    """Append to `part` what comes in one connection; whether the file is whole then."""
    here = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={here}-"} if here else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            appends = answer.status == 206
            total = _total(answer.headers, here if appends else 0)
            _require_room(part, total - here if total else 0, total or 0)
            _take(answer, part, url, "ab" if appends else "wb", total)
            return total is None or _size(part) >= total
    except HTTPError as error:
        if error.code == COMPLETE and here:
            return True
        raise DatasetError(f"{url}: the server answers {error.code} {error.reason}. {_goes_on(part)}") from error
    except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
        if _size(part) > here:
            return False
        reason = getattr(error, "reason", error)
        raise DatasetError(f"{url} can't be reached: {reason}. {_goes_on(part)}") from error


def _take(answer: Any, part: Path, url: str, mode: str, total: int | None) -> None:
    """Write what comes, as it comes, and say how far that is."""
    pace = Pace(url, total or 0, "bytes")
    pace.add(_size(part) if mode == "ab" else 0)
    with part.open(mode) as file:
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            pace.add(len(chunk))


def _total(headers: Message, here: int) -> int | None:
    """Bytes of the whole file, where the server says how many follow."""
    following = headers.get("Content-Length")
    return None if following is None else here + int(following)


def _require_room(part: Path, following: int, total: int) -> None:
    """Raises DatasetError where the rest of the archive, and what it unpacks to, do not fit the disk."""
    needed = int(following + UNPACKED * total)
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise DatasetError(
            f"{part.parent}: {free / MIB:,.0f} MiB of disk are left, and {needed / MIB:,.0f} are needed. Free some, or "
            "say --to FOLDER on another disk."
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _goes_on(part: Path) -> str:
    kept = f"What came is kept in {part}, and the same call goes on from there" if _size(part) else "Call again"
    return f"{kept}. Without a network, get the file by hand from the data set's page."
