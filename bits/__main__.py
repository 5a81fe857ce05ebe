"""The commands by name:  bits doctor,  bits plan --budget 100h,  bits explain table-9, ...

The same as python -m bits.commands.<name>, where a dash is an underscore. Every command has --help.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

from bits.commands.guard import guarded

COMMANDS = {
    "study": "name a set-up, so that every command can be told it by its name",
    "plan": "what a study costs, and what fits a budget",
    "calibrate": "measure how fast this machine does a study's work, for plan",
    "gpu-check": "check and measure this machine's GPU, and write a report",
    "explain": "what would run and why, in plain words",
    "fetch": "download a data set that may be fetched, check and unpack it",
    "prepare": "make or check a data set",
    "pretrain": "pretrain one run, or any variation of it",
    "evaluate": "measure anyone's weights, a run or the references on a data set",
    "import-weights": "take a backbone from a file of weights, as a plan says",
    "together": "probe runs side by side, on images that are decoded once",
    "check-data": "check every image of a study's data sets, and write their manifests",
    "doctor": "check machine, cluster, disk and data before anything is submitted",
    "archive": "a study's results, report and provenance as one RO-Crate",
    "share": "record, push, pull and restore what was made",
    "render": "render exhibits, a study's report, the front page",
}


def main() -> int:
    """Call the command that the first word names; returns its exit code, 2 for a name that does not exist."""
    return guarded(_called)


def _called() -> int:
    name, *words = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print("usage: bits COMMAND [argument ...]\n")
        print("\n".join(f"  {command:14} {purpose}" for command, purpose in COMMANDS.items()))
        return 0
    if name not in COMMANDS:
        print(f"bits {name}: no such command. There are {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    sys.argv = [f"bits {name}", *words]
    command: Callable[[], int] = importlib.import_module(f"bits.commands.{name.replace('-', '_')}").main
    return command()


if __name__ == "__main__":
    sys.exit(main())
