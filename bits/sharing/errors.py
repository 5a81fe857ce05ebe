"""The error that sharing raises."""

from bits.errors import BitsError


class SharingError(BitsError):
    """Something cannot be recorded, restored, pushed or pulled."""
