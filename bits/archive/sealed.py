"""Records in an archive: changed ones are refused; those from which paths were removed get a new digest."""

from __future__ import annotations

import json
from typing import Any

from bits.archive.errors import ArchiveError
from bits.records.seal import SEAL, changed_message, is_intact, sealed


def resealed(name: str, content: bytes, clean: bytes) -> bytes:
    """`clean`, which is `content` without absolute paths, with the digest of what it says now.

    Files without a digest of their content are returned unchanged. Raises ArchiveError when `content` does not match
    its digest.
    """
    record = _record(content)
    if record is None:
        return clean
    if not is_intact(record):
        raise ArchiveError(changed_message(name))
    cleaned = _record(clean)
    if clean == content or cleaned is None:
        return clean
    return (json.dumps(sealed(cleaned), indent=1) + "\n").encode()


def _record(content: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) and SEAL in value else None
