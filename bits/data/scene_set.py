"""Procedural scenes: a data set with known factors, made on the spot from a seed (docs/scenes.md).

`prepare` renders it once into a file; `SceneSet` reads a split and `SceneVideos` the videos from that file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.data.images import ImageSet, as_list
from bits.errors import DatasetError
from bits.scenes.classes import class_table
from bits.scenes.file import prepare, read_scenes
from bits.scenes.settings import GENERATOR_VERSION, SceneSettings
from bits.scenes.shapes import SHAPES
from bits.scenes.split import render_split

__all__ = ["GENERATOR_VERSION", "SceneSet", "SceneSettings", "SceneVideos", "prepare", "render_split"]


class SceneSet(ImageSet):
    """One split of prepared scenes.

    targets: "classes" gives the single label of each scene; "shapes" makes it a multi-label set, whose
    class_names are the eight shapes and whose multilabels bool [N, 8] tell which are in sight; labels are
    then the first of these. identities: "val/000017". shapes_in_sight bool [N, 8], boxes int16 [N, 4, 4],
    masks uint8 [N, H, W] and factors, name -> tensor, are those of `render_split`. All lie in the mapped
    file. Raises DatasetError, see `read_scenes`; also for a split the file does not have.
    """

    in_memory = True

    def __init__(
        self, path: Path, split: str, name: str = "scenes", targets: Literal["classes", "shapes"] = "classes"
    ) -> None:
        self.settings, tensors = read_scenes(path, split)
        if split not in ("train", "val") or "images" not in tensors:
            raise DatasetError(f"{path}: no split {split!r}; a file of scenes has train and val.")
        self.name, self.split = name, split
        self.images, self.masks, self.boxes = tensors["images"], tensors["masks"], tensors["boxes"]
        self.factors = {key[8:]: value for key, value in tensors.items() if key.startswith("factors/")}
        self.shapes_in_sight = tensors["multilabels"]
        self.identities = tuple(f"{split}/{index:06d}" for index in range(len(self.images)))
        if targets == "classes":
            self.class_names = class_table(self.settings.classes).names
            self.labels = tensors["labels"]
        else:
            self.class_names = tuple(SHAPES)
            self.multilabels = self.shapes_in_sight
            self.labels = self.shapes_in_sight.to(torch.uint8).argmax(1)

    def decode(self, index: int) -> Tensor:
        """Scene `index` as uint8 [3, H, W]."""
        return self.images[index].permute(2, 0, 1).contiguous()

    def image_size(self, index: int) -> tuple[int, int]:
        """(height, width) in pixels, the same for every scene."""
        height, width = self.images.shape[1:3]
        return height, width

    def batch(self, indices: Tensor | Sequence[int]) -> ImageBatch:
        """The scenes at `indices` (int64 [B]), in that order."""
        rows = torch.tensor(as_list(indices), dtype=torch.int64)
        pixels = self.images[rows].permute(0, 3, 1, 2).contiguous()
        return ImageBatch(pixels, torch.tensor(self.images.shape[1:3]).repeat(len(rows), 1))


class SceneVideos:
    """The videos of a file of scenes, in the mapped file; names: "video/000003".

    frames uint8 [V, T, H, W, 3]; masks uint8 [V, T, H, W], 0 background, 1..4 the number that an object keeps
    through its video. Raises DatasetError, see `read_scenes`.
    """

    def __init__(self, path: Path) -> None:
        self.settings, tensors = read_scenes(path, "video")
        self.frames, self.masks = tensors["frames"], tensors["masks"]
        self.names = tuple(f"video/{index:06d}" for index in range(len(self.frames)))

    def __len__(self) -> int:
        return len(self.frames)

    def frames_of(self, index: int) -> Tensor:
        """uint8 [T, 3, H, W], RGB."""
        return self.frames[index].permute(0, 3, 1, 2).contiguous()

    def masks_of(self, index: int) -> Tensor:
        """uint8 [T, H, W], 0 background, 1..4 the number of an object."""
        return self.masks[index]
