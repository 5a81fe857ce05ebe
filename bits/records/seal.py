"""Records: JSON files with a digest of their content, so that readers notice when a file was changed.

The digest protects against edits, mix-ups and bad merges, not against forgery.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bits.errors import BitsError
from bits.records.digests import digest
from bits.records.files import write_json

SEAL = "sha256_of_content"


class RecordError(BitsError):
    """A record that is missing, unreadable or changed."""


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON atomically with the digest of its content as the last key."""
    write_json(path, sealed(content))


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the digest of its content, recomputed, as the last key; ValueError for NaN."""
    content = {key: value for key, value in record.items() if key != SEAL}
    return {**content, SEAL: digest(content)}


def is_intact(record: Mapping[str, Any]) -> bool:
    """Whether a record is unchanged since it was written."""
    try:
        return bool(record.get(SEAL) == sealed(record)[SEAL])
    except ValueError:  # NaN or Infinity, which json accepts but this project never writes
        return False


def owner(record: Mapping[str, Any]) -> str | None:
    """Id of the run or reference that a record of one is about, which is also the name of its folder."""
    found = record.get("id", record.get("run"))
    return found if isinstance(found, str) else None


def changed_message(path: Path | str) -> str:
    """The error message for a record that is not intact."""
    return (
        f"{path}: was changed after it was made: its content does not match its {SEAL}. "
        f"Delete it and run snakemake again, or restore it (git checkout HEAD -- {path})."
    )


def read_record(path: Path, what: str) -> dict[str, Any]:
    """Read an intact record; raises RecordError. what: what the file should be, for the message."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: cannot be read ({error}). Expected {what}. Make it: snakemake {path}") from error
    if not isinstance(content, dict) or not is_intact(content):
        raise RecordError(changed_message(path))
    return content
