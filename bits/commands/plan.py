"""Make and show the plan of a scale.

    python -m bits.commands.plan scale=demo [key=value ...]

Writes results/<scale>/plan.json and the frozen configurations that the jobs read; the workflow does the same at every
start. Any key of the configuration can be overridden, for every run at once.
"""

from __future__ import annotations

import sys

from bits.commands.guard import guarded
from bits.plan import Request, current_plan


def main() -> int:
    """Print runs, exhibits and what is missing."""
    words = sys.argv[1:]
    if any(word in ("-h", "--help") for word in words):
        print(__doc__)
        return 0
    options = dict(word.split("=", 1) for word in words if "=" in word)
    scale = options.pop("scale", "demo")
    plan = current_plan(Request(scale, tuple(f"{key}={value}" for key, value in options.items())))
    print(f"scale {scale}: {plan['scale']['title']}")
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
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
