"""Procedural scenes rendered per second on one core.

    python -m benchmarks.scenes [--count 1000] [--repeats 5]

Times `render_split`, from the seed to pixels, boxes, masks and factors. Shows the median of the repeats in processor
time, so that other work on the machine has little influence.
"""

from __future__ import annotations

import argparse
import statistics
import time

from bits.data.scene_set import SceneSettings, render_split

SIZES = (32, 48, 64, 96)


def seconds(size: int, count: int) -> float:
    """Processor seconds for `count` scenes of `size` px."""
    settings = SceneSettings(image_size=size)
    start = time.process_time()
    render_split(settings, "train", 0, count)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="scenes per measurement")
    parser.add_argument("--repeats", type=int, default=5, help="measurements, of which the median is shown")
    options = parser.parse_args()
    for size in SIZES:
        took = statistics.median(seconds(size, options.count) for _ in range(options.repeats))
        print(f"{size} px: {options.count / took:.0f} scenes/s")


if __name__ == "__main__":
    main()
