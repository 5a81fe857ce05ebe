"""Ask a program, with a time limit: sinfo, sacct and dvc hang when what they ask does."""

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
    """What a program printed. problem: why that is no answer, "" when it is one."""

    out: str
    problem: str

    @property
    def good(self) -> bool:
        return not self.problem


def ask(*words: str, seconds: float = SECONDS, given: str = "") -> Answer:
    """Run `words` and wait at most `seconds`; given: its standard input."""
    if shutil.which(words[0]) is None:
        return Answer("", f"{words[0]} is not on the path")
    # Of a session of its own, so that what it started ends with it.
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    try:
        out, err = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # stuck in the kernel, it does not even die
            process.communicate(timeout=1)
        return Answer("", f"{words[0]} did not answer within {seconds:g} s")
    said = " ".join((err.strip() or out.strip()).splitlines()[-3:])
    return Answer(out, f"{words[0]}: {said or f'exit code {process.returncode}'}" if process.returncode else "")
