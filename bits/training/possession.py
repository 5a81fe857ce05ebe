"""One process at a time trains a run: a second one would write over the first one's checkpoints."""

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

PATIENCE_S = 60  # a job that is started again may meet the end of the one before


class InUseError(BitsError):
    """A run that another process is training."""


@contextmanager
def possession(folder: Path, patience: float = PATIENCE_S) -> Iterator[bool]:
    """Hold a run's folder; yields whether another process had it before and let go within `patience` seconds.

    The kernel lets go when the holder dies, however it dies. Raises InUseError when it does not. A file system
    without locks leaves it to the user not to train one run twice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as stream:
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
                holder = stream.read() or "it has not said which"
                raise InUseError(
                    f"{stream.name}: another process is training this run ({holder}). "
                    "Wait for it, or end it (scancel for a Slurm job), and start again."
                ) from None
            waited = True
            time.sleep(0.2)
        except OSError as error:
            print(f"note: {stream.name}: this file system has no locks ({error})", file=sys.stderr)
            return False
