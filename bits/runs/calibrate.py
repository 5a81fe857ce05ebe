"""Measure how fast this machine does each distinct kind of a plan's work."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch

from bits.config.declared import CONFIG_DIR
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
from bits.costs.speeds import Part, Speeds, speeds_file
from bits.costs.units import time_text
from bits.data.images import ImageSet
from bits.data.noise import NoiseImages
from bits.evaluation import declaration
from bits.evaluation.declaration import Precision, Tokens, Workload
from bits.evaluation.probing.settings import ProbeSettings
from bits.plan import PRETRAINING_ROLE, Plan
from bits.plan.model import Evaluation
from bits.records.provenance import hardware, now, versions
from bits.runs import timing
from bits.runs.build import choose_device

MOST_PATIENCE = 60  # times the seconds of a setting that one training step may take by the FLOP model
BUSY = 0.5  # load for each core above which timings are doubtful

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Setting:
    """Something to be timed. key: in `part` of a calibration. speed: seconds to spend -> how many/s. unit: of what."""

    part: Part
    key: str
    what: str
    speed: Callable[[float], float]
    unit: str = "images"


def calibrated(plan: Plan, site: Site, seconds: float) -> Calibration:
    """Time everything that the plan's runs need for so many seconds each, and print speeds and time left on the way.

    What has been measured is kept in `speeds_file` until all of it is, so that a command that was stopped goes on from
    there. site: the plan's, with the threads that an evaluation gets. Raises CostError where a step would take too long
    on this device, or does not fit its memory.
    """
    device, assumptions, counts = choose_device(site), load_assumptions(CONFIG_DIR), counts_of(plan)
    cpu = device.type == "cpu"
    if cpu:
        _require_feasible(plan, FlopRates(CPU, assumptions, counts, site), seconds)
    sizes = image_counts(plan, assumptions)
    images, what = _images(plan, site, sizes)
    print(f"images: {what}; device: {device}")
    _warn_if_busy()
    machine = hardware()
    name = machine["cpu"] if cpu else torch.cuda.get_device_name(device)
    settings = {(one.part, one.key): one for one in _Settings(plan, site, device, images, counts, sizes)}
    speeds = Speeds.kept(speeds_file(plan), [name, torch.get_num_threads(), versions(), what, seconds])
    _time_all(list(settings.values()), speeds, seconds, device)
    started = timing.startup_seconds()
    print(f"start of a process: {started:.1f} s")
    return Calibration(
        scale=plan.scale.name,
        device=name,
        cpu=cpu,
        threads=torch.get_num_threads(),
        versions=versions(),
        hardware=machine,
        date=now(),
        images=what,
        decodes=not isinstance(images, NoiseImages),
        startup_seconds=started,
        training=speeds.of("training"),
        extraction=speeds.of("extraction"),
        work=speeds.of("work"),
    )


def _time_all(settings: list[Setting], speeds: Speeds, seconds: float, device: torch.device) -> None:
    """Time what has not been timed yet, and keep each speed as soon as it is known."""
    waiting = [one for one in settings if one.key not in speeds.of(one.part)]
    if len(waiting) < len(settings):
        print(f"{len(settings) - len(waiting)} of {len(settings)} speeds were measured before ({speeds.path})")
    started = time.monotonic()
    for number, setting in enumerate(waiting):
        each = (time.monotonic() - started) / number if number else seconds
        left = time_text(each * (len(waiting) - number))
        print(
            f"{number + 1} of {len(waiting)}, about {left} left: {setting.part}, {setting.what} ...",
            end=" ",
            flush=True,
        )
        speeds.add(setting.part, setting.key, _timed(setting, seconds, device))


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
            if self._is_here(run.role):
                yield self._training(run.recipe)
        for evaluation in self._evaluations():
            yield from self._extractions(evaluation)
        yield from self._work()

    def _evaluations(self) -> Iterator[Evaluation]:
        """Those on data that are here, and those on the pretraining images, of which noise takes the place."""
        return (one for one in self.plan.evaluations.values() if one.role in self.sizes and self._is_here(one.role))

    def _is_here(self, role: str) -> bool:
        return role == PRETRAINING_ROLE or self.plan.is_here(role)

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
