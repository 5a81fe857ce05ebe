"""Reading JSON and writing files so that a reader never sees half of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bits.errors import BitsError
from bits.records.seal import changed_message, is_intact


class ReportError(BitsError):
    """The report's input is missing, unreadable or contradicts itself."""


def read_json(path: Path, what: str) -> dict[str, Any]:
    """The object in a JSON file; raises ReportError saying what the file was to be."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path}: cannot be read ({error.strerror}). Expected {what}.") from error
    except ValueError as error:
        raise ReportError(f"{path}: not valid JSON ({error}). Expected {what}; make it anew.") from error
    if not isinstance(content, dict):
        raise ReportError(f"{path}: expected {what}, a JSON object; found {type(content).__name__}")
    return content


def read_intact(path: Path, what: str) -> dict[str, Any]:
    """`read_json` of a record; raises ReportError too when it is not as it was written."""
    content = read_json(path, what)
    if not is_intact(content):
        raise ReportError(changed_message(path))
    return content


def part(content: Mapping[str, Any], key: str, where: str | Path) -> dict[str, Any]:
    """The object under a key, {} when there is no such key; raises ReportError when something else is there."""
    found = content.get(key, {})
    if not isinstance(found, dict):
        raise ReportError(
            f"{where}: {key}: expected an object, found {found!r:.80}. Delete the file and run snakemake again."
        )
    return found


def read_provenance(path: Path) -> dict[str, Any]:
    """A run's provenance; raises ReportError when it or a part of it is no object."""
    record = read_json(path, "a run's provenance")
    require_provenance(record, path)
    return record


def require_provenance(record: Mapping[str, Any], where: str | Path) -> None:
    """Raise ReportError when a part of a provenance that the report looks into is no object."""
    for key in ("code", "versions", "hardware"):
        part(record, key, where)
