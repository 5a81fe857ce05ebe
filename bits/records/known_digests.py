"""Digests of large files, kept with their stamps, so that only a file that may have changed is read again."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

from bits.records.digests import file_digest
from bits.records.files import write_json

SETTLED_NS = 2_000_000_000  # a file that was changed so shortly ago may change again under the same stamp


def known_digest(path: Path, place: Path) -> str:
    """sha256 (hex) of a file's bytes, read where size, times or inode are not those that are kept in `place`.

    Raises OSError where it cannot be read.
    """
    kept = place / f"{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]}.file.json"
    stamp = _stamp(path)
    found = _read(kept)
    if found.get("stamp") == stamp:
        return str(found["sha256"])
    digest = file_digest(path)
    if _stamp(path) == stamp and time.time_ns() - path.stat().st_mtime_ns > SETTLED_NS:
        write_json(kept, {"stamp": stamp, "sha256": digest})
    return digest


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if {"stamp", "sha256"} <= set(found) else {}
    except (OSError, ValueError, TypeError):
        return {}
