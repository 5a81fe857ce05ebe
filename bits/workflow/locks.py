"""Clears the locks of a killed Snakemake; those of a running one still keep a second one out."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

LOCKS = Path(".snakemake/locks")
PRESENCE = Path(".snakemake/present")
_held: list[int] = []  # kept open for the life of this process; the kernel releases the lock when it dies


def enter() -> None:
    """Register this Snakemake process, and clear the locks of one that was killed.

    Every main process takes a shared lock on PRESENCE before Snakemake locks anything. If an exclusive lock succeeds,
    no other main process is alive, so any Snakemake lock is stale. On a file system that does not support locks (some
    network file systems), the user has to clear them: snakemake --unlock.
    """
    PRESENCE.parent.mkdir(exist_ok=True)
    descriptor = os.open(PRESENCE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if any(LOCKS.glob("*.lock")):
            _clear_if_alone(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError as error:
        print(f"note: {PRESENCE}: this file system does not support locks ({error})", file=sys.stderr)
        os.close(descriptor)
        return
    _held.append(descriptor)


def _clear_if_alone(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(
            "note: another Snakemake is running in this folder. It must end before the same files can be made again; "
            "dry runs (-n) and planning other studies work meanwhile.",
            file=sys.stderr,
        )
        return
    for lock in LOCKS.glob("*.lock"):
        lock.unlink(missing_ok=True)
    print("note: cleared the locks that a killed Snakemake left in .snakemake/locks", file=sys.stderr)
