"""Make or check a data set.

    python -m bits.commands.prepare --plan results/demo/plan.json --dataset imagenet1k

Scenes are rendered once; folders and zips are read and counted, and the summary is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bits.commands.guard import guarded
from bits.config.recipe import Dataset
from bits.config.site import Site
from bits.runs.datasets import dataset_root, make_dataset, open_split


def main() -> int:
    parser = argparse.ArgumentParser(prog="bits.commands.prepare")
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--dataset", required=True, help="role of the data set in the plan")
    arguments = parser.parse_args()
    plan = json.loads(arguments.plan.read_text())
    dataset = Dataset.model_validate(plan["datasets"][arguments.dataset])
    root = dataset_root(dataset, Site.model_validate(plan["site"]))
    make_dataset(dataset, root, _progress)
    for split in ("train", "val"):
        images = open_split(dataset, root, split)
        place = f" (folder {images.folder})" if images.folder not in ("", split) else ""
        print(f"{root} {split}{place}: {len(images)} images, {len(images.class_names)} classes")
    return 0


def _progress(done: int, total: int) -> None:
    print(f"rendered {done}/{total}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(guarded(main))
