"""Records: JSON files that carry a digest of what they say, so that whoever reads a changed one notices.

It guards against edits, swaps and merges gone wrong, not against forgery.
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
    """A record that is missing, unreadable or not what was written."""


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON atomically with the digest of its content as the last key."""
    write_json(path, sealed(content))


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the digest of its content, whatever digest it had, as the last key; ValueError for NaN."""
    content = {key: value for key, value in record.items() if key != SEAL}
    return {**content, SEAL: digest(content)}


def is_intact(record: Mapping[str, Any]) -> bool:
    """Whether a record says what it said when it was written."""
    try:
        return bool(record.get(SEAL) == sealed(record)[SEAL])
    except ValueError:  # Infinity and NaN, which json reads and nothing here writes
        return False


def changed_message(path: Path | str) -> str:
    """What to do about a record that is not intact."""
    return (
        f"{path}: was changed after it was made: its content is not that of its {SEAL}. "
        "Delete it and run snakemake again, or restore it (git checkout)."
    )


def read_record(path: Path, what: str) -> dict[str, Any]:
    """An intact record; raises RecordError saying what the file was to be."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: cannot be read ({error}). Expected {what}. Make it: snakemake {path}") from error
    if not isinstance(content, dict) or not is_intact(content):
        raise RecordError(changed_message(path))
    return content
