"""The error that archiving raises."""

from __future__ import annotations

from bits.errors import BitsError


class ArchiveError(BitsError):
    """A scale cannot be archived as it is."""
