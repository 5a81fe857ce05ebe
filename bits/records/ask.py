"""Run another program with a time limit: sinfo, sacct, dvc and nvidia-smi hang if what they query hangs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass

SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """What a program printed. problem: why there is no usable answer, "" if there is one."""

    out: str
    problem: str

    @property
    def good(self) -> bool:
        return not self.problem


def ask(*words: str, seconds: float = SECONDS, given: str = "") -> Answer:
    """Run `words` for at most `seconds`, with `given` as standard input; a failing program never raises."""
    if shutil.which(words[0]) is None:
        return Answer("", f"{words[0]} is not on the path")
    # In a session of its own, so that its child processes can be killed with it.
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            words,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        return Answer("", f"{words[0]} does not start: {error.strerror}")
    try:
        out, err = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # a process stuck in the kernel survives even that
            process.communicate(timeout=1)
        return Answer("", f"{words[0]} did not answer within {seconds:g} s")
    reason = " ".join((err.strip() or out.strip()).splitlines()[-3:])
    return Answer(out, f"{words[0]}: {reason or f'exit code {process.returncode}'}" if process.returncode else "")
