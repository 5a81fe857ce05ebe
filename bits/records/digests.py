"""Digests of values, files and trees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def digest(value: Any) -> str:
    """sha256 (hex) of a JSON-like value, independent of key order; 1.0 and 1 count as equal."""
    text = json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def file_digest(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_digest(root: Path, patterns: Iterable[str]) -> str:
    """sha256 (hex) over the names and bytes of the matching files under `root`; for small trees like config/."""
    files = sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()})
    return digest([[str(path.relative_to(root)), file_digest(path)] for path in files])
