"""Seconds, devices and disk of a plan's jobs, from how much work each is and how fast that goes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bits.config.evaluation import CentreCrop
from bits.config.imports import BackboneRecipe
from bits.config.site import Site
from bits.costs.assumptions import Assumptions, Images
from bits.costs.counts import Counts
from bits.costs.demand import Demand, curve_demand
from bits.costs.graph import TRAININGS, Work
from bits.costs.rates import Rates
from bits.costs.sizes import Footprint, Sizes
from bits.data.kind import kind_of
from bits.plan import Plan

SCENE_SIDE = 48  # px, of the scene that scene_seconds of config/costs.yaml is for


@dataclass(frozen=True)
class PricedJob:
    """What a job takes; nothing when it is done.

    seconds: of wall time, its process's start included. devices: that it holds (0: a CPU beside GPUs). footprint: its
    bytes. parts: seconds of work of each prediction, without the process's start.
    """

    work: Work
    seconds: float
    devices: int
    footprint: Footprint
    parts: Mapping[str, float]

    @property
    def device_hours(self) -> float:
        """GPU-hours, or core-hours on a CPU."""
        return self.seconds * self.devices / 3600


@dataclass(frozen=True)
class Prices:
    """Prices the jobs of one plan. images: by data set role."""

    plan: Plan
    rates: Rates
    counts: Counts
    images: Mapping[str, Images]
    assumptions: Assumptions

    def job(self, work: Work) -> PricedJob:
        """`work` with its price: nothing when it is done. Its data set role must be one of `images`."""
        if work.done:
            return PricedJob(work, 0.0, 0, Footprint(work.kind, work.role), {})
        if work.kind in TRAININGS:
            parts = {work.run: self._training(work)}
            return self._priced(work, parts, self.processes * self._threads)
        if work.kind == "import":
            return self._priced(work, {}, 1 if self.rates.cpu else 0)
        if work.kind in ("data", "rendering"):
            seconds = self._rendering(work.role) if work.kind == "data" else self.assumptions.render_seconds
            return PricedJob(work, seconds, 1 if self.rates.cpu else 0, self.sizes.footprint(work), {})
        parts = {key: self._evaluation(work, source) for key, source in zip(work.keys, work.sources, strict=True)}
        return self._priced(work, parts, self._threads)

    def _priced(self, work: Work, parts: Mapping[str, float], devices: int) -> PricedJob:
        return PricedJob(work, self.rates.startup + sum(parts.values()), devices, self.sizes.footprint(work), parts)

    @cached_property
    def sizes(self) -> Sizes:
        """What the jobs write, and hold in memory."""
        return Sizes(self.plan, self.counts, self.images)

    @property
    def site(self) -> Site:
        return self.plan.site

    @property
    def processes(self) -> int:
        """Of one training, over all nodes."""
        return self.site.processes * self.site.nodes

    @property
    def _threads(self) -> int:
        """Devices that a process holds: cores where cores are counted."""
        return max(self.site.threads, 1) if self.rates.cpu else 1

    def _training(self, work: Work) -> float:
        recipe, images = self.plan.runs[work.run].recipe, self.images[work.role]
        speed_up = self.processes * (self.assumptions.several_devices if self.processes > 1 else 1)
        epochs, batch = recipe.schedule.epochs, recipe.schedule.batch_size
        seen = epochs * ((recipe.schedule.images_per_epoch or images.train) // batch) * batch
        points = -(-epochs // recipe.curve.every_epochs) + 1
        cores = self.site.jobs.train.cpus
        curve = curve_demand(recipe, images, self.counts)
        point = self._measuring(curve, recipe, recipe.curve.features, work.role, cores)
        fed = self.processes * self.decoding(work.role, cores)
        return self.passing(seen, self.rates.training(recipe) * speed_up, fed) + points * point

    def _evaluation(self, work: Work, source: str) -> float:
        """Of one source."""
        recipe, settings = self.plan.backboned(work.run).recipe, self.plan.evaluations[work.evaluation].settings
        demand, cores = self.sizes.demand(work, source), self.site.jobs.evaluate.cpus
        return self._measuring(demand, recipe, settings.features, work.role, cores)

    def _measuring(self, demand: Demand, recipe: BackboneRecipe, crop: CentreCrop, role: str, cores: int) -> float:
        """Passes through the recipe's backbone, and other work; without passes features cost next to nothing."""
        fed = self.decoding(role, cores)
        passes = sum(
            self.passing(images, self.rates.extraction(recipe.backbone, crop, precision), fed)
            for precision, images in demand.passes.items()
        )
        return passes + sum(flops / self.rates.work(kind) for kind, flops in demand.flops.items())

    def decoding(self, role: str, cores: int) -> float:
        """Images/s that a process with so many CPU cores gets; infinite of those that lie or fit in memory decoded."""
        dataset = self.plan.datasets[role]
        kind = kind_of(dataset)
        height, width = kind.image_size(dataset)
        in_memory = 3 * height * width * self.images[role].train <= self.site.cache_gib * 2**30
        return math.inf if kind.decoded or in_memory else self.rates.decoding(height * width, cores)

    def passing(self, images: float, per_second: float, fed: float) -> float:
        """Seconds until so many images are decoded and have gone through a network: at the same time beside a GPU, one
        after the other on a CPU."""
        if self.rates.cpu:
            return images / per_second + images / fed
        return images / min(per_second, fed)

    def _rendering(self, role: str) -> float:
        """Of a data set that the workflow makes."""
        dataset = self.plan.datasets[role]
        kind = kind_of(dataset)
        height, width = kind.image_size(dataset)
        frames = kind.frames_made(dataset) if kind.frames_made else 0
        return self.assumptions.scene_seconds * height * width / SCENE_SIDE**2 * frames
