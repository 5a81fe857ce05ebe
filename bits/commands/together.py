"""Probe the runs of a plan that need the same augmented images side by side: these are decoded once for all.

    python -m bits.commands.together --shared imagenet1k-<digest> \\
        --plan results/paper/plans/<digest>.json --site results/paper/sites/<digest>.yaml

What is measured lies in results/<study>/unfinished, where `bits evaluate` goes on from it. Stopped by a signal, it
exits with 128 + its number, and the same command goes on from the last epoch. Measured runs are left alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bits.commands.guard import guarded
from bits.config.frozen import read_site
from bits.errors import BitsError
from bits.plan import read_plan
from bits.plan.passes import shared_passes
from bits.runs.together import ProbesTogether


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="bits together", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--site", type=Path, required=True)
    parser.add_argument("--shared", required=True, help="the pass, as `snakemake together -n` names it")
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    plan = read_plan(arguments.plan)
    passes = shared_passes(plan)
    if arguments.shared not in passes:
        raise BitsError(f"{arguments.shared}: no pass that runs share. There are {', '.join(passes) or 'none'}.")
    return ProbesTogether(plan, passes[arguments.shared], read_site(arguments.site, arguments.threads)).run()


if __name__ == "__main__":
    sys.exit(guarded(main))
