"""What every command does the same way: errors without tracebacks, device, threads, models from recipes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from bits.errors import BitsError
from bits.models.backbone import create_backbone, width
from bits.models.head import Head
from bits.models.teacher_student import Branch, TeacherStudent
from bits.objectives.objective import Objective, ObjectiveSettings
from bits.plan import data_root
from bits.recipe import Dataset, Recipe, Section, Site


def guarded(main: Callable[[], int]) -> int:
    """Run `main`; what the user can put right is printed without a traceback and gives exit code 2."""
    try:
        return main()
    except BitsError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 141


def read_section(path: Path, kind: type[Section], *keys: str) -> Any:
    """A typed section of a YAML file that the planner froze; raises BitsError when it is not there."""
    try:
        value = yaml.safe_load(path.read_text())
        for key in keys:
            value = value[key]
        return kind.model_validate(value)
    except (OSError, KeyError, ValueError, yaml.YAMLError) as error:
        raise BitsError(
            f"{path}: no {kind.__name__} could be read ({error}). Make the plan again: snakemake -n"
        ) from error


def choose_device(site: Site) -> torch.device:
    """site.device, where auto is CUDA if there is one; also sets this process's CPU threads."""
    if site.threads:
        torch.set_num_threads(site.threads)
    if site.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(site.device)
    except RuntimeError:
        raise BitsError(f"site.device = {site.device!r}: expected auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise BitsError(
            f"site.device = {site.device!r}, but torch sees {torch.cuda.device_count()} CUDA devices. "
            "Use site.device=auto."
        )
    return device


def dataset_root(dataset: Dataset, site: Site) -> Path:
    """Where the data set lies on this machine."""
    return Path(data_root(dataset, site.data))


def backbone_of(recipe: Recipe, drop_path: float = 0.0) -> nn.Module:
    """The recipe's backbone from random initialisation, a function of the recipe's seed."""
    torch.manual_seed(recipe.seed)
    settings = recipe.backbone
    return create_backbone(settings.name, settings.image_size, drop_path, settings.options)


def teacher_student(recipe: Recipe) -> TeacherStudent:
    """Student and teacher of a recipe; only the student drops paths."""
    branches = []
    for drop_path in (recipe.backbone.drop_path, 0.0):
        backbone = backbone_of(recipe, drop_path)
        head = recipe.head
        branches.append(
            Branch(
                backbone,
                Head(width(backbone), head.hidden, head.layers, head.outputs, head.normalise, head.prototypes, head.init_std),
            )
        )
    return TeacherStudent(*branches)


def objective_of(recipe: Recipe) -> Objective:
    """The recipe's objective, for its head's outputs."""
    dimension = recipe.head.prototypes or recipe.head.outputs
    return Objective(ObjectiveSettings(**recipe.objective.model_dump()), dimension)
