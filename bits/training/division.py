"""Checks whether a batch can be divided among processes and micro-batches."""

from __future__ import annotations

from torch import nn

from bits.config.recipe import Recipe
from bits.errors import BitsError
from bits.models.backbone import batch_dependent
from bits.training.world import World


class DivisionError(BitsError):
    """A batch that cannot be divided as the site settings ask."""


def check_division(recipe: Recipe, micro_batch: int, world: World, backbone: nn.Module) -> None:
    """Raise DivisionError unless all processes get equally many images and the division changes no result."""
    size = recipe.schedule.batch_size
    if size % world.size:
        raise DivisionError(
            f"schedule.batch_size = {size} does not divide evenly among {world.size} processes "
            "(site.processes x site.nodes). Choose a number of processes that divides it."
        )
    mixing = batch_dependent(backbone)
    if mixing and (world.size > 1 or 0 < micro_batch < size):
        raise DivisionError(
            f"backbone {recipe.backbone.name} has {' and '.join(mixing)}, so its output depends on how a batch is "
            "divided. Use site.processes=1 site.nodes=1 site.micro_batch=0, or another backbone."
        )
