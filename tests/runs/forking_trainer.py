"""Trains a run repeatedly in child processes that can be killed, without importing torch again for each.

python forking_trainer.py <folder with config.yaml and site.yaml>; every line on stdin starts a child, whose PID is
printed and then, when it has ended, its exit code (negative: the signal that killed it).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

from bits.config.frozen import read_section
from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.runs.train import train


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    recipe = read_section(folder / "config.yaml", Recipe, "recipe")
    site = read_section(folder / "site.yaml", Site)
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(train(recipe, site, "bits-reset", "imagenet1k", folder))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
