"""The error that archiving raises."""

from __future__ import annotations

from bits.errors import BitsError


class ArchiveError(BitsError):
    """Results that cannot be archived as they are."""
