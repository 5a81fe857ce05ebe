"""Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 end a run within a step, in a resumable state."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):  # noqa: N818 - it is no error
    """The run was asked to stop and has saved its state."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name} at step {step}; start again to go on from there")
        self.exit_code = 128 + number


class Now(BaseException):
    """Raised out of work that is simply done again, at the moment of the signal."""


class StopRequest:
    """Which signal has come, if any, and when (monotonic seconds)."""

    signal: int | None = None
    came: float = 0.0
    _at_once = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt  # a second Ctrl-C means now
        if self.signal is None:
            self.signal, self.came = number, time.monotonic()
        if self._at_once:
            raise Now

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """While inside, a signal raises Now, and so does entering after one has come.

        For long work whose state was saved before it, such as an evaluation.
        """
        if self.signal is not None:
            raise Now
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """While inside, the signals are noted instead of ending the process."""
    request = StopRequest()
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup, which is to survive it
        numbers.append(signal.SIGHUP)
    before = [signal.signal(number, request) for number in numbers]
    try:
        yield request
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
