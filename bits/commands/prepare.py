"""Make or check a data set.

    python -m bits.commands.prepare --plan results/demo/plan.json --dataset imagenet1k

Scenes are rendered unless they exist; folders and zips are read and counted. Prints a summary of each split.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bits.commands.guard import guarded
from bits.data.kind import kind_of
from bits.plan import read_plan
from bits.runs.datasets import dataset_root, make_dataset, open_split


def main() -> int:
    parser = argparse.ArgumentParser(prog="bits.commands.prepare", description="Make or check a data set.")
    parser.add_argument("--plan", type=Path, required=True, help="the study's plan.json")
    parser.add_argument("--dataset", required=True, help="data set role in the plan, such as imagenet1k")
    arguments = parser.parse_args()
    plan = read_plan(arguments.plan)
    dataset = plan.datasets[arguments.dataset]
    root = dataset_root(dataset, plan.site)
    make_dataset(dataset, root, _progress)
    for split in kind_of(dataset).splits:
        images = open_split(dataset, root, split)
        place = f" (folder {images.folder})" if images.folder not in ("", split) else ""
        print(f"{root} {split}{place}: {len(images)} images, {len(images.class_names)} classes")
    return 0


def _progress(done: int, total: int) -> None:
    print(f"rendered {done}/{total}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(guarded(main))
