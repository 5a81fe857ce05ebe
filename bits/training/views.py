"""The views of a training step, as a pure function of (seed, step, images)."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.data.views import ViewSpec, draw, render
from bits.recipe import Augmentation, Crops


def view_specs(crops: Crops, augmentation: Augmentation) -> list[ViewSpec]:
    """Global 1, global 2, then the local crops; they differ in size, scale, blur and solarisation."""

    def spec(size: int, scale: tuple[float, float], blur: float, solarise: float) -> ViewSpec:
        return ViewSpec(
            size=size,
            scale=scale,
            flip=augmentation.flip,
            brightness=augmentation.brightness,
            contrast=augmentation.contrast,
            saturation=augmentation.saturation,
            hue=augmentation.hue,
            jitter=augmentation.jitter,
            grey=augmentation.grey,
            blur=blur,
            blur_radius=augmentation.blur_radius,
            solarise=solarise,
            mean=augmentation.mean,
            std=augmentation.std,
        )

    blur = augmentation.blur
    return [
        spec(crops.global_size, crops.global_scale, blur[0], 0.0),
        spec(crops.global_size, crops.global_scale, blur[1], augmentation.solarise),
        *[spec(crops.local_size, crops.local_scale, blur[2], 0.0)] * crops.n_local,
    ]


def seeded(*parts: object) -> torch.Generator:
    """A CPU generator that depends on `parts` alone, so that any step can be made again by itself."""
    text = ":".join(str(part) for part in parts)
    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1)


def step_views(batch: ImageBatch, specs: list[ViewSpec], seed: int, step: int, device: torch.device) -> list[Tensor]:
    """V views float32 [N, 3, S, S] on `device`, of a batch that lies in main memory.

    Parameters are drawn on the CPU, pixels are worked on the device: nothing waits for it.
    """
    drawn = [draw(spec, batch.sizes, seeded(seed, "views", step, number)) for number, spec in enumerate(specs)]
    moved = batch.to(device)
    return [render(moved, spec, parameters) for spec, parameters in zip(specs, drawn, strict=True)]
