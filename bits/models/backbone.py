"""Backbones: any timm model, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm
import torch
from timm.layers import PatchDropout
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from bits.config.near import did_you_mean
from bits.errors import BitsError
from bits.models import convstem as convstem  # registers its models with timm
from bits.models.positions import use_dino_positions
from bits.models.stochastic_depth import own_drop_paths


class BackboneError(BitsError):
    """A backbone that timm does not know, or that does not accept the given options."""


def create_backbone(
    name: str,
    image_size: int,
    drop_path: float,
    options: Mapping[str, Any],
    class_token_std: float | None = None,
    position_interpolation: str = "dino",
) -> nn.Module:
    """A timm model without classifier, randomly initialised: [N, 3, H, W] -> [N, D].

    ViTs take images whose side is any multiple of the patch size and return the CLS token after the final LayerNorm;
    other models return their pooled features.
    class_token_std: std of the class token's truncated normal initialisation; None: timm's, 1e-6 for a ViT.
    position_interpolation: "dino" or "timm", see `positions`. Of no effect on models that are not ViTs.
    drop_path > 0: in training mode, every pass needs factors (see `stochastic_depth.DropPath`). Raises BackboneError.
    """
    if not timm.is_model(name):
        hint = did_you_mean(name, timm.list_models())
        raise BackboneError(f"backbone.name = {name!r} is not a model of timm {timm.__version__}{hint}")
    arguments: dict[str, Any] = {"num_classes": 0, "drop_path_rate": drop_path, **options}
    try:
        backbone = _created(name, {"img_size": image_size, "dynamic_img_size": True}, arguments)
        if position_interpolation == "dino" and isinstance(backbone, VisionTransformer):
            use_dino_positions(backbone)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise BackboneError(f"backbone {name!r} with options {dict(options)} and {image_size} px: {error}") from error
    own_drop_paths(backbone)
    token = getattr(backbone, "cls_token", None)
    if isinstance(token, nn.Parameter) and class_token_std is not None:
        nn.init.trunc_normal_(token, std=class_token_std)
    return backbone


def _created(name: str, of_a_vit: Mapping[str, Any], arguments: Mapping[str, Any]) -> nn.Module:
    """timm's model with as many of the arguments as it takes.

    Other models than ViTs accept any image size. Some, such as DenseNets, drop no paths: a rate of 0 is not passed on.
    """
    plain = {key: value for key, value in arguments.items() if key != "drop_path_rate" or value}
    for given in ({**of_a_vit, **arguments}, arguments):
        try:
            found: nn.Module = timm.create_model(name, **given)
        except TypeError:
            continue
        return found
    return timm.create_model(name, **plain)


def batch_dependent(backbone: nn.Module) -> list[str]:
    """The kinds of layer that make a sample's output depend on its batch: batch norm, dropout."""
    found = set()
    for module in backbone.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            found.add(type(module).__name__)
        draws = isinstance(module, (nn.modules.dropout._DropoutNd, PatchDropout))
        rate = getattr(module, "p", 0) or getattr(module, "prob", 0) if draws else 0
        if rate > 0 or getattr(module, "drop_rate", 0):  # timm's attribute where it calls F.dropout
            found.add("dropout")
    return sorted(found)


def width(backbone: nn.Module) -> int:
    """D, the dimension of a backbone's image-level features."""
    return int(backbone.num_features)  # type: ignore[arg-type]


def is_vit(backbone: nn.Module) -> bool:
    """Whether the backbone is a ViT with a class token."""
    return isinstance(backbone, VisionTransformer) and backbone.has_class_token


def patch_tokens(vit: nn.Module, images: Tensor) -> Tensor:
    """The last block's patch tokens of a ViT after the final LayerNorm: [N, D, rows, columns]."""
    assert isinstance(vit, VisionTransformer)
    taken: Any = vit.forward_intermediates(images, indices=1, norm=True, intermediates_only=True)
    tokens: Tensor = taken[0]
    return tokens


def last_blocks(backbone: nn.Module, images: Tensor, blocks: int, average_patches: bool = False) -> Tensor:
    """Class tokens of the last `blocks` blocks after the final LayerNorm, concatenated: [N, blocks * D].

    average_patches: prepend the mean of the last block's patch tokens, [N, (1 + blocks) * D]; the last D columns
    are still the last block's class token. With a single block, or a backbone that is not a ViT: the image-level
    features, [N, D].
    """
    if (blocks == 1 and not average_patches) or not is_vit(backbone):
        features: Tensor = backbone(images)
        return features
    assert isinstance(backbone, VisionTransformer)
    blocks = min(blocks, len(backbone.blocks))
    taken: Any = backbone.forward_intermediates(
        images, indices=blocks, return_prefix_tokens=True, norm=True, intermediates_only=True
    )
    averaged = [taken[-1][0].mean(dim=(2, 3))] if average_patches else []
    return torch.cat([*averaged, *(prefix[:, 0] for _, prefix in taken)], dim=1)
