"""DINO's strongest view, which tests of views draw and render."""

from __future__ import annotations

from bits.views.views import ViewSpec

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def view_of(size: int, scale: tuple[float, float]) -> ViewSpec:
    """A view of `size` pixels, whose crop covers a share of the image within `scale`, with every operation drawn."""
    return ViewSpec(
        size=size,
        scale=scale,
        flip=0.5,
        jitter=0.8,
        brightness=0.4,
        contrast=0.4,
        saturation=0.2,
        hue=0.1,
        grey=0.2,
        blur=0.5,
        solarise=0.3,
        mean=MEAN,
        std=STD,
    )
