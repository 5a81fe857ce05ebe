"""The views of a training step, as a pure function of (seed, step, images)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from bits.config.recipe import Augmentation, Crops
from bits.data.batch import ImageBatch
from bits.views.views import ViewSpec, draw, prepared, rendered

GLOBAL_VIEWS = 2  # they come first, and the teacher sees only these


def view_specs(crops: Crops, augmentation: Augmentation) -> list[ViewSpec]:
    """Global crop 1, global crop 2, then the local crops; they differ in size, scale, blur and solarisation."""

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
    """A CPU generator that depends only on `parts`, so that any step can be reproduced on its own."""
    text = ":".join(str(part) for part in parts)
    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1)


class StepViews:
    """The views of one process's images in a step, rendered on request.

    batch: images from position `first` of the step's `total` images (None: all of them), in main memory. Parameters
    are drawn on the CPU for the global batch, so that an image's parameters do not depend on the process that handles
    it. Two copies bring the device all that it needs: the pixels, and what it takes to render all views. Neither these
    nor rendering wait for it.
    """

    def __init__(
        self,
        batch: ImageBatch,
        specs: Sequence[ViewSpec],
        seed: int,
        step: int,
        device: torch.device,
        first: int = 0,
        total: int | None = None,
    ) -> None:
        self.total = len(batch) if total is None else total
        self.batch = batch.to(device)
        parameters = [
            draw(spec, batch.sizes, seeded(seed, "views", step, number), first, total)
            for number, spec in enumerate(specs)
        ]
        self.prepared = prepared(specs, parameters, device)

    def __len__(self) -> int:
        return len(self.batch)

    def render(self, views: slice, images: slice) -> list[Tensor]:
        """The chosen views of the chosen images, float32 [n, 3, S, S] each, on the device."""
        batch = self.batch.select(images)
        return [rendered(batch, view.select(images)) for view in self.prepared[views]]


def step_views(
    batch: ImageBatch, specs: Sequence[ViewSpec], seed: int, step: int, device: torch.device
) -> list[Tensor]:
    """All V views of a whole batch, float32 [N, 3, S, S] each, on `device`."""
    return StepViews(batch, specs, seed, step, device).render(slice(None), slice(None))
