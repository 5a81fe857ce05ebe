"""A file's position embeddings for a backbone of another image size, or one that places its class token otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping

from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from bits.models.positions import DinoPositions, interpolate_as_dino
from bits.models.weights.file import WeightsError

_NAME = "pos_embed"  # [1, prefix + rows * columns, D]


def fitted_positions(
    backbone: nn.Module, given: Mapping[str, Tensor], where: str
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """(the file's tensors with position embeddings for the backbone's grid, what was changed, a sentence each).

    They are interpolated as the backbone itself would for an image of that size, so its features are those of the
    network in the file. The class token takes its own embedding with it where the backbone gives it none. Raises
    WeightsError where their number is that of no square grid.
    """
    found, own = given.get(_NAME), getattr(backbone, _NAME, None)
    if not isinstance(backbone, VisionTransformer) or own is None or found is None or found.dim() != 3:
        return dict(given), ()
    tensors, said = dict(given), []
    prefix = 0 if backbone.no_embed_class else backbone.num_prefix_tokens
    token = given.get("cls_token")
    if prefix == 0 and token is not None and not _is_square(found.shape[1]) and _is_square(found.shape[1] - 1):
        tensors["cls_token"] = token.float() + found[:, :1].float()
        found = found[:, 1:]
        said.append("the class token's position embedding was added to it, as the backbone has none for it")
    wanted = (backbone.patch_embed.grid_size[0], backbone.patch_embed.grid_size[1])
    if found.shape[1] != own.shape[1]:
        side = math.isqrt(max(found.shape[1] - prefix, 0))
        if side * side + prefix != found.shape[1] or not side:
            raise WeightsError(
                f"{where}: has {found.shape[1]} position embeddings, which are {prefix} of tokens and no square grid. "
                "Choose the backbone that it was trained with (backbone=..., backbone.options)."
            )
        found = _interpolated(backbone, found.float(), (side, side), wanted, prefix)
        said.append(
            f"position embeddings of {side} x {side} patches were interpolated to {wanted[0]} x {wanted[1]}, as "
            f"{'the public DINO code' if isinstance(backbone, DinoPositions) else 'timm'} does"
        )
    tensors[_NAME] = found
    return tensors, tuple(said)


def _interpolated(
    vit: VisionTransformer, positions: Tensor, made_for: tuple[int, int], wanted: tuple[int, int], prefix: int
) -> Tensor:
    if isinstance(vit, DinoPositions):
        return interpolate_as_dino(positions, made_for, wanted, prefix)
    found: Tensor = resample_abs_pos_embed(
        positions, new_size=list(wanted), old_size=list(made_for), num_prefix_tokens=prefix
    )
    return found


def _is_square(number: int) -> bool:
    return number > 0 and math.isqrt(number) ** 2 == number
