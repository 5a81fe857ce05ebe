"""Training speed and memory of a batch in one pass, compared with the same batch in micro-batches and two passes.

    python -m benchmarks.accumulation [--batch 256] [--micro 32] [--threads 1] [--device cpu] [--seconds 10]

Whole steps of BITS (views, both networks, optimiser) on smooth noise, with the demo's backbone; the gradients are the
same. Each variant runs twice, alternating, in a process of its own. Memory is the increase of the peak over the first
step: of the resident set on a CPU, of torch's allocations on a CUDA device.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.views import photographs
from bits.config.compose import Composer
from bits.data.images import ImageSet
from bits.runs.build import objective_of, teacher_student
from bits.training.loop import Pretraining
from bits.training.update import Wants


class Noise(ImageSet):
    """A stand-in for a data set of `count` images, which are never decoded."""

    name, split, class_names, in_memory = "noise", "train", ("a",), True

    def __init__(self, count: int) -> None:
        self.identities = tuple(map(str, range(count)))
        self.labels = torch.zeros(count, dtype=torch.int64)

    def decode(self, index: int) -> torch.Tensor:
        raise NotImplementedError


def peak(device: str) -> float:
    """Peak memory in MiB."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def measured(batch: int, micro: int, device: str, seconds: float) -> dict[str, float]:
    """Images/s (median over steps) and peak memory in MiB, measured in this process."""
    overrides = [
        f"schedule={{epochs: 1000, batch_size: {batch}, images_per_epoch: {batch}}}",
        "crops={global_size: 32, local_size: 16, n_local: 6, global_scale: [0.4, 1.0], local_scale: [0.05, 0.4]}",
        f"site.micro_batch={micro}",
    ]
    with Composer("smoke", overrides) as composer:
        made = composer.compose("bits-fixed")[0]
    recipe, site = made.recipe, made.site
    images, place = photographs(batch, 48, 64), torch.device(device)
    parts = (teacher_student(recipe), objective_of(recipe), Noise(batch))
    run = Pretraining(recipe, site, *parts, Path(tempfile.gettempdir()), place, lambda backbone: 0.0)
    before = peak(device)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 4:
        begin = time.perf_counter()
        run.update(images, len(times), Wants())
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    return {"speed": batch / statistics.median(times[1:]), "memory": peak(device) - before}


def main() -> None:
    """Print the figures of both variants and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--batch", type=int, default=256, help="images per step")
    parser.add_argument("--micro", type=int, default=32, help="images per micro-batch")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--device", default="cpu", help="torch device")
    parser.add_argument("--seconds", type=float, default=10.0, help="duration of each measurement")
    parser.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.alone is not None:
        print(json.dumps(measured(chosen.batch, chosen.alone, chosen.device, chosen.seconds)))
        return
    found: dict[int, list[dict[str, float]]] = {0: [], chosen.micro: []}
    for micro in (0, chosen.micro, 0, chosen.micro):
        command = [sys.executable, "-m", "benchmarks.accumulation", *sys.argv[1:], "--alone", str(micro)]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        found[micro].append(json.loads(output.splitlines()[-1]))
    speeds, memories = (
        {micro: statistics.mean(each[key] for each in runs) for micro, runs in found.items()}
        for key in ("speed", "memory")
    )
    for micro in found:
        title = f"{chosen.batch} in micro-batches of {micro}, two passes" if micro else f"{chosen.batch} in one pass"
        print(f"{title:45s} {speeds[micro]:8.0f} images/s {memories[micro]:8.0f} MiB")
    ratio = speeds[chosen.micro] / speeds[0], memories[chosen.micro] / memories[0]
    print(f"{'ratio':45s} {ratio[0]:8.2f} {'':8s} {ratio[1]:8.2f}")


if __name__ == "__main__":
    main()
