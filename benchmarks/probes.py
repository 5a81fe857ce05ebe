"""What a grid of learning rates costs a probe, and what a second probe costs on the images of the first.

    python -m benchmarks.probes [--device cpu] [--repeats 3] [--threads 1]

On rendered scenes with the demo's backbone at random weights, in batches of 256: one epoch and the test that follows,
with one rate and with eight, on augmented images and on cached features, where heads are all that there is to compute;
and the linear and the MLP probe, eight rates each, one after the other and side by side. Prints one JSON line each with
the fewest seconds of the repeats, which alternate, and their ratio: CPU time on a CPU, which others may be using, else
time on the clock.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

from bits.config.compose import Composer
from bits.evaluation.declaration import evaluators
from bits.runs.datasets import dataset_root, make_dataset, open_pair
from bits.runs.side_by_side import Member, SideBySide
from bits.runs.source import FeatureSource
from bits.runs.subject import Extraction, SourceOnData
from bits.runs.unfinished import Unfinished
from bits.training.interrupt import stop_requests

GRID = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
PROBES = ("linear", "mlp")


def subject(folder: Path, device: str, augment: bool) -> SourceOnData:
    """The demo's backbone at random weights, and its scenes. augment: whether probes train on augmented images."""
    probes = [
        f"evaluation.{probe}.{setting}"
        for probe in PROBES
        for setting in (f"augment={augment}", "epochs=1", "batch_size=256", f"grid={GRID}", f"learning_rate={GRID[0]}")
    ]
    words = [*probes, f"site.device={device}", f"site.data.scenes={folder}/scenes"]
    with Composer("demo", words) as composer:
        made = composer.compose("bits-fixed")[0]
    recipe, site = made.recipe, made.site
    root = dataset_root(recipe.dataset, site)
    make_dataset(recipe.dataset, root)
    place = torch.device(device)
    source = FeatureSource.of("random-init", folder, recipe, made.evaluation, place)
    extraction = Extraction(folder / "features", "imagenet1k", recipe.dataset, made.evaluation, site, place)
    return SourceOnData(source, extraction, *open_pair(recipe.dataset, root, site))


def fastest(one: SourceOnData, repeats: int, **ways: Callable[[], object]) -> dict[str, float]:
    """Seconds of each way, the fewest of the repeats; a first call of each warms up."""
    clock = time.process_time if one.device.type == "cpu" else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, way in ways.items():
            start = clock()
            way()
            if repeat:
                seconds[name].append(clock() - start)
    return {name: min(found) for name, found in seconds.items()}


def measure(one: SourceOnData, probe: str, **changes: object) -> None:
    own = getattr(one.extraction.settings, probe).model_copy(update=changes)
    evaluators()[probe].measure(one, own)


def one_after_the_other(one: SourceOnData) -> None:
    for probe in PROBES:
        measure(one, probe)


def side_by_side(one: SourceOnData, folder: Path) -> None:
    unfinished = Unfinished(folder / "unfinished", lambda: "benchmark", minutes=1e9)
    probes = SideBySide([Member(one, unfinished, PROBES)], one.extraction.site)
    with stop_requests() as request:
        probes.run(request)
    for error in probes.failed.values():
        raise error


def of_a_grid(one: SourceOnData, repeats: int) -> Iterator[dict[str, object]]:
    """One rate and eight, of each probe."""
    for probe in PROBES:
        few, many = (partial(measure, one, probe, grid=grid) for grid in ((), tuple(GRID)))
        found = fastest(one, repeats, one_rate=few, eight_rates=many)
        augmented = getattr(one.extraction.settings, probe).augment
        yield {"probe": probe, "augmented": augmented, **found, "ratio": found["eight_rates"] / found["one_rate"]}


def of_both(one: SourceOnData, folder: Path, repeats: int) -> dict[str, object]:
    """Both probes on augmented images."""
    alone, beside = partial(one_after_the_other, one), partial(side_by_side, one, folder)
    found = fastest(one, repeats, one_after_the_other=alone, side_by_side=beside)
    return {"probes": PROBES, **found, "ratio": found["one_after_the_other"] / found["side_by_side"]}


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        augmented, cached = (subject(folder, arguments.device, augment) for augment in (True, False))
        sizes = {"train": len(cached.train), "test": len(cached.val), "threads": torch.get_num_threads()}
        for one in (augmented, cached):
            for line in of_a_grid(one, arguments.repeats):
                print(json.dumps({**line, **sizes}), flush=True)
        print(json.dumps({**of_both(augmented, folder, arguments.repeats), **sizes}), flush=True)


if __name__ == "__main__":
    main()
