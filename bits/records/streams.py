"""Standard output and error, which must show any text."""

from __future__ import annotations

import io
import sys


def show_any_text() -> None:
    """From now on, print what the terminal's encoding lacks as an escape (\\xb1) instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
