"""Forward FLOPs of any backbone and head, counted on torch's meta device: no memory, no arithmetic.

The one module of this package that imports torch; `counts` calls it for what has not been counted before.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bits.config.recipe import Backbone
from bits.config.recipe import Head as HeadSettings
from bits.models.backbone import create_backbone, is_vit, width
from bits.models.head import Head


def count_backbone(settings: Backbone, size: int) -> dict[str, int]:
    """Of one [3, size, size] crop: flops (a multiply-add is two), parameters, width D, blocks to take tokens from."""
    with torch.device("meta"):
        backbone = create_backbone(settings.name, settings.image_size, 0.0, settings.options).eval()
        flops = _flops(backbone, torch.empty(1, 3, size, size))
    blocks = len(backbone.blocks) if is_vit(backbone) else 1  # type: ignore[arg-type]
    return {"flops": flops, "parameters": _parameters(backbone), "width": width(backbone), "blocks": blocks}


def count_head(settings: HeadSettings, features: int) -> dict[str, int]:
    """Of one row of `features` numbers: flops, parameters."""
    with torch.device("meta"):
        head = Head(
            features, settings.hidden, settings.layers, settings.dimension, settings.normalise, settings.prototypes
        )
        flops = _flops(head, torch.empty(1, features))
    return {"flops": flops, "parameters": _parameters(head)}


def _flops(module: nn.Module, inputs: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(inputs)
    return int(counter.get_total_flops())


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
