"""The error every reader of images raises; this file never imports torch."""

from __future__ import annotations

from bits.errors import BitsError

LAYOUT = "a folder or zip with train/<class>/<image> and val/<class>/<image>"  # what is expected of a user's images


class DatasetError(BitsError):
    """Images that are missing, broken or laid out differently from what was asked for."""
