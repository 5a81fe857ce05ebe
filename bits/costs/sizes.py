"""How many bytes each job of a plan writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bits.config.evaluation import CHANCE_WIDTH, EvaluationSettings
from bits.config.recipe import Recipe
from bits.costs.assumptions import Images
from bits.costs.counts import Counts
from bits.costs.graph import EVALUATIONS, TRAININGS, Kind, Work
from bits.plan import Plan
from bits.scenes.settings import SceneSettings

FLOAT = 4  # bytes: weights, optimizer state and features are float32
BRANCHES = 2  # student and teacher, each a backbone and a head
STATES = 4  # of a checkpoint: student, teacher, AdamW's two moments of the student
GENERATIONS = 3  # of checkpoints: two are kept, and a third is written before the oldest goes
PIXEL = 4  # bytes of a rendered scene's pixel: its colour, and its mask

WITHOUT_BACKBONE = ("chance", "pixels")


@dataclass(frozen=True)
class Footprint:
    """Bytes that a job writes. kept: they stay. checkpoints: of a training, gone when it has ended."""

    kind: Kind
    role: str = ""
    kept: int = 0
    checkpoints: int = 0


@dataclass(frozen=True)
class Sizes:
    """Sizes of what the jobs of one plan write. images: by data set role; without a role's, its features count as 0."""

    plan: Plan
    counts: Counts
    images: Mapping[str, Images]

    def footprint(self, work: Work) -> Footprint:
        """Of a job that is still to be done."""
        if work.kind in TRAININGS:
            branch = self._branch(self.plan.runs[work.run].recipe)
            return Footprint(work.kind, work.role, BRANCHES * branch, GENERATIONS * STATES * branch)
        if work.kind == "data":
            settings = self.scenes(work.role)
            return Footprint(work.kind, work.role, PIXEL * settings.image_size**2 * rendered(settings))
        return Footprint(work.kind, work.role, self._features(work) if work.kind in EVALUATIONS else 0)

    def scenes(self, role: str) -> SceneSettings:
        """How the scenes of a data set role are rendered."""
        return SceneSettings(**self.plan.datasets[role].settings)

    def widths(self, source: str, recipe: Recipe, settings: EvaluationSettings) -> tuple[int, int]:
        """Numbers of an image: those that k-NN and retrieval compare, and those that are kept for the probe too."""
        if source in WITHOUT_BACKBONE:
            side = min(settings.features.size, settings.pixels)
            width = CHANCE_WIDTH if source == "chance" else 3 * side**2
            return width, width
        counted = self.counts.backbone(recipe.backbone, settings.features.size)
        return counted.width, counted.width * min(settings.tokens, counted.blocks)

    def _branch(self, recipe: Recipe) -> int:
        """Bytes of one branch's weights."""
        backbone = self.counts.backbone(recipe.backbone, recipe.crops.global_size)
        return FLOAT * (backbone.parameters + self.counts.head(recipe.head, backbone.width).parameters)

    def _features(self, work: Work) -> int:
        recipe, settings = self.plan.runs[work.run].recipe, self.plan.evaluations[work.evaluation].settings
        images = self.images.get(work.role)
        if images is None:
            return 0
        return sum(
            FLOAT * self.widths(source, recipe, settings)[1] * images_seen(settings, source, images)
            for source in work.sources
        )


def images_seen(settings: EvaluationSettings, source: str, images: Images) -> int:
    """Images whose features an evaluation extracts once and keeps."""
    return images.val + (images.train if settings.sees_training_images(source not in WITHOUT_BACKBONE) else 0)


def rendered(settings: SceneSettings) -> int:
    """Scenes that are rendered, frames of videos included."""
    return settings.train + settings.val + settings.videos * settings.video_frames
