"""Measure how fast this machine does each distinct kind of a plan's work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch

from bits.config.compose import CONFIG_DIR
from bits.config.evaluation import CentreCrop
from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.costs.assumptions import CPU, CostError, Images, load_assumptions
from bits.costs.calibration import Calibration, Measured, extraction_key, numbers_key, training_key
from bits.costs.counts import Counts, counts_of
from bits.costs.images import image_counts
from bits.costs.price import heads_of
from bits.costs.rates import FlopRates
from bits.data.images import ImageSet
from bits.plan import Plan
from bits.plan.model import Evaluation
from bits.records.provenance import hardware, now, versions
from bits.runs import timing
from bits.runs.build import choose_device

MOST_PATIENCE = 60  # times the seconds of a setting that one training step may take by the FLOP model
BUSY = 0.5  # load for each core above which timings are doubtful

Part = Literal["training", "extraction", "probe", "pairs"]


@dataclass(frozen=True)
class Setting:
    """Something to be timed. key: of the setting in `part` of a calibration. speed: seconds to spend -> how many/s."""

    part: Part
    key: str
    what: str
    speed: Callable[[float], float]


@dataclass
class Speeds:
    """What has been measured, by the parts of a calibration."""

    training: dict[str, Measured] = field(default_factory=dict)
    extraction: dict[str, Measured] = field(default_factory=dict)
    probe: dict[str, Measured] = field(default_factory=dict)
    pairs: dict[str, Measured] = field(default_factory=dict)

    def of(self, part: Part) -> dict[str, Measured]:
        speeds: dict[str, Measured] = getattr(self, part)
        return speeds


def calibrated(plan: Plan, site: Site, seconds: float) -> Calibration:
    """Time everything that the plan's runs need for so many seconds each, and print the speeds on the way.

    site: the plan's, with the threads that an evaluation gets. Raises CostError where a step would take too long on
    this device, or does not fit its memory.
    """
    device, assumptions, counts = choose_device(site), load_assumptions(CONFIG_DIR), counts_of(plan)
    cpu = device.type == "cpu"
    if cpu:
        _require_feasible(plan, FlopRates(CPU, assumptions, counts, site), seconds)
    sizes = image_counts(plan, assumptions)
    images, what = _images(plan, site, sizes)
    print(f"images: {what}; device: {device}")
    _warn_if_busy()
    speeds = Speeds()
    for setting in _Settings(plan, site, device, images, counts, sizes):
        known = speeds.of(setting.part)
        if setting.key not in known:
            known[setting.key] = _timed(setting, seconds, device)
    started = timing.startup_seconds()
    print(f"start of a process: {started:.1f} s")
    machine = hardware()
    return Calibration(
        scale=plan.scale.name,
        device=machine["cpu"] if cpu else torch.cuda.get_device_name(device),
        cpu=cpu,
        threads=torch.get_num_threads(),
        versions=versions(),
        hardware=machine,
        date=now(),
        images=what,
        startup_seconds=started,
        training=speeds.training,
        extraction=speeds.extraction,
        probe=speeds.probe,
        pairs=speeds.pairs,
    )


def _images(plan: Plan, site: Site, sizes: dict[str, Images]) -> tuple[ImageSet, str]:
    """(images to time with, what they are)."""
    dataset, known = next(iter(plan.datasets.values())), next(iter(sizes.values()))
    batches = [run.recipe.schedule.batch_size for run in plan.runs.values()]
    return timing.timing_images(dataset, site, max(*batches, site.feature_batch), known.classes)


def _warn_if_busy() -> None:
    load, cores = os.getloadavg()[0], hardware()["cores"]
    if load > BUSY * cores:
        print(f"warning: the machine is busy (load {load:.1f} on {cores} cores), so what is measured may be too slow")


def _timed(setting: Setting, seconds: float, device: torch.device) -> Measured:
    print(f"{setting.part}: {setting.what} ...", end=" ", flush=True)
    try:
        speed = setting.speed(seconds)
    except torch.OutOfMemoryError as error:
        raise CostError(
            f"{setting.what} does not fit the memory of {device}. Set site.micro_batch (images at a time), which "
            f"changes no number, and calibrate again with it ({str(error).splitlines()[0]})"
        ) from None
    print(f"{speed:,.0f}/s", flush=True)
    return Measured(what=setting.what, per_second=speed)


def _require_feasible(plan: Plan, model: FlopRates, seconds: float) -> None:
    """Raise CostError where a single training step would keep a CPU busy for ages."""
    for run in plan.runs.values():
        step = run.recipe.schedule.batch_size / model.training(run.recipe)
        if step > MOST_PATIENCE * seconds:
            raise CostError(
                f"a step of {run.name} would take about {step / 60:,.0f} minutes on {model.threads} CPU core(s). "
                f"Calibrate on the machine that will train; without a calibration, bits plan scale={plan.scale.name} "
                "uses the FLOP model."
            )


@dataclass(frozen=True)
class _Settings:
    """Iterates over everything to be timed; a key may come more than once."""

    plan: Plan
    site: Site
    device: torch.device
    images: ImageSet
    counts: Counts
    sizes: dict[str, Images]

    def __iter__(self) -> Iterator[Setting]:
        for run in self.plan.runs.values():
            yield self._training(run.recipe)
        for evaluation in self.plan.evaluations.values():
            if evaluation.role in self.sizes:
                yield from self._evaluation(evaluation)

    def _training(self, recipe: Recipe) -> Setting:
        speed = partial(timing.training_speed, recipe, self.site, self.images, self.device)
        return Setting("training", training_key(recipe, self.site), _in_words(recipe), speed)

    def _evaluation(self, evaluation: Evaluation) -> Iterator[Setting]:
        settings, recipe = evaluation.settings, next(iter(self.plan.runs.values())).recipe
        crop = CentreCrop(resize=settings.features.resize, size=settings.features.size)
        yield self._extraction(recipe, crop, settings.blocks)
        yield self._extraction(recipe, recipe.curve.features, settings.blocks)
        counted = self.counts.backbone(recipe.backbone, crop.size)
        if settings.linear:
            width = counted.width * min(settings.tokens, counted.blocks)
            classes, heads = self.sizes[evaluation.role].classes, heads_of(settings.linear)
            what = f"{heads} heads, {width} features, {classes} classes"
            speed = partial(timing.probe_speed, width, classes, settings.linear)
            yield Setting("probe", numbers_key(width, classes, heads), what, speed)
        what = f"similarities of {counted.width} features"
        yield Setting("pairs", numbers_key(counted.width), what, partial(timing.ranking_speed, counted.width))

    def _extraction(self, recipe: Recipe, crop: CentreCrop, blocks: int) -> Setting:
        speed = partial(timing.extraction_speed, recipe, crop, blocks, self.site, self.images, self.device)
        what = f"features of {recipe.backbone.name}, {crop.size} px"
        return Setting("extraction", extraction_key(recipe.backbone, crop), what, speed)


def _in_words(recipe: Recipe) -> str:
    crops, head = recipe.crops, recipe.head
    outputs = f"{head.outputs}{f' and {head.prototypes} prototypes' if head.prototypes else ''}"
    objective = " + ".join(_term_in_words(name, term) for name, term in recipe.objective.model_dump().items())
    return (
        f"{recipe.backbone.name}, {recipe.schedule.batch_size} images of 2 x {crops.global_size} + {crops.n_local} x "
        f"{crops.local_size} px, head {outputs}, {objective}"
    )


def _term_in_words(name: str, settings: Mapping[str, Any]) -> str:
    """A term with those of its settings that are words: "bce (hard, mean)"."""
    words = ", ".join(value for value in settings.values() if isinstance(value, str))
    return f"{name} ({words})" if words else name
