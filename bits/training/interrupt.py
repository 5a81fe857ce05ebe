"""Ctrl-C, SIGTERM and SIGUSR1 end a run at the next step, in a resumable state."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):  # noqa: N818 - it is no error
    """The run was asked to stop and has saved its state."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name} at step {step}; start again to go on from there")
        self.exit_code = 128 + number


class StopRequest:
    """Which signal has come, if any."""

    signal: int | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt  # a second Ctrl-C means now
        self.signal = number


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """While inside, the signals are noted instead of ending the process."""
    request = StopRequest()
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]
    before = [signal.signal(number, request) for number in numbers]
    try:
        yield request
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
