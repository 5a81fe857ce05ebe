"""A scale's report, results, configurations, provenance and environment as one RO-Crate, ready to deposit.

    bits archive [scale=demo] [--out FILE.zip] [--weights] [--sources] [--incomplete]

Packs what results/<scale>/plan.json names; trains and renders nothing. Absolute paths of this machine are removed from
the archived files. The same contents give the same zip. Exit code: 0, or 2 with a message.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bits.archive.deposit import deposit
from bits.archive.errors import ArchiveError
from bits.commands.guard import guarded


def main() -> int:
    """Write the archive and say where it is."""
    given = _parser().parse_intermixed_args()
    made = deposit(
        _scale(given.words), given.out, weights=given.weights, sources=given.sources, incomplete=given.incomplete
    )
    print(f"{made.path}: {made.path.stat().st_size / 1e6:.1f} MB, {made.files} files, {made.runs} runs")
    return 0


def _scale(words: Sequence[str]) -> str:
    options = dict(word.split("=", 1) for word in words if "=" in word)
    if set(options) - {"scale"} or len(options) < len(words):
        raise ArchiveError(
            f"bits archive {' '.join(words)}: expected scale=NAME alone; everything else follows from the plan."
        )
    return options.get("scale", "demo")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bits archive", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="scale=NAME", help="which scale (default: demo)")
    parser.add_argument("--out", type=Path, help="name of the zip (default: archive/bits-<scale>-<digest>.zip)")
    parser.add_argument("--weights", action="store_true", help="include teacher, student and heads where they exist")
    parser.add_argument("--sources", action="store_true", help="include the committed sources (git archive)")
    parser.add_argument("--incomplete", action="store_true", help="archive even if files are missing, marked as such")
    return parser


if __name__ == "__main__":
    sys.exit(guarded(main))
