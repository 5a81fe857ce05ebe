"""Who builds in this folder: several at once are refused by Snakemake's own lock, and a killed one leaves none."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

LOCKS = Path(".snakemake/locks")
PRESENCE = Path(".snakemake/present")
_held: list[int] = []  # open as long as this process lives; the kernel lets go when it dies, however it dies


def enter() -> None:
    """Note that a Snakemake is at work here, and clear the locks of one that was killed.

    Every main process holds PRESENCE in shared mode from before Snakemake locks anything. Who can hold it alone knows
    that no other lives, so that any lock that is there is stale. A file system without locks (some network ones)
    leaves the locks to the user: snakemake --unlock.
    """
    PRESENCE.parent.mkdir(exist_ok=True)
    descriptor = os.open(PRESENCE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if any(LOCKS.glob("*.lock")):
            _clear_if_alone(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError as error:
        print(f"note: {PRESENCE}: this file system has no locks ({error})", file=sys.stderr)
        os.close(descriptor)
        return
    _held.append(descriptor)


def _clear_if_alone(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(
            "note: another Snakemake is at work in this folder. It must end before the same files can be made again; "
            "a dry run (-n) and other scales' plans are fine.",
            file=sys.stderr,
        )
        return
    for lock in LOCKS.glob("*.lock"):
        lock.unlink(missing_ok=True)
    print("note: cleared the locks that a killed Snakemake had left in .snakemake/locks", file=sys.stderr)
