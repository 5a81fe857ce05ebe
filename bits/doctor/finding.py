"""What a check found; and how a check that may hang or break is called."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "error", "skipped"]
NOTICE_S = 5  # after so long a check reports that it is still at work, and then at doubling intervals


@dataclass(frozen=True)
class Finding:
    """subject: the group it is printed in; found: what is there; remedy: what to do, for warnings and errors."""

    subject: str
    status: Status
    found: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if (self.status in ("warning", "error")) != bool(self.remedy):
            raise ValueError(
                f"{self.subject}: {self.status} {self.found!r}: warnings and errors need a remedy, others have none"
            )


Check = Callable[[], Sequence[Finding]]


def checked(subject: str, check: Check, seconds: float) -> list[Finding]:
    """A check's findings; a check that takes longer than `seconds`, or breaks, is an error.

    A thread that hangs in a file system cannot be ended, only left behind; it does not keep the process alive.
    """
    found: list[Finding] = []
    problems: list[str] = []

    def work() -> None:
        try:
            found.extend(check())
        except Exception as error:  # one broken check must not silence the others
            problems.append(f"could not be checked: {type(error).__name__}: {error}")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    if not _finished(thread, subject, seconds):
        problems.append(f"no answer within {seconds:g} s")
    remedy = (
        "See whether its file system, network or daemon hangs (ls, df, scontrol ping), then call bits doctor again."
    )
    return [*found, *(Finding(subject, "error", problem, remedy) for problem in problems)]


def _finished(thread: threading.Thread, subject: str, seconds: float) -> bool:
    started, notice = time.monotonic(), float(NOTICE_S)
    while thread.is_alive() and (passed := time.monotonic() - started) < seconds:
        thread.join(min(notice, seconds) - passed if notice > passed else 0.01)
        if thread.is_alive() and time.monotonic() - started >= notice:
            print(f"{subject}: still checking after {notice:.0f} s, at most {seconds:g} s", file=sys.stderr)
            notice *= 2
    return not thread.is_alive()
