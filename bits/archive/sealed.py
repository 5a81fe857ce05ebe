"""JSON records that carry a digest of their content: changed ones are refused, cleaned ones get their digest anew."""

from __future__ import annotations

import json
from typing import Any

from bits.archive.errors import ArchiveError
from bits.provenance import digest

SEAL = "sha256_of_content"


def resealed(name: str, content: bytes, clean: bytes) -> bytes:
    """`clean`, which is `content` without absolute paths, with the digest of what it says now.

    Files without such a digest stay as they are. Raises ArchiveError when `content` is not what its own digest says.
    """
    record = _record(content)
    if record is None:
        return clean
    if record[SEAL] != _digest(record):
        raise ArchiveError(
            f"{name}: was changed after it was made: its content is not that of its {SEAL}. "
            "Delete it and run snakemake again, or restore it (git checkout)."
        )
    cleaned = _record(clean)
    if clean == content or cleaned is None:
        return clean
    return (json.dumps({**cleaned, SEAL: _digest(cleaned)}, indent=1) + "\n").encode()


def _record(content: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) and SEAL in value else None


def _digest(record: dict[str, Any]) -> str:
    try:
        return digest({key: value for key, value in record.items() if key != SEAL})
    except ValueError:  # NaN and infinity, which json reads and nothing here writes
        return ""
