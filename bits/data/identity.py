"""The digest that identifies a data set's content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def identity_of(kind: str, records: Sequence[bytes]) -> str:
    """sha256 (hex) of what a source of some kind ("zip", "folder") holds, a record for each file; "" without records.

    The order counts, so that callers sort.
    """
    if not records:
        return ""
    digest = hashlib.sha256(kind.encode())
    for record in records:
        # The length in front keeps ("ab", "c") and ("a", "bc") apart.
        digest.update(b"%d:%b" % (len(record), record))
    return digest.hexdigest()
