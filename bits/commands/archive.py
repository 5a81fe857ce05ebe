"""A study's report, results, configurations, provenance and environment as one RO-Crate, ready to deposit.

    bits archive [scale=demo] [word=value ...] [--out FILE.zip] [--weights] [--sources] [--incomplete]

Trains and renders nothing. Absolute paths of this machine are removed from the archived files. The same contents give
the same zip. Exit code: 0, or 2 with a message.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bits.archive.deposit import deposit
from bits.commands.guard import guarded
from bits.plan import current_plan
from bits.workflow.options import add_words, requested


def main() -> int:
    """Write the archive and say where it is."""
    given = _parser().parse_intermixed_args()
    plan = current_plan(requested(given.words))
    made = deposit(plan, given.out, weights=given.weights, sources=given.sources, incomplete=given.incomplete)
    print(f"{made.path}: {made.path.stat().st_size / 1e6:.1f} MB, {made.files} files, {made.runs} runs")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bits archive", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_words(parser)
    parser.add_argument("--out", type=Path, help="name of the zip (default: archive/bits-<study>-<digest>.zip)")
    parser.add_argument("--weights", action="store_true", help="include teacher, student and heads where they exist")
    parser.add_argument("--sources", action="store_true", help="include the committed sources (git archive)")
    parser.add_argument("--incomplete", action="store_true", help="archive even if files are missing, marked as such")
    return parser


if __name__ == "__main__":
    sys.exit(guarded(main))
