"""Seconds, devices and disk of a plan's jobs, from how much work each is and how fast that goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bits.config.evaluation import CentreCrop, EvaluationSettings, Linear, Retrieval
from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.costs.assumptions import Assumptions, Images
from bits.costs.counts import Counts
from bits.costs.graph import TRAININGS, Work
from bits.costs.rates import Rates
from bits.costs.sizes import WITHOUT_BACKBONE, Footprint, Sizes, images_seen, rendered
from bits.plan import Plan

SCENE_SIDE = 48  # px, of the scene that scene_seconds of config/costs.yaml is for


@dataclass(frozen=True)
class PricedJob:
    """What a job takes; nothing when it is done.

    seconds: of wall time, its process's start included. devices: that it holds (0: a CPU beside GPUs). disk: what it
    writes. parts: seconds of work of each prediction, without the process's start.
    """

    work: Work
    seconds: float
    devices: int
    disk: Footprint
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
        if work.kind in ("data", "rendering"):
            seconds = self._scenes(work.role) if work.kind == "data" else self.assumptions.render_seconds
            return PricedJob(work, seconds, 1 if self.rates.cpu else 0, self.sizes.footprint(work), {})
        parts = {key: self._evaluation(work, source) for key, source in zip(work.keys, work.sources, strict=True)}
        return self._priced(work, parts, self._threads)

    def _priced(self, work: Work, parts: Mapping[str, float], devices: int) -> PricedJob:
        return PricedJob(work, self.rates.startup + sum(parts.values()), devices, self.sizes.footprint(work), parts)

    @cached_property
    def sizes(self) -> Sizes:
        """What the jobs write."""
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
        return seen / (self.rates.training(recipe) * speed_up) + points * self._curve_point(recipe, images)

    def _curve_point(self, recipe: Recipe, images: Images) -> float:
        """mAP of the teacher while it trains."""
        retrieval = recipe.curve.retrieval
        seen = images.val + (images.train if retrieval.protocol == "val-against-train" else 0)
        width = self.counts.backbone(recipe.backbone, recipe.curve.features.size).width
        extraction = seen / self.rates.extraction(recipe.backbone, recipe.curve.features)
        return extraction + _ranked(retrieval, images) / self.rates.pairs(width)

    def _evaluation(self, work: Work, source: str) -> float:
        """Of one source; without a backbone features cost next to nothing."""
        recipe, images = self.plan.runs[work.run].recipe, self.images[work.role]
        settings = self.plan.evaluations[work.evaluation].settings
        ranked, probed = self.sizes.widths(source, recipe, settings)
        passes, linear = images_seen(settings, source, images), settings.linear
        probing = 0.0
        if linear:
            passes += linear.epochs * images.train if linear.augment else 0
            probing = _probed(linear, images) / self.rates.probe(probed, images.classes, heads_of(linear))
        crop = CentreCrop(resize=settings.features.resize, size=settings.features.size)
        bare = source in WITHOUT_BACKBONE
        extraction = 0.0 if bare else passes / self.rates.extraction(recipe.backbone, crop)
        return extraction + probing + _pairs(settings, images) / self.rates.pairs(ranked)

    def _scenes(self, role: str) -> float:
        settings = self.sizes.scenes(role)
        area = (settings.image_size / SCENE_SIDE) ** 2
        return self.assumptions.scene_seconds * area * rendered(settings)


def heads_of(linear: Linear) -> int:
    """Heads that a probe trains side by side: one a learning rate."""
    return len({linear.learning_rate, *linear.grid})


def _probed(linear: Linear, images: Images) -> float:
    """Images that a probe trains on; after every epoch it sees the test images, forward: half of a training step."""
    return linear.epochs * (images.train + images.val / 2) * (2 if linear.standardised else 1)


def _pairs(settings: EvaluationSettings, images: Images) -> int:
    """Similarities that k-NN and retrieval need."""
    neighbours = images.val * images.train if settings.knn else 0
    return neighbours + (_ranked(settings.retrieval, images) if settings.retrieval else 0)


def _ranked(retrieval: Retrieval, images: Images) -> int:
    """Similarities that a retrieval protocol needs."""
    if retrieval.protocol == "val-against-train":
        return images.val * images.train
    if retrieval.protocol == "each-against-all":
        return images.val**2
    queries = min(retrieval.queries_per_class * images.classes, images.val)
    return queries * (images.val - queries)
