"""A study's report, results, configurations, provenance and environment as one RO-Crate, ready to deposit.

    bits archive [scale=demo] [word=value ...] [--out FILE.zip] [--weights] [--sources] [--incomplete]

Trains and renders nothing, and refuses what is not what the pipeline makes of the set-up now. Paths and names of this
machine are removed from the archived files. The same contents give the same zip. Exit code: 0, or 2 with a message.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from bits.archive.deposit import deposit
from bits.commands.explain import dry_run, jobs_in, why
from bits.commands.guard import guarded
from bits.errors import BitsError
from bits.plan import Plan
from bits.plan.setups import made_plan, options_of, said
from bits.workflow.options import add_words, requested

MOST_LINES = 8  # of what Snakemake said


def main() -> int:
    """Write the archive and say where it is."""
    given = _parser().parse_intermixed_args()
    plan = made_plan(requested(given.words))
    print(f"study {plan.study}: {said(plan.asked)}")
    made = deposit(
        plan, given.out, stale(plan), weights=given.weights, sources=given.sources, incomplete=given.incomplete
    )
    print(f"{made.path}: {made.path.stat().st_size / 1e6:.1f} MB, {made.files} files, {made.runs} runs")
    if made.left_out:
        print(f"Left out, because git does not track them: {', '.join(made.left_out)}")
    return 0


def stale(plan: Plan) -> list[str]:
    """What is there and would be made again because something else has changed since: each with the reason.

    Snakemake's own answer. What is missing, and what waits for that, is told elsewhere.
    """
    shown = dry_run([], options_of(plan), None)
    if shown.returncode:
        said_by_it = (shown.stderr or shown.stdout).strip().splitlines()[-MOST_LINES:]
        raise BitsError("\n".join(["snakemake -n fails, so nobody can say whether results are current:", *said_by_it]))
    jobs = jobs_in(shown.stdout + shown.stderr)
    return [f"{job.stage} {job.subject}: {why(job, plan)}" for job in jobs if _is_stale(job.reason)]


def _is_stale(reason: str) -> bool:
    """Whether Snakemake would make a file again that is there, and not just because it makes an input of it."""
    kinds = {part.partition(":")[0] for part in re.split(r"; (?=[A-Z])", reason)}
    return "Missing output files" not in kinds and kinds != {"Input files updated by another job"}


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
