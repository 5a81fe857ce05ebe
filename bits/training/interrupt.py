"""Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 stop a run after the current step, in a resumable state."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):  # noqa: N818 - not an error
    """The run was asked to stop and has saved its state."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name} at step {step}; start again to resume from there")
        self.exit_code = 128 + number


class Now(BaseException):
    """Raised at the moment of the signal, to abandon work that will simply be repeated."""


class StopRequest:
    """The first signal received, if any, and when (monotonic seconds)."""

    signal: int | None = None
    received: float = 0.0
    _at_once = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt  # a second Ctrl-C stops immediately
        if self.signal is None:
            self.signal, self.received = number, time.monotonic()
        if self._at_once:
            raise Now

    def told(self) -> int:
        """Say which signal stopped the work, which can go on from what was saved; returns the exit code."""
        assert self.signal is not None
        print(f"stopped by {signal.Signals(self.signal).name}; start again to go on from there", file=sys.stderr)
        return 128 + self.signal

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within this context a signal raises Now; entering it after a signal does too.

        For long work that starts from a saved state, such as an evaluation.
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
    """Within this context, signals are recorded instead of ending the process."""
    request = StopRequest()
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it; leave that alone
        numbers.append(signal.SIGHUP)
    before = [signal.signal(number, request) for number in numbers]
    try:
        yield request
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
