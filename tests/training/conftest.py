"""Fixtures: a tiny run on images in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bits.config.compose import Composer
from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.data.images import ImageSet
from bits.runs.build import objective_of, teacher_student
from bits.training.loop import Pretraining
from bits.training.world import World


class RandomImages(ImageSet):
    """40 noise images with a colour cast."""

    name, split, class_names, in_memory = "noise", "train", ("a", "b"), True

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        self.pixels = torch.randint(0, 256, (40, 3, 20, 24), dtype=torch.uint8, generator=generator)
        self.labels = torch.arange(40) % 2
        self.identities = tuple(map(str, range(40)))

    def decode(self, index: int) -> Tensor:
        return self.pixels[index]


@pytest.fixture(scope="session")
def compose() -> Callable[..., tuple[Recipe, Site]]:
    def composed(run: str, *overrides: str) -> tuple[Recipe, Site]:
        with Composer("smoke", ["site.checkpoint_minutes=1e9", *overrides]) as composer:
            values, _ = composer.compose(run)
        return values.recipe, values.site

    return composed


@pytest.fixture
def pretraining(compose: Callable[..., tuple[Recipe, Site]], tmp_path: Path) -> Callable[..., Pretraining]:
    """pretraining(run, *overrides, folder=..., evaluate=..., images=..., world=...) -> a run that is ready to start."""

    def make(run: str, *overrides: str, **other: Any) -> Pretraining:
        recipe, site = compose(run, *overrides)
        evaluate: Callable[[nn.Module], float] = other.get("evaluate", lambda backbone: 0.5)
        return Pretraining(
            recipe,
            site,
            teacher_student(recipe),
            objective_of(recipe),
            other.get("images") or RandomImages(),
            other.get("folder", tmp_path / "run"),
            torch.device("cpu"),
            evaluate,
            other.get("world", World()),
        )

    return make
