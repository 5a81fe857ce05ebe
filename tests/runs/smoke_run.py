"""A trained run of scale smoke in a folder, as evaluations find one, in no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from bits.config.composed import Composed
from bits.config.evaluation import EvaluationSettings
from bits.config.recipe import Dataset, Recipe
from bits.config.site import Site
from bits.data.images import ImageSet
from bits.models.teacher_student import TeacherStudent
from bits.records.digests import file_digest
from bits.records.seal import write_record
from bits.runs.build import teacher_student
from bits.runs.datasets import open_pair
from bits.runs.source import FeatureSource
from bits.runs.subject import Extraction, SourceOnData
from bits.training.checkpoint import write_tensors
from bits.views.views import evaluation_view

CPU = torch.device("cpu")


class SmokeRun:
    """bits-fixed and its scenes. networks: whose weights are in `folder`; student and teacher differ."""

    def __init__(self, folder: Path, scenes: Path, composed: Callable[..., Composed], *overrides: str) -> None:
        made = composed("bits-fixed", *overrides)
        self.folder, self.recipe = folder, made.recipe
        self.settings: EvaluationSettings = made.evaluation
        self.dataset: Dataset = made.recipe.dataset
        self.site: Site = made.site.model_copy(update={"feature_batch": 64})
        self.networks = self._trained(made.recipe)
        self.train, self.val = open_pair(self.dataset, scenes, self.site)

    def _trained(self, recipe: Recipe) -> TeacherStudent:
        networks = teacher_student(recipe).eval()
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in networks.student.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
        parts = {
            "teacher": networks.teacher.backbone.state_dict(),
            "student": networks.student.backbone.state_dict(),
            "heads": {
                f"{name}.{key}": tensor
                for name in ("teacher", "student")
                for key, tensor in getattr(networks, name).head.state_dict().items()
            },
        }
        for name, tensors in parts.items():
            write_tensors(self.folder / f"{name}.safetensors", tensors, {"run": recipe.digest()})
        digests = {name: file_digest(self.folder / f"{name}.safetensors") for name in parts}
        write_record(self.folder / "provenance.json", {"weights": digests})
        return networks

    def subject(self, source: str = "bits-fixed", images: ImageSet | None = None) -> SourceOnData:
        made_from = FeatureSource.of(source, self.folder, self.recipe, self.settings, CPU)
        extraction = Extraction(self.folder / "features", "imagenet1k", self.dataset, self.settings, self.site, CPU)
        return SourceOnData(made_from, extraction, self.train, images or self.val)

    def views(self, images: ImageSet) -> Tensor:
        crop, norm = self.settings.features, self.recipe.augmentation
        batch = images.batch(torch.arange(len(images)))
        return evaluation_view(batch, size=crop.size, resize=crop.resize, mean=norm.mean, std=norm.std)
