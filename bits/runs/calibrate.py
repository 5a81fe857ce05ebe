"""Measure how fast this machine does each distinct kind of a plan's work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

import torch

from bits.config.compose import CONFIG_DIR
from bits.config.evaluation import CentreCrop
from bits.config.recipe import Recipe
from bits.config.section import Section
from bits.config.site import Site
from bits.costs.assumptions import CPU, CostError, Images, load_assumptions
from bits.costs.calibration import Calibration, Measured, extraction_key, training_key
from bits.costs.counts import Counts, counts_of
from bits.costs.demand import workload
from bits.costs.images import image_counts
from bits.costs.rates import FlopRates, is_half
from bits.data.images import ImageSet
from bits.data.noise import NoiseImages
from bits.evaluation import declaration
from bits.evaluation.declaration import Precision, Tokens, Workload
from bits.evaluation.probing.settings import ProbeSettings
from bits.plan import Plan
from bits.plan.model import Evaluation
from bits.records.provenance import hardware, now, versions
from bits.runs import timing
from bits.runs.build import choose_device

MOST_PATIENCE = 60  # times the seconds of a setting that one training step may take by the FLOP model
BUSY = 0.5  # load for each core above which timings are doubtful

Part = Literal["training", "extraction", "work"]
S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Setting:
    """Something to be timed. key: in `part` of a calibration. speed: seconds to spend -> how many/s. unit: of what."""

    part: Part
    key: str
    what: str
    speed: Callable[[float], float]
    unit: str = "images"


@dataclass
class Speeds:
    """What has been measured, by the parts of a calibration."""

    training: dict[str, Measured] = field(default_factory=dict)
    extraction: dict[str, Measured] = field(default_factory=dict)
    work: dict[str, Measured] = field(default_factory=dict)

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
        decodes=not isinstance(images, NoiseImages),
        startup_seconds=started,
        training=speeds.training,
        extraction=speeds.extraction,
        work=speeds.work,
    )


def _images(plan: Plan, site: Site, sizes: dict[str, Images]) -> tuple[ImageSet, str]:
    """(images to time with, what they are)."""
    role, known = next(iter(sizes.items()))
    batches = [run.recipe.schedule.batch_size for run in plan.runs.values()]
    count = max(*batches, site.feature_batch)
    return timing.timing_images(plan.datasets[role], plan.roots[role], site, count, known.classes)


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
            f"{setting.what} does not fit the memory of {device}. Set a smaller site.micro_batch (images at a time), "
            f"which changes no number, and calibrate again with it ({str(error).splitlines()[0]})"
        ) from None
    print(f"{speed:,.0f} {setting.unit}/s", flush=True)
    return Measured(what=setting.what, per_second=speed)


def _require_feasible(plan: Plan, model: FlopRates, seconds: float) -> None:
    """Raise CostError where a single training step would keep a CPU busy for ages."""
    for run in plan.runs.values():
        step = run.recipe.schedule.batch_size / model.training(run.recipe)
        if step > MOST_PATIENCE * seconds:
            raise CostError(
                f"a step of {run.name} would take about {step / 60:,.0f} minutes on {model.threads} CPU core(s). "
                f"Calibrate on the machine that will train; without a calibration, bits plan study={plan.study} "
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
        for evaluation in self._evaluations():
            yield from self._extractions(evaluation)
        yield from self._work()

    def _evaluations(self) -> Iterator[Evaluation]:
        """Those whose images can be counted."""
        return (one for one in self.plan.evaluations.values() if one.role in self.sizes)

    @property
    def _recipe(self) -> Recipe:
        """Whose backbone features are taken from."""
        return next(iter(self.plan.runs.values())).recipe

    def _training(self, recipe: Recipe) -> Setting:
        speed = partial(timing.training_speed, recipe, self.site, self.images, self.device)
        return Setting("training", training_key(recipe, self.site), _in_words(recipe), speed)

    def _extractions(self, evaluation: Evaluation) -> Iterator[Setting]:
        settings = evaluation.settings
        tokens = declaration.tokens_of(settings, backbone=True)
        yield self._extraction(settings.features, tokens)
        yield self._extraction(self._recipe.curve.features, Tokens())
        for name, own in settings.evaluators().items():
            cost = declaration.evaluators()[name].cost(self._load(evaluation), own)
            if cost.passes:
                yield self._extraction(settings.features, tokens, cost.precision)

    def _extraction(self, crop: CentreCrop, tokens: Tokens, precision: Precision = "float32") -> Setting:
        recipe, half = self._recipe, is_half(precision, self.device.type == "cpu")
        speed = partial(timing.extraction_speed, recipe, crop, tokens, precision, self.site, self.images, self.device)
        what = f"features of {recipe.backbone.name}, {crop.size} px{', bfloat16' if half else ''}"
        return Setting("extraction", extraction_key(recipe.backbone, crop, half), what, speed)

    def _load(self, evaluation: Evaluation) -> Workload:
        return workload("", self._recipe, evaluation.settings, self.sizes[evaluation.role], self.counts)

    def _work(self) -> Iterator[Setting]:
        """The kinds of other work that can be timed, each at the setting with most of it."""
        if ranking := self._most("ranking", Section):
            _, width, _ = ranking
            what = f"similarities of {width} features"
            yield Setting("work", "ranking", what, partial(timing.ranking_speed, width, self.device), "FLOP")
        if probing := self._most("probing", ProbeSettings):
            settings, width, classes = probing
            what = f"{len(settings.rates)} heads, {width} features, {classes} classes"
            speed = partial(timing.probing_speed, settings, width, classes, self.device)
            yield Setting("work", "probing", what, speed, "FLOP")

    def _most(self, kind: str, like: type[S]) -> tuple[S, int, int] | None:
        """(settings, width of its features, classes) of the evaluator that does most of a kind of work, None if none.

        like: what its settings must be.
        """
        found: list[tuple[float, S, int, int]] = []
        for evaluation in self._evaluations():
            load = self._load(evaluation)
            for name, own in evaluation.settings.evaluators().items():
                declared = declaration.evaluators()[name]
                flops = declared.cost(load, own).flops.get(kind, 0.0)
                if flops and isinstance(own, like):
                    found.append((flops, own, load.width_of(declared.tokens(own, True)), load.classes))
        return max(found, key=lambda one: one[0])[1:] if found else None


def _in_words(recipe: Recipe) -> str:
    crops, head = recipe.crops, recipe.head
    outputs = f"{head.dimension}{f' and {head.prototypes} prototypes' if head.prototypes else ''}"
    objective = " + ".join(_term_in_words(name, term) for name, term in recipe.objective.model_dump().items())
    return (
        f"{recipe.backbone.name}, {recipe.schedule.batch_size} images of 2 x {crops.global_size} + {crops.n_local} x "
        f"{crops.local_size} px, head {outputs}, {objective}"
    )


def _term_in_words(name: str, settings: Mapping[str, Any]) -> str:
    """A term with those of its settings that are words: "bce (hard, mean)"."""
    words = ", ".join(value for value in settings.values() if isinstance(value, str))
    return f"{name} ({words})" if words else name
