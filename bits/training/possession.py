"""A lock on a run's folder: a second process training the same run would overwrite the first one's checkpoints."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from bits.errors import BitsError
from bits.records.provenance import now

PATIENCE_S = 60  # a restarted job may overlap with the end of the previous one


class InUseError(BitsError):
    """Another process is training the run."""


@contextmanager
def possession(folder: Path, patience: float = PATIENCE_S) -> Iterator[bool]:
    """Lock a run's folder; yields whether this had to wait for another process, for at most `patience` seconds.

    The kernel releases the lock when its holder dies. Raises InUseError if another process keeps it. On a file system
    without locks, it is up to the user not to train a run twice at the same time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+", encoding="utf-8") as stream:
        waited = _wait(stream, patience)
        stream.seek(0)
        stream.truncate()
        job = os.environ.get("SLURM_JOB_ID")
        holder = {"process": os.getpid(), "host": os.uname().nodename, "since": now()}
        stream.write(json.dumps({**holder, **({"slurm_job": job} if job else {})}))
        stream.flush()
        yield waited


def _wait(stream: TextIO, patience: float) -> bool:
    started = time.monotonic()
    waited = False
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return waited
        except BlockingIOError:
            if time.monotonic() - started > patience:
                stream.seek(0)
                holder = stream.read() or "unknown"
                raise InUseError(
                    f"{stream.name}: another process is training this run ({holder}). "
                    "Wait until it ends, or stop it (scancel for a Slurm job), then start again."
                ) from None
            waited = True
            time.sleep(0.2)
        except OSError as error:
            print(f"note: {stream.name}: this file system does not support locks ({error})", file=sys.stderr)
            return False
