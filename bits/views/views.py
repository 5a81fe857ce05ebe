"""Views of a batch of images, rendered on the batch's device.

The operations and their order are those of the DINO recipe on Pillow images: random resized crop, mirror, colour
jitter, grey, blur, solarise, normalise. Between operations values keep their fraction, where Pillow returns
to bytes; the tests state how close each operation and the whole come to Pillow.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.views.blur import gaussian_blur
from bits.views.colour import JITTER, greyscale, solarise
from bits.views.parameters import Triple, ViewParameters, ViewSpec, draw
from bits.views.resample import AxisMap, interval_map, resample

__all__ = ["ViewParameters", "ViewSpec", "draw", "evaluation_view", "raw_view", "render", "whole_view"]


def render(batch: ImageBatch, spec: ViewSpec, parameters: ViewParameters) -> Tensor:
    """One view of each image, float32 [N, 3, size, size], normalised, on the batch's device.

    parameters: preferably on the CPU, so that selecting the images of an operation never waits for the
    device. On the CPU, equal arguments give bit-identical results. Raises ValueError unless there are
    parameters for each image.
    """
    if len(parameters) != len(batch):
        raise ValueError(f"got {len(parameters)} view parameters for {len(batch)} images; expected one for each")
    top, left, height, width = parameters.crop.unbind(1)
    rows = interval_map(top, height, spec.size)
    columns = interval_map(left, width, spec.size, mirror=parameters.flip)
    with torch.autocast(batch.pixels.device.type, enabled=False):  # bfloat16 cannot tell levels above 128 apart
        views = resample(batch.pixels, rows, columns, spec.interpolation)
        _jitter(views, spec, parameters)
        _change(views, parameters.grey, greyscale)
        _change(views, parameters.blur_radius > 0, gaussian_blur, parameters.blur_radius)
        _change(views, parameters.solarise, solarise)
        return _normalised(views, spec.mean, spec.std)


def evaluation_view(batch: ImageBatch, *, size: int, resize: int, mean: Triple, std: Triple) -> Tensor:
    """The centre crop of each image, float32 [N, 3, size, size], normalised, on the batch's device.

    The short side is resized to `resize` pixels (antialiased bicubic, the long side rounded down) and the
    central `size` pixels are kept, as in torchvision's Resize and CenterCrop; nothing outside the crop is
    computed. Raises ValueError unless 1 <= size <= resize.
    """
    if not 1 <= size <= resize:
        raise ValueError(f"size is {size} and resize {resize}; expected 1 <= size <= resize")
    sizes = batch.sizes.cpu()
    full = (sizes.double() * resize / sizes.double().amin(1, keepdim=True)).floor().long()
    offset = ((full - size) / 2).round().long()  # half to even, like Python's round
    still = torch.zeros(len(sizes), dtype=torch.bool)
    start = torch.zeros(len(sizes), dtype=torch.int64)
    rows, columns = (AxisMap(start, sizes[:, i], full[:, i], offset[:, i], still, size) for i in (0, 1))
    with torch.autocast(batch.pixels.device.type, enabled=False):
        return _normalised(resample(batch.pixels, rows, columns), mean, std)


def whole_view(batch: ImageBatch, *, height: int, width: int, mean: Triple, std: Triple) -> Tensor:
    """The whole of each image, float32 [N, 3, height, width], normalised, on the batch's device.

    Resized (antialiased bicubic) whatever its proportions are, as where a place in the view must be one in the image.
    """
    sizes = batch.sizes.cpu()
    start = torch.zeros(len(sizes), dtype=torch.int64)
    rows, columns = interval_map(start, sizes[:, 0], height), interval_map(start, sizes[:, 1], width)
    with torch.autocast(batch.pixels.device.type, enabled=False):
        return _normalised(resample(batch.pixels, rows, columns), mean, std)


def raw_view(batch: ImageBatch, size: int) -> Tensor:
    """The centre square of each image, float32 [N, 3, size, size] in [0, 1], not normalised."""
    return evaluation_view(batch, size=size, resize=size, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def _jitter(views: Tensor, spec: ViewSpec, parameters: ViewParameters) -> None:
    """Jitter the views in place: at each of the four stages, apply each operation to the images that have it there."""
    strengths = (spec.brightness, spec.contrast, spec.saturation, spec.hue)
    for stage in range(len(JITTER)):
        for number, operation in enumerate(JITTER):
            if strengths[number] > 0:  # torchvision skips operations of strength 0
                chosen = parameters.jitter & (parameters.order[:, stage] == number)
                _change(views, chosen, operation, parameters.factors[:, number])


def _change(views: Tensor, mask: Tensor, operation: Callable[..., Tensor], *values: Tensor) -> None:
    """Replace the views for which `mask` (bool [N]) is true with operation(views, their share of the values)."""
    chosen = mask.nonzero()[:, 0]
    if len(chosen) > 0:
        index = chosen.to(views.device)
        views.index_copy_(0, index, operation(views.index_select(0, index), *(v[chosen] for v in values)))


def _normalised(views: Tensor, mean: Triple, std: Triple) -> Tensor:
    """(views / 255 - mean) / std in place, channel by channel."""
    factor = torch.tensor([1 / (255 * s) for s in std])
    shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)])
    shape, device = (1, 3, 1, 1), views.device
    return views.mul_(factor.view(shape).to(device)).add_(shift.view(shape).to(device))
