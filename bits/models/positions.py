"""How a ViT's position embeddings become those of an image of another size, such as a local crop.

The public DINO and SimDINO code interpolates bicubically without antialias, at scale (n + 0.1) / N for n tokens a side
where N were made; timm interpolates to n tokens with antialias. From 14 x 14 to 6 x 6 tokens, which is what ten of the
twelve views of the paper's recipe need, untrained embeddings then differ by 82 %, and smooth ones by 16 %.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

OFFSET = 0.1  # tokens, so that rounding never makes the result one token smaller than asked for


def interpolate_as_dino(positions: Tensor, made_for: tuple[int, int], wanted: tuple[int, int], prefix: int) -> Tensor:
    """Position embeddings [1, prefix + rows * columns, D] made for a grid of tokens, for the grid that is wanted.

    The first `prefix` tokens have no place in the image and stay as they are. Same dtype as `positions`.
    """
    if made_for == wanted:
        return positions
    kept, grid = positions[:, :prefix], positions[:, prefix:]
    grid = grid.reshape(1, *made_for, -1).permute(0, 3, 1, 2)
    scale = tuple((new + OFFSET) / old for new, old in zip(wanted, made_for, strict=True))
    grid = F.interpolate(grid, scale_factor=scale, mode="bicubic")
    return torch.cat([kept, grid.flatten(2).mT], dim=1)


class DinoPositions(VisionTransformer):
    """A ViT that interpolates its position embeddings as the public DINO and SimDINO code does."""

    def _pos_embed(self, x: Tensor) -> Tensor:
        if self.pos_embed is None or not self.dynamic_img_size:
            return super()._pos_embed(x)
        rows, columns = x.shape[1:3]
        tokens = [token.expand(len(x), -1, -1) for token in (self.cls_token, self.reg_token) if token is not None]
        prefix = 0 if self.no_embed_class else self.num_prefix_tokens
        positions = interpolate_as_dino(self.pos_embed, self.patch_embed.grid_size, (rows, columns), prefix)
        x = x.flatten(1, 2)
        if self.no_embed_class:
            x = torch.cat([*tokens, x + positions], dim=1)
        else:
            x = torch.cat([*tokens, x], dim=1) + positions
        placed: Tensor = self.pos_drop(x)
        return placed


def use_dino_positions(vit: VisionTransformer) -> None:
    """Let a ViT interpolate as `DinoPositions` does; raises TypeError for a ViT with a way of its own."""
    if type(vit) is not VisionTransformer:
        raise TypeError(
            f"{type(vit).__name__} has its own way with position embeddings. Set backbone.position_interpolation=timm."
        )
    vit.__class__ = DinoPositions
