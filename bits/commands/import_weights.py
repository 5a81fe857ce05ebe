"""Import a backbone that was trained elsewhere, as a plan froze it.

    python -m bits.commands.import_weights --import results/demo/imports/<id>/config.yaml

Writes backbone.safetensors and provenance.json beside the configuration, and prints what was taken of the file and what
was left out. Nothing needs the file again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bits.commands.guard import guarded
from bits.plan.imports import read_frozen_import
from bits.runs.imports import import_weights, told


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="bits import-weights", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--import", type=Path, required=True, dest="config", help="frozen configuration of an import")
    config: Path = parser.parse_args().config
    name, file, recipe = read_frozen_import(config)
    taken = import_weights(config.parent, name, file, recipe)
    print(f"{name}: {told(taken.facts())}")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
