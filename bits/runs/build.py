"""Device, threads and models from recipes, the same way for every command."""

from __future__ import annotations

import os

import torch
from torch import nn

from bits.config.evaluation import CentreCrop
from bits.config.imports import BackboneRecipe
from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.errors import BitsError
from bits.evaluation.features import Extract, backbone_extractor
from bits.models.backbone import create_backbone, width
from bits.models.head import Head
from bits.models.teacher_student import Branch, TeacherStudent
from bits.objectives.objective import Objective


def choose_device(site: Site) -> torch.device:
    """site.device, where auto is CUDA if there is one; also sets this process's CPU threads.

    Of several processes on a machine (torchrun's LOCAL_RANK) each takes the GPU of its number.
    """
    if site.threads:
        torch.set_num_threads(site.threads)
    if site.device == "auto":
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    else:
        try:
            device = torch.device(site.device)
        except RuntimeError:
            raise BitsError(f"site.device = {site.device!r}: expected auto, cpu, cuda or cuda:N") from None
    if device.type != "cuda":
        return device
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        if ":" in site.device:
            raise BitsError(f"site.device = {site.device!r} names one GPU for several processes. Use site.device=cuda.")
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    device = torch.device("cuda", device.index or 0)  # set_device and NCCL want to know which one
    if not torch.cuda.is_available() or device.index >= torch.cuda.device_count():
        raise BitsError(
            f"site.device = {site.device!r}, but torch sees {torch.cuda.device_count()} CUDA devices where this "
            f"process wants number {device.index}. Use site.device=auto, and no more site.processes than GPUs."
        )
    torch.cuda.set_device(device)
    # Float32 is to mean float32, in matrix products and in convolutions, where torch's default is TensorFloat-32.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return device


def backbone_of(recipe: BackboneRecipe, drop_path: float = 0.0) -> nn.Module:
    """The recipe's backbone from random initialisation, a function of the recipe's seed."""
    torch.manual_seed(recipe.seed)
    settings = recipe.backbone
    return create_backbone(
        settings.name,
        settings.image_size,
        drop_path,
        settings.options,
        settings.class_token_std,
        settings.position_interpolation,
    )


def teacher_student(recipe: Recipe) -> TeacherStudent:
    """Student and teacher of a recipe; only the student drops paths."""
    branches = []
    for drop_path in (recipe.backbone.drop_path, 0.0):
        backbone = backbone_of(recipe, drop_path)
        head = recipe.head
        branches.append(
            Branch(
                backbone,
                Head(
                    width(backbone),
                    head.hidden,
                    head.layers,
                    head.dimension,
                    head.normalise,
                    head.prototypes,
                    head.init_std,
                    head.batch_norm,
                ),
            )
        )
    return TeacherStudent(*branches)


def objective_of(recipe: Recipe) -> Objective:
    """The recipe's objective, for its head's outputs."""
    dimension = recipe.head.prototypes or recipe.head.dimension
    return Objective(recipe.objective.parts(), dimension)


def extractor_of(
    backbone: nn.Module,
    recipe: BackboneRecipe,
    features: CentreCrop,
    blocks: int,
    device: torch.device,
    average_patches: bool = False,
) -> Extract:
    """How features are taken from the recipe's backbone: the same while it trains and afterwards."""
    return backbone_extractor(
        backbone,
        resize=features.resize,
        size=features.size,
        mean=recipe.augmentation.mean,
        std=recipe.augmentation.std,
        blocks=blocks,
        device=device,
        average_patches=average_patches,
    )
