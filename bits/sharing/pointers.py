"""The .dvc files beside what DVC keeps. They come from others and say where a pull writes, so each is read first."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from bits.plan.model import REPORTS, RESULTS
from bits.sharing.errors import SharingError

TOPS = (*map(str, (RESULTS, REPORTS)), "data")  # where shared files lie
KEYS = {"outs", "desc", "meta"}  # no command, no dependency, no other working directory
OUT_KEYS = {"md5", "size", "hash", "path", "isexec", "desc", "type", "labels", "meta"}
MD5 = re.compile("[0-9a-f]{32}")
IN_A_CACHE = re.compile(r".*/[0-9a-f]{2}/[0-9a-f]{30}")  # a file that DVC linked instead of copying it


def require_own_files(names: list[str]) -> None:
    """Raise SharingError unless the .dvc file of each name would write that very file, inside the project."""
    for name in names:
        pointer = f"{name}.dvc"
        wrong = _wrong_place(name) or _wrong_content(Path(pointer), Path(name).name)
        if wrong:
            raise SharingError(
                f"{pointer}: {wrong}. Nothing was pulled. Expected one file called {Path(name).name}, below "
                f"{', '.join(f'{top}/' for top in TOPS)}. See who changed it (git log -- {pointer}), and restore it."
            )


def _wrong_place(name: str) -> str:
    """Why a file of this name would lie outside the project's folders of shared files; "" if it would not."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or path.parts[0] not in TOPS:
        return "lies outside of the folders that are shared"
    for link in (Path(f"{name}.dvc"), *list(path.parents)[:-2]):  # the first folder may be on another disk
        if link.is_symlink():
            return f"{link} is a link to {link.readlink()}"
    if path.is_symlink() and not IN_A_CACHE.fullmatch(str(path.readlink())):
        return f"{path} is a link to {path.readlink()}"
    return ""


def _wrong_content(pointer: Path, name: str) -> str:
    """Why a .dvc file would write anything but `name` beside it; "" if it would not."""
    try:
        content = yaml.safe_load(pointer.read_text(encoding="utf-8"))
        (out,) = content["outs"]
        return _wrong_out(set(content), out, name)
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        return f"not a .dvc file of one output ({' '.join(str(error).split()) or type(error).__name__})"


def _wrong_out(keys: set[str], out: dict[str, Any], name: str) -> str:
    unknown = sorted((keys - KEYS) | (set(out) - OUT_KEYS))
    if out["path"] != name:
        return f"would write {out['path']}"
    if unknown:
        return f"says {', '.join(unknown)}, which no file that the pipeline makes does"
    return "" if MD5.fullmatch(str(out["md5"])) else f"md5 is {out['md5']}, expected 32 hexadecimal digits"
