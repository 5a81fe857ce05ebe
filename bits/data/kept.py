"""What was found in a folder of images, kept between commands, so that only what has changed is read again.

One file a folder in data/.digests, of this machine alone: a header, then for every image its name, its stamp (size and
times) and the digest of its bytes. The state before the last change is kept beside it, to name what was replaced.
Never imports torch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bits.data.layout import some
from bits.records.files import write_bytes

PLACE = Path("data/.digests")  # in the working directory, as results/
FORMAT = 1
LONGEST_HEADER = 1 << 14  # bytes


@dataclass(frozen=True)
class Kept:
    """identity: of all images, "" of a reading that is not at its end. state: digest of all names and stamps, "" where
    one of them cannot be trusted. files: name -> (stamp, digest); the stamp is "" of a file that has to be read again.
    """

    identity: str = ""
    state: str = ""
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def digests(self) -> dict[str, str]:
        """Name -> digest of its bytes."""
        return {name: digest for name, (_, digest) in self.files.items()}


def file_of(root: Path) -> Path:
    """Where it is kept what was found at `root`."""
    return PLACE / f"{hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]}.now"


def read(path: Path) -> Kept:
    """What is kept there; nothing when there is no such file, or one of another version."""
    try:
        header, *records = path.read_bytes().split(b"\0")
        facts = _facts(header)
        triples = (record.split(b" ", 2) for record in records)
        files = {os.fsdecode(name): (stamp.decode(), digest.decode()) for stamp, digest, name in triples}
        return Kept(facts["identity"], facts["state"], files)
    except (OSError, ValueError, KeyError):
        return Kept()


def header(path: Path) -> Kept:
    """Likewise, without the files."""
    try:
        with path.open("rb") as file:
            facts = _facts(file.read(LONGEST_HEADER).partition(b"\0")[0])
        return Kept(facts["identity"], facts["state"])
    except (OSError, ValueError, KeyError):
        return Kept()


def _facts(text: bytes) -> dict[str, str]:
    facts: dict[str, str] = json.loads(text)
    if facts["format"] != str(FORMAT):
        raise ValueError(f"format {facts['format']}")
    return facts


def write(path: Path, root: Path, kept: Kept) -> None:
    """Keep it. The file is replaced as a whole, so that several processes may do so; one that can't be written is
    done without."""
    facts = {"format": str(FORMAT), "root": str(root.absolute()), "identity": kept.identity, "state": kept.state}
    records = (f"{stamp} {digest} ".encode() + os.fsencode(name) for name, (stamp, digest) in kept.files.items())
    with suppress(OSError):
        write_bytes(path, b"\0".join((json.dumps(facts).encode(), *records)))


def before(path: Path) -> Path:
    """Where the state before the last change is kept."""
    return path.with_suffix(".before")


def unfinished(path: Path) -> Path:
    """Where it is kept what a reading that was stopped had found."""
    return path.with_suffix(".part")


def finished(path: Path) -> None:
    """A reading has come to its end."""
    with suppress(OSError):
        unfinished(path).unlink()


def set_aside(path: Path) -> None:
    """What is kept becomes the state before."""
    with suppress(OSError):
        path.replace(before(path))


def replaced(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """How two sets of images (name -> digest) differ: "1 image replaced (train/a/0.jpg), 2 added (train/a/7.jpg, ...)";
    "" where they do not."""
    changes = {
        "replaced": [name for name, digest in new.items() if old.get(name, digest) != digest],
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
    }
    said = [f"{len(names):,} {what} ({some(sorted(names), 3)})" for what, names in changes.items() if names]
    return ", ".join(said)


def between(old: str, new: str) -> str:
    """How the images of two identities differ, see `replaced`; "" where one of them is not kept here."""
    first, second = _of(old), _of(new)
    return replaced(first.digests, second.digests) if first and second else ""


def _of(identity: str) -> Kept | None:
    return next((read(path) for path in _files() if identity and header(path).identity == identity), None)


def _files() -> Iterator[Path]:
    yield from sorted(PLACE.glob("*.now"))
    yield from sorted(PLACE.glob("*.before"))
