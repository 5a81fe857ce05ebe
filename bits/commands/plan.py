"""What a study costs before anything is spent, per exhibit and in all.

    bits plan [scale=paper] [word=value ...] [--budget 100h] [--gpus 8] [--device h100] [--json]

Shows jobs, GPU-hours (core-hours on a CPU), disk and wall time, in the order that gives most published values for what
is spent; --budget shows what fits. Speeds are those that `bits calibrate` measured here, or else come from a stated
FLOP model. Writes results/<study>/plan.json and the frozen configurations that the jobs read, as the workflow does at
every start.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

from bits.commands.guard import guarded
from bits.config.declared import CONFIG_DIR
from bits.costs.assumptions import load_assumptions
from bits.costs.budget import hours
from bits.costs.choose import prices_for
from bits.costs.frozen import freeze_predictions, predictions_file
from bits.costs.report import report
from bits.plan import Plan, current_plan, read_plan
from bits.plan.declared import declarations_of
from bits.workflow.options import add_words, requested


def main() -> int:
    """Print what the plan costs, or with --list what is in it."""
    arguments = _parser().parse_intermixed_args()
    budget = math.inf if arguments.budget is None else hours(arguments.budget)
    plan = read_plan(arguments.plan) if arguments.plan else current_plan(requested(arguments.words))
    if arguments.list:
        _print_list(plan)
        return 0
    prices, why = prices_for(plan, load_assumptions(CONFIG_DIR), arguments.device, arguments.calibration)
    if arguments.freeze:
        added = freeze_predictions(prices)
        print(f"{predictions_file(plan)}: {added} predictions added, by {prices.rates.basis}")
        return 0
    declared = declarations_of(plan)
    found = report(prices, why, declared, arguments.devices, budget, arguments.budget)
    print(json.dumps(found.values(), indent=1) if arguments.json else found.text())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bits plan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_words(parser)
    parser.add_argument("--budget", metavar="100h", help="device-hours to spend: 100h, 90m, 2d, 1.5h")
    parser.add_argument("--gpus", "--cores", dest="devices", type=int, metavar="N", help="devices at a time (8 GPUs)")
    parser.add_argument("--device", metavar="NAME", help="cost it for this device of config/costs.yaml, by FLOPs")
    parser.add_argument("--calibration", type=Path, metavar="FILE", help="a calibration.json, also of another machine")
    parser.add_argument("--plan", type=Path, metavar="FILE", help="a plan that was made already, instead of words")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--list", action="store_true", help="list runs, exhibits and missing data, without costs")
    parser.add_argument(
        "--freeze", action="store_true", help="add predictions of what is still to do to predicted.json"
    )
    return parser


def _print_list(plan: Plan) -> None:
    print(f"study {plan.study}: {plan.scale.title}")
    for run in plan.runs.values():
        print(f"  {run.kind} {run.name} seed {run.seed}: {run.folder}")
    for one in plan.imports.values():
        print(f"  import {one.name} from {one.file}: {one.folder}")
    for name, files in plan.needs.items():
        print(f"  exhibit {name:16} from {len(files)} metrics files")
    for name, reason in plan.left_out.items():
        print(f"  exhibit {name:16} left out: {reason}")
    for name, reason in plan.pending.items():
        print(f"  exhibit {name:16} not yet implemented: {reason}")
    for gap in plan.missing:
        print(f"  missing data {gap.dataset}: {gap.reason}")
    for lacking in plan.missing_weights:
        print(f"  missing weights {lacking.run}: {lacking.file}: {lacking.reason}")


if __name__ == "__main__":
    sys.exit(guarded(main))
