"""How fast each method trains at the paper's sizes, and what bounds it."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from bits.config.declared import CONFIG_DIR
from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.costs.assumptions import CPU, CostError, load_assumptions
from bits.costs.calibration import training_key
from bits.costs.counts import Counts, training_flops
from bits.data.noise import NoiseImages
from bits.gpucheck.markdown import table
from bits.gpucheck.methods import changed, methods_of
from bits.gpucheck.part import Bench, Found, Part, in_time
from bits.runs.build import choose_device
from bits.runs.timing import per_second, training_steps

HEIGHT, WIDTH = 375, 500  # px, of a typical ImageNet photograph
IMAGES = 4096
MICRO = 64  # images, of a batch of 256
BUSY = 0.5  # share of a setting's time in which steps are timed; the rest is for building models and warming up
MODES = ("whole batch", "micro-batches")


@dataclass(frozen=True)
class Setting:
    """One that is timed: a method, all of its batch at once or in micro-batches."""

    name: str
    recipe: Recipe
    site: Site


def run(bench: Bench) -> Found:
    """A row for every method and mode; methods that take the same step share one."""
    settings = list(_settings(bench))
    timer = Timer(bench, choose_device(settings[0].site))
    images = timer.images.pixels
    yield "images", f"random, {images.shape[3]} x {images.shape[2]} px, in memory"
    yield "peak", timer.peak_in_words
    yield from in_time(bench, ((setting.name, partial(timer.row, setting, settings)) for setting in settings))


def _settings(bench: Bench) -> Iterator[Setting]:
    """At paper scale; at scale smoke where it is to be quick."""
    size = 4 if bench.quick else MICRO
    for run, made in methods_of("smoke" if bench.quick else "paper").items():
        for mode, micro in zip(MODES, (0, size), strict=True):
            yield Setting(f"{run}, {mode}", made.recipe, changed(made.site, {**bench.site, "micro_batch": micro}))


class Timer:
    """Times settings on a device, and remembers which."""

    def __init__(self, bench: Bench, device: torch.device) -> None:
        self.bench, self.device = bench, device
        self.images = NoiseImages(IMAGES, *((24, 32) if bench.quick else (HEIGHT, WIDTH)), classes=10)
        self.peak, self.peak_in_words = _peak(device)
        self.counts = Counts(bench.scratch / "flops.json")
        self.known: dict[str, str] = {}

    def row(self, setting: Setting, settings: Sequence[Setting]) -> dict[str, Any]:
        """What is measured of a setting with its share of the time that is left."""
        key = training_key(setting.recipe, setting.site)
        if key in self.known:
            return {"same_as": self.known[key]}
        self.known[key] = setting.name
        found = self._fitting(setting, BUSY * self.bench.left() / (len(settings) - settings.index(setting)))
        print(f"{setting.name}: {found}", flush=True)
        return found

    def _fitting(self, setting: Setting, seconds: float) -> dict[str, Any]:
        """At the recipe's batch size, or at the largest half, quarter, ... of it that the memory holds."""
        wanted = size = setting.recipe.schedule.batch_size
        while size:
            schedule = setting.recipe.schedule.model_copy(update={"batch_size": size, "images_per_epoch": None})
            recipe = setting.recipe.model_copy(update={"schedule": schedule})
            site = setting.site.model_copy(update={"micro_batch": min(setting.site.micro_batch, size)})
            try:
                return {"wanted_batch": wanted, **self._timed(recipe, site, seconds)}
            except torch.OutOfMemoryError:
                print(f"{setting.name}: a batch of {size} does not fit the memory", flush=True)
                size //= 2
        return {"skipped": "not even a batch of one image fits the memory"}

    def _timed(self, recipe: Recipe, site: Site, seconds: float) -> dict[str, Any]:
        """Speed, time spent waiting for images, peak memory."""
        cuda, size = self.device.type == "cuda", recipe.schedule.batch_size
        gc.collect()  # of a setting before this one, or of a batch that was too large
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
        with training_steps(recipe, site, self.images, self.device) as step:
            speed = per_second(step, 0.0, 1) if self.bench.quick else per_second(step, seconds)
        waited, flops = step.waited / step.taken, training_flops(recipe, self.counts)
        return {
            "batch": size,
            "micro_batch": site.micro_batch,
            "steps": step.taken,
            "images_per_s": speed,
            "step_ms": 1000 * size / speed,
            "waiting_ms": 1000 * waited,
            "waiting_share": min(waited * speed / size, 1.0),
            "peak_memory_gib": torch.cuda.max_memory_allocated(self.device) / 2**30 if cuda else None,
            "tflop_per_image": flops / 1e12,
            "tflops": flops * speed / 1e12,
            "utilisation": None if self.peak is None else flops * speed / self.peak,
        }


def _peak(device: torch.device) -> tuple[float | None, str]:
    """(assumed FLOP/s of the device in the precision of training, where they come from)."""
    known = load_assumptions(CONFIG_DIR)
    if device.type == "cpu":
        return known.devices[CPU].float32 * 1e12 * torch.get_num_threads(), "a CPU's, in float32 (config/costs.yaml)"
    try:
        found = known.devices[known.device(torch.cuda.get_device_name(device))]
    except CostError as error:
        return None, str(error)
    return found.bfloat16 * 1e12, f"{found.bfloat16:g} TFLOP/s in bfloat16 of {found.title} (config/costs.yaml)"


def text(found: Mapping[str, Any]) -> str:
    head = (
        "images/s",
        "of peak",
        "TFLOP/s",
        "ms a step",
        "waiting for images",
        "peak memory, GiB",
        "batch",
        "micro-batch",
    )
    rows = [[name, *_cells(row)] for name, row in found.items() if isinstance(row, dict)]
    said = (
        f"Images: {found.get('images')}. Peak: {found.get('peak')}. Utilisation counts the model's FLOPs (student "
        "forward and backward, teacher forward); what is computed again for micro-batches, augmentation and the update "
        "count as time alone. Steps are timed after a warm-up; the speed is the median over eight slices of the time."
    )
    return f"{table(('', *head), rows)}\n\n{said}"


def _cells(row: Mapping[str, Any]) -> list[Any]:
    for why in ("same_as", "skipped"):
        if why in row:
            return [f"{why.replace('_', ' ')}: {row[why]}", *[None] * 7]
    share, waiting = row["utilisation"], f"{row['waiting_ms']:.1f} ms ({100 * row['waiting_share']:.1f} %)"
    batch = (
        row["batch"] if row["batch"] == row["wanted_batch"] else f"{row['batch']} ({row['wanted_batch']} does not fit)"
    )
    return [
        row["images_per_s"],
        None if share is None else f"{100 * share:.1f} %",
        row["tflops"],
        row["step_ms"],
        waiting,
        row["peak_memory_gib"],
        batch,
        row["micro_batch"] or "all",
    ]


PART = Part("speed", "Speed of training at the paper's sizes", 0.26, run, text)
