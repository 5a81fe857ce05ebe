"""Free space, inodes and the file operations that the pipeline relies on, where it will write."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from bits.costs.disk import Need
from bits.costs.units import bytes_text
from bits.doctor.finding import Finding

SUBJECT = "Disk"
INODES = 10_000  # a scale writes a few thousand files
TIGHT = 1.2  # times what is needed: logs, reports and other users need some, too


def room(needs: Sequence[Need]) -> list[Finding]:
    """Free space against the sum of what is needed there, once for each file system."""
    by_device: dict[int, list[Need]] = {}
    for need in needs:
        by_device.setdefault(existing(need.place).stat().st_dev, []).append(need)
    return [_room(existing(group[0].place), group) for group in by_device.values()]


def with_copies(needs: Sequence[Need], cache: Path) -> list[Need]:
    """What is needed, and the copies of the weights in DVC's cache."""
    weights = sum(need.bytes for need in needs if need.kind == "weights")
    return [*needs, Need(kind="copy", place=cache, bytes=weights)]


def _room(folder: Path, needs: Sequence[Need]) -> Finding:
    free, needed = shutil.disk_usage(folder).free, sum(need.bytes for need in needs)
    found = f"{bytes_text(free)} free; {bytes_text(needed)} to come{_parts(needs)}"
    if free >= TIGHT * needed:
        return Finding(SUBJECT, "ok", found)
    remedy = "Free some, set site.scratch to a larger file system, or clone the project to one (DVC stays in it)."
    return Finding(SUBJECT, "error" if free < needed else "warning", found, remedy)


def _parts(needs: Sequence[Need]) -> str:
    """ ": weights of 3 runs 12 MB in results/demo, ...": what goes to the same place is one part."""
    parts: dict[tuple[str, Path], int] = {}
    for need in needs:
        parts[need.what, need.place] = parts.get((need.what, need.place), 0) + need.bytes
    words = [f"{what} {bytes_text(count)} in {place}" for (what, place), count in parts.items() if count]
    return f": {', '.join(words)}" if words else ""


def scratch(place: str | None) -> list[Finding]:
    """A folder that does not exist yet is often a disk that is not mounted: what goes there fills the disk below."""
    if not place or Path(place).is_dir():
        return []
    found = f"site.scratch = {place} is not there; checkpoints would go to {existing(Path(place))}'s file system"
    return [Finding(SUBJECT, "warning", found, f"Mount its disk, or make it: mkdir -p {place}. All nodes must see it.")]


def usable(places: Iterable[Path]) -> list[Finding]:
    """Each folder takes files, renames and locks; a folder that does not exist yet is tried where it will be made."""
    folders = {existing(place): None for place in places}
    return [_usable(folder) for folder in folders]


def _usable(folder: Path) -> Finding:
    left = os.statvfs(folder)
    if left.f_files and left.f_favail < INODES:
        remedy = "Delete small files, or move results/ to another file system: the next file may fail with room left."
        return Finding(SUBJECT, "error", f"{folder}: {left.f_favail:,} inodes are left", remedy)
    try:
        _try_out(folder)
    except OSError as error:
        remedy = f"Make {folder} writable for you; where locks are not supported, put results/ on another file system."
        return Finding(SUBJECT, "error", f"{folder}: {error.strerror or error} on trying a file there", remedy)
    return Finding(SUBJECT, "ok", f"{folder} takes files, renames and locks")


def _try_out(folder: Path) -> None:
    """What atomic writing and Snakemake's and DVC's locks need; leaves nothing behind."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".bits-doctor-") as name:
        first, second = Path(name) / "first", Path(name) / "second"
        with first.open("wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stream.write(b"bits")
            os.fsync(stream.fileno())
        first.replace(second)
        second.read_bytes()


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    absolute = path.absolute()
    return next(folder for folder in (absolute, *absolute.parents) if folder.is_dir())
