"""All parts one after the other, each in a process and a time limit of its own, and the report of what they found."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bits.errors import BitsError
from bits.gpucheck import evaluation, facts, gpu_tests, precision, resume, speed, study
from bits.gpucheck.isolation import published, run_apart
from bits.gpucheck.methods import methods_of
from bits.gpucheck.part import Bench, Part
from bits.gpucheck.report import RAW, write_report
from bits.records.code import code_state
from bits.records.provenance import command, hardware, now, versions

PARTS = tuple(one.PART for one in (facts, gpu_tests, speed, precision, resume, evaluation, study))
SOFT = 0.85  # share of its time limit after which a part is to be done by itself
START = 60.0  # seconds until a device must answer
RESERVE = 8.0  # seconds of the whole time that are kept for the end


@dataclass(frozen=True)
class Options:
    """device: as site.device. out: the report's folder; None: one in results/, named by date and device.

    minutes: for everything, from `since` (time.monotonic) on. commit: stated by the user, where there is no git.
    """

    device: str
    out: Path | None
    minutes: float
    quick: bool
    commit: str | None
    since: float


class Log:
    """raw.log, which is shown on the terminal as it grows. scratch: a folder whose name is left out in the end."""

    def __init__(self, path: Path, scratch: Path) -> None:
        self.path, self.scratch = path, scratch
        path.write_text("", encoding="utf-8")
        self._shown = 0

    def say(self, line: str) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")
        self.follow()

    def follow(self) -> None:
        """Print what has been added since."""
        with self.path.open("rb") as stream:
            stream.seek(self._shown)
            new = stream.read()
        self._shown += len(new)
        sys.stdout.write(new.decode(errors="replace"))
        sys.stdout.flush()

    def clean(self) -> None:
        """Leave out where the checkout and the scratch folder were, so that the file can be published as it is."""
        text = published(self.path.read_text(encoding="utf-8", errors="replace"))
        self.path.write_text(text.replace(str(self.scratch), "SCRATCH"), encoding="utf-8")


def checked(options: Options, parts: Sequence[Part] = PARTS) -> tuple[Path, dict[str, Any]]:
    """(folder of the report, results by the names of the parts). The report is written anew after every part.

    Raises BitsError for a device that is not there, and a folder that holds a report already.
    """
    for scale in ("smoke",) if options.quick else ("smoke", "demo", "paper"):
        methods_of(scale)  # here, so that every part finds them composed
    with TemporaryDirectory(prefix="bits-gpu-check-") as scratch:
        device, name = _device(options, Path(scratch))
        folder = options.out or _folder(name)
        if (folder / "report.json").exists():
            raise BitsError(f"{folder} holds a report already. Move it away, or name another folder with out=...")
        folder.mkdir(parents=True, exist_ok=True)
        about, log = _about(options, name), Log(folder / RAW, Path(scratch))
        results: dict[str, Any] = {}
        for part in parts:
            limit = _limit(part, options)
            log.say(f"== {part.title} (at most {limit:.0f} s)")
            bench = Bench(device, options.quick, folder, Path(scratch), time.monotonic() + SOFT * limit)
            results[part.name] = {**run_apart(part, bench, limit, log.path, log.follow), "limit": round(limit, 1)}
            log.say(f"== {part.title}: {_said(results[part.name])}")
            about |= {"finished": now(), "seconds": round(time.monotonic() - options.since, 1)}
            write_report(folder, about, parts, results)
        log.clean()
    return folder, results


def _device(options: Options, scratch: Path) -> tuple[str, str]:
    """(the device by number, its product name), asked for in a process of its own."""
    bench = Bench(options.device, options.quick, scratch, scratch, time.monotonic() + START)
    result = run_apart(facts.NAMING, bench, START, scratch / "device.log", lambda: None)
    if result["status"] != "ok":
        raise BitsError(f"device={options.device}: {result['problem']}")
    device, name = result["found"]["device"], result["found"]["name"]
    if device == "cpu" and not options.quick:
        raise BitsError("there is no GPU, and the sizes are those of one. Add quick=yes to try the command on a CPU")
    return device, name


def _limit(part: Part, options: Options) -> float:
    """Seconds for a part: its share of all, or else what is left; never more than is left."""
    whole = 60 * options.minutes
    left = whole - RESERVE - (time.monotonic() - options.since)
    return max(1.0, left if part.share is None else min(part.share * whole, left))


def _about(options: Options, device: str) -> dict[str, Any]:
    code = code_state()
    if code["commit"] is None and options.commit:
        code = {"commit": options.commit, "dirty": None, "stated": True}
    return {
        "code": code,
        "device": device,
        "command": command(),
        "quick": options.quick,
        "minutes": options.minutes,
        "versions": versions(),
        "hardware": hardware(),
        "started": now(),
        "finished": None,
        "seconds": 0.0,
    }


def _folder(device: str) -> Path:
    plain = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    return Path("results") / f"gpu-check-{now()[:10]}-{plain}"


def _said(result: Mapping[str, Any]) -> str:
    problem = f": {result['problem']}" if result["problem"] else ""
    return f"{result['status']}{problem} ({result['seconds']:.0f} s)"
