"""The user, who in a container may be a number that no passwd file names."""

from __future__ import annotations

import getpass
import os
import tempfile
from pathlib import Path


def name_the_user() -> None:
    """Give a nameless user a name and a home folder, which Snakemake and others ask for and stop without."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["USER"] = f"user-{os.getuid()}"
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.gettempdir()
