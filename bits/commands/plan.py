"""What a scale costs before anything is spent, per exhibit and in all.

    bits plan [scale=paper] [key=value ...] [--budget 100h] [--gpus 8] [--device h100] [--json]

Says jobs, GPU-hours (core-hours on a CPU), disk and wall time, in the order that gives most published values for what
is spent; --budget says what fits. Speeds are those that `bits calibrate` measured here, else a stated FLOP model's. Any
key of the configuration can be overridden, for every run at once. Writes results/<scale>/plan.json and the frozen
configurations that the jobs read, as the workflow does at every start.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bits.commands.guard import guarded
from bits.config.compose import CONFIG_DIR
from bits.costs.assumptions import CostError, image_counts, load_assumptions
from bits.costs.budget import hours
from bits.costs.choose import rates_for
from bits.costs.counts import Counts
from bits.costs.frozen import PREDICTED, freeze_predictions, unpredicted
from bits.costs.graph import Graph
from bits.costs.price import Prices, scale_folder
from bits.costs.summary import Summary
from bits.costs.text import costs_json, costs_text, footer
from bits.exhibits import load_declarations
from bits.plan import current_plan
from bits.records.provenance import hardware
from bits.workflow.options import requested

USUAL_GPUS = 8  # of one machine


def main() -> int:
    """Print what the plan costs, or with --list what is in it."""
    arguments = _parser().parse_intermixed_args()
    budget = math.inf if arguments.budget is None else hours(arguments.budget)
    plan = current_plan(requested(arguments.words))
    if arguments.list:
        _print_list(plan)
        return 0
    assumptions = load_assumptions(CONFIG_DIR)
    images = image_counts(plan, assumptions)
    rates, why = rates_for(plan, assumptions, arguments.device, arguments.calibration)
    prices = Prices(plan, rates, Counts(scale_folder(plan) / "flops.json"), images, assumptions)
    if arguments.freeze:
        wanted = unpredicted(plan)
        works = [work for work in Graph(plan).works.values() if work.id in wanted and work.role in images]
        added = freeze_predictions(plan, map(prices.job, works), rates)
        print(f"{scale_folder(plan) / PREDICTED}: {added} predictions added, by {rates.basis}")
        return 0
    unit = "core" if rates.cpu else "GPU"
    usual = int(hardware()["cores"]) if rates.cpu else USUAL_GPUS
    devices = usual if arguments.devices is None else arguments.devices
    if devices < 1:
        raise CostError(f"--gpus {devices}: expected at least 1")
    costs = Summary(prices, load_declarations(CONFIG_DIR, shown=plan["shown"]), devices).costs(budget)
    notes = footer(prices, why, costs, unit)
    if plan["missing"]:
        gaps = ", ".join(f"{gap['dataset']} ({gap['root'] or 'no path given'})" for gap in plan["missing"])
        notes.append(f"Nothing can start before these data are there: {gaps}.")
    if arguments.json:
        print(json.dumps(costs_json(costs, unit, rates.basis, why, notes), indent=1))
        return 0
    print(f"scale {plan['scale']['name']}: {plan['scale']['title']}. {unit}-hours on {rates.device}.\n")
    print(costs_text(costs, unit, arguments.budget))
    print("\n" + "\n".join(notes))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bits plan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="key=value", help="scale=NAME, and overrides of the configuration")
    parser.add_argument("--budget", metavar="100h", help="device-hours: 100h, 90m, 2d, 1.5h")
    parser.add_argument("--gpus", "--cores", dest="devices", type=int, metavar="N", help="devices at a time (8 GPUs)")
    parser.add_argument("--device", metavar="NAME", help="cost it for this device of config/costs.yaml, by FLOPs")
    parser.add_argument("--calibration", type=Path, metavar="FILE", help="a calibration.json, perhaps of elsewhere")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--list", action="store_true", help="list runs, exhibits and what is missing, without costs")
    parser.add_argument("--freeze", action="store_true", help="add predictions of what is to be done to predicted.json")
    return parser


def _print_list(plan: Mapping[str, Any]) -> None:
    print(f"scale {plan['scale']['name']}: {plan['scale']['title']}")
    for run in plan["runs"].values():
        print(f"  {run['kind']} {run['name']} seed {run['seed']}: {run['folder']}")
    for name, files in plan["needs"].items():
        print(f"  exhibit {name:16} from {len(files)} metrics files")
    for name, reason in plan["left_out"].items():
        print(f"  exhibit {name:16} left out: {reason}")
    for name, reason in plan["pending"].items():
        print(f"  exhibit {name:16} not yet implemented: {reason}")
    for gap in plan["missing"]:
        print(f"  missing data {gap['dataset']}: {gap['reason']}")


if __name__ == "__main__":
    sys.exit(guarded(main))
