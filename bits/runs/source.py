"""What features are made from: weights of a run, imported ones, or a reference that a trained backbone must beat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bits.config.evaluation import WITHOUT_BACKBONE, EvaluationSettings
from bits.config.imports import BackboneRecipe, ImportRecipe
from bits.plan.sources import IMPORTED
from bits.runs.build import backbone_of
from bits.training.checkpoint import load_strictly
from bits.training.published import published_weights

REFERENCES = ("random-init", *WITHOUT_BACKBONE)


@dataclass(frozen=True)
class FeatureSource:
    """What features are made from. backbone: ready for use, None of raw pixels and chance. folder: of the weights."""

    source: str
    folder: Path
    recipe: BackboneRecipe
    backbone: nn.Module | None
    origin: dict[str, Any]  # what identifies it; "file" says where it lies here

    @classmethod
    def of(
        cls, source: str, folder: Path, recipe: BackboneRecipe, settings: EvaluationSettings, device: torch.device
    ) -> FeatureSource:
        """A reference by its name, else what lies in `folder`: weights must be those that their job left there."""
        if source in WITHOUT_BACKBONE:
            return cls(source, folder, recipe, None, {"reference": source})
        # Even where all features are cached: a probe on augmented images goes through it again.
        backbone = backbone_of(recipe).to(device).eval()
        if source == "random-init":
            origin = {"reference": source, "backbone": recipe.backbone.model_dump(mode="json")}
            return cls(source, folder, recipe, backbone, origin)
        part = IMPORTED if isinstance(recipe, ImportRecipe) else settings.features.model
        weights = folder / f"{part}.safetensors"
        checkpoint, found = published_weights(weights, recipe.digest())
        load_strictly(backbone, checkpoint.tensors, str(weights))
        return cls(source, folder, recipe, backbone, {"weights": found, "file": str(weights)})
