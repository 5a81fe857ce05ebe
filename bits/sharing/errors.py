"""What goes wrong when results are shared."""

from bits.errors import BitsError


class SharingError(BitsError):
    """Something cannot be recorded, restored, pushed or pulled."""
