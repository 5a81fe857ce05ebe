"""Measure how fast this machine does a study's work, so that `bits plan` need not assume it.

    bits calibrate [scale=demo] [word=value ...] [--seconds 20]

Times each distinct kind of training step (backbone, crops, head, batch, objective), feature extraction, probes and
ranking on the device that the site names, in one process: on the data where they are here, or else on random images.
Writes results/<study>/calibration.json. Nothing is trained. It takes about `--seconds` for each setting on an idle
machine, and says how long is left; the same command goes on from where it was stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bits.commands.guard import guarded
from bits.config.site import Site
from bits.costs.assumptions import CostError
from bits.costs.calibration import calibration_file
from bits.costs.speeds import speeds_file
from bits.plan import Plan, current_plan
from bits.records.files import write_json
from bits.workflow.options import add_words, requested
from bits.workflow.scheduler import Scheduler


def main() -> int:
    """Calibrate and write the file."""
    arguments = _parser().parse_intermixed_args()
    if arguments.seconds <= 0:
        raise CostError(f"--seconds {arguments.seconds:g}: expected a number above 0")
    plan = current_plan(requested(arguments.words))
    from bits.runs.calibrate import calibrated  # imports torch, which wrong words need not wait for

    try:
        found = calibrated(plan, _site(plan), arguments.seconds)
    except KeyboardInterrupt:
        print(f"\nstopped; what was measured is in {speeds_file(plan)}, and the same command goes on from there")
        return 130
    path = arguments.out or calibration_file(plan)
    write_json(path, found.model_dump(mode="json"))
    speeds_file(plan).unlink(missing_ok=True)
    print(f"wrote {path}: calibration {found.id} of {found.device}")
    return 0


def _site(plan: Plan) -> Site:
    """The plan's site with the threads that the workflow gives an evaluation where this command runs."""
    scheduler = Scheduler(plan.site, cluster="SLURM_JOB_ID" in os.environ)
    return plan.site.model_copy(update={"threads": scheduler.threads("evaluate")})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bits calibrate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_words(parser)
    parser.add_argument("--seconds", type=float, default=20.0, help="to time each setting for (20)")
    parser.add_argument("--out", type=Path, help="write to this file instead of results/<study>/calibration.json")
    return parser


if __name__ == "__main__":
    sys.exit(guarded(main))
