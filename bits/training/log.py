"""The run log (JSON lines) and progress on a terminal or in a plain log."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TextIO

from bits.records.files import write_text


class RunLog:
    """Appends JSON lines to a file; on resuming, entries later than the checkpoint of `from_step` are dropped first.

    measured: the epochs whose evaluations that checkpoint includes. path None: write nothing, for all processes but the
    first. Non-finite numbers are written as null, so that every line is valid JSON.
    """

    def __init__(self, path: Path | None, from_step: int = 0, measured: Collection[float] = ()) -> None:
        self._stream: TextIO | None = None
        if path is None:
            return
        kept = _lines(path) if from_step else []
        kept = [line for line in kept if _was_saved(json.loads(line), from_step, measured)]
        # A new file, because the old one may be a link into DVC's cache.
        write_text(path, "".join(line + "\n" for line in kept))
        self._stream = path.open("a", buffering=1, encoding="utf-8")

    def write(self, **entry: Any) -> None:
        """Write one line; floats are rounded to six significant digits."""
        if self._stream is not None:
            self._stream.write(json.dumps({key: _plain(value) for key, value in entry.items()}) + "\n")

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()


def _lines(path: Path) -> list[str]:
    """The complete lines; a killed process may have left a partial one."""
    if not path.is_file():
        return []
    complete = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            json.loads(line)
        except ValueError:
            break
        complete.append(line)
    return complete


def _was_saved(entry: Mapping[str, Any], step: int, measured: Collection[float]) -> bool:
    """Whether the checkpoint of `step` includes what the entry reports; resets at `step` follow it, and evaluations do
    unless they are of the epochs that were measured."""
    found, event = entry.get("step", 0), entry.get("event")
    done = "loss" in entry or event == "stopped" or (event == "evaluation" and entry.get("epoch") in measured)
    return found < step or (found == step and done)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


class Progress:
    """Progress and time left: one line, rewritten in place, on a terminal; otherwise a new line every `seconds`.

    started: when `done` had been done, in monotonic seconds; None: now.
    """

    def __init__(
        self,
        name: str,
        total: int,
        done: int = 0,
        seconds: float = 30,
        stream: TextIO | None = None,
        started: float | None = None,
    ) -> None:
        self.name, self.total, self.first = name, total, done
        self.stream = stream or sys.stderr
        self.seconds = 0.5 if self.stream.isatty() else seconds
        self.started = time.monotonic() if started is None else started
        self._shown = self.started if done < total else 0.0

    def seconds_left(self, done: int) -> float:
        """Estimated from the mean rate since this process started."""
        passed = time.monotonic() - self.started
        return passed / max(done - self.first, 1) * (self.total - done)

    def show(self, done: int, text: str) -> None:
        """Print the progress, unless the last line was printed a moment ago."""
        now = time.monotonic()
        if now - self._shown < self.seconds and done < self.total:
            return
        self._shown = now
        line = f"{self.name} {done}/{self.total} {text} left {_clock(self.seconds_left(done))}"
        if self.stream.isatty():
            self.stream.write(f"\r\x1b[K{line}" + ("\n" if done >= self.total else ""))
        else:
            self.stream.write(line + "\n")
        self.stream.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
