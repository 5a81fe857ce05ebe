"""JSON that the report reads: missing, damaged and changed files are errors that say what to do."""

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
        raise ReportError(f"{path}: not valid JSON ({error}). Expected {what}; delete it and make it again.") from error
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


def number(value: Any) -> float | None:
    """value as a float; None if it is not a number."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
