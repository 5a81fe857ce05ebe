"""A part in a process of its own, so that no failure, not even of the device, reaches the next part."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from bits.gpucheck.part import Bench, Part, Skipped
from bits.records.code import ROOT
from bits.records.files import write_json

# The parent imports, and neither computes nor touches the device, so a forked process has both to itself.
FORK = multiprocessing.get_context("fork")
PAUSE = 0.2  # s between looks at the process and the log

Result = dict[str, Any]


def run_apart(part: Part, bench: Bench, limit: float, log: Path, follow: Callable[[], None]) -> Result:
    """Run a part for at most `limit` seconds: {status, seconds, problem, traceback, found, text}.

    status: "ok", "failed" or "skipped". All that the part prints goes to `log`; follow: called all the while.
    """
    kept = bench.scratch / f"{part.name}.json"
    started = time.monotonic()
    process = FORK.Process(target=_worked, args=(part, bench, kept, log))
    process.start()
    in_time = _awaited(process, started + limit, follow)
    result: Result = (
        json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {"status": "running", "found": {}}
    )
    if result["status"] == "running":  # it had no chance to say why
        why = (
            f"ended with exit code {process.exitcode}"
            if in_time
            else f"was stopped after {limit:.0f} s, its time limit"
        )
        result |= {"status": "failed", "problem": f"the process of this part {why}; raw.log holds what it printed"}
    _show(part, result)
    return {"status": result["status"], "seconds": round(time.monotonic() - started, 2), **result}


def _show(part: Part, result: Result) -> None:
    """Add what was found as Markdown; a part that cannot say it has failed."""
    try:
        result["text"] = part.text(result["found"]) if result["found"] else ""
    except Exception as error:
        result["text"] = "What was found cannot be shown; report.json has it."
        if result["status"] == "ok":
            result |= {"status": "failed", "problem": f"{type(error).__name__}: {error}"}
            result["traceback"] = published(traceback.format_exc())


def _awaited(process: BaseProcess, until: float, follow: Callable[[], None]) -> bool:
    """Wait for the process, and kill it after `until`; returns whether it ended by itself."""
    try:
        while process.is_alive() and time.monotonic() < until:
            process.join(PAUSE)
            follow()
        return not process.is_alive()
    finally:
        if process.is_alive():
            process.kill()
        process.join()
        follow()


def _worked(part: Part, bench: Bench, kept: Path, log: Path) -> None:
    """In the new process: keep what the part finds, as it finds it."""
    _print_to(log)
    result: Result = {"status": "running", "problem": None, "traceback": None, "found": {}}
    try:
        for name, value in part.run(bench):
            result["found"][name] = plain(value)
            write_json(kept, result)
        result["status"] = "ok"
    except BaseException as error:  # pytest and torch may end in SystemExit
        traceback.print_exc()
        result["status"] = "skipped" if isinstance(error, Skipped) else "failed"
        result["problem"] = f"{type(error).__name__}: {error}"
        result["traceback"] = None if isinstance(error, Skipped) else published(traceback.format_exc())
    write_json(kept, result)
    sys.stdout.flush()


def _print_to(log: Path) -> None:
    stream = log.open("a", buffering=1, encoding="utf-8")
    for number in (1, 2):
        os.dup2(stream.fileno(), number)
    sys.stdout = sys.stderr = stream


def published(text: str) -> str:
    """Printed text without the folders of this checkout and this Python."""
    for place in (ROOT, sys.prefix):
        text = text.replace(f"{place}/", "")
    return text


def plain(value: Any) -> Any:
    """A value that JSON can hold: floats that are not finite as words, floats at six significant digits."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else str(value)
    return value
