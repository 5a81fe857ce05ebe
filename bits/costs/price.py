"""Seconds, devices and disk of a plan's jobs, from how much work each is and how fast that goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bits.config.evaluation import CHANCE_WIDTH, CentreCrop, EvaluationSettings, Retrieval
from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.costs.assumptions import Assumptions, Images
from bits.costs.counts import Counts
from bits.costs.graph import Work
from bits.costs.rates import Rates

FLOAT = 4  # bytes
CHECKPOINTS = 3  # of a training on disk: two generations, and one that is being written


@dataclass(frozen=True)
class Job:
    """What a job takes. seconds: of wall time, with its process's start; devices: that it holds (0: a CPU beside GPUs).

    disk: bytes that stay. scratch: bytes of checkpoints while it trains. parts: seconds of work of each prediction,
    without the process's start. A done job takes nothing more.
    """

    work: Work
    seconds: float
    devices: int
    disk: int
    scratch: int
    parts: Mapping[str, float]

    @property
    def device_hours(self) -> float:
        """GPU-hours, or core-hours on a CPU."""
        return self.seconds * self.devices / 3600


@dataclass(frozen=True)
class Prices:
    """Prices the jobs of one plan. images: by data set role."""

    plan: Mapping[str, Any]
    rates: Rates
    counts: Counts
    images: Mapping[str, Images]
    assumptions: Assumptions

    def job(self, work: Work) -> Job:
        """The job that does `work`; nothing is left to pay when it is done."""
        if work.done:
            return Job(work, 0.0, 0, 0, 0, {})
        if work.kind == "data":
            return Job(work, self._rendering(work.role), self._cores(), self._scene_bytes(work.role), 0, {})
        if work.kind == "rendering":
            return Job(work, self.assumptions.render_seconds, self._cores(), 0, 0, {})
        return self._training(work) if work.kind in ("pretraining", "finetuning") else self._evaluations(work)

    @cached_property
    def site(self) -> Site:
        """Threads and processes of the plan's jobs."""
        return Site.model_validate(self.plan["site"])

    def _cores(self) -> int:
        """What a job without GPU holds: one core where cores are what is counted."""
        return 1 if self.rates.cpu else 0

    def _threads(self) -> int:
        return max(self.site.threads, 1) if self.rates.cpu else 1

    def _recipe(self, work: Work) -> Recipe:
        return Recipe.model_validate(self.plan["runs"][work.run]["recipe"])

    def _training(self, work: Work) -> Job:
        recipe, images, site = self._recipe(work), self.images[work.role], self.site
        processes = site.processes * site.nodes
        rate = self.rates.training(recipe) * processes * (self.assumptions.several_devices if processes > 1 else 1)
        epochs, batch = recipe.schedule.epochs, recipe.schedule.batch_size
        seen = epochs * ((recipe.schedule.images_per_epoch or images.train) // batch) * batch
        points = -(-epochs // recipe.curve.every_epochs) + 1
        seconds = seen / rate + points * self._curve_point(recipe, images)
        backbone = self.counts.backbone(recipe.backbone, recipe.crops.global_size)
        branch = FLOAT * (backbone.parameters + self.counts.head(recipe.head, backbone.width).parameters)
        # Student and teacher; the optimiser's two moments of the student.
        return Job(
            work,
            self.rates.startup + seconds,
            processes * self._threads(),
            disk=2 * branch,
            scratch=CHECKPOINTS * 4 * branch,
            parts={work.run: seconds},
        )

    def _curve_point(self, recipe: Recipe, images: Images) -> float:
        """mAP of the teacher while it trains."""
        retrieval = recipe.curve.retrieval
        seen = images.val + (images.train if retrieval.protocol == "val-against-train" else 0)
        width = self.counts.backbone(recipe.backbone, recipe.curve.features.size).width
        extraction = seen / self.rates.extraction(recipe.backbone, recipe.curve.features)
        return extraction + _ranked(retrieval, images) / self.rates.pairs(width)

    def _evaluations(self, work: Work) -> Job:
        recipe, images = self._recipe(work), self.images[work.role]
        parts, disk = {}, 0
        for key, (_, source) in zip(work.keys, work.sources, strict=True):
            settings = EvaluationSettings.model_validate(self.plan["evaluations"][Path(key).name]["evaluation"])
            widths, bare = self._widths(source, recipe, settings), source in _WITHOUT_BACKBONE
            parts[key] = self._evaluation(bare, recipe, settings, images, widths)
            # The features, which are kept.
            disk += FLOAT * widths[1] * (images.val + (images.train if settings.sees_training_images(not bare) else 0))
        return Job(work, self.rates.startup + sum(parts.values()), self._threads(), disk, 0, parts)

    def _widths(self, source: str, recipe: Recipe, settings: EvaluationSettings) -> tuple[int, int]:
        """Of the features that are ranked, and of those that the probe sees."""
        if source in _WITHOUT_BACKBONE:
            width = CHANCE_WIDTH if source == "chance" else 3 * min(settings.features.size, settings.pixels) ** 2
            return width, width
        counted = self.counts.backbone(recipe.backbone, settings.features.size)
        return counted.width, counted.width * min(settings.tokens, counted.blocks)

    def _evaluation(
        self, bare: bool, recipe: Recipe, settings: EvaluationSettings, images: Images, widths: tuple[int, int]
    ) -> float:
        """bare: without a backbone, so that features cost next to nothing."""
        linear, crop = settings.linear, CentreCrop(resize=settings.features.resize, size=settings.features.size)
        passes = images.val + (images.train if settings.sees_training_images(not bare) else 0)
        pairs = images.val * images.train if settings.knn else 0
        pairs += _ranked(settings.retrieval, images) if settings.retrieval else 0
        probing = 0.0
        if linear:
            passes += linear.epochs * images.train if linear.augment else 0
            # After every epoch the heads see the test images, forward: half of a training step.
            probed = linear.epochs * (images.train + images.val / 2) * (2 if linear.standardised else 1)
            heads = len({linear.learning_rate, *linear.grid})
            probing = probed / self.rates.probe(widths[1], images.classes, heads)
        extraction = 0.0 if bare else passes / self.rates.extraction(recipe.backbone, crop)
        return extraction + probing + pairs / self.rates.pairs(widths[0])

    def _rendering(self, role: str) -> float:
        settings = self.plan["datasets"][role]["settings"]
        area = (settings.get("image_size", 48) / 48) ** 2
        return self.assumptions.scene_seconds * area * self._scenes(role)

    def _scenes(self, role: str) -> int:
        settings, images = self.plan["datasets"][role]["settings"], self.images[role]
        return images.train + images.val + int(settings.get("videos", 12) * settings.get("video_frames", 16))

    def _scene_bytes(self, role: str) -> int:
        side = int(self.plan["datasets"][role]["settings"].get("image_size", 48))
        return 3 * side * side * self._scenes(role)


_WITHOUT_BACKBONE = ("chance", "pixels")


def _ranked(retrieval: Retrieval, images: Images) -> int:
    """Similarities that a protocol needs."""
    if retrieval.protocol == "val-against-train":
        return images.val * images.train
    if retrieval.protocol == "each-against-all":
        return images.val**2
    queries = min(retrieval.queries_per_class * images.classes, images.val)
    return queries * (images.val - queries)


def disk_there(jobs: Mapping[str, Job], at_once: int) -> tuple[int, int]:
    """(bytes that stay, bytes at most: with the checkpoints of the `at_once` largest trainings)."""
    kept = sum(job.disk for job in jobs.values())
    scratch = sorted((job.scratch for job in jobs.values()), reverse=True)[: max(at_once, 1)]
    return kept, kept + sum(scratch)


def scale_folder(plan: Mapping[str, Any]) -> Path:
    """results/<scale>."""
    return Path("results") / str(plan["scale"]["name"])
