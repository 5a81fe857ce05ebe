"""Locks on a run's folders: a second process training the same run would overwrite the first one's checkpoints."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from bits.errors import BitsError
from bits.records.provenance import now

PATIENCE_S = 60  # a restarted job may overlap with the end of the previous one
LOCK = ".lock"


class InUseError(BitsError):
    """Another process is training the run."""


@contextmanager
def possession(run: Path, resume: Path, patience: float = PATIENCE_S) -> Iterator[bool]:
    """Lock a run's folder and that of its checkpoints, which may lie on another disk that other processes share.

    Yields whether this had to wait for another process, for at most `patience` seconds. The kernel releases the locks
    when their holder dies. Raises InUseError if another process keeps one. On a file system without locks, it is up to
    the user not to train a run twice at the same time.
    """
    with _locked(run, run, patience) as waited:
        if resume.is_relative_to(run):
            yield waited
        else:
            with _locked(resume, run, patience) as waited_again:
                yield waited or waited_again


def holder(folder: Path) -> str | None:
    """What the process that has a folder locked says of itself (JSON); None where nobody has."""
    try:
        with (folder / LOCK).open(encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return stream.read() or "unknown"
    except OSError:  # no such file, or no locks on this file system
        pass
    return None


def let_go(run: Path, resume: Path) -> None:
    """Remove the checkpoints of a run that has ended; not while a process is training it."""
    if not (resume.is_dir() and (run / "outcome.json").is_file()):
        return
    with suppress(InUseError, OSError), possession(run, resume, patience=0):
        shutil.rmtree(resume, ignore_errors=True)


@contextmanager
def _locked(folder: Path, run: Path, patience: float) -> Iterator[bool]:
    stream, waited = _open_locked(folder, patience)
    with stream:
        stream.seek(0)
        stream.truncate()
        job = os.environ.get("SLURM_JOB_ID")
        mine = {"process": os.getpid(), "host": os.uname().nodename, "since": now(), "run": str(run.absolute())}
        stream.write(json.dumps({**mine, **({"slurm_job": job} if job else {})}))
        stream.flush()
        yield waited


def _open_locked(folder: Path, patience: float) -> tuple[TextIO, bool]:
    """The lock file of a folder, locked, and whether that took waiting. Its folder may go while this waits."""
    started, waited = time.monotonic(), False
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / LOCK).open("a+", encoding="utf-8")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_there(stream, folder / LOCK):
                return stream, waited
        except BlockingIOError:
            if time.monotonic() - started > patience:
                raise InUseError(_in_use(stream)) from None
            waited = True
            time.sleep(0.2)
        except OSError as error:
            print(f"note: {stream.name}: this file system does not support locks ({error})", file=sys.stderr)
            return stream, False
        stream.close()


def _is_there(stream: TextIO, path: Path) -> bool:
    """Whether a name still is that of an open file; a lock on one that was removed keeps nobody out."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _in_use(stream: TextIO) -> str:
    with stream:
        stream.seek(0)
        return (
            f"{stream.name}: another process is training this run ({stream.read() or 'unknown'}). "
            "Wait until it ends, or stop it (scancel for a Slurm job), then start again."
        )
