"""SIGTERM and SIGINT to Snakemake alone reach its jobs, as Ctrl-C in a terminal does: `docker stop`, systemd, kill."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress

import psutil

SHELLS = ("bash", "sh", "dash")


def pass_signals_on() -> None:
    """From now on SIGTERM and SIGINT ask the jobs of this process to stop, and end Snakemake as Ctrl-C does.

    By itself Snakemake waits at a SIGTERM until its jobs end, and at a SIGINT relies on a terminal to tell them. On a
    cluster it cancels what it submitted. To be called when Snakemake has set its own handlers.
    """
    told: list[int] = []

    def stop(number: int, frame: object) -> None:
        if told and number == signal.SIGTERM:
            return  # they know; a second signal would cut short what they save
        if not told and not (number == signal.SIGINT and _in_the_foreground()):
            for job in jobs(psutil.Process()):
                with suppress(psutil.NoSuchProcess):
                    job.send_signal(signal.SIGTERM)
        told.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def jobs(snakemake: psutil.Process) -> Iterator[psutil.Process]:
    """The commands that a Snakemake runs, not the shells around them: a shell would end before its command."""
    for child in snakemake.children():
        with suppress(psutil.NoSuchProcess):
            yield from (child.children() if child.name() in SHELLS else [child])


def _in_the_foreground() -> bool:
    """Whether Ctrl-C in this process's terminal goes to its whole group, jobs included."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
