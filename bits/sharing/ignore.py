"""Scales are left out of git until they are shared, so that whoever only runs the pipeline keeps a clean checkout."""

from __future__ import annotations

from pathlib import Path

from bits.records.files import write_text


def unignore(folder: Path, *names: str) -> None:
    """Let git see entries of a folder whose .gitignore leaves out everything that is not named."""
    path = folder / ".gitignore"
    lines = path.read_text().splitlines()
    missing = [f"!/{name}" for name in names if f"!/{name}" not in lines]
    if missing:
        write_text(path, "\n".join([*lines, *missing]) + "\n")
