"""Augmentation parameters for each image of a batch: their distribution, and a draw from it.

A draw depends only on the generator's state and the image sizes, and takes the same number of random
values for every image. So each process can draw for the global batch and keep its slice, and the number
of processes changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from bits.views.resample import KERNELS, Interpolation

TRIES = 10  # after which torchvision's RandomResizedCrop falls back to a centre crop
Pair = tuple[float, float]
Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class ViewSpec:
    """The distribution of one kind of view (protocol, pretraining recipe); by default, an operation is off.

    size: output side in pixels. scale: range of the crop's share of the image area. ratio: range of the crop's
    width / height. flip, jitter, grey, blur, solarise: probabilities. brightness, contrast, saturation: x, for a
    factor uniform in [max(0, 1 - x), 1 + x]. hue: x, for a shift uniform in [-x, x] turns. blur_radius: range of the
    Gaussian standard deviation in pixels, uniform. mean, std: per channel, for values in [0, 1]. interpolation: of
    the crop, antialiased.
    """

    size: int
    scale: Pair
    ratio: Pair = (3 / 4, 4 / 3)
    flip: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    jitter: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    blur_radius: Pair = (0.1, 2.0)
    solarise: float = 0.0
    mean: Triple
    std: Triple
    interpolation: Interpolation = "bicubic"

    def __post_init__(self) -> None:
        """Raises ValueError naming the field, its value and the expected range."""
        _check("size", self.size, self.size >= 1, "at least 1")
        for name in ("flip", "jitter", "grey", "blur", "solarise"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "a probability in [0, 1]")
        for name in ("brightness", "contrast", "saturation"):
            _check(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")
        _check("hue", self.hue, 0 <= self.hue <= 0.5, "in [0, 0.5]")
        _check("scale", self.scale, _ordered(self.scale, low=1e-6, high=1.0), "0 < low <= high <= 1")
        _check("ratio", self.ratio, _ordered(self.ratio, low=1e-6), "0 < low <= high")
        _check("blur_radius", self.blur_radius, _ordered(self.blur_radius), "0 <= low <= high")
        _check("interpolation", self.interpolation, self.interpolation in KERNELS, " or ".join(KERNELS))
        _check("mean", self.mean, len(self.mean) == 3, "three numbers, one per channel")
        _check("std", self.std, len(self.std) == 3 and min(self.std) > 0, "three positive numbers")


@dataclass(frozen=True)
class ViewParameters:
    """One draw for N images, on the CPU.

    crop: int64 [N, 4], (top, left, height, width) in pixels. flip, jitter, grey, solarise: bool [N].
    order: int64 [N, 4], the operation of each jitter stage (0 brightness, 1 contrast, 2 saturation, 3
    hue). factors: float32 [N, 4], indexed by operation. blur_radius: float32 [N] in pixels, 0 for images
    that are not blurred.
    """

    crop: Tensor
    flip: Tensor
    jitter: Tensor
    order: Tensor
    factors: Tensor
    grey: Tensor
    blur_radius: Tensor
    solarise: Tensor

    def __len__(self) -> int:
        return len(self.crop)

    def select(self, part: slice | Tensor) -> ViewParameters:
        """The parameters of a subset of the images, such as one process's share of the global batch."""
        return ViewParameters(**{field.name: getattr(self, field.name)[part] for field in fields(self)})

    def to(self, device: torch.device | str) -> ViewParameters:
        """The same parameters on another device; what renders fetches them from there."""
        return ViewParameters(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def draw(
    spec: ViewSpec, sizes_N2: Tensor, generator: torch.Generator, first: int = 0, total: int | None = None
) -> ViewParameters:
    """Draw parameters for images of the given sizes (int64 [N, 2], height and width, each at least 1).

    generator: a CPU generator; 36 values are drawn per image, whatever its size and the spec.
    first, total: the images start at position `first` of a global batch of `total` images (None: N), and values are
    drawn for the whole global batch. Raises ValueError if the images don't lie in it.
    """
    sizes = sizes_N2.cpu()
    total = len(sizes) if total is None else total
    if not 0 <= first <= total - len(sizes):
        raise ValueError(f"images {first} to {first + len(sizes)} don't lie in a batch of {total}")
    # One row of uniforms per image; each decision has its group of columns, of these widths.
    widths = {"area": TRIES, "ratio": TRIES, "corner": 2, "flip": 1, "jitter": 1, "order": 4, "factors": 4}
    widths |= {"grey": 1, "blur": 1, "radius": 1, "solarise": 1}
    uniforms = torch.rand(total, sum(widths.values()), generator=generator, dtype=torch.float64)
    own = uniforms[first : first + len(sizes)]
    u = dict(zip(widths, torch.split(own, list(widths.values()), dim=1), strict=True))
    blurred = u["blur"][:, 0] < spec.blur
    return ViewParameters(
        crop=crop_boxes(spec, sizes, u["area"], u["ratio"], u["corner"]),
        flip=u["flip"][:, 0] < spec.flip,
        jitter=u["jitter"][:, 0] < spec.jitter,
        order=u["order"].argsort(1),  # of independent uniforms, so all 24 orders are equally likely
        factors=jitter_factors(spec, u["factors"]),
        grey=u["grey"][:, 0] < spec.grey,
        blur_radius=(_between(u["radius"][:, 0], spec.blur_radius) * blurred).float(),
        solarise=u["solarise"][:, 0] < spec.solarise,
    )


def jitter_factors(spec: ViewSpec, uniforms_N4: Tensor) -> Tensor:
    """Brightness, contrast and saturation factors and hue shift, float32 [N, 4] (torchvision's ColorJitter)."""
    ranges = [(max(0.0, 1 - x), 1 + x) for x in (spec.brightness, spec.contrast, spec.saturation)]
    ranges.append((-spec.hue, spec.hue))
    return torch.stack([_between(uniforms_N4[:, i], pair) for i, pair in enumerate(ranges)], 1).float()


def crop_boxes(spec: ViewSpec, sizes: Tensor, area_NT: Tensor, ratio_NT: Tensor, corner_N2: Tensor) -> Tensor:
    """Boxes int64 [N, 4], (top, left, height, width), from uniforms (torchvision's RandomResizedCrop).

    All tries are drawn at once and the first that fits inside the image is used; the corner is uniform over
    whole pixels. If no try fits, the image gets the largest centred box with an allowed ratio.
    """
    height, width = sizes[:, :1], sizes[:, 1:]
    area = _between(area_NT, spec.scale) * (height * width)
    ratio = _between(ratio_NT, (math.log(spec.ratio[0]), math.log(spec.ratio[1]))).exp()
    w, h = (area * ratio).sqrt().round().long(), (area / ratio).sqrt().round().long()
    fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)
    first = fits.byte().argmax(1, keepdim=True)
    tried = torch.cat([h.gather(1, first), w.gather(1, first)], 1)
    box = torch.where(fits.any(1, keepdim=True), tried, _largest_box(spec, sizes))
    corner = (corner_N2 * (sizes - box + 1)).floor().long()
    corner = torch.where(fits.any(1, keepdim=True), corner, (sizes - box) // 2)
    return torch.cat([corner, box], 1)


def _largest_box(spec: ViewSpec, sizes: Tensor) -> Tensor:
    """(height, width) of the largest box with an allowed ratio in each image, at least one pixel."""
    height, width = sizes.double().unbind(1)
    ratio = (width / height).clamp(*spec.ratio)
    box = torch.stack([torch.minimum(height, width / ratio), torch.minimum(width, height * ratio)], 1)
    return box.round().long().clamp_min(1)


def _between(uniforms: Tensor, pair: Pair) -> Tensor:
    return pair[0] + (pair[1] - pair[0]) * uniforms


def _ordered(pair: Pair, low: float = 0.0, high: float = math.inf) -> bool:
    return len(pair) == 2 and low <= pair[0] <= pair[1] <= high


def _check(name: str, value: object, valid: bool, expected: str) -> None:
    if not valid:
        raise ValueError(f"ViewSpec.{name} is {value!r}; expected {expected}")
