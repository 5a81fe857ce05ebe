"""Check and measure this machine's GPU in one go, and write a report (docs/gpu.md).

    bits gpu-check [device=cuda] [out=FOLDER] [minutes=8] [quick=yes] [commit=HASH]

The machine's facts; the tests marked gpu; speed, utilisation and memory of training at the paper's sizes; bfloat16
against float32; stop and resume; evaluation on the device against the CPU; a small study in the time that is left.
Each part has its own process and time limit, so a failure stops no other. Needs neither network nor Snakemake nor DVC.

Writes report.json, README.md, precision.csv and raw.log into one folder.

Exit code: 0 all is well; 1 a part failed, and the report says which and why; 2 a wrong call, no such device, or
packages that are missing.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from bits.commands.guard import guarded
from bits.config.near import did_you_mean
from bits.errors import BitsError
from bits.gpucheck.needed import missing

WORDS = {
    "device": "as site.device: cuda, cuda:1; cpu, together with quick=yes (cuda)",
    "out": "folder for the report (results/gpu-check-<date>-<device>)",
    "minutes": "for everything (8)",
    "quick": "yes: the smallest sizes, to try the command itself (no)",
    "commit": "what is checked, where the checkout has come without git",
}


def main() -> int:
    """Run all parts; returns the exit code."""
    since = time.monotonic()
    words = _words(_parser().parse_args().words)
    if lacking := missing():
        raise BitsError(f"packages that the check needs are not here: pip install {' '.join(lacking)}")
    # So that an end from outside leaves no process behind: the part that runs is killed on the way out.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    from bits.gpucheck.check import Options, checked  # imports torch

    out = Path(words["out"]) if "out" in words else None
    device, quick = words.get("device", "cuda"), words.get("quick", "no") == "yes"
    folder, results = checked(Options(device, out, float(words.get("minutes", 8)), quick, words.get("commit"), since))
    failed = [name for name, result in results.items() if result["status"] == "failed"]
    print(f"wrote {folder}: {'FAILED: ' + ', '.join(failed) if failed else 'nothing failed'}")
    return int(bool(failed))


def _words(given: list[str]) -> dict[str, str]:
    """The words by name. Raises BitsError for one that does not exist or has another value than expected."""
    words = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or name not in WORDS:
            raise BitsError(f"{word!r}: expected {'=..., '.join(WORDS)}=...{did_you_mean(name, WORDS)}")
        words[name] = value
    if words.get("quick", "no") not in ("yes", "no"):
        raise BitsError(f"quick={words['quick']}: expected yes or no")
    _check_minutes(words.get("minutes", "8"))
    return words


def _check_minutes(text: str) -> None:
    try:
        if 0 < float(text) < float("inf"):
            return
    except ValueError:
        pass
    raise BitsError(f"minutes={text}: expected a number above 0")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bits gpu-check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="word=value", help="see below")
    lines = [f"  {f'{word}=':8} {purpose}" for word, purpose in WORDS.items()]
    parser.epilog = "\n".join(["words:", *lines])
    return parser


if __name__ == "__main__":
    sys.exit(guarded(main))
