"""The classes of a larger set that a smaller one keeps: a file with a name a line. Never imports torch."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bits.errors import DatasetError
from bits.records.code import ROOT

if TYPE_CHECKING:
    from bits.config.recipe import Dataset

KEY = "class_list"  # of dataset.settings: the file, relative to the checkout; lines that begin with # are remarks


def class_list(dataset: Dataset) -> tuple[str, ...] | None:
    """The names of the classes that are kept, sorted; None for all. Raises DatasetError where they can't be read."""
    given = dataset.settings.get(KEY)
    return None if given is None else _read(ROOT / str(given))


@cache
def _read(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"dataset.settings.{KEY}: {path} can't be read ({error}). Expected a file with the name of a class a line: "
            "correct the setting."
        ) from error
    names = sorted(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if len(set(names)) < len(names) or not names:
        raise DatasetError(f"dataset.settings.{KEY}: {path} holds no class, or one twice. Name each class once.")
    return tuple(names)
