"""The error every reader of images raises; this file never imports torch."""

from __future__ import annotations

from bits.errors import BitsError


class DatasetError(BitsError):
    """Images that are missing, broken or laid out differently from what was asked for."""
