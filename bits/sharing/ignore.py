"""A scale stays out of git until it is shared, so that running the pipeline leaves the checkout clean."""

from __future__ import annotations

from pathlib import Path

from bits.records.files import write_text


def unignore(folder: Path, *names: str) -> None:
    """Let git see these entries of a folder whose .gitignore excludes everything that it does not name."""
    path = folder / ".gitignore"
    lines = path.read_text(encoding="utf-8").splitlines()
    missing = [f"!/{name}" for name in names if f"!/{name}" not in lines]
    if missing:
        write_text(path, "\n".join([*lines, *missing]) + "\n")
